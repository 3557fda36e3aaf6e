package irc

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircfmt"
	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

func FuzzLineWriter(f *testing.F) {
	f.Add("PRIVMSG", "#garden", "hello\r\nQUIT :gone", uint16(512))
	f.Add("MODE", "#garden +o", "x\x00y", uint16(0))
	f.Add("TOPIC\r\nQUIT", ":x", "", uint16(16))
	f.Fuzz(func(t *testing.T, command, middle, last string, extra uint16) {
		limit := 512 + int(extra)
		for _, params := range [][]string{nil, {last}, {middle, last}, {middle, middle, last}} {
			b, err := line(limit, command, params...)
			if err != nil {
				continue
			}
			if body, ok := bytes.CutSuffix(b, []byte("\r\n")); !ok || bytes.ContainsAny(body, "\r\n\x00") || len(b) > limit {
				t.Fatalf("line(%d, %q, %q) = %q", limit, command, params, b)
			}
			if got := bytes.Count(b, []byte(" ")); len(params) > 0 && got < len(params)-1 {
				t.Fatalf("line(%d, %q, %q) = %q has too few parameters", limit, command, params, b)
			}
			if !bytes.HasPrefix(b, []byte(command)) || command == "" {
				t.Fatalf("line(%q, …) = %q", command, b)
			}
		}
	})
}

// Lines are taken apart as ircmsg does, but for tags whose names none can have.
func FuzzParse(f *testing.F) {
	f.Add("@time=2030-01-02T03:04:05.678Z;msgid=a\\:b\\s;+draft/reply=;msgid=c :juliet!~j@h PRIVMSG #garden :O Romeo")
	f.Add(":irc.example.org  005 romeo   A=1 :are supported")
	f.Add("ping : \r\n")
	f.Add("@x ")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // it is decoded before
		}
		text = strings.TrimRight(text, "\r\n")
		want, err := ircmsg.ParseLine(text)
		got, failed := parse(text)
		if errors.Is(err, ircmsg.ErrorInvalidTagContent) {
			return
		}
		if (err != nil) != (failed != nil) {
			t.Fatalf("%q: %v, and ircmsg says %v", text, failed, err)
		}
		if err != nil {
			return
		}
		if got.Source != want.Source || got.Command != want.Command || !slices.Equal(got.Params, want.Params) {
			t.Fatalf("%q: %q %q %q, and ircmsg says %q %q %q", text, got.Source, got.Command, got.Params, want.Source, want.Command, want.Params)
		}
		for name, value := range want.AllTags() {
			if present, v := got.GetTag(name); !present || v != value {
				t.Fatalf("%q: the tag %s is %q, and ircmsg says %q", text, name, v, value)
			}
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("wherefore art thou Romeo, deny thy father and refuse thy name", uint16(32))
	f.Add(strings.Repeat("👩‍👩‍👧", 20), uint16(40))
	f.Add("\x02"+strings.Repeat("é", 60)+"\x02", uint16(33))
	f.Fuzz(func(t *testing.T, text string, limit uint16) {
		text = strings.ToValidUTF8(text, "?")
		most := max(int(limit), 32)
		pieces := split(text, int(limit))
		joined, open := "", ""
		for _, p := range pieces {
			if len(p) > most || !utf8.ValidString(p) || !strings.HasPrefix(p, open) || len(p) == len(open) {
				t.Fatalf("split(%q, %d) has the piece %q", text, limit, p)
			}
			joined += p[len(open):]
			open = stillOpen(p)
		}
		if joined != text {
			t.Fatalf("split(%q, %d) = %q", text, limit, pieces)
		}
	})
}

// withoutDirectives is a text without what styling adds or takes.
func withoutDirectives(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("*_~`\n\r", r) {
			return -1
		}
		return r
	}, s)
}

func FuzzFormatIn(f *testing.F) {
	f.Add("\x02bold\x02 and \x1ditalic\x0f, \x0304,05red\x03 \x04ff0000hex \x11mono\x1e")
	f.Add("\x02 \x02*\x02a*b\x02")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?") // as decode leaves it
		got := formatFromIRC(text)
		if !isXML(got) {
			t.Fatalf("formatFromIRC(%q) = %q", text, got)
		}
		if withoutDirectives(got) != withoutDirectives(clean(text)) {
			t.Fatalf("formatFromIRC(%q) = %q lost text", text, got)
		}
	})
}

