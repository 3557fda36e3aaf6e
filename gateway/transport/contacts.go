package transport

import "context"

// ContactChanged tells what the network calls somebody. It counts less than
// what the user does, and their address book.
type ContactChanged struct {
	Who  Address
	Name string // empty: nothing any more
}

func (ContactChanged) isEvent() {}

// Naming is implemented by a Session that calls people in its rooms by the names
// that the user gave them.
type Naming interface {
	// Called tells what the user calls somebody; empty: nothing any more. It is
	// told of everybody who has a name when the session is opened. It does no I/O.
	Called(who Address, name string)
}

// Removals is implemented by a Session that wants to know whom the user took
// out of their roster, and whom of these back into it.
type Removals interface {
	ContactRemoved(ctx context.Context, who Address) error
	ContactBack(ctx context.Context, who Address) error
}

// Reader is implemented by a Network where the same text can mean another
// address to another user: a number as it is dialled at home.
type Reader interface {
	// Read is Resolve for what a user typed to reach somebody. The spelling of
	// JIDs does not depend on it. It may wait for Settings.
	Read(user, text string) (Address, Kind, error)
}

// Phones is implemented by a Network some of whose addresses are phones.
type Phones interface {
	// Phone gives the number of an address, as it is dialled from everywhere.
	// False means that it has none.
	Phone(a Address) (number string, ok bool)
}
