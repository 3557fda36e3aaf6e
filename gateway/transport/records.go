package transport

import (
	"context"
	"errors"
)

// Records keep what a transport must remember of its users across restarts,
// beyond messages and settings. They belong to one component, are encrypted on
// the disk, and go when their user's registration ends. Every write returns
// once the disk has it; calls from many goroutines share one commit.
type Records interface {
	// Get gives a record's value; false if there is none.
	Get(ctx context.Context, user, kind, key string) (value []byte, found bool, err error)

	// Put makes a record or replaces its value. A user has up to MaxRecords of
	// a kind: a new one more is ErrTooManyRecords. A value has up to
	// MaxRecordBytes.
	Put(ctx context.Context, r RecordItem) error

	// Delete removes a record, if there is one.
	Delete(ctx context.Context, user, kind, key string) error

	// OfUser gives a user's records of a kind, by key.
	OfUser(ctx context.Context, user, kind string) ([]RecordItem, error)

	// OfKind gives up to max records of a kind, of all users, by user and key,
	// from the first behind the one given.
	OfKind(ctx context.Context, kind string, after RecordItem, max int) ([]RecordItem, error)
}

// A RecordItem is one thing that a transport remembers. User is a bare JID, or
// empty for the network itself.
type RecordItem struct {
	User, Kind, Key string
	Value           []byte
}

// Bounds of Records.
const (
	MaxRecords     = 10_000
	MaxRecordBytes = 64 << 10
)

// Errors of Records.Put.
var (
	ErrTooManyRecords = errors.New("the user has too many records of this kind")
	ErrRecordTooLong  = errors.New("the record is too long")
)
