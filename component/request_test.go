package component

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

type answer struct {
	r   stanza.Received
	err error
}

// asks sends a version request to romeo from juliet, and gives its id.
func (w *world) asks() (id string, answers chan answer) {
	w.t.Helper()
	answers = make(chan answer, 1)
	go func() {
		r, err := w.c.Request(context.Background(), stanza.Stanza{
			Kind: stanza.IQ,
			Header: stanza.Header{
				From: jid.JID{Local: "juliet"},
				To:   jid.JID{Local: "Romeo", Domain: "example.org", Resource: "Orchard"},
				Type: stanza.Get,
				ID:   "replaced",
			},
			Payloads: []wire.Payload{wire.New("jabber:iq:version", "query")},
		})
		answers <- answer{r, err}
	}()
	return w.Expect(IQ(Type("get"), Has("{jabber:iq:version}query"))).ID, answers
}

func reply(typ, id, from, to, inner string) string {
	return `<iq type="` + typ + `" id="` + id + `" from="` + from + `" to="` + to + `">` + inner + `</iq>`
}

const (
	romeo  = "romeo@example.org/Orchard"
	juliet = "juliet@irc.example.org"
)

func TestRequestGetsItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		id, answers := w.asks()
		if id == "replaced" {
			t.Error("id is not ours")
		}
		w.Send(reply("result", id, "ROMEO@Example.org/Orchard", juliet, `<query xmlns="jabber:iq:version"><name>quill</name></query>`))
		a := <-answers
		if a.err != nil {
			t.Fatal(a.err)
		}
		if got := Values(a.r, "query/name"); len(got) != 1 || got[0] != "quill" {
			t.Errorf("answer %s", Pretty(a.r.Element))
		}
		w.hearsNothing()
	})
}

func TestRequestAnsweredWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		id, answers := w.asks()
		w.Send(reply("error", id, romeo, juliet, `<error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>`))
		a := <-answers
		e, ok := errors.AsType[*RequestError](a.err)
		if !ok || e.Answer.Condition != stanza.ItemNotFound || e.Answer.Class != stanza.Cancel {
			t.Errorf("got %v", a.err)
		}
	})
}

func TestAnswersThatDoNotMatchAreIgnored(t *testing.T) {
	tests := []struct {
		name  string
		reply func(id string) string
	}{
		{"from somebody else", func(id string) string { return reply("result", id, "iago@example.org/x", juliet, "") }},
		{"from the bare address", func(id string) string { return reply("result", id, "romeo@example.org", juliet, "") }},
		{"to somebody else", func(id string) string { return reply("result", id, romeo, "nurse@irc.example.org", "") }},
		{"with another id", func(id string) string { return reply("result", id+"x", romeo, juliet, "") }},
		{"that are requests", func(id string) string { return reply("get", id, romeo, juliet, `<a xmlns="a"/>`) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				id, answers := w.asks()
				w.Send(tt.reply(id))
				synctest.Wait()
				select {
				case a := <-answers:
					t.Fatalf("got %v, %v", a.r.Element, a.err)
				default:
				}
				w.Send(reply("result", id, romeo, juliet, ""))
				if a := <-answers; a.err != nil {
					t.Error(a.err)
				}
			})
		})
	}
}

func TestLateAndSecondAnswersAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		id, answers := w.asks()
		if a := <-answers; !errors.Is(a.err, ErrTimeout) {
			t.Errorf("got %v, want ErrTimeout", a.err)
		}
		w.Send(reply("result", id, romeo, juliet, ""))
		w.hearsNothing()

		id, answers = w.asks()
		w.Send(reply("result", id, romeo, juliet, ""))
		w.Send(reply("result", id, romeo, juliet, ""))
		if a := <-answers; a.err != nil {
			t.Error(a.err)
		}
		w.hearsNothing()
		if h := w.c.Health(); h.Ignored != 2 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestRequestEndsWithItsContextAndWithTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		_, answers := w.asks()
		w.Connected().Break()
		if a := <-answers; !errors.Is(a.err, ErrDown) {
			t.Errorf("got %v, want ErrDown", a.err)
		}
		w.goesDown()
		w.goesUp()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.c.Request(ctx, stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{To: jid.JID{Domain: "example.org"}, Type: stanza.Get},
			Payloads: []wire.Payload{wire.New("urn:xmpp:ping", "ping")},
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}

func TestRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		q := &request{of: w.c, answer: make(chan stanza.Received, 1)}
		for range maxRequests {
			if err := w.group.expect(NewID(), q); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.c.Request(context.Background(), stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{To: jid.JID{Domain: "example.org"}, Type: stanza.Get},
			Payloads: []wire.Payload{wire.New("urn:xmpp:ping", "ping")},
		})
		if !errors.Is(err, ErrTooManyRequests) {
			t.Errorf("got %v, want ErrTooManyRequests", err)
		}
		for id := range w.group.requests {
			w.group.forget(id)
		}
	})
}

func TestOnlyIQsAreRequests(t *testing.T) {
	c := NewGroup(nil).Add(Options{Domain: domain})
	for _, s := range []stanza.Stanza{message("no"), {Kind: stanza.IQ, Header: stanza.Header{Type: stanza.Result}}} {
		if _, err := c.Request(context.Background(), s); err == nil {
			t.Errorf("%s of type %q was sent", s.Kind, s.Type)
		}
	}
}
