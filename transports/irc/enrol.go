package irc

import (
	"context"
	"strings"

	"gatehouse/gateway/transport"
)

// Accounts are registered by REGISTER and VERIFY (IRCv3 account-registration).

const registrationCap = "draft/account-registration"

// An offer is what the value of the capability says.
type offer struct {
	early  bool // before-connect: before the server has let us in
	custom bool // custom-account-name: other than the nick
	email  bool // email-required
}

func readOffer(value string) (o offer) {
	for key := range strings.SplitSeq(value, ",") {
		key, _, _ = strings.Cut(key, "=")
		o.early = o.early || key == "before-connect"
		o.custom = o.custom || key == "custom-account-name"
		o.email = o.email || key == "email-required"
	}
	return o
}

// An enrolment is a REGISTER or VERIFY whose answer somebody waits for. One
// without a command asks what the server offers.
type enrolment struct {
	command  string
	account  string
	params   []string // behind the account
	sent     bool
	late     bool // the server wants to let us in first
	answered chan enrolled
}

type enrolled struct {
	status  string // SUCCESS or VERIFICATION_REQUIRED
	account string
	text    string // the server's
	offer   offer
	err     *transport.Error
}

// enrol has a link do it, made for that if there is none, and waits for the
// server's answer. One that was about to be let in, and is not, may have been
// refused for lack of the account: the next one is made for it.
func (n *network) enrol(ctx context.Context, user string, srv *server, e *enrolment) (enrolled, error) {
	answer, late, err := n.enrolOnce(ctx, user, srv, e)
	if err != nil && late && !e.sent && ctx.Err() == nil {
		answer, _, err = n.enrolOnce(ctx, user, srv, e)
	}
	return answer, err
}

// enrolOnce also says whether it was too late to be done before the server lets
// us in.
func (n *network) enrolOnce(ctx context.Context, user string, srv *server, e *enrolment) (is enrolled, late bool, err error) {
	s := n.sessionOf(user)
	if s == nil {
		return is, false, refuse(transport.Unreachable, "Your session has ended meanwhile. Try again.")
	}
	e.answered = make(chan enrolled, 1)
	var l *link
	err = s.do(func() (err error) {
		if l, err = s.linkTo(srv, asNick(e.account)); err != nil {
			return err
		}
		if l.enrolment != nil {
			return refuse(transport.RateLimited, "%s has still to answer the last one. Wait a moment.", srv.name)
		}
		l.enrolment = e
		late = l.phase == connecting && l.caps.ended
		switch l.phase {
		case online:
			l.touch()
			l.sendEnrolment()
		case waiting:
			signal(l.hurry)
		}
		return nil
	})
	if err != nil {
		return is, false, err
	}
	select {
	case answer := <-e.answered:
		if answer.err != nil {
			return answer, late, answer.err // with what the server offers
		}
		return answer, late, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.enrolment == e {
		l.enrolment = nil
	}
	text := srv.name + " takes long to answer. Try again."
	if e.sent && e.command != "" {
		text = srv.name + " takes long to answer. If the account is there in a while, log in to it."
	}
	return is, false, &transport.Error{Reason: transport.Unreachable, Text: text, Err: ctx.Err()}
}

// asNick gives the nick for a connection that is made to register an account.
func asNick(account string) string {
	if validNick(account) {
		return account
	}
	return ""
}

// enrolsEarly says that the server is not to let us in yet: an account is being
// registered, which it may want to see first.
func (l *link) enrolsEarly() bool {
	e := l.enrolment
	if e == nil || l.phase != connecting || l.caps.ended {
		return false
	}
	value, offered := l.caps.values[registrationCap], l.caps.offered.has(registrationCap)
	switch {
	case e.command == "" && offered:
		l.answerEnrolment(enrolled{})
		return false
	case !offered || e.late || !readOffer(value).early:
		return false
	case !e.sent:
		l.sendEnrolment()
	}
	return l.enrolment != nil
}

// sendEnrolment needs mu.
func (l *link) sendEnrolment() {
	e := l.enrolment
	if e == nil || e.sent {
		return
	}
	value, offered := l.caps.values[registrationCap], l.caps.offered.has(registrationCap)
	account := e.account
	own := account == "" || l.is.fold(account) == l.is.fold(l.nick)
	if own {
		account = "*"
	}
	switch {
	case !offered:
		l.enrolmentFailed(refuse(transport.Unsupported, "%s lets nobody register an account this way. Its services may: write HELP to NickServ.", l.server.name))
		return
	case e.command == "":
		l.answerEnrolment(enrolled{})
		return
	case e.command == "VERIFY":
		if account = e.account; account == "" {
			account = l.nick
		}
	case !own && !readOffer(value).custom:
		l.enrolmentFailed(&transport.Error{Reason: transport.BadNick, Code: "ACCOUNT_NAME_MUST_BE_NICK",
			Text: "On " + l.server.name + " an account has the name of your nick, which is " + l.nick + "."})
		return
	case !l.secrets():
		l.enrolmentFailed(refuse(transport.Policy, "The password is not sent: %s", exposed))
		return
	}
	b, err := line(l.is.lineLen, e.command, append([]string{account}, e.params...)...)
	if err != nil {
		l.enrolmentFailed(refuse(transport.BadRequest, "IRC can't carry that: names and addresses have no spaces, and no line is longer than %d bytes.", l.is.lineLen))
		return
	}
	e.sent = true
	l.urgent.push(b)
	l.wake()
}

// answerEnrolment ends it.
func (l *link) answerEnrolment(a enrolled) {
	if e := l.enrolment; e != nil {
		l.enrolment = nil
		a.offer = readOffer(l.caps.values[registrationCap])
		e.answered <- a // holds one
	}
}

func (l *link) enrolmentFailed(err *transport.Error) { l.answerEnrolment(enrolled{err: err}) }

// receiveEnrolled handles REGISTER and VERIFY: a status, the account, a text.
func receiveEnrolled(l *link, m *message) error {
	e := l.enrolment
	if e == nil || !e.sent || e.command != m.Command {
		return receiveRemark(l, m)
	}
	a := enrolled{status: strings.ToUpper(m.param(0)), account: m.param(1), text: m.text()}
	if a.status == "SUCCESS" {
		l.account = a.account
		l.sasl.over = true // nothing more to log in to
	}
	l.answerEnrolment(a)
	return l.afterEnrolment()
}

// afterEnrolment goes on with what waited for it.
func (l *link) afterEnrolment() error {
	if l.phase == connecting {
		return l.endCaps()
	}
	return nil
}

// enrolmentRefused takes a refusal of REGISTER or VERIFY.
func (l *link) enrolmentRefused(m *message) (taken bool, err error) {
	e := l.enrolment
	if e == nil || !e.sent {
		return false, nil
	}
	switch m.Command {
	case "FAIL":
		if !strings.EqualFold(m.param(0), e.command) {
			return false, nil
		}
		if m.code() == "COMPLETE_CONNECTION_REQUIRED" && l.phase == connecting {
			e.sent, e.late = false, true // it is sent again behind the welcome
			return true, l.afterEnrolment()
		}
		l.enrolmentFailed(l.failure(m))
	case "421", "451", "461":
		if m.Command != "451" && !strings.EqualFold(m.param(1), e.command) {
			return false, nil
		}
		l.enrolmentFailed(&transport.Error{Reason: transport.Unsupported, Code: m.Command, Text: m.text()})
	default:
		return false, nil
	}
	return true, l.afterEnrolment()
}
