// Package faulty is a network in memory with one fault at choice: each has to
// be found by a check of package transporttest.
package faulty

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// A Fault is a way to break the contract.
type Fault string

const (
	None                 Fault = "none"
	NamelessInfo         Fault = "info has no name"
	PlainResolveError    Fault = "resolve gives an error without a text"
	ResolveByteForByte   Fault = "resolve does not know capital letters"
	ResolvePanics        Fault = "resolve panics"
	ResolveUnsettled     Fault = "resolve changes its own answer"
	ResolveWaits         Fault = "resolve waits"
	WrongKind            Fault = "a person is resolved to a server"
	OpenWaitsForSink     Fault = "open waits for the sink"
	OpenWaitsForNetwork  Fault = "open waits for the network"
	LinkUpLate           Fault = "link up comes from a goroutine of its own"
	WrongChat            Fault = "a message is in the wrong chat"
	Unordered            Fault = "every event has a goroutine of its own"
	SendFails            Fault = "send fails with a plain error"
	SendWaitsForSink     Fault = "send waits for the sink"
	SendWaitsForever     Fault = "send waits for the sink beyond its deadline"
	SendIgnoresContext   Fault = "send ignores its context"
	SendPanics           Fault = "send panics on a line break"
	DeliversAgain        Fault = "what a closed sink refuses is delivered again"
	DeliversAfterClose   Fault = "events are delivered after close"
	CloseWaitsForSink    Fault = "close waits for the sink"
	CloseWaitsForNetwork Fault = "close waits for the network"
	CloseLeavesGoroutine Fault = "close leaves a goroutine"
	CloseTwicePanics     Fault = "close twice panics"
	SendAfterCloseWorks  Fault = "send after close works"
	OpensOnce            Fault = "an account opens once"
	RunGoesOn            Fault = "run does not return"
	JoinUnanswered       Fault = "a join is not answered"
	JoinWaitsForSink     Fault = "join waits for the sink"
	MembersWithoutUser   Fault = "the members lack the user"
	MembersEmpty         Fault = "nobody is found in a room"
	SecondJoinUnanswered Fault = "a second join is not answered"
	SecondJoinRenames    Fault = "a second join changes the nick"
	LeaveUnanswered      Fault = "leaving is not answered"
	WishUnanswered       Fault = "a wish is not answered"
	FieldTwice           Fault = "a field is in its form twice"
	DefaultRefused       Fault = "a form is refused as it was shown"
	LinesKept            Fault = "a line break is kept in a value"
	CheckUnsettled       Fault = "checking again changes the values"
	CommandToNowhere     Fault = "a command leads to no form"
	CommandPanics        Fault = "a command panics on no answers"
	CommandWaits         Fault = "a command waits beyond its deadline"
	CommandMute          Fault = "a command ends without a word"
	CommandAsksTwice     Fault = "a command asks one thing twice"
	CommandDoesAll       Fault = "a command that there is not is done"
	RecordsFail          Fault = "what is kept is not known"
	RegisterUnlabelled   Fault = "a field of the registration has no label"
	RegisterUnexplained  Fault = "a registration is refused without a word"
	RegisterUnshown      Fault = "a registration is not shown"
	SendBeforePut        Fault = "send returns before the outbox has the message"
	StoredTwice          Fault = "origin is not stored"
	OutboxErrorIgnored   Fault = "an error of the outbox is ignored"
	FateUntold           Fault = "no status is told"
	UnstoredLost         Fault = "a message that could not be stored is acknowledged"
)

// A Network breaks the contract in one way. It has one user at a time.
type Network struct {
	Fault   Fault
	Durable bool
	Outbox  transport.Outbox // for a durable one

	mu       sync.Mutex
	sessions []*session // the last one is open
	silent   bool
	end      chan struct{}
}

// New makes a network with a fault.
func New(f Fault) *Network { return &Network{Fault: f, end: make(chan struct{})} }

// End frees all that the fault keeps waiting.
func (n *Network) End() {
	close(n.end)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.sessions {
		s.stop()
	}
}

// Stall makes the network stop answering.
func (n *Network) Stall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
}

func (n *Network) stalled() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.silent
}

// Info implements transport.Network.
func (n *Network) Info() transport.Info {
	if n.Fault == NamelessInfo {
		return transport.Info{Type: "generic"}
	}
	return transport.Info{Name: "Faulty", Type: "generic", Durable: n.Durable}
}

// Resolve implements transport.Network.
func (n *Network) Resolve(text string) (transport.Address, transport.Kind, error) {
	address := strings.ToLower(strings.TrimSpace(text))
	kind := transport.Person
	if strings.HasPrefix(address, "#") {
		kind = transport.Room
	}
	switch n.Fault {
	case ResolveWaits:
		time.Sleep(10 * time.Millisecond)
	case ResolvePanics:
		address = address[:1] + address[1:]
	case ResolveUnsettled:
		address += "."
	case ResolveByteForByte:
		address = strings.TrimSpace(text)
	case WrongKind:
		kind = transport.Server
	}
	unfit := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case address != "" && len(address) <= 300 && utf8.ValidString(address) && !strings.ContainsFunc(address, unfit):
		return transport.Address(address), kind, nil
	case n.Fault == PlainResolveError:
		return "", 0, errors.New("bad address")
	}
	return "", 0, &transport.Error{Reason: transport.BadAddress, Text: "an address is a short name"}
}

// Open implements transport.Network.
func (n *Network) Open(a transport.Account, events transport.Sink) (transport.Session, error) {
	if n.Fault == OpenWaitsForNetwork && n.stalled() {
		<-n.end
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Fault == OpensOnce && len(n.sessions) > 0 {
		return nil, &transport.Error{Reason: transport.Conflict, Text: "your account is open"}
	}
	s := &session{network: n, account: a, events: events, pending: make(chan transport.Event, 64)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	n.sessions = append(n.sessions, s)
	switch n.Fault {
	case OpenWaitsForSink:
		events.Deliver(context.Background(), transport.LinkUp{})
	case LinkUpLate:
		s.running.Go(func() { events.Deliver(s.ctx, transport.LinkUp{}) })
	default:
		s.pending <- transport.LinkUp{}
	}
	if n.Fault == CloseLeavesGoroutine {
		go func() { <-n.end }()
	}
	s.running.Go(s.run)
	return s, nil
}

// Run implements transport.Runner.
func (n *Network) Run(ctx context.Context) error {
	<-ctx.Done()
	if n.Fault == RunGoesOn {
		<-n.end
	}
	return ctx.Err()
}

// Inbound makes a message from juliet arrive. On a durable network it returns
// once the sink has it.
func (n *Network) Inbound(text string) error {
	n.mu.Lock()
	s := n.sessions[len(n.sessions)-1]
	n.mu.Unlock()
	m := transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: text}}
	if n.Fault == WrongChat {
		m.Chat = "Juliet"
	}
	if !n.Durable {
		return s.queue(m)
	}
	if n.Fault == UnstoredLost {
		s.events.Deliver(s.ctx, m)
		return nil
	}
	stored := make(chan error, 1)
	if err := s.queue(awaited{m, stored}); err != nil {
		return err
	}
	select {
	case err := <-stored:
		return err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
