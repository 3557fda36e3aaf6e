package transport

import (
	"context"
	"time"
)

// History is implemented by a Session whose network may keep what was said, for
// those who were not there. Networks that do so have it ask for it; what they
// answer is no news, and goes where its time says.
type History interface {
	// Hears says whether the network keeps what is said in a chat, and since
	// when the session itself hears all of it: since is zero if it does not. It
	// does no I/O. What it says may change at any time.
	Hears(chat Address) (since time.Time, kept bool)

	// Fetch is answered by HistoryFetched, or by Answered with an error: NotFound
	// where the network knows of no such chat. A few calls wait for each other.
	Fetch(ctx context.Context, q HistoryQuery, r Request) error
}

// A Mark is a place in a chat's history: that of a message, where ID says which,
// or else a time. The zero Mark is no limit.
type Mark struct {
	ID MessageID
	At time.Time
}

// IsZero says that there is no limit.
func (m Mark) IsZero() bool { return m.ID == "" && m.At.IsZero() }

// A HistoryQuery asks for a part of a chat's history, or where Chat is a server
// for the chats in which something was said. Both ends are exclusive, as exactly
// as the network knows them: what lies at them may come again.
type HistoryQuery struct {
	Chat          Address
	After, Before Mark
	Around        Mark // what is on both sides of it, instead of the two
	Newest        bool // if there is too much, the newest of it; else the oldest
	Max           int
}

// A HistoryItem is one thing of the past. Event is a MessageReceived, a
// MessageReacted, a MessageRetracted or a SubjectChanged.
type HistoryItem struct {
	At    time.Time
	Own   bool // with a person: the user's
	Event Event
}

// A HistoryChat is one of a server in which something was said.
type HistoryChat struct {
	Chat Address
	Last time.Time
}

// HistoryFetched answers History.Fetch.
type HistoryFetched struct {
	Request Request
	Chat    Address
	Items   []HistoryItem // the oldest first
	Chats   []HistoryChat // of a server

	// Complete says that the network has nothing in the part that was asked for.
	// Else the answer reaches from Oldest to Newest, with what is no item.
	Complete       bool
	Oldest, Newest Mark
}

func (HistoryFetched) isEvent() {}
