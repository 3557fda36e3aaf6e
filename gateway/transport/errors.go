package transport

import (
	"errors"
	"time"
)

// ErrClosed is returned by Sink.Deliver once the session is closing.
var ErrClosed = errors.New("transport: session is closed")

// An Error tells the gateway how to answer the user. Text is shown to the
// user; Err is only logged.
type Error struct {
	Reason     Reason
	Text       string
	RetryAfter time.Duration // 0: unknown
	Redirect   Address       // with Moved: the right address
	Code       string        // the network's own code: "21610", "475"
	Err        error
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Text
	case e.Text == "":
		return e.Err.Error()
	}
	return e.Text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// A Reason chooses the stanza error that the user gets.
type Reason int

const (
	Internal             Reason = iota
	BadAddress                  // it can't be an address at all
	Moved                       // the same thing has another address: Redirect
	NotFound                    // a good address, but nothing is there
	NotRegistered               // the user has no account on this network
	NotAuthorized               // a password is wrong or missing
	Forbidden                   // the user may not do that
	NotAllowed                  // nobody may do that
	MembersOnly                 // the room is by invitation
	BannedFrom                  // the user is banned from the room
	Conflict                    // the nick is taken
	BadNick                     // the nick can't be one there
	TooMany                     // a limit on rooms, members or the like is reached
	RateLimited                 // too fast
	TooLong                     // the message is too long
	BadRequest                  // something needed is missing
	NotJoined                   // only those in the room may do that
	Unreachable                 // the network or the server does not answer
	RecipientUnavailable        // the recipient can't be reached just now
	Unroutable                  // no way leads from this sender to that recipient
	Policy                      // refused by a rule: opted out, filtered as spam
	Unsupported                 // this network can't do that
	Rejected                    // refused without a better reason
	Unacceptable                // the message can't be taken as it is
	NoSuchService               // the recipient never gets such messages
	SubscriptionNeeded          // the other side must agree or be approved first
	Unexplained                 // it failed, nobody knows why, and it may work later
	Looping                     // stopped for now, as it looks like a loop
	NoFiles                     // the recipient gets text only
)
