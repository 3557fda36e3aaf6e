package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// preferences are what users set.
type preferences map[string]transport.Values

func (p preferences) Of(user string, _ transport.Address) (transport.Values, error) {
	return p[user], nil
}

// asks has a user do a command, and gives what it says.
func (w *world) asks(user, node string, answers ...string) (string, error) {
	w.t.Helper()
	do := transport.Performance{Node: node, Kind: transport.Server, User: user, Asked: 1, Answers: transport.Values{}}
	for _, a := range answers {
		name, value, _ := strings.Cut(a, "=")
		do.Answers[name] = append(do.Answers[name], value)
	}
	done, err := w.network.Perform(w.t.Context(), do)
	return done.Text, err
}

// says checks what a command says.
func (w *world) says(want, node string, answers ...string) {
	w.t.Helper()
	text, err := w.asks(romeo, node, answers...)
	if err != nil {
		text = err.Error()
	}
	if !strings.Contains(text, want) {
		w.t.Errorf("%s %q says %q, want %q", node, answers, text, want)
	}
}

// texts has a text come to Romeo.
func (w *world) texts(from, text string) {
	w.t.Helper()
	w.got++
	in := provider.Inbound{ID: transport.MessageID(fmt.Sprintf("SMin%d", w.got)), From: from, To: romeoNumber, Text: text}
	if err := w.network.Receive(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

// lastText is the last that Romeo was shown.
func (w *world) lastText() string {
	all := w.romeo.received()
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].Text
}

func (w *world) refuses(want transport.Reason, mentions string, to transport.Address, text string) {
	w.t.Helper()
	w.got++
	err := w.sends(transport.Request(fmt.Sprintf("r%d", w.got)), to, text)
	e, ok := errors.AsType[*transport.Error](err)
	if !ok || e.Reason != want || !strings.Contains(e.Text, mentions) {
		w.t.Errorf("%q to %s: got %v, want reason %d and %q", text, to, err, want, mentions)
	}
}

func (w *world) accepts(to transport.Address, text string) {
	w.t.Helper()
	w.got++
	w.mustSend(transport.Request(fmt.Sprintf("r%d", w.got)), to, text)
}

func TestWhoOptsOutGetsNothingUntilTheyOptIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newDisk()
		w := start(t, disk, &carrier{optOuts: true}, 0)
		w.texts(string(phone), "yes") // which opts nobody in who was not out
		if got := w.lastText(); got != "yes" {
			t.Errorf("shown %q", got)
		}
		w.texts(string(phone), " Stop ")
		if got := w.lastText(); !strings.HasPrefix(got, " Stop \n[With this word they opted out") {
			t.Errorf("shown %q", got)
		}
		w.texts(string(phone), "STOPALL")
		if n := len(w.romeo.received()); n != 2 {
			t.Errorf("shown %d texts, want 2: who has opted out is not shown doing so again", n)
		}
		if a, absent := w.network.Absence(romeo, phone); !absent || a.Show != "xa" || !strings.Contains(a.Status, "START") {
			t.Errorf("shown as %+v, %t", a, absent)
		}
		if _, absent := w.network.Absence(juliet, phone); absent {
			t.Error("they opted out of another number, too")
		}
		w.refuses(transport.Policy, "START", phone, "please")
		w.says(string(phone), "opted-out")
		w.ends()

		w = start(t, disk, &carrier{optOuts: true}, 0) // after a restart
		w.refuses(transport.Policy, "START", phone, "please")
		w.texts(string(phone), "start")
		if got := w.lastText(); !strings.Contains(got, "[They get texts from") {
			t.Errorf("shown %q", got)
		}
		w.accepts(phone, "thank you")
		w.says("Nobody has opted out", "opted-out")
		w.accepts("32665;phone-context=us", "STOP")
		time.Sleep(time.Second)
		if got := w.carrier.texts(); len(got) != 2 || !slices.Contains(got, "STOP") {
			t.Errorf("sent %q", got)
		}
		w.ends()
	})
}

func TestOptOutThatCouldNotBeToldIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{optOuts: true}, 0)
		defer w.ends()
		synctest.Wait()
		w.romeo.mu.Lock()
		w.romeo.err = errDead
		w.romeo.mu.Unlock()
		in := provider.Inbound{ID: "SM9", From: string(phone), To: romeoNumber, Text: "STOP"}
		if err := w.network.Receive(t.Context(), in); err == nil {
			t.Fatal("it was acknowledged")
		}
		w.romeo.mu.Lock()
		w.romeo.err = nil
		w.romeo.mu.Unlock()
		if err := w.network.Receive(t.Context(), in); err != nil || !strings.Contains(w.lastText(), "opted out") {
			t.Errorf("shown %q, %v", w.lastText(), err)
		}
	})
}

func TestProviderKnowsBetterWhoHasOptedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{optOuts: true, plans: []plan{{err: provider.Error(21610, nil)}}}, 0)
		defer w.ends()
		w.accepts(phone, "hello")
		time.Sleep(time.Second)
		w.refuses(transport.Policy, "START", phone, "hello?")
		shown := false
		for _, e := range w.romeo.all() {
			if p, ok := e.(transport.PresenceChanged); ok && p.Who == phone && p.Show == "xa" {
				shown = true
			}
		}
		if !shown {
			t.Error("it is not shown")
		}
		w.says("are sent again", "opted-in", "number="+string(phone))
		w.accepts(phone, "hello again")
	})
}

func TestWordsMeanNothingWhereTheProviderDoesNotHeedThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.texts(string(phone), "stop")
		if got := w.lastText(); got != "stop" {
			t.Errorf("shown %q", got)
		}
		w.accepts(phone, "why?")
		in := provider.Inbound{ID: "SM9", From: string(phone), To: romeoNumber, Text: "no more", OptOut: "STOP"}
		if err := w.network.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		w.refuses(transport.Policy, "START", phone, "why?")
	})
}

func TestBlockedNumbersAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.says("+15551234567 is blocked", "block-number", "number=+1 555 123 4567")
		w.says("already", "block-number", "number="+string(phone))
		w.says("+1900* is blocked", "block-number", "number=+1900*")
		w.says("32665;phone-context=us is blocked", "block-number", "number=32665")
		w.says("how numbers begin", "block-number", "number=+1*")
		w.says("block-address", "block-number", "number=paris@example.org")
		for _, from := range []string{string(phone), "+19005551234", "32665", "+15551234568"} {
			w.texts(from, "buy this")
		}
		if all := w.romeo.received(); len(all) != 1 || all[0].Chat != "+15551234568" {
			t.Errorf("shown %v", all)
		}
		w.says("• +1900* since 2000-01-01, 1 text\n", "blocked-numbers")
		w.says("as you blocked the number: 3 texts", "usage")
		w.says("is not blocked", "unblock-number", "number=+1901*")
		w.says("any more", "unblock-number", "number=(555) 123-4567")
		w.texts(string(phone), "thanks")
		if got := w.lastText(); got != "thanks" {
			t.Errorf("shown %q", got)
		}
		// A number's own commands know it.
		do := transport.Performance{Node: "block-number", At: phone + ";from=" + romeoNumber, Kind: transport.Person, User: romeo}
		if done, err := w.network.Perform(t.Context(), do); err != nil || done.Text != "+15551234567 is blocked." {
			t.Errorf("got %+v, %v", done, err)
		}
	})
}

func TestBlocksHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for i := range maxBlocks {
			w.says("is blocked", "block-number", fmt.Sprintf("number=+1555%07d", 1000000+i))
		}
		w.says("the limit", "block-number", "number=+15559999999")
	})
}

