package transport

import "context"

// Examiner is implemented by Options whose set-up can be tried out: whether
// the services that they name are there, let the gateway in, and call it where
// it is. Trying sends nothing to people and changes nothing.
type Examiner interface {
	// Examine says what it finds as it goes. It waits for services until ctx
	// ends.
	Examine(ctx context.Context, e Examination)
}

// An Examination is one look at a set-up.
type Examination struct {
	Running bool // the gateway is at work, and can be called
	Say     func(Finding)
}

// Good, Doubtful and Bad say a finding of that grade.
func (e Examination) Good(text string)     { e.Say(Finding{Good, text}) }
func (e Examination) Doubtful(text string) { e.Say(Finding{Doubtful, text}) }
func (e Examination) Bad(text string)      { e.Say(Finding{Bad, text}) }

// A Finding is one thing that was looked at: a sentence for the operator, which
// says what to do if it is not Good. It holds no secret.
type Finding struct {
	Grade Grade
	Text  string
}

// A Grade says how a finding is.
type Grade int

// The grades, from the best.
const (
	Good Grade = iota
	Doubtful
	Bad
)
