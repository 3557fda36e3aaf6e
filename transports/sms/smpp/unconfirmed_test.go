package smpp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

// notebook is a receiver with a memory that outlasts it.
type notebook struct {
	*receiver
	mu   sync.Mutex
	text string
	err  error
}

func (n *notebook) Note(_ context.Context, _ string, value []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.text = string(value)
	}
	return n.err
}

func (n *notebook) Noted(context.Context, string) ([]byte, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return []byte(n.text), n.text != "", n.err
}

func (n *notebook) Forget(context.Context, string) error { return errors.New("nobody needs it") }

func (n *notebook) noted() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text
}

func TestTextThatTheSMSCBringsAgainAfterACrashIsTheSame(t *testing.T) {
	s := startSMSC(t)
	notes := &notebook{receiver: newReceiver()}
	// run makes a process, which dies at the end.
	run := func(story func()) {
		p := New(testOptions(s.address), notes, discard)
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		next(t, s.binds)
		story()
		s.hangUp()
		stop()
		running.Wait()
	}
	comes := func(words string) transport.MessageID {
		t.Helper()
		d := brings("15551234567", words)
		s.send(d)
		in := next(t, notes.in)
		if got := s.answered(d); got != stored {
			t.Errorf("answered %v", got)
		}
		return in.ID
	}
	var first, second transport.MessageID
	run(func() {
		if first, second = comes("ok"), comes("ok"); first == second {
			t.Error("who says ok twice is heard once")
		}
	})
	run(func() {
		// The SMSC has no answer to either.
		if a, b := comes("ok"), comes("ok"); a != first || b != second {
			t.Errorf("they come again as %s and %s, were %s and %s", a, b, first, second)
		}
		if third := comes("ok"); third == first || third == second {
			t.Error("who says it a third time is not heard")
		}
		// Now it has: it says something after each.
		s.await(func() bool { return notes.noted() == "" })
	})
	run(func() {
		if again := comes("ok"); again == first || again == second {
			t.Error("what was answered is taken for what is said again")
		}
		if other := comes("no"); other == first {
			t.Error("another text is taken for it")
		}
	})
}

func TestWhichTextsMayComeAgainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, notes := t.Context(), &notebook{receiver: newReceiver()}
		d := &doubles{notes: notes}
		name := func(mark, fresh string) string {
			t.Helper()
			id, err := d.name(ctx, mark, fresh)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		asked := 0
		tick := func() {
			t.Helper()
			if err := d.tick(ctx, func() int32 { asked++; return 7 }); err != nil {
				t.Fatal(err)
			}
		}
		d.begin(ctx)
		for i := range 2 * mostUnconfirmed {
			name(fmt.Sprint("mark", i), fmt.Sprint(i))
		}
		if len(d.texts) != mostUnconfirmed || len(notes.noted()) > 64<<10 {
			t.Errorf("%d are kept, in %d bytes", len(d.texts), len(notes.noted()))
		}
		// An SMSC that answers nothing is not asked each second, and not remembered for ever.
		for range 8 {
			tick()
			time.Sleep(time.Second)
		}
		if asked != 1 {
			t.Errorf("it is asked %d times", asked)
		}
		time.Sleep(confirmedAfter)
		tick()
		if len(d.texts) != 0 || notes.noted() != "" {
			t.Errorf("%d are kept", len(d.texts))
		}
		// What was not brought again for long is not brought again.
		name("ok", "1")
		d.begin(ctx)
		time.Sleep(bringsAgain)
		if got := name("ok", "2"); got != "2" {
			t.Errorf("it is %s again", got)
		}
		tick()
		if len(d.texts) != 1 {
			t.Errorf("%d are kept", len(d.texts))
		}
		// An answer covers what came before the question.
		d.confirm(ctx, 7)
		time.Sleep(time.Second)
		tick()
		time.Sleep(time.Second)
		name("late", "3")
		d.confirm(ctx, 6)
		d.confirm(ctx, 7)
		if len(d.texts) != 1 || d.texts[0].id != "3" {
			t.Errorf("kept are %v", d.texts)
		}
		notes.err = errors.New("disk full")
		if _, err := d.name(ctx, "x", "4"); err == nil {
			t.Error("a text that can't be noted is taken")
		}
	})
}
