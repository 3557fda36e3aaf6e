package transporttest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

const (
	atOnce       = time.Second            // for what waits for nothing, on a busy machine
	soon         = 5 * time.Second        // for a call that waits for nobody
	callDeadline = 50 * time.Millisecond  // for a call that has to give up
	moment       = 100 * time.Millisecond // for what should not happen to show itself
)

// A trial is a subject in one check: its session, and the sink of that.
type trial struct {
	Subject
	t        testing.TB
	sink     *Sink
	session  transport.Session
	isOpen   bool // Close has not been called
	census   *census
	arriving sync.WaitGroup // calls of Inbound

	stopRun context.CancelFunc // nil unless the network is a Runner
	runEnds chan error
}

func begin(t testing.TB, s Subject) *trial {
	r := &trial{Subject: s, t: t, sink: &Sink{}, census: newCensus(s.Network)}
	if runner, ok := s.Network.(transport.Runner); ok {
		var ctx context.Context
		ctx, r.stopRun = context.WithCancel(context.Background())
		r.runEnds = make(chan error, 1)
		go func() { r.runEnds <- runner.Run(ctx) }()
	}
	t.Cleanup(r.end)
	return r
}

// end stops what the check has left open. It goes on after a failure.
func (r *trial) end() {
	r.sink.Close()
	if r.Outbox != nil {
		r.Outbox.Unblock()
	}
	if r.isOpen {
		r.isOpen = false
		r.try(Patience, "Close", func() { r.session.Close(context.Background(), "the check is over") })
	}
	r.stop()
	r.try(Patience, "Inbound", r.arriving.Wait)
}

// stop ends Run, if the network has it.
func (r *trial) stop() {
	if r.stopRun == nil {
		return
	}
	r.stopRun()
	r.stopRun = nil
	select {
	case err := <-r.runEnds:
		if err != nil && !errors.Is(err, context.Canceled) {
			r.t.Errorf("Run ended with %v", err)
		}
	case <-time.After(Patience):
		r.t.Errorf("Run has not returned %v after its context ended", Patience)
	}
}

// open calls Open alone.
func (r *trial) open() {
	r.t.Helper()
	var (
		session transport.Session
		err     error
	)
	r.within(atOnce, "Open", func() { session, err = r.Network.Open(r.Account, r.sink) })
	switch {
	case err != nil:
		r.typed("Open", err)
		r.t.Fatalf("Open: %v", err)
	case session == nil:
		r.t.Fatal("Open gave neither a session nor an error")
	}
	r.session, r.isOpen = session, true
	r.census.include(session)
}

// connect calls Open and does what else makes the link come up.
func (r *trial) connect() {
	r.t.Helper()
	r.open()
	if r.Connect == nil {
		return
	}
	ctx, cancel := patiently()
	defer cancel()
	if err := r.Connect(ctx, r.session); err != nil {
		r.t.Fatalf("Connect: %v", err)
	}
}

// wait gives the network time to do what it should not.
func (r *trial) wait(first <-chan struct{}) {
	select {
	case <-first:
	case <-time.After(moment):
	}
	<-time.After(moment)
}

// up opens a session and waits for its link.
func (r *trial) up() {
	r.t.Helper()
	r.connect()
	if !r.NoLinkUp {
		Await[transport.LinkUp](r.t, r.sink, nil)
	}
}

// arrive makes messages arrive, one after another, without waiting for it.
// The channel is closed once the far side is rid of them.
func (r *trial) arrive(texts ...string) <-chan struct{} {
	done := make(chan struct{})
	r.arriving.Go(func() {
		defer close(done)
		for _, text := range texts {
			r.Inbound(text)
		}
	})
	return done
}

// block blocks the sink and waits until the network waits for it.
func (r *trial) block() {
	r.t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	r.sink.Block()
	r.arrive("this one waits")
	if err := r.sink.WaitBlocked(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// send sends a text to the subject's person within a time, and fails the test
// if it takes longer or if its error is no *transport.Error.
func (r *trial) send(limit time.Duration, m transport.Message) error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	m.Chat = r.Person
	m.Sent = time.Now()
	var err error
	r.within(limit+atOnce, "Send", func() { _, err = r.session.Send(ctx, m) })
	r.typed("Send", err)
	return err
}

// close closes the session.
func (r *trial) close() {
	r.t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	r.isOpen = false
	r.within(Patience, "Close", func() { r.session.Close(ctx, "the check is over") })
}

// typed fails the test unless an error tells the gateway how to answer.
func (r *trial) typed(call string, err error) {
	r.t.Helper()
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*transport.Error](err); !ok {
		r.t.Errorf("%s: the error %q (%T) neither is nor wraps a *transport.Error", call, err, err)
	}
}

// within ends the check if f panics or takes longer than a time.
func (r *trial) within(limit time.Duration, what string, f func()) {
	r.t.Helper()
	if !r.try(limit, what, f) {
		r.t.FailNow()
	}
}

// try is within for a check that goes on.
func (r *trial) try(limit time.Duration, what string, f func()) bool {
	r.t.Helper()
	done := make(chan string, 1)
	go func() {
		trouble := what + " ended its goroutine"
		defer func() {
			if p := recover(); p != nil {
				trouble = fmt.Sprintf("%s panicked: %v\n%s", what, p, debug.Stack())
			}
			done <- trouble
		}()
		f()
		trouble = ""
	}()
	select {
	case trouble := <-done:
		if trouble != "" {
			r.t.Error(trouble)
		}
		return trouble == ""
	case <-time.After(limit):
		r.t.Errorf("%s has not returned after %v", what, limit)
		return false
	}
}

func patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

// text picks the messages that say one thing.
func text(want string) func(transport.MessageReceived) bool {
	return func(m transport.MessageReceived) bool { return m.Text == want }
}
