// Package provider is the contract between the SMS transport and whoever
// carries its texts: an HTTP service, an operator, a modem.
//
// A provider lives in a package of its own beside this one, imports this one,
// and is named in one line of package sms. It knows nothing of XMPP and
// nothing of the outbox: it hands over one text when asked, and calls the
// Receiver with what comes in.
package provider

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gatehouse/gateway/transport"
)

// A Provider carries texts. Its methods are called from many goroutines and
// wait for the provider until ctx ends at the latest.
type Provider interface {
	// Send hands over one text. Its error tells what is known:
	//
	//   - *transport.Error: the text was refused, and repeating it is no use.
	//   - *Retry: the text was surely not taken, and may be repeated later.
	//   - any other error: nobody knows. The caller asks Find before it
	//     repeats anything.
	Send(ctx context.Context, o Outgoing) (Sent, error)

	// Find gives the texts equal to o that the provider took since then, the
	// oldest first. Those that failed are left out, so that o is sent again,
	// unless Status tells of them. Nothing found is no error, and means that
	// the text may be sent again. ErrCannotAsk says that nobody can tell: the
	// caller looks a few times more, for what the provider may report by
	// itself, and gives the text up without repeating it.
	Find(ctx context.Context, o Outgoing, since time.Time) ([]Sent, error)

	// Status tells how a text fares. ErrUnknownMessage says that the provider
	// has no such text, ErrCannotAsk that it has no way to be asked, and a
	// *Retry, as from Find, when to ask again.
	Status(ctx context.Context, id transport.MessageID) (Report, error)

	// Capabilities never changes and never blocks.
	Capabilities() Capabilities

	// Webhooks serves what the provider calls, and perhaps pages for people,
	// below the component's HTTP path. It is nil if there is nothing.
	Webhooks() http.Handler

	// Run does what no single call owns: polling, timers, a lasting
	// connection. It returns when ctx ends, and waits for its goroutines.
	Run(ctx context.Context) error
}

// Groups is implemented by a Provider that carries group texts as such, and not
// as copies.
type Groups interface {
	// CarriesGroup says whether it does so from a number to these. It never
	// blocks.
	CarriesGroup(from string, to []string) bool
}

// A Receiver takes what comes from the provider. It is given to a provider
// when that is made, and is called from any goroutine.
type Receiver interface {
	// Receive takes one text. Nil means that it is stored, and only then may
	// the provider be told that it arrived. ErrUnknownNumber says that it
	// never will be stored. Receiving a text twice does no harm.
	Receive(ctx context.Context, in Inbound) error

	// Report takes news of a text that was sent. Nil means that the news need
	// not be brought again. Reports may come twice, late and in any order.
	Report(ctx context.Context, r Report) error
}

// Outgoing is one text to a phone.
type Outgoing struct {
	From string // the user's own number, E.164
	To   string // E.164, or the digits of a short code
	Text string

	// Group are the numbers of a group text that is sent as one, instead of To:
	// only to a provider that carries it.
	Group []string

	// Media are links to files that go along, as Capabilities.Media allows.
	Media []string

	// Ref tells equal texts apart. It is the same when a text in doubt is
	// looked for, also after a restart, and another whenever it is sent anew.
	// A provider that names its messages itself makes their ids of it.
	Ref string
}

// Sent is what a provider says of a text it has taken.
type Sent struct {
	ID       transport.MessageID
	Segments int // 0: not known
	Status   transport.Status
}

// Inbound is one text from a phone, as the provider tells it.
type Inbound struct {
	ID    transport.MessageID
	From  string   // E.164, a short code, letters, or empty
	To    string   // one of the users' numbers
	Group []string // of a group text: the numbers of the others who got it
	Text  string
	Media []Media
	Lost  int       // pictures and files that came along and can't be had
	At    time.Time // zero: now

	// OptOut is what the provider took the text for: "STOP", "START", "HELP".
	// Empty: nothing, or it does not say.
	OptOut string
}

// A Report is news of a text that was sent.
type Report struct {
	ID     transport.MessageID
	Who    string // of a group text: whose copy it is about; empty: the whole
	Status transport.Status
	Err    *transport.Error // with Failed: why
	Retry  bool             // with Failed: sending the text anew may help
}

// Media is a file that came with a text.
type Media struct {
	URL  string // by which the provider knows it; or
	Data []byte // what is in it
	Name string // may be empty, as
	Type string // this: "image/jpeg"
}

// A MediaSource is a Provider whose Media have to be fetched from it.
type MediaSource interface {
	// FetchMedia gives a file, of which no more than so many bytes are wanted.
	// Whatever is not at the provider's own address is fetched with the client.
	// ErrNoMedia says that the file is not there.
	FetchMedia(ctx context.Context, web *http.Client, m Media, max int64) (transport.File, error)

	// ForgetMedia is called when every user of the number has the file, and
	// may remove it at the provider.
	ForgetMedia(ctx context.Context, m Media) error
}

// MediaLimits are the files that a provider takes along with a text.
type MediaLimits struct {
	Files int              // how many
	Total int64            // bytes of all together
	Types map[string]int64 // the largest of each type; others are sent as links
}

// Capabilities are a provider's limits and abilities.
type Capabilities struct {
	MaxCharacters int // the longest text in UTF-16 units; 0: only segments count
	Parallel      int // how many texts it takes at a time; 0: a few

	Media *MediaLimits // nil: it carries text alone

	// NoReports says that the provider brings no reports by itself: it is
	// asked soon, and often at first, how a text fares.
	NoReports bool

	// OptOuts says that it heeds STOP and START itself: to those who opted out
	// it sends nothing.
	OptOuts bool
}

// ErrCredentials is in the errors of a Provider of people's own accounts whose
// service does not take the credentials, or has closed the account.
var ErrCredentials = errors.New("the service does not take the credentials")

// A Retry says that a text was surely not taken and may be repeated.
type Retry struct {
	After    time.Duration // no earlier than this; 0: as the caller likes
	Everyone bool          // the reason holds for every text, not just this one
	Err      error
}

func (e *Retry) Error() string { return "not taken: " + e.Err.Error() }

func (e *Retry) Unwrap() error { return e.Err }

// Errors of Receiver and Provider that callers act on.
var (
	ErrUnknownNumber  = errors.New("no user has this number")
	ErrUnknownMessage = errors.New("the provider knows no such message")
	ErrCannotAsk      = errors.New("the provider can't be asked for its messages")
	ErrNoMedia        = errors.New("the provider has no such file")
)

// LastDigits cuts a phone number to what logs may show.
func LastDigits(number string) string {
	if len(number) <= 3 {
		return number
	}
	return "…" + number[len(number)-3:]
}
