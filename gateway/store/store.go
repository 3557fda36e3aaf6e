// Package store says what the gateway remembers across restarts, as records
// and narrow interfaces. Package sqlite implements them, package storetest
// checks any implementation.
//
// A component is named by its domain, a user by their bare JID; the store
// compares both as they are spelled, so callers prepare them first.
package store

import (
	"context"
	"errors"
	"time"

	"gatehouse/gateway/transport"
)

// A Store is one database. Its methods are called from many goroutines. A
// method that writes returns once the disk has it, except Inbox.Done and
// Archive.Add.
//
// Writes wait for a place in a bounded queue until ctx ends. Once there, they
// wait for the outcome whatever ctx does, so that an error means "not
// written"; the one exception is ErrFateUnknown.
type Store interface {
	Inbox() Inbox
	// Outbox gives the outbox of one component.
	Outbox(component string) transport.Outbox
	// Records gives those of one component.
	Records(component string) transport.Records
	Subscriptions() Subscriptions
	Accounts() Accounts
	Blocks() Blocks
	Settings() Settings
	Rooms() Rooms
	Archive() Archive
	Secrets

	// Forget deletes all that a user has on a component: account, settings,
	// rooms, subscriptions, records, archive, what is in the inbox, and what the
	// outbox has of messages that were sent.
	Forget(ctx context.Context, component, user string) error

	// Close writes what is queued and closes the database. Calls that come
	// later return ErrClosed.
	Close() error
}

// ErrClosed is returned by every method of a store that is closed.
var ErrClosed = errors.New("the store is closed")

// ErrFateUnknown is returned by a write that the disk did not answer for
// CommitTimeout. It may still happen.
var ErrFateUnknown = errors.New("the disk does not answer: the write may still happen")

// CommitTimeout is how long a write waits for the disk.
const CommitTimeout = 30 * time.Second

// DedupeTime is how long the inbox knows an item again after it is done.
const DedupeTime = 7 * 24 * time.Hour

// An Inbox keeps what a Durable network gave us until the XMPP server has
// surely got it.
type Inbox interface {
	// Put stores an item and gives it a key. Fresh is false if an item with
	// the same Component, User and Dedupe was put before and is not yet
	// forgotten, DedupeTime after it was done; key is then that item's.
	Put(ctx context.Context, item InboxItem) (key int64, fresh bool, err error)

	// Done says that items need not be kept. It never blocks: the marks are
	// written within about 20 ms, and by Close at the latest. If the disk
	// refuses for so long that more than 65,536 marks wait, further marks
	// are dropped and logged; their items are pending again after a restart.
	Done(keys ...int64)

	// Pending gives up to max items of a user that are not done and have keys
	// above after, oldest first. It knows of every Done before it.
	Pending(ctx context.Context, component, user string, after int64, max int) ([]InboxItem, error)

	// Users gives the users of a component who have pending items.
	Users(ctx context.Context, component string) ([]string, error)
}

// An InboxItem is one event on its way to a user.
type InboxItem struct {
	Key       int64
	Component string
	User      string
	Dedupe    string // the event's name on the network, "MessageReceived:SM123"; empty: never a duplicate
	Event     []byte // the gateway's own encoding; the store never looks inside

	// Settles is the item of the component's outbox that the event is the last
	// word on. It is updated in the same commit; nil: none.
	Settles *transport.OutboxItem
}

// Subscriptions remember who sees whose presence: they are the rosters of the
// network's people (RFC 6121 §2), which no XMPP server keeps for them.
type Subscriptions interface {
	// Set writes both directions. A subscription without either is removed.
	Set(ctx context.Context, s Subscription) error
	// Get gives a subscription; one that was never set has neither direction.
	Get(ctx context.Context, component, user, contact string) (Subscription, error)
	// OfUser gives a user's subscriptions on one component, by contact.
	OfUser(ctx context.Context, component, user string) ([]Subscription, error)
	// Users gives the users with at least one From subscription.
	Users(ctx context.Context, component string) ([]string, error)
}

// A Subscription is seen from the contact's side.
type Subscription struct {
	Component string
	User      string
	Contact   string // local part of the contact's JID; empty: the component itself
	To        bool   // the contact sees the user's presence
	From      bool   // the user sees the contact's presence
}

// Accounts keep what users entered when they registered, encrypted on the disk.
type Accounts interface {
	// Get returns false if the user has no account on the component.
	Get(ctx context.Context, component, user string) (transport.Account, bool, error)
	// Set makes the account or replaces its settings.
	Set(ctx context.Context, component string, a transport.Account) error
	Delete(ctx context.Context, component, user string) error
	// All gives the accounts of a component, by user.
	All(ctx context.Context, component string) ([]transport.Account, error)
}

// Blocks are the addresses that an administrator has shut out of a component
// while it runs.
type Blocks interface {
	Block(ctx context.Context, component, address string) error
	Unblock(ctx context.Context, component, address string) error
	// Blocked gives the blocked addresses in alphabetical order.
	Blocked(ctx context.Context, component string) ([]string, error)
}

// Secrets are made by the store itself.
type Secrets interface {
	// Secret gives 32 random bytes, which are the same for a name as long as
	// the database lives.
	Secret(ctx context.Context, name string) ([]byte, error)
}
