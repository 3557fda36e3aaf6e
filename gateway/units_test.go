package gateway

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

func FuzzNotesComeBackAsTheyWere(f *testing.F) {
	f.Add(byte('m'), "m1", "orchard", "+15551234567", "", true, false)
	f.Add(byte('n'), "", "a:b", "#garden", "3:juliet", false, true)
	f.Add(byte(0), "\x00", "12:", "-", "ä", true, true)
	f.Fuzz(func(t *testing.T, kind byte, id, resource, chat, nick string, receipt, markable bool) {
		was := note{kind: noteKind(kind), id: id, resource: resource, chat: chat, nick: nick, receipt: receipt, markable: markable}
		got, ok := readNote(was.request())
		if !ok || got != was {
			t.Errorf("%+v came back as %+v, %v", was, got, ok)
		}
		r, name := was.naming()
		was.name = name
		if got, ok := readNote(r); !ok || got != was || !strings.HasPrefix(name, ownNames) || r != was.request() {
			t.Errorf("%+v came back as %+v, %v, from %q", was, got, ok, r)
		}
	})
}

func FuzzForeignNotesAreRefused(f *testing.F) {
	for _, s := range []string{"", "m", "mr", "mr1:a", "m-1:a1:b1:c1:d", "m-1:a1:b1:c1:dx", "m-9:a", "m--1:a", "m-a:b", "m-99999999999999999999:a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := readNote(transport.Request(s))
		if !ok {
			return
		}
		if again, ok := readNote(n.request()); !ok || again != n {
			t.Errorf("%q reads as %+v, and that as %+v", s, n, again)
		}
	})
}

// reasons reads the constants of the contract.
func reasons(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "transport/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			names = append(names, spec.(*ast.ValueSpec).Names[0].Name)
		}
	}
	return names
}

func TestEveryReasonHasItsStanzaError(t *testing.T) {
	names := reasons(t)
	if len(names) < 20 || len(names) != len(conditions) {
		t.Errorf("%d reasons, %d stanza errors", len(names), len(conditions))
	}
	for reason, name := range names {
		c, ok := conditions[transport.Reason(reason)]
		if !ok || c.ErrorClass == "" || c.Condition == "" {
			t.Errorf("%s has no stanza error", name)
		}
	}
}

func TestErrorsAreExplained(t *testing.T) {
	moved := func(to string) error {
		return &transport.Error{Reason: transport.Moved, Redirect: transport.Address(to)}
	}
	for _, tt := range []struct {
		name      string
		err       error
		condition stanza.Condition
		redirect  string
		text      string
	}{
		{name: "wrapped", err: fmt.Errorf("send: %w", &transport.Error{Reason: transport.NotFound, Text: "no such nick"}), condition: "item-not-found", text: "no such nick"},
		{name: "deadline", err: fmt.Errorf("send: %w", context.DeadlineExceeded), condition: "remote-server-timeout", text: "the network took too long to answer"},
		{name: "any other error, whose text stays inside", err: errors.New("dial 10.0.0.1: refused"), condition: "internal-server-error", text: "something went wrong in the gateway; its log says more"},
		{name: "a reason that nobody knows", err: &transport.Error{Reason: 999}, condition: "internal-server-error"},
		// RFC 5122 §2.2 allows "+" as it is, and nothing of the rest.
		{name: "moved to a phone", err: moved("+15551234567"), condition: "gone", redirect: "xmpp:+15551234567@irc.example.org"},
		{name: "moved to a room", err: moved("#garden%net"), condition: "gone", redirect: "xmpp:%23garden%25net@irc.example.org"},
		{name: "moved to an address with characters that no JID has", err: moved("a b/c@d"), condition: "gone", redirect: `xmpp:a%5C20b%5C2fc%5C40d@irc.example.org`},
		{name: "moved to an address beyond ASCII", err: moved("ä?"), condition: "gone", redirect: "xmpp:%C3%A4%3F@irc.example.org"},
		{name: "moved to several numbers", err: moved("+1555,+1666;x=y"), condition: "gone", redirect: "xmpp:+1555%2C+1666%3Bx=y@irc.example.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := stanzaError(tt.err, "irc.example.org")
			if e.Condition != tt.condition || e.Redirect != tt.redirect || e.Text != tt.text {
				t.Errorf("%s %q %q, want %s %q %q", e.Condition, e.Redirect, e.Text, tt.condition, tt.redirect, tt.text)
			}
		})
	}
}

func TestHistoryIsLimited(t *testing.T) {
	start := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	var h history
	for i, text := range []string{"one", "zwö", "three"} {
		h.add(said{text: text, at: start.Add(time.Duration(i) * time.Minute)})
	}
	none := stanza.HistoryLimits{MaxChars: -1, MaxStanzas: -1}
	limit := func(change func(*stanza.HistoryLimits)) stanza.HistoryLimits {
		l := none
		change(&l)
		return l
	}
	for _, tt := range []struct {
		name   string
		limits stanza.HistoryLimits
		want   string
	}{
		{"without limits", none, "one zwö three"},
		{"characters are counted, not bytes", limit(func(l *stanza.HistoryLimits) { l.MaxChars = 8 }), "zwö three"},
		{"no room for the next", limit(func(l *stanza.HistoryLimits) { l.MaxChars = 7 }), "three"},
		{"no room for any", limit(func(l *stanza.HistoryLimits) { l.MaxChars = 4 }), ""},
		{"no messages", limit(func(l *stanza.HistoryLimits) { l.MaxStanzas = 0 }), ""},
		{"more than there are", limit(func(l *stanza.HistoryLimits) { l.MaxStanzas = 9 }), "one zwö three"},
		{"since one was said, which counts", limit(func(l *stanza.HistoryLimits) { l.Since = start.Add(time.Minute) }), "zwö three"},
		{"since later", limit(func(l *stanza.HistoryLimits) { l.Since = start.Add(time.Hour) }), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range h.within(tt.limits) {
				got = append(got, m.text)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
