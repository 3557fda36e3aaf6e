package component

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

func TestFullQueueRefusesTrySendAndLetsSendWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		st := w.Connected()
		st.Stop()
		n := 0
		for w.c.TrySend(message("full")) {
			n++
		}
		if n < maxQueued || n > 2*maxQueued {
			t.Errorf("queue took %d", n)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.c.Send(ctx, message("hopeless")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("send: %v, want a timeout", err)
		}
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() {
				if err := w.c.Send(context.Background(), message("patient")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		st.Resume()
		waiting.Wait()
		for range n {
			w.Expect(Message(Body("full")))
		}
		for range 100 {
			w.Expect(Message(Body("patient")))
		}
		w.ExpectNothing()
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Connected().Stop()
		big := message("big")
		big.Payloads = []wire.Payload{wire.NewText(stanza.Namespace, "body", longText(200<<10))}
		n := 0
		for w.c.TrySend(big) {
			n++
		}
		if n < 150 || n > 170 {
			t.Errorf("queue took %d stanzas of 200 KiB, want about 32 MiB", n)
		}
	})
}

func longText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

func TestJournalIsBoundedWithoutAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		n := 0
		for w.c.TrySend(message("kept")) {
			n++
		}
		if n != maxQueued {
			t.Errorf("took %d, want %d", n, maxQueued)
		}
		sent := make(chan error, 1)
		go func() { sent <- w.c.Send(context.Background(), message("waits for the stream")) }()
		synctest.Wait()
		w.start()
		w.goesUp()
		if err := <-sent; err != nil {
			t.Error(err)
		}
		for range n {
			w.Expect(Message(Body("kept")))
		}
		w.Expect(Message(Body("waits for the stream")))
	})
}

func TestUnconfirmedMessagesFillTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Pings(loseBarriers)
		n := 0
		for range 2 * maxQueued {
			if w.c.TrySend(message("unconfirmed")) {
				n++
			}
			synctest.Wait()
		}
		if n != maxQueued {
			t.Errorf("took %d, want %d", n, maxQueued)
		}
		if !w.c.TrySend(presence("needs no journal")) {
			t.Error("presence was not taken")
		}
	})
}

func TestWhoWaitsIsToldOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		st := w.Connected()
		st.Stop()
		for w.c.TrySend(presence("full")) {
		}
		failed := make(chan error, 2)
		go func() { failed <- w.c.Send(context.Background(), presence("doomed")) }()
		synctest.Wait()
		st.Break()
		if err := <-failed; !errors.Is(err, ErrDown) {
			t.Errorf("send: %v, want ErrDown", err)
		}
		w.goesDown()
		w.GoAway()
		for w.c.TrySend(message("full")) {
		}
		go func() { failed <- w.c.Send(context.Background(), message("too late")) }()
		synctest.Wait()
		if err := w.stop(); err == nil {
			t.Error("Run does not tell that messages are left")
		}
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Errorf("send: %v, want ErrClosed", err)
		}
	})
}

func TestManySendersKeepTheirOwnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		const senders, each = 20, 500
		var sending sync.WaitGroup
		for i := range senders {
			sending.Go(func() {
				for n := range each {
					m := message("x")
					m.From.Local, m.ID = string(rune('a'+i)), string(rune('A'+n/26%26))+string(rune('A'+n%26))
					if err := w.c.Send(context.Background(), m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		sending.Wait()
		next := map[string]int{}
		for range senders * each {
			r := w.Expect(Message())
			n := next[r.From.Local]
			if want := string(rune('A'+n/26%26)) + string(rune('A'+n%26)); r.ID != want {
				t.Fatalf("%s sent %s, want %s", r.From.Local, r.ID, want)
			}
			next[r.From.Local]++
		}
	})
}
