package transport

import (
	"context"
	"net/http"
)

// Capabilities: a Session has those that it implements. What a session lacks
// is not in service discovery, and asking for it gets feature-not-implemented.
// Never wrap a Session: a wrapper hides what it can do.
type (
	// Rooms is implemented by a Session that has rooms. One call on a room is
	// answered by events; nothing here waits for the network's answer.
	Rooms interface {
		// Join is answered by RoomJoined or by RoomLeft with an error. For a
		// room that is joined already RoomJoined comes again, from what the
		// session knows: the gateway keeps no list of members of its own, and
		// asks so when one more of the user's clients comes in. The nick is
		// then ignored.
		Join(ctx context.Context, room Address, nick string, o JoinOptions) error
		// Leave is answered by RoomLeft.
		Leave(ctx context.Context, room Address, reason string) error
		// SetNick is answered by MemberRenamed, or by Answered with an error.
		SetNick(ctx context.Context, room Address, nick string, r Request) error
		// SetSubject is answered by SubjectChanged, or by Answered with an error.
		SetSubject(ctx context.Context, room Address, subject string, r Request) error
		// Members gives those in a joined room now, the user included, in no
		// order. It does no I/O, and may be ahead of the events.
		Members(room Address) []Member
	}

	// Moderation changes roles and affiliations in rooms, and removes people.
	Moderation interface {
		// Moderate is answered by an Answered event.
		Moderate(ctx context.Context, room Address, a Action) error
	}

	// Census is implemented by a Session that may not know all who are in a
	// room, as in huge ones.
	Census interface {
		// Count is answered by an Answered event, once MemberChanged events
		// have told of those who were not known: at once where all are.
		Count(ctx context.Context, room Address, r Request) error
	}

	// PresenceUpdates shows the user's availability to the network.
	PresenceUpdates interface {
		SetPresence(ctx context.Context, a Availability) error
	}
)

// Capabilities of a Network.
type (
	// Users is implemented by a Network that knows its users beforehand. The
	// sessions of an AlwaysOn network are opened for all of them at start.
	Users interface {
		Users() []Account
	}

	// Namer is implemented by a Network whose addresses say more than people
	// call somebody or something: "#garden", and "#garden on Verona".
	Namer interface {
		Names(a Address) (short, long string)
	}

	// Owned is implemented by a Network with addresses that not everybody may
	// use, because something of one user is in them.
	Owned interface {
		// Refuse says why an address is not for the user; nil means that it is.
		// It does no I/O.
		Refuse(user string, a Address) error
	}

	// Webhooks is implemented by a Network that is called over HTTP. The
	// handler gets the requests below the component's path.
	Webhooks interface {
		Webhooks() http.Handler
	}

	// Runner is implemented by a Network with work that no one user owns.
	// Run returns when ctx ends, and waits for its goroutines.
	Runner interface {
		Run(ctx context.Context) error
	}
)
