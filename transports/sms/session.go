package sms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"gatehouse/gateway/transport"
)

// A session is one user's link. There is no connection behind it: the
// provider is the network's, so the link is up as soon as it is open.
type session struct {
	network *Network
	user    string // bare JID, as the gateway spells it
	events  transport.Sink

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	up      chan struct{} // closed once LinkUp is delivered
	turn    chan struct{} // holds one token: whoever has it delivers
	mu      sync.Mutex    // guards closed; deliveries are counted under it
	closed  bool
	running sync.WaitGroup // deliveries, the start, and what answers calls

	groups groups
}

// Open implements transport.Network.
func (n *Network) Open(account transport.Account, events transport.Sink) (transport.Session, error) {
	if err := n.enrol(account); err != nil {
		return nil, err
	}
	if len(n.lines.of(account.User)) == 0 {
		return nil, n.noNumber()
	}
	n.useSettings(account.User)
	ctx, stop := context.WithCancel(context.Background())
	s := &session{
		network: n, user: account.User, events: events,
		ctx: ctx, stop: stop,
		up: make(chan struct{}), turn: make(chan struct{}, 1),
		groups: newGroups(),
	}
	s.turn <- struct{}{}
	n.add(s)
	s.running.Go(s.start)
	return s, nil
}

// start tells that the link is up. Everything else waits for it, so it goes
// on until the gateway has it.
func (s *session) start() {
	for tries := 1; ; tries++ {
		err := s.events.Deliver(s.ctx, transport.LinkUp{})
		if err == nil {
			break
		}
		if errors.Is(err, transport.ErrClosed) || !sleep(s.ctx, backoff(tries, retryFirst, pauseMost)) {
			return
		}
	}
	close(s.up)
	if t := s.network.lines.trunkOf(strings.Join(first(s.network.lines.of(s.user)), "")); t != nil && t.isRefused() {
		if err := s.deliver(s.ctx, lostTrust()); err != nil {
			s.network.log.Info("that an account can't be used is not shown", "error", err)
		}
	}
	// What was reported while the user had no session can be told now.
	s.network.wakeScan()
}

// deliver gives one event to the gateway, in turn. Nil means that it is stored.
func (s *session) deliver(ctx context.Context, e transport.Event) error {
	return s.inTurn(ctx, delivery(e))
}

// A handover gives the gateway something.
type handover func(context.Context, transport.Sink) error

func delivery(e transport.Event) handover {
	return func(ctx context.Context, to transport.Sink) error { return to.Deliver(ctx, e) }
}

// inTurn hands over once what comes before is delivered.
func (s *session) inTurn(ctx context.Context, hand handover) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return transport.ErrClosed
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()

	for _, ready := range []<-chan struct{}{s.up, s.turn} {
		select {
		case <-ready:
		case <-ctx.Done():
			return s.ended(ctx)
		}
	}
	defer func() { s.turn <- struct{}{} }()
	if err := hand(ctx, s.events); err != nil {
		return fmt.Errorf("deliver to the gateway: %w", err)
	}
	return nil
}

// ended gives the error of a wait that was cut short.
func (s *session) ended(ctx context.Context) error {
	if s.ctx.Err() != nil {
		return transport.ErrClosed
	}
	return fmt.Errorf("wait for the session: %w", ctx.Err())
}

// Close implements transport.Session.
func (s *session) Close(ctx context.Context, _ string) error {
	s.network.remove(s)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close session: %w", ctx.Err())
	}
}
