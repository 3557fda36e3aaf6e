package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// A bank is Twilio's account as the emulator has it, with what that lacks:
// money, short codes, and people who have opted out.
type bank struct {
	left       atomic.Int64 // dollars
	optedOut   atomic.Bool  // everybody
	shortCodes chan string  // what was sent to them: "32665 STOP"
}

// onBank gives the config of a provider on it, with options before its own.
func (w *world) onBank(options string) (*bank, string) {
	w.t.Helper()
	provider := w.onEmulate()
	emulator, err := url.Parse(w.emulate.BaseURL)
	check(w.t, err)
	proxy := httputil.NewSingleHostReverseProxy(emulator)
	a := &bank{shortCodes: make(chan string, 8)}
	a.left.Store(100)
	front := listenHTTP(w.t, func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(io.LimitReader(in.Body, 64<<10))
		if err != nil {
			return
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		sends := in.Method == http.MethodPost && strings.HasSuffix(in.URL.Path, "/Messages.json")
		switch {
		case strings.HasSuffix(in.URL.Path, "/Balance.json"):
			json.NewEncoder(out).Encode(map[string]string{"balance": fmt.Sprint(a.left.Load()), "currency": "USD"})
		case sends && len(form.Get("To")) < 7:
			a.shortCodes <- form.Get("To") + " " + form.Get("Body")
			out.WriteHeader(http.StatusCreated)
			json.NewEncoder(out).Encode(map[string]string{"sid": "SM00000000000000000000000000032665", "status": "queued"})
		case sends && a.optedOut.Load():
			out.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(out).Encode(map[string]any{"code": 21610, "message": "unsubscribed", "status": 400})
		default:
			proxy.ServeHTTP(out, in)
		}
	})
	return a, options + strings.Replace(provider, w.emulate.BaseURL, "http://"+front, 1)
}

// hearsFrom has somebody's phone send a text to romeo.
func (w *world) hearsFrom(phone, text string) {
	w.t.Helper()
	_, err := w.emulate.InboundMessage(limited(w.t), phone, ownPhone, text)
	check(w.t, err)
}

// commands writes a command to the gateway and waits for the answer.
func (p *person) commands(text, want string) string {
	p.t.Helper()
	p.says(smsHost, "chat", xmppclient.NewID(), text, "")
	got := p.gets(message, from(smsHost), typed("chat")).Body()
	if !strings.Contains(got, want) {
		p.t.Errorf("%q is answered by %q, want %q", text, got, want)
	}
	return got
}

// Commands are ad-hoc commands and chat text alike, and what waits outlives a
// restart.
func TestTextingByCommands(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.top = "admins = [\"benvolio@localhost\"]\n"
	account, config := w.onBank(`price = { "+1" = 0.0079 }
max_segments = 1
balance_alert = 10.0
quota = { countries = ["US"] }
`)
	w.start(w.sms(config))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")

	for _, node := range []string{"text", "cost", "schedule", "scheduled", "cancel", "block-number", "usage"} {
		if list := " " + romeo.nodes(smsHost) + " "; !strings.Contains(list, " "+node+" ") {
			t.Errorf("%s is missing in %s", node, list)
		}
	}
	if list := romeo.nodes(smsHost); strings.Contains(list, "balance") || !strings.Contains(benvolio.nodes(smsHost), "balance") {
		t.Errorf("romeo, who is no administrator, is shown %s", list)
	}

	cost := romeo.does(smsHost, "cost", "number="+friend, "text=O Romeo, Romeo! wherefore art thou Romeo?")
	if !strings.Contains(cost, "1 part, 41 characters, in the GSM alphabet") || !strings.Contains(cost, "0.0079 USD") {
		t.Errorf("the cost is %q", cost)
	}
	romeo.commands("cost text=здравствуй", `lacks "з"`)
	romeo.commands("text "+friend+" good morrow, cousin", "is on its way")
	w.texted(friend, "good morrow, cousin")

	// A long message is two texts, and one message.
	long := strings.TrimSpace(strings.Repeat("wherefore art thou ", 12))
	romeo.says(phone, "chat", "long", long, wantsReceipt)
	cut := strings.LastIndex(long[:155], " ")
	first, second := w.texted(friend, "(1/2) "+long[:cut]), w.texted(friend, "(2/2) "+long[cut+1:])
	w.report(second.SID, "delivered")
	w.report(first.SID, "delivered")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "long" {
		t.Errorf("the receipt is for %q", got)
	}
	romeo.says("+4915112345678@"+smsHost, "chat", "abroad", "hallo", "")
	romeo.gets(message, typed("error"), id("abroad"), condition("forbidden"))

	// Texts for later.
	romeo.commands("set timezone Europe/Berlin", "Saved.")
	romeo.commands("set history on", "Saved.")
	romeo.commands("schedule "+friend+" 1h an hour from now", "CE") // CET or CEST
	if got := romeo.does(phone, "schedule", "when=in 10s", "text=in a moment"); !strings.Contains(got, "cancel 2") {
		t.Errorf("the text is scheduled as %q", got)
	}
	romeo.commands("schedule "+friend+" when=tomorrow 9:00 text=never", "cancel 3")
	romeo.commands("cancel 3", "is not sent")
	romeo.says(phone, "chat", "now", "right now", "")
	w.texted(friend, "right now")
	w.gateway.Kill()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	w.texted(friend, "in a moment")
	romeo.gets(message, from(smsHost), func(s xmppclient.Stanza) bool { return strings.HasSuffix(s.Body(), "is on its way: in a moment") })
	romeo.commands("scheduled", "• 1: to "+friend)
	romeo.commands("export with="+friend, " to "+friend+": right now")
	romeo.commands("usage", "5 texts in 5 parts, 0.0395 USD")
	if got := benvolio.does(smsHost, "usage-of-all", "month="); !strings.Contains(got, "• romeo@localhost: 5 texts") {
		t.Errorf("everybody sent %q", got)
	}
	romeo.commands("usage-of-all", "only an administrator")

	// The administrators learn that money runs out, as soon as it is looked at.
	if got := benvolio.does(smsHost, "balance"); got != "100.00 USD are left." {
		t.Errorf("the balance is %q", got)
	}
	account.left.Store(7)
	w.gateway.Kill()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	benvolio.gets(message, from(smsHost), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "7.00 USD left") })
}

