// Package transport is the contract between the gateway and a foreign network.
//
// The gateway calls a Network and the Sessions it opens; a Session answers
// with Events. Nothing in this package knows XML, and nothing above it knows
// how any network works.
package transport

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// An Address names a person, a room or a server in the network's own
// spelling: "+15551234567", "juliet%irc.example.org", "#garden%irc.example.org".
// It is the unescaped local part of the JID that stands for it. The gateway
// stores and compares addresses but never looks inside them.
type Address string

// A MessageID is the network's name for a message, or empty if it has none.
type MessageID string

// A Request is the gateway's own note about a call. A transport keeps it as
// long as the call is open, across restarts on a Durable network, and gives
// it back in the event that answers the call. It never looks inside.
type Request string

// A Kind is what an Address names.
type Kind int

const (
	Person Kind = iota
	Room
	Server // the network's own console
)

// A Network is one foreign network, configured once per XMPP component.
// Its methods are called from many goroutines.
type Network interface {
	// Info describes the network for service discovery. It never blocks.
	Info() Info

	// Resolve gives the one spelling of the address written in the local part
	// of a JID, and says what it names. It does no I/O. An Error with the
	// reason BadAddress explains to a person what a good address looks like.
	Resolve(text string) (Address, Kind, error)

	// Open starts a user's session and returns at once: connecting goes on in
	// the background and ends in LinkUp or LinkDown events. An Error with the
	// reason NotRegistered refuses somebody who has no account.
	Open(account Account, events Sink) (Session, error)
}

// A Session is one user's link to the network, from Open to Close.
// The gateway calls its methods from one goroutine.
type Session interface {
	// Send delivers a message and returns the network's id for it, which may
	// be empty. It may wait for the network until ctx ends, but never for
	// Sink.Deliver. On a Durable network it returns once the message is
	// stored, and MessageStatus events tell the rest.
	Send(ctx context.Context, m Message) (MessageID, error)

	// Close ends the link and waits for its goroutines.
	// No event is delivered after it returns.
	Close(ctx context.Context, reason string) error
}

// A Sink takes the events of one session, in order. LinkUp comes before
// whatever needs the link.
type Sink interface {
	// Deliver blocks while the user's queue is full, so a slow user slows
	// only their own link. It returns ErrClosed once the session is closing.
	// On a Durable network, nil means that the event is stored. Close must end
	// a call that blocks: ctx is the session's own.
	Deliver(ctx context.Context, e Event) error
}

// Info describes a network to people and to service discovery.
type Info struct {
	Name     string // "Libera Chat"
	Type     string // a registered gateway type (XEP-0030 registrar): "irc", "sms"
	AlwaysOn bool   // sessions stay open while the user is offline
	Durable  bool   // a message that is lost here is never repeated by the network
	// Reachable says that everybody on it can be written to at any time, as
	// phones can: they are shown as available.
	Reachable bool
	Closed    bool              // of a network with Registration: nobody registers, the operator names its users
	Prompt    string            // what to type to reach somebody (XEP-0100 §6.3); may be empty
	Prompts   map[string]string // the same in other languages: "de"

	Media   bool      // Message.Media is heeded; otherwise the links are in the text
	Rooms   bool      // its sessions implement Rooms
	Groups  bool      // and Groups
	Lists   bool      // and RoomList
	People  bool      // and Profiles, Queries and Watching
	Crowd   int       // in rooms of more people those who come and go are told of together; 0: never
	Servers []Address // those that everybody can use, as far as they are known beforehand
	Home    Address   // the only server there is: the gateway's own address stands for it too
}

// An Account is a user of one network.
type Account struct {
	User     string            // bare JID
	Settings map[string]string // the answers to the registration form
}

// Env is what the gateway lends a network when it is made.
type Env struct {
	Log    *slog.Logger
	Outbox Outbox // nil unless the component has a store

	Settings Settings // what users set
	Accounts Accounts // what those entered who have registered; nil without a store
	Records  Records  // nil unless the component has a store

	// TellAdmins sends a text to the gateway's administrators. It never blocks,
	// and may be lost. Nil: there is nobody to tell.
	TellAdmins func(text string)

	Files Files        // nil where no files are hosted or fetched, as in a dry run
	HTTP  *http.Client // for URLs that users name, such as an address book's: guarded.Client

	// Secret is the component's own, the same as long as its store lives: for
	// values that tell users apart and do not say who they are. Nil without a
	// store.
	Secret []byte
}

// A Message is one text, in either direction.
type Message struct {
	ID      MessageID
	Request Request // from the gateway to the network; back with the user's own message, see Echoed
	Chat    Address // the person, room or server that the message is in
	Nick    string  // in a room: who wrote it; to a room: empty, or the one member whom it is for; with a person: the resource, where the address alone names nobody
	As      string  // to a room that CarriesNames: who says it, where the user only passes it on
	Origin  string  // its name at its sender: one user's message with the same Origin, Chat and Text is the same
	Sender  string  // Member.Identity of who wrote it, where known
	Who     Address // in a room, where known: the address of who wrote it
	Room    Address // from a person: the room where it belongs, said aside to the user alone; empty: none
	Text    string  // plain text with XEP-0393 styling; "/me " leads an action
	Media   []Media // to the network: with Info.Media alone; from it: one and no Text, as most clients show it then
	Sent    time.Time
	Delayed bool // Sent is well before now: it is shown (XEP-0203)

	ReplyTo *Reply // the message that this one answers; nil: none
}

// JoinOptions are wishes of the one who joins.
type JoinOptions struct {
	Password string
	// AnyNick says that a similar nick will do where the one asked for is
	// taken: nobody is there to choose another.
	AnyNick bool
}

// A Role is what somebody may do in a room just now (XEP-0045 §5.1).
type Role uint8

const (
	RoleNone Role = iota
	Visitor
	Participant
	Moderator
)

// An Affiliation is somebody's lasting standing in a room (XEP-0045 §5.2).
type Affiliation uint8

const (
	AffiliationNone Affiliation = iota
	Outcast
	MemberOf
	Admin
	Owner
)

// A Member is somebody in a room.
type Member struct {
	Nick        string
	Role        Role
	Affiliation Affiliation
	Who         Address // their address outside the room; may be empty
	Host        string  // "user@host" where the network shows it; becomes the resource of their JID
	Away        bool
	Status      string   // with Away: why
	Bot         bool     // marked as one by the network
	Account     string   // that they are logged in under, where known
	Titles      []string // what they are in the room, in the network's words; the highest first
	Face        *Face

	// Identity names the person behind the nick, and stays the same when the
	// nick changes, as far as the network can tell: an account, or a host. It
	// is not shown to anybody.
	Identity string
}

// An Action is a moderator's wish. Exactly one of Role and Affiliation is set.
type Action struct {
	Nick        string
	Who         Address // instead of Nick, for an affiliation of somebody who is not here; or a Ban's
	Mask        string  // instead of both, for Outcast and AffiliationNone: whom it fits, as the user wrote it
	Role        *Role
	Affiliation *Affiliation
	Reason      string
	Request     Request // answered by an Answered event
}

// Availability is what a person says of being there.
type Availability struct {
	Online bool
	Show   string // RFC 6121 §4.7.2.1: "", "away", "chat", "dnd" or "xa"
	Status string
}

// A Status is how far a message got.
type Status int

const (
	Accepted  Status = iota // the network has taken it
	Delivered               // it reached the recipient's device
	Displayed               // the recipient has read it
	Failed                  // it never will be delivered
)
