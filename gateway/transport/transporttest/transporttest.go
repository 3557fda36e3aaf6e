// Package transporttest checks that a network keeps the contract of package
// transport. It also holds the fakes that a transport's own tests need: a Sink
// that records events and an Outbox in memory.
package transporttest

import (
	"context"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
)

// A Subject is a network under test and a way to make its far side act.
// Network, Account and Person are needed. A check runs where the Subject has
// what it takes.
type Subject struct {
	Network transport.Network
	Account transport.Account
	Person  transport.Address // somebody who can be written to
	Room    transport.Address // one that the account may join; empty: no rooms

	// Inbound makes a message from Person arrive. It is called while a session
	// is open and after, from one goroutine at a time, though not always from
	// the one that calls the session. It may wait for the network to take the
	// message, and returns an error if the network refused it.
	// Nil: nothing ever arrives.
	Inbound func(text string) error

	// Connect makes the link come up where Open alone does not, for instance
	// by joining a room. Nil: Open does.
	Connect func(ctx context.Context, s transport.Session) error

	// NoLinkUp says that the network delivers no LinkUp: it has no link.
	NoLinkUp bool

	// Stall makes the far side stop answering while its connections stay open.
	// Nil: it can't.
	Stall func()

	// Answers are good ones to the form with which Account registers. Nil: there
	// are none, or nobody registers.
	Answers transport.Values

	// Outbox is the one in the Env of a Durable network.
	Outbox *Outbox
}

// Run checks the network that open makes, with a fresh one for every check. It
// runs networks that implement transport.Runner itself. What a Subject needs to
// have stopped afterwards is for t.Cleanup, in open.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	run(t, open, func(t *testing.T, check func(*testing.T)) { check(t) })
}

// RunInBubble is Run with every check in a testing/synctest bubble: for a
// network that opens no sockets. Waiting takes no time, and any delay where
// there should be none is found.
func RunInBubble(t *testing.T, open func(t *testing.T) Subject) {
	run(t, open, synctest.Test)
}

func run(t *testing.T, open func(t *testing.T) Subject, in func(*testing.T, func(*testing.T))) {
	var subject Subject
	if !t.Run("the subject is complete", func(t *testing.T) {
		in(t, func(t *testing.T) {
			subject = open(t)
			complete(t, subject)
		})
	}) {
		return
	}
	for _, c := range checks {
		if c.needs != nil && !c.needs(subject) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			in(t, func(t *testing.T) { c.run(begin(t, open(t))) })
		})
	}
}

// A check is one sentence of the contract.
type check struct {
	name  string
	needs func(Subject) bool // nil: every subject has it
	run   func(*trial)
}

var checks = []check{
	{"info has a name and a type", nil, infoIsComplete},
	{"a person and a room are resolved to themselves", nil, subjectsAddressesResolve},
	{"every address has one spelling", nil, addressesHaveOneSpelling},
	{"resolving does no I/O", nil, resolvingIsQuick},
	{"networks are called from many goroutines", nil, networkIsShared},

	{"open returns at once while the sink is blocked", nil, openIsQuick},
	{"open returns at once while the network is silent", canStall, openIsQuickInSilence},
	{"the link is up before the first message", all(inbound, hasLink), linkUpComesFirst},
	{"a message arrives from the one who sent it", inbound, messageArrives},
	{"events keep their order in a slow sink", inbound, eventsKeepOrder},

	{"send succeeds", nil, sendSucceeds},
	{"send does not wait for deliver", inbound, sendIgnoresTheSink},
	{"send returns by its deadline while the sink is blocked", inbound, sendKeepsItsDeadline},
	{"send returns by its deadline while the network is silent", canStall, sendKeepsItsDeadlineInSilence},
	{"send bears any text", nil, sendBearsAnyText},

	{"a closed sink ends the link quietly", inbound, closedSinkEndsTheLink},
	{"nothing is delivered after close", inbound, closeIsFinal},
	{"close ends a link that is blocked in deliver", inbound, closeEndsABlockedLink},
	{"close returns by its deadline while the network is silent", canStall, closeKeepsItsDeadline},
	{"close leaves no goroutine", nil, closeLeavesNobody},
	{"close before the link is up leaves no goroutine", nil, closeAtOnceLeavesNobody},
	{"close twice is safe", nil, closeTwice},
	{"send after close is an error", nil, sendAfterClose},
	{"a closed account can be opened again", nil, accountOpensAgain},
	{"run returns when its context ends", isRunner, runnerStops},

	{"a room that is joined is told whole", hasRoom, joinIsAnswered},
	{"a room that is joined again is told again", hasRoom, secondJoinIsAnswered},
	{"join does not wait for deliver", all(hasRoom, inbound), joinIgnoresTheSink},
	{"a room that is left is told so", hasRoom, leaveIsAnswered},
	{"a wish in a room is answered", hasRoom, wishesAreAnswered},

	{"forms are whole", isConfigurable, formsAreWhole},
	{"settings that are sent back as they were shown change nothing", isConfigurable, shownSettingsAreTaken},
	{"any answer is checked once and for all", isConfigurable, hostileAnswersAreChecked},
	{"commands lead somewhere", isCommander, commandsLeadSomewhere},
	{"what a network does itself asks or ends", performsItself, performancesAreSafe},
	{"what is kept of a conversation is known where nothing was set", isRecording, recordsAreKnown},

	{"registration forms are whole", registers, registrationFormsAreWhole},
	{"any answer to a registration is taken or explained", registers, hostileRegistrationsAreExplained},
	{"a registration is shown, kept and ended", hasAnswers, registrationIsShownKeptAndEnded},

	{"send returns once the outbox has the message", durable, sendWaitsForTheOutbox},
	{"a message that was sent twice is stored once", durable, repeatIsStoredOnce},
	{"send fails when the outbox does", durable, sendFailsWithTheOutbox},
	{"the fate of a stored message is told", durable, fateIsTold},
	{"a message that could not be stored comes again", all(durable, inbound), unstoredComesAgain},
}

func inbound(s Subject) bool  { return s.Inbound != nil }
func hasLink(s Subject) bool  { return !s.NoLinkUp }
func canStall(s Subject) bool { return s.Stall != nil }
func hasRoom(s Subject) bool  { return s.Room != "" }
func durable(s Subject) bool  { return s.Network.Info().Durable }
func isRunner(s Subject) bool { _, ok := s.Network.(transport.Runner); return ok }

func all(needs ...func(Subject) bool) func(Subject) bool {
	return func(s Subject) bool {
		for _, has := range needs {
			if !has(s) {
				return false
			}
		}
		return true
	}
}

func complete(t testing.TB, s Subject) {
	switch {
	case s.Network == nil:
		t.Fatal("the subject has no Network")
	case s.Account.User == "":
		t.Fatal("the subject's Account has no User")
	case s.Person == "":
		t.Fatal("the subject has no Person")
	case s.Network.Info().Durable && s.Outbox == nil:
		t.Fatal("the subject's network is Durable, but it has no Outbox")
	}
}
