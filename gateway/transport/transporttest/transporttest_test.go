package transporttest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest/faulty"
)

func subject(t *testing.T, f faulty.Fault, durable bool) Subject {
	n := faulty.New(f)
	t.Cleanup(n.End)
	s := Subject{
		Network: n,
		Account: transport.Account{User: "romeo@example.org"},
		Person:  "juliet",
		Room:    "#garden",
		Inbound: n.Inbound,
		Stall:   n.Stall,
		Answers: transport.Values{"phone": {"1234"}},
	}
	if durable {
		s.Outbox = &Outbox{}
		n.Durable, n.Outbox = true, s.Outbox
	}
	return s
}

func TestNetworkWithoutFaultPasses(t *testing.T) {
	for _, durable := range []bool{false, true} {
		open := func(t *testing.T) Subject { return subject(t, faulty.None, durable) }
		t.Run(fmt.Sprintf("durable %t in a bubble", durable), func(t *testing.T) { RunInBubble(t, open) })
		t.Run(fmt.Sprintf("durable %t in real time", durable), func(t *testing.T) { Run(t, open) })
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	tests := []struct {
		fault faulty.Fault
		by    string
	}{
		{faulty.NamelessInfo, "info has a name and a type"},
		{faulty.WrongKind, "a person and a room are resolved to themselves"},
		{faulty.PlainResolveError, "every address has one spelling"},
		{faulty.ResolveByteForByte, "every address has one spelling"},
		{faulty.ResolvePanics, "every address has one spelling"},
		{faulty.ResolveUnsettled, "every address has one spelling"},
		{faulty.ResolveWaits, "resolving does no I/O"},
		{faulty.OpenWaitsForSink, "open returns at once while the sink is blocked"},
		{faulty.OpenWaitsForNetwork, "open returns at once while the network is silent"},
		{faulty.LinkUpLate, "the link is up before the first message"},
		{faulty.WrongChat, "a message arrives from the one who sent it"},
		{faulty.Unordered, "events keep their order in a slow sink"},
		{faulty.SendFails, "send succeeds"},
		{faulty.SendWaitsForSink, "send does not wait for deliver"},
		{faulty.SendWaitsForever, "send returns by its deadline while the sink is blocked"},
		{faulty.SendIgnoresContext, "send returns by its deadline while the network is silent"},
		{faulty.SendPanics, "send bears any text"},
		{faulty.DeliversAgain, "a closed sink ends the link quietly"},
		{faulty.DeliversAfterClose, "nothing is delivered after close"},
		{faulty.CloseWaitsForSink, "close ends a link that is blocked in deliver"},
		{faulty.CloseWaitsForNetwork, "close returns by its deadline while the network is silent"},
		{faulty.CloseLeavesGoroutine, "close leaves no goroutine"},
		{faulty.CloseLeavesGoroutine, "close before the link is up leaves no goroutine"},
		{faulty.CloseTwicePanics, "close twice is safe"},
		{faulty.SendAfterCloseWorks, "send after close is an error"},
		{faulty.OpensOnce, "a closed account can be opened again"},
		{faulty.RunGoesOn, "run returns when its context ends"},
		{faulty.JoinUnanswered, "a room that is joined is told whole"},
		{faulty.MembersWithoutUser, "a room that is joined is told whole"},
		{faulty.MembersEmpty, "a room that is joined is told whole"},
		{faulty.SecondJoinUnanswered, "a room that is joined again is told again"},
		{faulty.SecondJoinRenames, "a room that is joined again is told again"},
		{faulty.JoinWaitsForSink, "join does not wait for deliver"},
		{faulty.LeaveUnanswered, "a room that is left is told so"},
		{faulty.WishUnanswered, "a wish in a room is answered"},
		{faulty.FieldTwice, "forms are whole"},
		{faulty.DefaultRefused, "settings that are sent back as they were shown change nothing"},
		{faulty.LinesKept, "any answer is checked once and for all"},
		{faulty.CheckUnsettled, "any answer is checked once and for all"},
		{faulty.CommandToNowhere, "commands lead somewhere"},
		{faulty.CommandPanics, "what a network does itself asks or ends"},
		{faulty.CommandWaits, "what a network does itself asks or ends"},
		{faulty.CommandMute, "what a network does itself asks or ends"},
		{faulty.CommandAsksTwice, "what a network does itself asks or ends"},
		{faulty.CommandDoesAll, "what a network does itself asks or ends"},
		{faulty.RecordsFail, "what is kept of a conversation is known where nothing was set"},
		{faulty.RegisterUnlabelled, "registration forms are whole"},
		{faulty.RegisterUnexplained, "any answer to a registration is taken or explained"},
		{faulty.RegisterUnshown, "a registration is shown, kept and ended"},
		{faulty.SendBeforePut, "send returns once the outbox has the message"},
		{faulty.StoredTwice, "a message that was sent twice is stored once"},
		{faulty.OutboxErrorIgnored, "send fails when the outbox does"},
		{faulty.FateUntold, "the fate of a stored message is told"},
		{faulty.UnstoredLost, "a message that could not be stored comes again"},
	}
	found := map[string]bool{
		"networks are called from many goroutines": true, // by the race detector
	}
	for _, tt := range tests {
		found[tt.by] = true
		t.Run(string(tt.fault)+" is found by "+tt.by, func(t *testing.T) {
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == tt.by })
			if i < 0 {
				t.Fatalf("there is no check %q", tt.by)
			}
			synctest.Test(t, func(t *testing.T) {
				durable := checks[i].needs != nil && !checks[i].needs(subject(t, tt.fault, false))
				if failures := outcome(t, checks[i], subject(t, tt.fault, durable)); failures == "" {
					t.Errorf("the check %q passed", tt.by)
				} else {
					t.Log(failures)
				}
			})
		})
	}
	for _, c := range checks {
		if !found[c.name] {
			t.Errorf("no fault is made for the check %q", c.name)
		}
	}
}

// outcome runs a check and gives its failures.
func outcome(t *testing.T, c check, s Subject) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(begin(r, s))
	}()
	<-done
	return r.text()
}

// A recorder is a testing.TB whose failures are an outcome.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) Error(args ...any)                 { r.add(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.add(fmt.Sprintf(format, args...)) }
func (r *recorder) FailNow()                          { r.add("failed"); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)                 { r.add(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.add(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) add(failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, failure)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.failures, "\n")
}
