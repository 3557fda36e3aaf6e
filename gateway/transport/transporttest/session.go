package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

func openIsQuick(r *trial) {
	r.sink.Block()
	r.open()
}

func openIsQuickInSilence(r *trial) {
	r.Stall()
	r.open()
}

func linkUpComesFirst(r *trial) {
	r.sink.Block()
	r.connect()
	ctx, cancel := patiently()
	defer cancel()
	if err := r.sink.WaitBlocked(ctx); err != nil {
		r.t.Fatal(err)
	}
	// The message overtakes LinkUp in the sink if the transport lets it.
	r.wait(r.arrive("first"))
	r.sink.Unblock()
	Await[transport.LinkUp](r.t, r.sink, nil)
	r.arrive("second")
	Await(r.t, r.sink, text("second"))
	for _, e := range r.sink.Events() {
		switch e := e.(type) {
		case transport.LinkUp:
			return
		case transport.MessageReceived, transport.RoomJoined:
			r.t.Fatalf("%T came before LinkUp", e)
		}
	}
}

func messageArrives(r *trial) {
	r.up()
	r.arrive("good morrow")
	m := Await(r.t, r.sink, text("good morrow"))
	if m.Chat != r.Person || m.Nick != "" {
		r.t.Errorf("the message is in the chat %q with the nick %q, want %q and none", m.Chat, m.Nick, r.Person)
	}
	if m.Request != "" {
		r.t.Errorf("the message bears the request %q: only those from the gateway do", m.Request)
	}
}

func eventsKeepOrder(r *trial) {
	r.up()
	var want, got []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("message %d", i))
	}
	r.sink.Block()
	r.wait(r.arrive(want...))
	for len(got) < len(want) {
		ctx, cancel := patiently()
		e, err := r.sink.Take(ctx)
		cancel()
		if err != nil {
			r.t.Fatalf("after %d of %d messages: %v", len(got), len(want), err)
		}
		if m, ok := e.(transport.MessageReceived); ok {
			got = append(got, m.Text)
		}
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("messages arrived as %q", got)
	}
}

func sendSucceeds(r *trial) {
	r.up()
	if err := r.send(Patience, transport.Message{Text: "hello", Origin: "1", Request: "1"}); err != nil {
		r.t.Errorf("Send: %v", err)
	}
}

// sendIgnoresTheSink: Send may fail, but not for having waited.
func sendIgnoresTheSink(r *trial) {
	r.up()
	r.block()
	for i := range 3 {
		start := time.Now()
		r.send(Patience, transport.Message{Text: fmt.Sprintf("hello %d", i)})
		if took := time.Since(start); took > soon {
			r.t.Fatalf("Send took %v while the sink was blocked", took)
		}
	}
}

func sendKeepsItsDeadline(r *trial) {
	r.up()
	r.block()
	r.sendMany()
}

func sendKeepsItsDeadlineInSilence(r *trial) {
	r.up()
	r.Stall()
	r.sendMany()
}