// What a user wants no more, and what somebody else wants no more from them.
func TestWhatPeopleRule(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	account, config := w.onBank("")
	w.start(w.sms(strings.Replace(config, "flood_limit = 0", "flood_limit = 4", 1)))
	romeo := w.logIn("romeo", "orchard")
	check(t, romeo.SendPresence(phone, "subscribe", ""))
	romeo.gets(presence, typed(""), in(phone))

	// STOP and START.
	w.hearsFrom(friend, "Stop")
	romeo.gets(message, from(phone), func(s xmppclient.Stanza) bool {
		return strings.HasPrefix(s.Body(), "Stop\n[With this word they opted out")
	})
	away := romeo.gets(presence, in(phone), has("show"))
	if away.Find("show").Text != "xa" || !strings.Contains(away.Find("status").Text, "START") {
		t.Errorf("shown as %s", away)
	}
	romeo.says(phone, "chat", "out", "please", "")
	romeo.gets(message, typed("error"), id("out"), condition("policy-violation"))
	w.hearsFrom(friend, "start")
	romeo.gets(message, from(phone), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "[They get texts from") })
	romeo.says(phone, "chat", "in", "thank you", "")
	w.texted(friend, "thank you")
	romeo.says(`32665;phone-context=us@`+smsHost, "chat", "stop", "STOP", "")
	select {
	case got := <-account.shortCodes:
		if got != "32665 STOP" {
			t.Errorf("sent %q", got)
		}
	case <-limited(t).Done():
		t.Error("STOP did not leave for the short code")
	}
	account.optedOut.Store(true)
	romeo.says("+15005550144@"+smsHost, "chat", "gone", "hello", "")
	romeo.gets(message, typed("error"), id("gone"), condition("policy-violation"))
	account.optedOut.Store(false)
	romeo.commands("opted-out", "+15005550144")

	// Blocks and rules.
	if got := romeo.does("+15005550133@"+smsHost, "block-number"); got != "+15005550133 is blocked." {
		t.Errorf("blocked with %q", got)
	}
	romeo.commands("block +1900*", "+1900* is blocked")
	romeo.commands("set spam_rules mark unknown contains prize", "Saved.")
	w.hearsFrom("+15005550133", "hidden")
	w.hearsFrom("+19005551234", "hidden as well")
	w.hearsFrom("+15005550155", "You won a PRIZE")
	romeo.gets(message, from("+15005550155@"+smsHost), body("[Spam?] You won a PRIZE"))
	w.hearsFrom(friend, "no prize for me")
	romeo.gets(message, from(phone), body("no prize for me"))
	romeo.commands("blocked", "• +1900* since")
	romeo.commands("unblock +15005550133", "any more")
	w.hearsFrom("+15005550133", "seen")
	romeo.gets(message, from("+15005550133@"+smsHost), body("seen"))
	if hidden := romeo.Unread(func(s xmppclient.Stanza) bool { return strings.HasPrefix(s.Body(), "hidden") }); len(hidden) > 0 {
		t.Errorf("shown %v", hidden)
	}
	for i := range 6 {
		w.hearsFrom("+15005550166", fmt.Sprintf("text %d", i))
	}
	romeo.gets(message, from("+15005550166@"+smsHost), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "More than 4 texts") })
	romeo.commands("usage", "as you blocked the number: 2 texts")
}
