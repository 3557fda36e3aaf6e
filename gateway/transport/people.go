package transport

import (
	"context"
	"time"
)

// More capabilities of a Session. Each call with a Request is answered by one
// event that bears it: the one named here, or Answered with an error.
type (
	// RoomList finds the rooms of a server.
	RoomList interface {
		// ListRooms is answered by RoomsListed.
		ListRooms(ctx context.Context, server Address, r Request) error
	}

	// Bans lists who may not come into a room.
	Bans interface {
		// ListBans is answered by BansListed.
		ListBans(ctx context.Context, room Address, r Request) error
	}

	// Profiles tells who somebody is.
	Profiles interface {
		// Profile is answered by ProfileReceived.
		Profile(ctx context.Context, who Address, r Request) error
	}

	// Acquaintances tells what is known of somebody without asking. It does no
	// I/O.
	Acquaintances interface {
		Acquaintance(who Address) (Member, bool)
	}

	// Queries asks somebody's client.
	Queries interface {
		// Query is answered by QueryAnswered.
		Query(ctx context.Context, who Address, q Query, r Request) error
		// Reply answers a Queried event.
		Reply(ctx context.Context, who Address, q Query, token, text string) error
	}

	// Invitations asks people into rooms.
	Invitations interface {
		// Invite is answered by Answered.
		Invite(ctx context.Context, room Address, i Invitation) error
	}

	// Watching tells when people come and go: PresenceChanged events.
	Watching interface {
		Watch(ctx context.Context, who Address) error
		Unwatch(ctx context.Context, who Address) error
	}
)

// A Query is what one asks somebody's client.
type Query uint8

const (
	QueryVersion Query = iota
	QueryPing
	QueryTime
)

type (
	// RoomsListed gives a server's rooms.
	RoomsListed struct {
		Request Request
		Server  Address
		Rooms   []ListedRoom
	}

	// BansListed gives the masks that are banned from a room.
	BansListed struct {
		Request Request
		Room    Address
		Bans    []Ban
	}

	// ProfileReceived tells who somebody is.
	ProfileReceived struct {
		Request Request
		Profile
	}

	// QueryAnswered is what somebody's client said: a text for a version, their
	// time for a time, nothing for a ping.
	QueryAnswered struct {
		Request Request
		Text    string
		At      time.Time // in their zone
	}

	// Queried tells that somebody asks the user's client. Token goes into the
	// Reply.
	Queried struct {
		From  Address
		Query Query
		Token string
	}

	// Invited tells that somebody asks the user into a room.
	Invited struct {
		Room   Address
		By     string // nick
		Reason string
	}
)

// A ListedRoom is one in the list of a server.
type ListedRoom struct {
	Room    Address
	Name    string
	Members int
	Subject string
}

// An Invitation is a wish that somebody comes into a room. Exactly one of Nick
// and Who is set.
type Invitation struct {
	Nick    string
	Who     Address
	Reason  string
	Request Request
}

// A Ban is one entry in a room's list of them.
type Ban struct {
	Mask string
	Who  Address // what ends the ban as the Who of an Action; may be empty
	Mute bool    // they may come in, but not speak
	By   string
	At   time.Time
}

// String says it in a sentence.
func (b Ban) String() string {
	text := b.Mask + " is banned"
	if b.Mute {
		text = b.Mask + " may not speak"
	}
	if b.By != "" {
		text += ", by " + b.By
	}
	if !b.At.IsZero() {
		text += ", " + b.At.UTC().Format(time.DateOnly)
	}
	return text
}

// A Profile is what a network tells of somebody.
type Profile struct {
	Who      Address
	Nick     string
	FullName string
	Account  string        // the name that they are logged in under
	Host     string        // "user@host"
	Idle     time.Duration // negative: unknown
	Bot      bool
	Face     *Face
	Notes    []string // sentences with all else
}

func (RoomsListed) isEvent()     {}
func (BansListed) isEvent()      {}
func (ProfileReceived) isEvent() {}
func (QueryAnswered) isEvent()   {}
func (Queried) isEvent()         {}
func (Invited) isEvent()         {}
