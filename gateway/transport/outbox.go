package transport

import (
	"context"
	"errors"
	"time"
)

// An Outbox keeps the messages that a Durable network has still to send, and
// those whose fate is still open, across restarts. It belongs to one
// component. Every method returns once the disk has it; calls from many
// goroutines share one commit.
type Outbox interface {
	// Put stores an item in the state Queued and gives it a Key. Stored is
	// false if the same user's item with the same Chat, Origin, Text and Media was
	// put less than DuplicateWindow ago: clients repeat what they got no
	// answer for. The key is then that item's. An item without an Origin is
	// never a duplicate. A zero item.Put means now.
	Put(ctx context.Context, item OutboxItem) (key int64, stored bool, err error)

	// PutAll stores all of a batch or nothing, its items in the order in which
	// they are given. Duplicates are left out; stored counts the rest.
	PutAll(ctx context.Context, batch OutboxBatch) (stored int, err error)

	// Waiting counts a user's items in the states Queued and Sending. It costs
	// the same however many they are.
	Waiting(ctx context.Context, user string) (int, error)

	// Update writes State, From, ID, Attempts, NotBefore, LastError, Status and
	// Fallback of the item with the same Key.
	Update(ctx context.Context, item OutboxItem) error

	// In gives up to max items in a state whose NotBefore has come and whose keys
	// are above after, oldest first, but none that are From one of the addresses
	// at the end. What is put later has a higher key.
	In(ctx context.Context, state OutboxState, now time.Time, after int64, max int, but ...Address) ([]OutboxItem, error)

	// Find gives the item that the network knows by the id, from any state,
	// or false.
	Find(ctx context.Context, id MessageID) (OutboxItem, bool, error)

	// Forget removes items in the state Done that were put before t. It does
	// not shorten the DuplicateWindow.
	Forget(ctx context.Context, t time.Time) error
}

// A Settler is the Sink of a session on a Durable network whose gateway can write
// the last word on an item and the item itself in one commit: it is never told
// twice, nor is it lost.
type Settler interface {
	// Settle is Deliver and Outbox.Update. An error means that neither is
	// stored, unless the store does not know how its commit ended.
	Settle(ctx context.Context, e MessageStatus, item OutboxItem) error
}

// Settle tells how an item ended and writes that, in one commit if the sink is a
// Settler. A crash between two has it told again.
func Settle(ctx context.Context, to Sink, out Outbox, e MessageStatus, item OutboxItem) error {
	if s, ok := to.(Settler); ok {
		return s.Settle(ctx, e, item)
	}
	if err := to.Deliver(ctx, e); err != nil {
		return err
	}
	return out.Update(ctx, item)
}

// An OutboxBatch is what one message of a user's becomes, as the copies for
// several people.
type OutboxBatch struct {
	Items   []OutboxItem
	Most    int          // of the user's items that wait then: more is ErrOutboxFull; 0: any number
	Records []RecordItem // put in the same commit, unless all items are duplicates
}

// ErrOutboxFull is returned by Outbox.PutAll.
var ErrOutboxFull = errors.New("too many messages of the user wait to be sent")

// DuplicateWindow is how long the outbox remembers what it was given.
const DuplicateWindow = 15 * time.Minute

// An OutboxItem is one message on its way out.
type OutboxItem struct {
	Key       int64
	User      string  // bare JID
	Chat      Address // the recipient
	Room      Address // that this is a copy for, if it is one
	From      Address // the sender as the network knows them; may be empty until sent
	Origin    string  // Message.Origin
	Text      string
	Media     []Media
	Request   Request
	State     OutboxState
	ID        MessageID // once the network has named it
	Attempts  int
	Put       time.Time
	NotBefore time.Time // the next try
	LastError string
	Status    Status // the furthest that was reported
	Fallback  int    // how often its files were put into a simpler form, as the network took no other
}

// An OutboxState is where an item stands.
type OutboxState int

const (
	Queued  OutboxState = iota // to be sent
	Sending                    // handed to the network, which has not answered: ask before repeating
	Sent                       // the network has it; its fate is open
	Done                       // delivered, failed, or too old to hear more
)
