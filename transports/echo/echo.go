// Package echo is the smallest complete transport: whoever is written to
// answers with the same text. Read it first when you write one of your own.
package echo

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// Driver makes echo networks.
var Driver = transport.Driver{Name: "echo", Options: func() transport.Options { return &Options{} }}

// Options are the table [component.echo]. They implement transport.Options.
type Options struct {
	Delay time.Duration `toml:"delay"` // before each answer
}

func (o *Options) Check() error {
	if o.Delay < 0 || o.Delay > time.Minute {
		return &transport.OptionError{Key: "delay", Problem: `must be from "0s" to "1m"`}
	}
	return nil
}

func (o *Options) New(transport.Env) (transport.Network, error) { return &network{*o}, nil }

type network struct{ options Options }

func (n *network) Info() transport.Info {
	return transport.Info{Name: "Echo", Type: "generic", Reachable: true, Prompt: "Write to any name, like juliet"}
}

var validName = regexp.MustCompile(`^[\p{L}\p{M}\p{N}._-]+$`)

func (n *network) Resolve(text string) (transport.Address, transport.Kind, error) {
	name := strings.ToLower(strings.TrimSpace(text))
	if !validName.MatchString(name) || utf8.RuneCountInString(name) > 200 {
		return "", 0, &transport.Error{Reason: transport.BadAddress, Text: "An address here is any one word, like juliet"}
	}
	return transport.Address(name), transport.Person, nil
}

func (n *network) Open(_ transport.Account, events transport.Sink) (transport.Session, error) {
	ctx, stop := context.WithCancel(context.Background())
	s := &session{delay: n.options.Delay, events: events, sent: make(chan transport.Message, 16), closing: ctx, stop: stop}
	s.running.Go(s.run)
	return s, nil
}

type session struct {
	delay   time.Duration
	events  transport.Sink
	sent    chan transport.Message
	closing context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

func (s *session) Send(_ context.Context, m transport.Message) (transport.MessageID, error) {
	if s.closing.Err() != nil {
		return "", &transport.Error{Reason: transport.Unreachable, Text: "The echo has gone"}
	}
	select {
	case s.sent <- m:
		return "", nil
	default: // run waits for the sink, which Send must not do
		return "", &transport.Error{Reason: transport.RateLimited, Text: "Too fast for the echo", RetryAfter: time.Second}
	}
}

func (s *session) run() {
	err := s.events.Deliver(s.closing, transport.LinkUp{})
	for err == nil {
		select {
		case m := <-s.sent:
			select {
			case <-time.After(s.delay):
			case <-s.closing.Done():
				return
			}
			answer := transport.Message{Chat: m.Chat, Text: m.Text, Sent: time.Now()}
			err = s.events.Deliver(s.closing, transport.MessageReceived{Message: answer})
		case <-s.closing.Done():
			return
		}
	}
}

func (s *session) Close(context.Context, string) error {
	s.stop()
	s.running.Wait()
	return nil
}
