package component

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

func TestMessagesGoBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.says("but soft")
		w.Expect(XML(`<message from="juliet@irc.example.org" to="romeo@example.org/orchard" type="chat" id="id-but soft"><body>but soft</body></message>`))
		w.Send(incoming("what light"))
		r := w.hears("what light")
		if r.From.String() != "romeo@example.org/orchard" || r.To.String() != "juliet@irc.example.org" {
			t.Errorf("from %s to %s", r.From, r.To)
		}
	})
}

func TestStanzasInThePacketOfTheHandshakeAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Next(func(l *Line) {
			l.Write(Header(l.ReadHeader(), "id"))
			l.ReadHandshake()
			l.Write(`<handshake/>` + incoming("at once"))
			l.Drain()
		})
		w.start()
		w.hears("at once")
	})
}

func TestAnswersBeforeTheStreamIsProvenAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Pings(func(from *Stream, _ stanza.Received) *Stream {
			from.Write(incoming("early"))
			w.Pings(nil)
			return nil
		})
		w.start()
		w.hears("early")
		if !w.c.TrySend(presence("answer")) {
			t.Fatal("not taken")
		}
		w.Expect(Presence(Status("", "answer")))
		w.goesUp()
	})
}

func TestCloseSendsWhatIsQueuedAndWaitsForTheEndTag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		st := w.Connected()
		w.goesUp()
		confirmed := 0
		for range 1000 {
			m := message("last words")
			m.Confirmed = func() { confirmed++ }
			if err := w.c.Send(context.Background(), m); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		w.goesDown()
		for range 1000 {
			w.Expect(Message(Body("last words")))
		}
		w.ExpectNothing()
		if !st.Wait() {
			t.Error("stream was not closed in order")
		}
		if confirmed != 1000 {
			t.Errorf("%d messages confirmed, want 1000", confirmed)
		}
		if err := w.c.Send(context.Background(), message("too late")); !errors.Is(err, ErrClosed) {
			t.Errorf("send after close: %v, want ErrClosed", err)
		}
	})
}

func TestCloseTellsWhatWasNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		st := w.Connected()
		w.goesUp()
		st.Stop()
		w.says("into the void")
		if err := w.stop(); err == nil {
			t.Error("no error")
		}
	})
}

func TestOversizedStanzaIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		big := message(string(make([]byte, 10)))
		text := make([]byte, maxStanza)
		for i := range text {
			text[i] = 'x'
		}
		big.Payloads = []wire.Payload{wire.NewText(stanza.Namespace, "body", string(text))}
		for range 3 {
			if err := w.c.Send(context.Background(), big); !errors.Is(err, ErrTooLarge) {
				t.Errorf("send: %v, want ErrTooLarge", err)
			}
		}
		w.logged(1, "stanza not sent")
		w.ExpectNothing()
	})
}

func TestStanzaWithoutRecipientIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		m := message("to whom")
		m.To.Domain = ""
		if err := w.c.Send(context.Background(), m); !errors.Is(err, ErrNoAddress) {
			t.Errorf("send: %v, want ErrNoAddress", err)
		}
		if w.c.TrySend(m) {
			t.Error("TrySend took it")
		}
	})
}

func TestStanzaThatIsNoXMLIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		m := message("broken")
		m.Payloads = []wire.Payload{wire.New("", "1<")}
		if err := w.c.Send(context.Background(), m); err == nil {
			t.Error("no error")
		}
		w.says("whole")
		w.Expect(Message(Body("whole")))
	})
}

func TestSenderIsAlwaysOurDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		m := message("from elsewhere")
		m.From.Domain = "evil.example"
		if err := w.c.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		w.Expect(Message(From("juliet@irc.example.org")))
	})
}

func TestIdsAreUnguessableAndOfThisProcess(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if seen[id] || len(id) < len(instance)+26 || id[:len(instance)] != instance {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}