func TestRulesAgainstSpam(t *testing.T) {
	tests := []struct {
		name  string
		rules []string
		from  string
		text  string
		want  string // "": it is dropped
	}{
		{"none", nil, string(phone), "hello", "hello"},
		{"words", []string{"drop contains Free Money"}, string(phone), "Get FREE money now", ""},
		{"other words", []string{"drop contains free money"}, string(phone), "free beer, no money", "free beer, no money"},
		{"a mark", []string{"mark matches (?i)bit.?coin"}, string(phone), "BitCoin!", spamMark + "BitCoin!"},
		{"the first counts", []string{"mark contains a", "drop contains a"}, string(phone), "a", spamMark + "a"},
		{"strangers", []string{"drop unknown"}, "+15550000000", "hi", ""},
		{"friends", []string{"drop unknown"}, string(phone), "hi", "hi"},
		{"strangers who say something", []string{"drop unknown contains prize"}, "+15550000000", "hi", "hi"},
		{"short codes", []string{"drop short"}, "32665", "code 1234", ""},
		{"names", []string{"mark short"}, "MyBank", "code 1234", spamMark + "code 1234"},
		{"not short", []string{"drop short"}, string(phone), "code 1234", "code 1234"},
		{"what can't be read", []string{"delete all"}, string(phone), "hi", "hi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{}, 0)
				defer w.ends()
				w.network.settings = preferences{romeo: {settingRules: tt.rules}}
				w.accepts(phone, "good morrow")
				w.texts(tt.from, tt.text)
				if got := w.lastText(); got != tt.want {
					t.Errorf("shown %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestRulesAreCheckedBeforeTheyAreKept(t *testing.T) {
	for text, complaint := range map[string]string{
		"drop contains x":       "",
		"MARK   unknown  SHORT": "",
		"drop":                  "to which texts",
		"keep contains x":       "drop or mark",
		"drop contains":         "words are missing",
		"drop matches":          "expression is missing",
		"drop matches (":        "no regular expression",
		"drop matches " + longOf("(a{30}){30}", 4): "too large",
		"drop contains " + longOf("x", 200):        "up to 200",
		"drop often":                               "knows unknown",
	} {
		kept, got := checkRules(nil, "", []string{text})
		if (len(kept) == 1) != (complaint == "") || !strings.Contains(got, complaint) {
			t.Errorf("%.80q: kept %q, %q", text, kept, got)
		}
	}
	if kept, complaint := checkRules(nil, "", strings.Split(strings.TrimSpace(longOf("drop short\n", 21)), "\n")); len(kept) != maxRules || complaint == "" {
		t.Errorf("kept %d, %q", len(kept), complaint)
	}
}

func TestFloodIsShownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.floodLimit = 5
		for i := range 20 {
			w.texts(string(phone), fmt.Sprintf("text %d", i))
		}
		if all := w.romeo.received(); len(all) != 6 || !strings.Contains(all[5].Text, "More than 5 texts") {
			t.Errorf("shown %v", all)
		}
		w.texts("+15550000000", "another one")
		if got := w.lastText(); got != "another one" {
			t.Errorf("another's flood hides %q", got)
		}
		time.Sleep(floodWindow)
		w.texts(string(phone), "calm again")
		if got := w.lastText(); got != "calm again" {
			t.Errorf("shown %q", got)
		}
		w.says("in a flood of texts: 14 texts", "usage")
	})
}

func TestQuotasAreKept(t *testing.T) {
	german := transport.Address("+4915112345678")
	tests := []struct {
		name  string
		quota Quota
		play  func(w *world)
	}{
		{"none", Quota{}, func(w *world) {
			for range 20 {
				w.accepts(phone, longOf("a", 300))
			}
		}},
		{"parts in a day", Quota{PartsPerDay: 3}, func(w *world) {
			w.accepts(phone, longOf("a", 300))
			w.refuses(transport.RateLimited, "2 of the 3", phone, longOf("a", 300))
			w.accepts(phone, "short")
			w.refuses(transport.RateLimited, "3 of the 3", phone, "short")
			time.Sleep(24 * time.Hour)
			w.accepts(phone, "a new day")
		}},
		{"parts in a month", Quota{PartsPerMonth: 2}, func(w *world) {
			w.accepts(phone, "one")
			time.Sleep(48 * time.Hour)
			w.accepts(phone, "two")
			w.refuses(transport.RateLimited, "2 of the 2", phone, "three")
			time.Sleep(31 * 24 * time.Hour)
			w.accepts(phone, "a new month")
		}},
		{"price", Quota{PricePerMonth: 0.05}, func(w *world) {
			w.accepts(phone, "cheap")
			w.accepts(german, "dear")
			w.refuses(transport.RateLimited, "costs 0.03 USD", german, "dear again")
			w.accepts(phone, "cheap again")
			w.refuses(transport.Forbidden, "not known here", "+33612345678", "bonjour")
		}},
		{"countries", Quota{Countries: []string{"US", "+44"}}, func(w *world) {
			w.accepts(phone, "hello")
			w.accepts("+447700900123", "hello")
			w.refuses(transport.Forbidden, "US, +44", german, "hallo")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{}, 0)
				defer w.ends()
				w.network.prices = Prices{"+1": 0.01, "+49": 0.03}
				w.network.quotas[romeo] = tt.quota
				w.network.quota = Quota{PartsPerDay: 1} // of others
				tt.play(w)
			})
		})
	}
}

func TestUsageIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newDisk()
		w := start(t, disk, &carrier{plans: []plan{{take: true}, {err: provider.Error(30005, nil)}}}, 0)
		w.network.prices = Prices{"+1": 0.01}
		w.mustSend("r1", phone, longOf("a", 300))
		time.Sleep(time.Second)
		w.mustSend("r2", phone, "refused by the provider, so nobody pays")
		w.mustSend("r1", phone, longOf("a", 300)) // a repetition
		time.Sleep(time.Second)
		w.says("1 text in 2 parts, 0.02 USD", "usage")
		w.says("• US: 1 text in 2 parts", "usage")
		w.ends()
		w = start(t, disk, &carrier{}, 0)
		defer w.ends()
		w.says("1 text in 2 parts, 0.02 USD", "usage")
		w.says("0 texts", "usage", "month=1999-12")
		w.says("Only an administrator", "usage-of-all")
		do := transport.Performance{Node: "usage-of-all", Kind: transport.Server, User: nurse, Admin: true, Asked: 1}
		if done, err := w.network.Perform(context.Background(), do); err != nil || !strings.Contains(done.Text, "• "+romeo+": 1 text in 2 parts, 0.02 USD") {
			t.Errorf("got %q, %v", done.Text, err)
		}
	})
}

func TestCostIsToldBeforehand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.prices = Prices{"+1": 0.0079, "+1555": 0.01}
		w.says("1 part, 5 characters, in the GSM alphabet", "cost", "text=hello")
		w.says("2 parts, 300 characters", "cost", "text="+longOf("a", 300))
		w.says("lacks \"я\" (U+044F, character 3)", "cost", "text=aaя")
		w.says("To +15551234567: 2 parts × 0.01 USD = 0.02 USD", "cost", "text="+longOf("a", 300), "number=+15551234567")
		w.says("× 0.0079 USD", "cost", "text=a", "number=+12125550100")
		w.says("not known here", "cost", "text=a", "number=+4915112345678")
		w.says("It is sent as 2 texts", "cost", "text="+longOf("wherefore ", 160))
		w.says("has no text", "cost", "text= ")
		w.says("is on its way", "text", "number=+1 (555) 123-4567", "text=hello")
		time.Sleep(time.Second)
		if got := w.carrier.texts(); len(got) != 1 || got[0] != "hello" {
			t.Errorf("sent %q", got)
		}
	})
}
