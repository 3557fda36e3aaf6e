package faulty

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

type session struct {
	network *Network
	account transport.Account
	events  transport.Sink
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	pending chan transport.Event
	closed  bool
	nick    string // in the one room; empty outside
}

// awaited is an event whose fate somebody waits for.
type awaited struct {
	transport.MessageReceived
	stored chan error
}

func (s *session) queue(e transport.Event) error {
	if s.ctx.Err() != nil && s.network.Fault != DeliversAfterClose {
		return s.ctx.Err()
	}
	if s.ctx.Err() != nil {
		return s.events.Deliver(context.Background(), e)
	}
	select {
	case s.pending <- e:
		return nil
	default:
		return errors.New("the queue is full")
	}
}

func (s *session) run() {
	ctx := s.ctx
	if s.network.Fault == CloseWaitsForSink {
		ctx = context.Background()
	}
	for {
		select {
		case e := <-s.pending:
			if s.network.Fault == Unordered {
				s.running.Go(func() { s.deliver(ctx, e) })
			} else if errors.Is(s.deliver(ctx, e), transport.ErrClosed) {
				s.stop()
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *session) deliver(ctx context.Context, e transport.Event) error {
	a, wait := e.(awaited)
	if wait {
		e = a.MessageReceived
	}
	err := s.events.Deliver(ctx, e)
	for s.network.Fault == DeliversAgain && errors.Is(err, transport.ErrClosed) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
		err = s.events.Deliver(ctx, e)
	}
	if wait {
		a.stored <- err
	}
	return err
}

// Send implements transport.Session.
func (s *session) Send(ctx context.Context, m transport.Message) (transport.MessageID, error) {
	n := s.network
	switch {
	case s.ctx.Err() != nil && n.Fault != SendAfterCloseWorks:
		return "", &transport.Error{Reason: transport.Unreachable, Text: "the session is closed"}
	case n.Fault == SendFails:
		return "", errors.New("out of order")
	case n.Fault == SendPanics && strings.Contains(m.Text, "\n"):
		panic("line break")
	case n.Fault == SendWaitsForSink:
		s.events.Deliver(ctx, transport.Notice{Text: "sent"})
	case n.Fault == SendWaitsForever:
		s.events.Deliver(s.ctx, transport.Notice{Text: "sent"})
	case n.Fault == SendIgnoresContext && n.stalled():
		<-n.end
	case n.stalled():
		<-ctx.Done()
		return "", &transport.Error{Reason: transport.Unreachable, Err: ctx.Err()}
	case n.Durable:
		return "", s.store(ctx, m)
	}
	return "", nil
}

func (s *session) store(ctx context.Context, m transport.Message) error {
	item := transport.OutboxItem{User: s.account.User, Chat: m.Chat, Origin: m.Origin, Text: m.Text, Request: m.Request}
	switch s.network.Fault {
	case StoredTwice:
		item.Origin = ""
	case SendBeforePut:
		s.running.Go(func() { s.network.Outbox.Put(s.ctx, item) })
		return nil
	}
	_, stored, err := s.network.Outbox.Put(ctx, item)
	if err != nil && s.network.Fault != OutboxErrorIgnored {
		return &transport.Error{Reason: transport.Internal, Text: "the message was not stored", Err: err}
	}
	if stored && s.network.Fault != FateUntold {
		s.queue(transport.MessageStatus{Request: m.Request, Chat: m.Chat, Status: transport.Accepted})
	}
	return nil
}

// Close implements transport.Session.
func (s *session) Close(ctx context.Context, _ string) error {
	if s.closed && s.network.Fault == CloseTwicePanics {
		panic("close twice")
	}
	s.closed = true
	if s.network.Fault == CloseWaitsForNetwork && s.network.stalled() {
		<-s.network.end
	}
	s.stop()
	s.running.Wait()
	return nil
}

// Join implements transport.Rooms.
func (s *session) Join(ctx context.Context, room transport.Address, nick string, _ transport.JoinOptions) error {
	switch s.network.Fault {
	case JoinUnanswered:
		return nil
	case JoinWaitsForSink:
		s.events.Deliver(ctx, transport.Notice{Text: "joining"})
	}
	switch {
	case s.nick == "" || s.network.Fault == SecondJoinRenames:
		s.nick = nick
	case s.network.Fault == SecondJoinUnanswered:
		return nil
	}
	members := s.Members(room)
	if s.network.Fault == MembersWithoutUser {
		members = members[:1]
	}
	return s.queue(transport.RoomJoined{Room: room, Nick: s.nick, Members: members})
}

// Members implements transport.Rooms.
func (s *session) Members(transport.Address) []transport.Member {
	if s.network.Fault == MembersEmpty {
		return nil
	}
	return []transport.Member{{Nick: "juliet"}, {Nick: s.nick}}
}

// Leave implements transport.Rooms.
func (s *session) Leave(_ context.Context, room transport.Address, _ string) error {
	if s.network.Fault == LeaveUnanswered {
		return nil
	}
	s.nick = ""
	return s.queue(transport.RoomLeft{Room: room})
}

// SetNick implements transport.Rooms.
func (s *session) SetNick(_ context.Context, room transport.Address, nick string, _ transport.Request) error {
	return s.queue(transport.MemberRenamed{Room: room, Was: "checker", Member: transport.Member{Nick: nick}})
}

// SetSubject implements transport.Rooms.
func (s *session) SetSubject(_ context.Context, _ transport.Address, _ string, r transport.Request) error {
	if s.network.Fault == WishUnanswered {
		return nil
	}
	return s.queue(transport.Answered{Request: r, Err: &transport.Error{Reason: transport.Forbidden, Text: "only juliet may"}})
}
