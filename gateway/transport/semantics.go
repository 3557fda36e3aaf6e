package transport

import (
	"context"
	"time"
)

// Features are what a chat can carry beside plain text.
type Features uint16

const (
	CarriesActions     Features = 1 << iota // a text that "/me " leads
	CarriesReplies                          // Message.ReplyTo
	CarriesReactions                        // Reactions
	CarriesRetractions                      // Retractions, of the user's own messages
	CarriesModeration                       // Retractions, of others' messages
	CarriesCorrections                      // Corrections
	CarriesChatStates                       // ChatStates
	CarriesMarkers                          // Markers
	CarriesRenaming                         // Renaming
	CarriesNames                            // Message.As
)

// Has says that all of the given are among them.
func (f Features) Has(all Features) bool { return f&all == all }

// What a message can be beside text. A Session implements what its network may
// have; whether a chat has it just now is what Carrier says, and without
// Carrier no chat has anything. For what is not carried the gateway sends
// something that people can read, or refuses it.
type (
	// Carrier tells what a chat carries.
	Carrier interface {
		// Carries does no I/O. What it says may change at any time.
		Carries(chat Address) Features
	}

	// Reactions adds to what the user thinks of a message, or takes it back.
	Reactions interface {
		// React is answered by Answered, or only by MessageReacted where the
		// network shows the user's own reactions; in rooms it must.
		React(ctx context.Context, r Reaction) error
	}

	// Retractions takes messages back.
	Retractions interface {
		// Retract is answered by Answered. In rooms MessageRetracted tells
		// everybody, the user too.
		Retract(ctx context.Context, r Retraction) error
	}

	// Corrections puts another text in the place of one of the user's own.
	Corrections interface {
		// Correct is as Session.Send for a message in the place of another.
		Correct(ctx context.Context, of MessageID, m Message) (MessageID, error)
	}

	// ChatStates shows that the user is writing.
	ChatStates interface {
		// SetComposing is best effort. Nick is as in Message.
		SetComposing(ctx context.Context, chat Address, nick string, c Composing) error
	}

	// Markers shows how far the user has read.
	Markers interface {
		// MarkDisplayed is best effort.
		MarkDisplayed(ctx context.Context, m Marker) error
	}
)

// Composing says whether somebody is writing a message.
type Composing uint8

const (
	NotComposing Composing = iota // they sent it, or gave it up
	IsComposing
	HasPaused
)

// A Marker says that the user has read a message, and all before it.
type Marker struct {
	Chat Address
	Nick string // as in Message
	ID   MessageID
	At   time.Time // when it was said, as the network has it; may be zero
}

// A Reply says which message another one answers.
type Reply struct {
	ID   MessageID
	Nick string // in a room: whose it is, where known
	Text string // what it says, or how it begins, where known
}

// A Reaction is what somebody thinks of a message now, or does not any more.
type Reaction struct {
	Chat    Address
	Nick    string    // as in Message
	Sender  string    // Member.Identity of who reacts, where known
	To      MessageID // the message, where the network names it
	Quoted  string    // else how it begins, where the network quotes it
	Add     []string  // emoji, or what people have in place of them
	Remove  []string
	Request Request // of the call; in an event, of the call that it shows

	// Instead is the text that says the same, where the network brought one: it
	// is shown if nobody knows the message any more.
	Instead Message
}

// A Retraction takes back a message.
type Retraction struct {
	Chat    Address
	Nick    string // as in Message
	ID      MessageID
	By      string // in an event, in a room: nick of who does it
	Sender  string // in an event: Member.Identity of theirs, where known
	Reason  string
	Request Request
}

type (
	// MessageCorrected tells of another text for a message: Message is the
	// whole of the new one.
	MessageCorrected struct {
		Of MessageID
		Message
	}

	// MessageRetracted tells that a message was taken back.
	MessageRetracted struct{ Retraction }

	// MessageReacted tells what somebody thinks of a message.
	MessageReacted struct{ Reaction }

	// DisplayedElsewhere tells how far the user has read in a room with another
	// client of theirs on the network. At is when the last message that was read
	// was said; zero: as far as the network knows, nothing was read.
	DisplayedElsewhere struct {
		Chat Address
		At   time.Time
		Last MessageID // that message, where it is known
	}

	// ComposingChanged tells that somebody writes, or does not any more. The
	// transport ends what its network does not end.
	ComposingChanged struct {
		Chat      Address
		Nick      string // as in Message
		Sender    string
		Composing Composing
	}
)

func (MessageCorrected) isEvent()   {}
func (MessageRetracted) isEvent()   {}
func (MessageReacted) isEvent()     {}
func (ComposingChanged) isEvent()   {}
func (DisplayedElsewhere) isEvent() {}

// Echoed, as the id that Session.Send returns, says that the network will show
// the message itself: in a room as MessageReceived with its Request, one for
// each part of it that is a message there, with a person as MessageStatus
// Accepted with its id, one for each part that has one. Failed ends it too.
const Echoed MessageID = "\x00"

// Preferring is implemented by a Network whose users choose what is sent for
// what it can't carry.
type Preferring interface {
	// Preference may wait for Settings, so it is never called from a session's
	// goroutine.
	Preference(user string, at Address) (Preference, error)
}

// A Preference is what a user wants to be sent.
type Preference struct {
	Corrections   Correcting
	HideReactions bool // refuse them rather than write them as text
}

// Correcting says what is sent for a correction that can't be carried.
type Correcting uint8

const (
	CorrectByDiff   Correcting = iota // a line with what changed
	CorrectByRepeat                   // all of the text again
	CorrectNever                      // nothing: it is refused
)
