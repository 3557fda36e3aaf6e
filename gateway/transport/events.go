package transport

import "time"

// An Event is something that happened on the network.
type Event interface{ isEvent() }

type (
	// LinkUp says that a server can be used now. A network without servers of
	// its own leaves Server empty.
	LinkUp struct{ Server Address }

	// LinkDown says that a server can't be used. RetryIn 0 means that the
	// transport has given up. Rooms stay joined while it retries: it joins
	// them again itself, and RoomJoined or RoomLeft events tell how that went.
	LinkDown struct {
		Server  Address
		Err     error
		RetryIn time.Duration
	}

	// MessageReceived is a message from somebody, or in a room from anybody:
	// the user's own messages come back this way only where the network
	// echoes them.
	MessageReceived struct{ Message }

	// MessageStatus tells how a message that was sent fared. Err is set with
	// Failed.
	MessageStatus struct {
		Request Request
		Chat    Address
		Who     Address // with a room that gets copies: whose this is
		ID      MessageID
		Status  Status
		Err     error
	}

	// PresenceChanged tells of somebody whom the user watches.
	PresenceChanged struct {
		Who Address
		Availability
	}

	// RoomJoined gives the whole of a room: at the join, and again whenever the
	// transport has joined it anew after a lost link.
	RoomJoined struct {
		Room    Address
		Nick    string // the user's own, which may differ from the one asked for
		Subject Subject
		Members []Member // the user's own entry included
		Modes   RoomModes
	}

	// RoomLeft tells that the user is out of the room, or never got in.
	RoomLeft struct {
		Room   Address
		Why    Departure
		By     string // nick of who did it, for Kicked and Banned
		Reason string
		Err    error // why a join was refused, or the link lost

		Affiliation Affiliation // the user's, which a kick leaves them
	}

	// RoomChanged tells that the room's modes changed.
	RoomChanged struct {
		Room  Address
		Modes RoomModes
	}

	// SubjectChanged tells of a new subject, or of one found at the join.
	SubjectChanged struct {
		Room Address
		Subject
	}

	// MemberChanged tells of somebody who came in, or whose role, affiliation
	// or availability changed.
	MemberChanged struct {
		Room Address
		Member
		Joined bool   // they came in
		By     string // nick of who changed it, where known
		Reason string
	}

	// MemberRenamed tells of a new nick, the user's own too.
	MemberRenamed struct {
		Room Address
		Was  string
		Member
	}

	// MemberLeft tells of somebody else's leaving. Member is as they were last.
	MemberLeft struct {
		Room Address
		Member
		Why    Departure
		By     string
		Reason string
	}

	// Answered ends a call that took a Request. Err nil means done.
	Answered struct {
		Request Request
		Err     error
	}

	// Notice is a text from the network itself to the user.
	Notice struct {
		From Address // the server that says it; empty: the network
		Text string
	}
)

// A Departure is why somebody is no longer in a room.
type Departure int

const (
	Parted   Departure = iota
	Kicked             // XEP-0045 §8.2, status 307
	Banned             // §9.1, status 301
	LinkLost           // status 333
	Refused            // the join never succeeded
)

// A Subject is a room's subject and who set it when, where known.
type Subject struct {
	Text   string
	By     string // nick
	Sender string // Member.Identity of theirs, where known
	At     time.Time
}

// RoomModes are what service discovery tells of a room (XEP-0045 §6.4).
type RoomModes struct {
	MembersOnly       bool // muc_membersonly
	Moderated         bool // muc_moderated
	PasswordProtected bool // muc_passwordprotected
	Hidden            bool // muc_hidden
	SubjectByMods     bool // only moderators change the subject
}

func (LinkUp) isEvent()          {}
func (LinkDown) isEvent()        {}
func (MessageReceived) isEvent() {}
func (MessageStatus) isEvent()   {}
func (PresenceChanged) isEvent() {}
func (RoomJoined) isEvent()      {}
func (RoomLeft) isEvent()        {}
func (RoomChanged) isEvent()     {}
func (SubjectChanged) isEvent()  {}
func (MemberChanged) isEvent()   {}
func (MemberRenamed) isEvent()   {}
func (MemberLeft) isEvent()      {}
func (Answered) isEvent()        {}
func (Notice) isEvent()          {}