// sendMany sends more than a short queue holds.
func (r *trial) sendMany() {
	for i := range 20 {
		r.send(callDeadline, transport.Message{Text: fmt.Sprintf("hello %d", i)})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.within(atOnce, "Send with a context that has ended", func() {
		_, err := r.session.Send(ctx, transport.Message{Chat: r.Person, Text: "too late"})
		r.typed("Send with a context that has ended", err)
	})
}

func sendBearsAnyText(r *trial) {
	r.up()
	for _, hostile := range HostileTexts {
		r.send(callDeadline, transport.Message{Text: hostile, Origin: hostile})
	}
	r.send(callDeadline, transport.Message{Text: "/me waves"})
	r.close()
}

// closedSinkEndsTheLink: what was refused is not offered again and again.
func closedSinkEndsTheLink(r *trial) {
	r.up()
	r.sink.Close()
	texts := []string{"one", "two", "three"}
	sent := r.arrive(texts...)
	r.within(Patience, "Inbound", func() { <-sent })
	r.wait(sent)
	r.close()
	if n, most := r.sink.Refused(), 2*len(texts)+2; n > most {
		r.t.Errorf("Deliver was called %d times after it had returned ErrClosed, for %d messages", n, len(texts))
	}
}

func closeIsFinal(r *trial) {
	r.up()
	r.arrive("before")
	Await(r.t, r.sink, text("before"))
	r.close()
	before := len(r.sink.Events())
	sent := r.arrive("after", "after that")
	r.within(Patience, "Inbound after Close", func() { <-sent })
	r.wait(sent)
	if events := r.sink.Events(); len(events) > before {
		r.t.Errorf("after Close, %s came", types(events[before:]))
	}
}

func closeEndsABlockedLink(r *trial) {
	r.up()
	r.block()
	r.close()
	if n := r.sink.Waiting(); n > 0 {
		r.t.Errorf("after Close, %d calls of Deliver still wait", n)
	}
}

func closeKeepsItsDeadline(r *trial) {
	r.up()
	r.Stall()
	ctx, cancel := context.WithTimeout(context.Background(), callDeadline)
	defer cancel()
	r.isOpen = false
	r.within(callDeadline+atOnce, "Close", func() { r.session.Close(ctx, "the network is silent") })
}

func closeLeavesNobody(r *trial) {
	r.up()
	r.send(Patience, transport.Message{Text: "hello"})
	if r.Inbound != nil {
		r.arrive("good night")
		Await(r.t, r.sink, text("good night"))
	}
	r.close()
	r.stop()
	r.census.nobodyLeft(r.t)
}

func closeAtOnceLeavesNobody(r *trial) {
	r.connect()
	r.close()
	r.stop()
	r.census.nobodyLeft(r.t)
}

func closeTwice(r *trial) {
	r.up()
	r.close()
	r.close()
}

func sendAfterClose(r *trial) {
	r.up()
	r.close()
	if err := r.send(callDeadline, transport.Message{Text: "anybody there?"}); err == nil {
		r.t.Error("Send after Close gave no error")
	}
}

func accountOpensAgain(r *trial) {
	for range 3 {
		r.sink = &Sink{}
		r.up()
		r.close()
	}
}

// runnerStops: begin has started Run.
func runnerStops(r *trial) {
	r.up()
	r.close()
	r.stop()
	r.census.nobodyLeft(r.t)
}

func sendWaitsForTheOutbox(r *trial) {
	r.up()
	r.Outbox.Block()
	m := transport.Message{Chat: r.Person, Text: "keep this", Origin: "origin", Request: "request", Sent: time.Now()}
	ctx, cancel := patiently()
	defer cancel()
	sent := make(chan error, 1)
	go func() {
		_, err := r.session.Send(ctx, m)
		sent <- err
	}()
	if err := r.Outbox.WaitBlocked(ctx); err != nil {
		r.t.Fatal(err)
	}
	select {
	case err := <-sent:
		r.t.Fatalf("Send returned %v before Put did", err)
	case <-time.After(moment):
	}
	r.Outbox.Unblock()
	if err := <-sent; err != nil {
		r.t.Fatalf("Send: %v", err)
	}
	items := r.Outbox.Items()
	if len(items) != 1 {
		r.t.Fatalf("the outbox holds %d items, want 1", len(items))
	}
	got := items[0]
	if got.User != r.Account.User || got.Chat != m.Chat || got.Text != m.Text || got.Origin != m.Origin || got.Request != m.Request {
		r.t.Errorf("the outbox holds %+v, made from %+v of %s", got, m, r.Account.User)
	}
}

func repeatIsStoredOnce(r *trial) {
	r.up()
	for _, request := range []transport.Request{"first", "second"} {
		err := r.send(Patience, transport.Message{Text: "once", Origin: "the same", Request: request})
		if err != nil {
			r.t.Errorf("Send of the %s: %v", request, err)
		}
	}
	if n := len(r.Outbox.Items()); n != 1 {
		r.t.Errorf("the outbox holds %d items, want 1", n)
	}
}

func sendFailsWithTheOutbox(r *trial) {
	r.up()
	full := errors.New("disk is full")
	r.Outbox.Fail(full)
	err := r.send(Patience, transport.Message{Text: "lost", Origin: "1"})
	if err == nil {
		r.t.Fatal("Send succeeded without storing the message")
	}
	if e, ok := errors.AsType[*transport.Error](err); ok && strings.Contains(e.Text, full.Error()) {
		r.t.Errorf("the user is shown %q, which is for the log", e.Text)
	}
	r.Outbox.Fail(nil)
	if err := r.send(Patience, transport.Message{Text: "kept", Origin: "2"}); err != nil {
		r.t.Errorf("Send once the outbox works again: %v", err)
	}
}

func fateIsTold(r *trial) {
	r.up()
	if err := r.send(Patience, transport.Message{Text: "how far", Origin: "1", Request: "the one"}); err != nil {
		r.t.Fatalf("Send: %v", err)
	}
	s := Await(r.t, r.sink, func(s transport.MessageStatus) bool { return s.Request == "the one" })
	if s.Chat != r.Person {
		r.t.Errorf("the status is of the chat %q, want %q", s.Chat, r.Person)
	}
	if (s.Err != nil) != (s.Status == transport.Failed) {
		r.t.Errorf("the status %d has the error %v: Failed has one, and nothing else", s.Status, s.Err)
	}
}

// unstoredComesAgain: a network repeats what was not acknowledged to it.
func unstoredComesAgain(r *trial) {
	r.up()
	r.sink.Fail(errors.New("disk is full"))
	err := r.Inbound("do not lose me")
	r.sink.Fail(nil)
	if err != nil {
		if err := r.Inbound("do not lose me"); err != nil {
			r.t.Fatalf("Inbound once the store works again: %v", err)
		}
	}
	Await(r.t, r.sink, text("do not lose me"))
}