func FuzzFormatOut(f *testing.F) {
	f.Add("*bold* _italic_ ~strike~ `mono` *_both_*")
	f.Add("```\n*code*\n```\n> *quote*\n__init__ **x** * a * *a")
	f.Fuzz(func(t *testing.T, text string) {
		text = withoutCTCP(text)
		lines := formatToIRC(text)
		got := strings.Join(lines, "")
		if withoutDirectives(ircfmt.Strip(got)) != withoutDirectives(text) {
			t.Fatalf("formatToIRC(%q) = %q lost text", text, lines)
		}
		for _, l := range lines {
			if stillOpen(l) != "" || strings.ContainsAny(l, "\r\n\x00\x01") {
				t.Fatalf("formatToIRC(%q) = %q", text, l)
			}
		}
	})
}

func FuzzAddress(f *testing.F) {
	o := testOptions()
	o.AnyNetwork = true
	n, err := o.New(transport.Env{})
	if err != nil {
		f.Fatal(err)
	}
	transporttest.FuzzResolve(f, n)
}

func isXML(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !xmlRune(r) })
}

// nowhere takes events and does nothing with them.
type nowhere struct{}

func (nowhere) Deliver(context.Context, transport.Event) error { return nil }

// FuzzReceive feeds a link lines as a hostile server would.
func FuzzReceive(f *testing.F) {
	f.Add(false, []byte(":romeo!r@h JOIN #garden\n:s 353 romeo = #garden :@juliet!j@h +romeo\n:s 366 romeo #garden :End\n:juliet!j@h MODE #garden +o-v+b romeo juliet x"))
	f.Add(false, []byte("@time=2024-01-01T00:00:00.000Z;msgid=\x02x :juliet!j@h PRIVMSG #garden :\x01ACTION \x02waves\x01"))
	f.Add(false, []byte(":s 005 romeo PREFIX=(ohv)@%+ CHANMODES=beI,k,l,imnpst -PREFIX CASEMAPPING=ascii LINELEN=99999999 :are supported"))
	f.Add(false, []byte(":romeo!r@h NICK juliet\n:juliet!j@h NICK romeo\n:juliet QUIT\n:x KICK #garden romeo\n:s 470 romeo #garden #x\nCAP * LS * :a b\nCAP * NAK :batch\nBATCH +x chathistory\nERROR"))
	f.Add(false, []byte("PING\nPONG gatehouse-0\nPONG gatehouse-99999999999999999999\n:s 433 * x\nINVITE romeo #x\nFAIL JOIN X #garden :no\nMODE #garden +k\n:romeo PART #garden,#x\n:s 301 romeo juliet :away"))
	f.Add(false, []byte(":s 005 romeo WHOX BOT=B MONITOR=1 WATCH=x :are supported\n:romeo!r@h JOIN #garden\n:s 353 romeo = #garden :juliet\n:s 366 romeo #garden\n:juliet PRIVMSG #garden :x\n:s 354 romeo 47 #garden j h juliet G@B 0\n:s 315 romeo #garden\n:juliet QUIT :a.b c.d\n:juliet!j@h JOIN #garden\n:s 263 romeo WHO"))
	f.Add(false, []byte(":s 311 romeo juliet\n:s 317 romeo juliet x 99999999999999999999\n:s 401 romeo juliet\n:s 318 romeo juliet\n:juliet NOTICE romeo :\x01TIME Sun\x01\n:s 303 romeo :juliet\n:s 734 romeo 0 juliet,,x\n:s 512 romeo juliet\n:s 730 romeo :juliet!x,,"))
	f.Add(false, []byte(":s 322 romeo #a 5 :[+nt] x\n:s 323\n:s 367 romeo #garden *!*@x j 1\n:s 728 romeo #garden q *!*@x\n:s 341 romeo juliet #garden\n:s 443 romeo juliet #garden :is on\n:s 263 romeo LIST :x\nPONG gatehouse-0"))
	f.Add(false, []byte(":romeo!r@h JOIN #garden\n:s 353 romeo = #garden :@juliet!j@h +romeo\n:s 366 romeo #garden :End\n@label=g1 :romeo!r@h PRIVMSG #garden :one\n:romeo!r@h PRIVMSG #garden :two\n@label=g2 ACK\n:s BATCH +x labeled-response\n@batch=x :romeo!r@h PRIVMSG juliet :x\n@label=g3 FAIL REDACT UNKNOWN_MSGID #garden id :no\n"+
		":romeo!r@h REDACT #garden id :why\n@+draft/react=x;+reply=id :juliet!j@h TAGMSG #garden\n@+typing=active :juliet!j@h TAGMSG romeo\n@label=g4 :s 404 romeo #garden :no\nPONG gatehouse-0"))
	for command := range receivers {
		f.Add(false, []byte(":juliet!j@h "+command+"\n:s "+command+" romeo #garden a b\n:romeo "+command+" #garden romeo :"))
	}
	f.Add(true, []byte(":s CAP * LS :batch server-time=1\n:s CAP * NAK :batch server-time\n:s 433 * romeo :x\n:s 001 romeo :hi\n:s 376 romeo :x"))
	f.Add(true, []byte(":s CAP * LS :sasl=SCRAM-SHA-256,PLAIN sts=port=1,duration=1\n:s CAP * ACK sasl\nAUTHENTICATE +\nAUTHENTICATE cj14LHM9eCxpPTE=\n:s 908 * PLAIN :x\n:s 904 * :x\n"+
		"AUTHENTICATE +\n:s 900 * x y :z\n:s 903 * :x\n:s 001 romeo :hi\n:s 376 romeo :x\n:NickServ!x@y NOTICE romeo :x\n:s CAP * NEW :sasl\n:s CAP * ACK sasl\n:s 907 * :x"))
	f.Fuzz(func(t *testing.T, registering bool, lines []byte) {
		n, err := testOptions().New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(n.(*network), transport.Account{User: romeo}, nowhere{})
		defer s.disconnect()
		s.events.delivering = true // nobody takes them: they are looked at below
		l := newLink(s, s.network.servers["net"], "romeo")
		l.nick, l.conn = "romeo", nil
		s.Watch(t.Context(), "juliet%net")
		if registering {
			l.set = l.network.linkSettings(l.server, transport.Values{
				"sasl_password": {"rose"}, "nickserv": {"true"}, "nick_recovery": {"GHOST"}, "encoding_out": {"koi8-r"}, "encoding_in": {"koi8-r"},
				"sasl_required": {"false"}, "after_connect_commands": {"MODE romeo +x"},
			})
			l.register()
		} else {
			l.isOnline()
			s.links[l.server] = l
			if len(lines)%2 == 0 {
				for _, name := range wantedCaps {
					l.caps.on |= capBits[name]
				}
			}
			s.Profile(t.Context(), "juliet%net", "who")
			s.Query(t.Context(), "juliet%net", transport.QueryTime, "time")
			s.running.Wait() // until what that left is delivered
		}
		for _, name := range []string{"#garden", "#balcony"} {
			if err := l.join(transport.Address(name+"%net"), name, transport.JoinOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if !registering {
			l.joinLine()
			l.listing = &listing{requests: []transport.Request{"list"}, sent: true}
			l.await(&pending{command: "MODE", target: "#garden", request: "bans", chat: garden, bans: &banList{}})
			l.await(&pending{command: "MODE", target: "#balcony", request: "asked", chat: garden, asked: true})
			l.await(&pending{command: "INVITE", target: "#garden", who: "juliet", request: "invite", chat: garden})
			l.await(&pending{command: "RAW", request: "raw", answer: &consoleAnswer{commands: map[string]bool{"NAMES": true, "MODE": true, "MOTD": true}}})
		}
		said := false
		for _, b := range bytes.Split(lines, []byte("\n")) {
			b = bytes.TrimSuffix(b, []byte("\r"))
			if l.receiveLine(b) != nil {
				break
			}
			l.outgoing = newOutgoing(l.set.throttle)
			if ch := l.channel("#garden"); !said && ch != nil && ch.state == joined {
				said = true
				s.Send(t.Context(), transport.Message{Chat: garden, Text: "one\ntwo", Request: "two lines", ReplyTo: &transport.Reply{ID: "id"}})
				s.Send(t.Context(), transport.Message{Chat: "juliet%net", Text: "x", Request: "private"})
				s.React(t.Context(), transport.Reaction{Chat: garden, To: "id", Add: []string{"x"}, Request: "react"})
				s.Retract(t.Context(), transport.Retraction{Chat: garden, ID: "id", Request: "retract"})
				s.SetComposing(t.Context(), garden, "", transport.IsComposing)
			}
		}
		for _, m := range s.Members(garden) {
			if m.Nick == "" {
				t.Error("a member without a nick")
			}
		}
		for _, e := range s.events.waiting {
			checkStrings(t, reflect.ValueOf(e))
		}
		for key, u := range l.users {
			if key != l.is.fold(u.nick()) {
				t.Errorf("%q is kept as %q", u.nick(), key)
			}
			if u.rooms < 0 {
				t.Errorf("%q is in %d rooms", u.nick(), u.rooms)
			}
		}
	})
}

// checkStrings looks at all text in an event.
func checkStrings(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if !isXML(v.String()) {
			t.Errorf("%q is not fit for XML", v.String())
		}
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				checkStrings(t, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkStrings(t, v.Index(i))
		}
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			checkStrings(t, v.Elem())
		}
	}
}
