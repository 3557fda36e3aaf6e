package transport

import "context"

// Performer is implemented by a Network with commands that it does itself:
// those that Commander names with DoPerform. The gateway shows them as ad-hoc
// commands and as chat text.
type Performer interface {
	// Perform goes on with a command from the answers that there are. It may
	// wait for the network until ctx ends, and is called from any goroutine.
	// Nothing is kept between two calls: each has all answers so far.
	Perform(ctx context.Context, do Performance) (Stage, error)
}

// A Performance is a command on its way.
type Performance struct {
	Node    string
	At      Address // whose command it is; "" is the gateway itself
	Kind    Kind
	User    string // bare JID of who does it
	Admin   bool   // they are an administrator of the gateway, at this moment
	Asked   int    // how many forms were answered
	Answers Values // those to all of these forms; a later form's over an earlier's
}

// A Stage is what a command comes to: it asks something, or it is done.
type Stage struct {
	Form     *Form    // asks; the answers come with the next Performance
	More     bool     // another Form follows this one
	Quick    bool     // who writes the command in a chat need not see the Form: what it holds will do
	Text     string   // without a Form: what has been done
	Warnings []string // sentences beside it
	Set      Values   // without a Form: settings of the command's address, which the gateway stores as if the user had set them
}
