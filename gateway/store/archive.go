package store

import (
	"context"
	"errors"
	"time"

	"gatehouse/gateway/transport"
)

// An Archive keeps what users saw, for XEP-0313. A user reads what they saw
// themselves and nothing else, however many saw the same.
type Archive interface {
	// Add keeps a message. It never blocks: the message is written at most
	// 100 ms later, and by Close at the latest. Where messages of the user come
	// faster than that, room is given: who adds more should wait until it is
	// closed, at most as long as the disk may take. Other users have room then.
	// Of those that nobody waited with, 65,536 messages or 32 MiB of text wait
	// for the disk; further ones are dropped, counted and logged.
	Add(m Archived) (room <-chan struct{})

	// Import keeps messages of the past and returns once the disk has them.
	// What a user has already, in the same chat under the same ID, is left out:
	// it may be given again. Added counts the rest.
	Import(ctx context.Context, messages []Archived) (added int, err error)

	// Page gives a part of what a user saw, oldest first. It knows of every Add
	// before it. An id that the user never saw is ErrNotArchived.
	Page(ctx context.Context, q ArchiveQuery) (ArchivePage, error)

	// Ends gives the first and the last message that a user saw in a chat, or
	// "" for all private conversations. Any is false if there is none.
	Ends(ctx context.Context, component, user string, chat transport.Address) (first, last ArchiveMark, any bool, err error)

	// Chats gives up to MaxChats conversations of which a user saw something,
	// by address.
	Chats(ctx context.Context, component, user string) ([]transport.Address, error)

	// Dropped counts the messages that were not kept.
	Dropped() uint64
}

// MaxChats is how many conversations Archive.Chats gives.
const MaxChats = 10_000

// ErrNotArchived says that a message is not in the archive, or no longer, or
// that the user never saw it.
var ErrNotArchived = errors.New("there is no such message in the archive")

// An Archived is one message as one user saw it. What several users saw alike
// under the same ID is stored once.
type Archived struct {
	Component string
	User      string
	Chat      transport.Address
	Private   bool // a conversation with one person: part of "all private conversations"

	ID       string // in the archive, as it was shown (XEP-0359)
	Fresh    bool   // ID was made for this message: no other user has it
	StanzaID string // the id of the stanza
	Origin   string // XEP-0359 §3.2; may be empty
	Nick     string // in a room: who said it
	Occupant string // XEP-0421; may be empty
	Sent     bool   // in a private conversation: by the user
	Text     string
	Beside   string // what it is beside its text, in a form of the gateway's; empty: nothing
	File     string // what the text is the link of, in a form of the gateway's; empty: nothing
	Retracts string // what is taken back by it: an ID, StanzaID or Origin in the same chat; empty: nothing

	// Retractions are those of it that the user saw, oldest first; Page gives
	// them.
	Retractions []Archived

	// At is when it was said, exact to the microsecond. The store moves it by
	// some microseconds so that the messages of a user have the order in which
	// they were added.
	At time.Time
	// Late puts the message where At says, before what was added earlier.
	Late bool
}

// An ArchiveQuery asks for a page of what a user saw.
type ArchiveQuery struct {
	Component string
	User      string
	Chat      transport.Address // "": all private conversations

	// What belongs to the result as a whole. Zero values are no limits.
	Start, End        time.Time // both inclusive
	AfterID, BeforeID string    // both exclusive
	IDs               []string  // only these; all must be there
	Nick              string    // only what this member of the room said

	// Which page of it (XEP-0059 §2).
	Max           int
	After, Before string // both exclusive
	Last          bool   // the page ends at the end
	Index         int    // how many come before it
	Counted       bool   // Index and Count of the page are wanted, unless they take long
}

// An ArchivePage is what a query found.
type ArchivePage struct {
	Messages []Archived
	Complete bool // nothing lies beyond the page, in the direction that was asked for
	Index    int  // of the first message in the whole result; negative: unknown
	Count    int  // of the whole result; negative: unknown
}

// An ArchiveMark is the place of one message.
type ArchiveMark struct {
	ID string
	At time.Time
}
