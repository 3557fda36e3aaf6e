package irc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircutils"

	"gatehouse/gateway/transport"
)

// SASL, by IRCv3 sasl-3.1 and sasl-3.2.

const (
	saslCap       = "sasl"
	saslLimit     = 20 * time.Second // services may be far behind the server
	saslChallenge = 4096             // bytes
)

// A saslLogin is the SASL of one connection. The session's mutex guards it.
type saslLogin struct {
	offered   []string // by the server; nil: it has not said which
	tried     []string
	mechanism saslMechanism // under way; nil: none
	name      string        // of the mechanism
	challenge ircutils.SASLBuffer
	by        time.Time             // when we stop to wait
	over      bool                  // nothing more to try, or done
	problem   string                // why we go on without
	answered  chan *transport.Error // of whom waits for the outcome; nil: nobody does
}

// exposed is why a password is not sent; see secrets.
const exposed = "none of the ports with TLS has answered. If your password is to be sent all the same, leave the ports with TLS empty."

// wantsSASL says that the user has something to log in with.
func (l *link) wantsSASL() bool {
	s := &l.set.sasl
	return s.mechanism == "EXTERNAL" || s.mechanism != "none" && (!s.password.IsZero() || l.set.cert != nil)
}

// secrets says whether passwords may be sent. A connection without TLS that
// was made because those with TLS failed may be an attacker's doing.
func (l *link) secrets() bool {
	if l.door.tls || !slices.ContainsFunc(l.set.doors, func(d door) bool { return d.tls }) {
		return true
	}
	if l.conn == nil {
		return false
	}
	host, _, err := net.SplitHostPort(l.conn.RemoteAddr().String())
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (l *link) loginName() string {
	if l.set.sasl.login != "" {
		return l.set.sasl.login
	}
	return l.wanted
}

// saslNext is the best mechanism that was not tried yet; "" if there is none.
func (l *link) saslNext() string {
	candidates := []string{l.set.sasl.mechanism}
	if candidates[0] == "auto" {
		candidates = []string{"EXTERNAL", "SCRAM-SHA-256", "PLAIN"}
	}
	for _, name := range candidates {
		usable := !l.set.sasl.password.IsZero()
		switch name {
		case "EXTERNAL":
			usable = l.set.cert != nil && l.door.tls
		case "PLAIN":
			usable = usable && l.secrets()
		}
		known := l.sasl.offered == nil || slices.Contains(l.sasl.offered, name)
		if usable && known && !slices.Contains(l.sasl.tried, name) {
			return name
		}
	}
	return ""
}

// beginSASL tries the next mechanism. Its error ends the connection.
func (l *link) beginSASL() error {
	name := l.saslNext()
	if name == "" {
		return l.saslFailed(l.saslLack(), "", true)
	}
	l.sasl.tried = append(l.sasl.tried, name)
	l.sasl.name, l.sasl.mechanism = name, saslMechanisms[name](l.loginName(), l.set.sasl)
	l.sasl.challenge.Initialize(saslChallenge)
	l.sasl.challenge.Clear()
	l.sasl.by = time.Now().Add(saslLimit)
	l.sendNow("AUTHENTICATE", name)
	return nil
}

// saslLack says why no mechanism will do.
func (l *link) saslLack() string {
	s := &l.set.sasl
	switch {
	case s.mechanism == "EXTERNAL" && l.set.cert == nil:
		return "EXTERNAL needs a client certificate, and you have none."
	case s.mechanism == "EXTERNAL" && !l.door.tls:
		return "a client certificate can only be shown with TLS, and this connection has none."
	case !l.secrets():
		return "it would go over a connection without TLS: " + exposed
	case l.sasl.offered != nil:
		return "it has only " + clean(strings.Join(l.sasl.offered, ", ")) + "."
	}
	return "it has no way of logging in that you can use."
}

// saslUnavailable is for a server that does not offer SASL, at least now.
func (l *link) saslUnavailable() error {
	if l.set.sasl.nickServ {
		l.sasl.over = true
		return nil
	}
	return l.saslFailed("it does not offer SASL just now.", "", false)
}

// saslFailed does what the user chose for a login that is refused. Its error
// ends the connection; for good if another try would be refused as well.
func (l *link) saslFailed(why, code string, permanent bool) error {
	l.endSASL()
	text := "You can't log in to " + l.server.name + ": " + why
	switch {
	case l.phase == online && l.sasl.answered != nil:
		l.saslAnswer(&transport.Error{Reason: transport.NotAuthorized, Code: code, Text: text})
		return nil
	case l.phase == online:
		l.console(text)
		return nil
	case l.set.sasl.optional:
		l.sasl.problem = text + " You are connected without it."
		return l.endCaps()
	}
	text += " To connect all the same, change the settings of " + l.server.name + "."
	return &registrationError{&transport.Error{Reason: transport.NotAuthorized, Code: code, Text: text}, permanent}
}

func (l *link) endSASL() {
	l.sasl.mechanism, l.sasl.by, l.sasl.over = nil, time.Time{}, true
}

// receiveAuthenticate handles a piece of the server's challenge.
func receiveAuthenticate(l *link, m *message) error {
	if l.sasl.mechanism == nil {
		return nil
	}
	done, challenge, err := l.sasl.challenge.Add(m.param(0))
	if !done {
		return nil
	}
	var response []byte
	if err == nil {
		response, err = l.sasl.mechanism.respond(challenge)
	}
	if err != nil {
		l.session.log().Info("login aborted", "server", l.server.name, "mechanism", l.sasl.name, "err", err)
		l.sendNow("AUTHENTICATE", "*")
		l.sasl.mechanism = failedMechanism{err}
		return nil // 906 follows
	}
	for _, piece := range ircutils.EncodeSASLResponse(response) {
		l.sendNow("AUTHENTICATE", piece)
	}
	return nil
}

// receiveLoggedIn handles 900: nick, full name, account.
func receiveLoggedIn(l *link, m *message) error {
	l.account = clean(m.param(2))
	if l.phase == online {
		l.console(m.text())
		l.identified()
	}
	return nil
}

// receiveLoggedOut handles 901.
func receiveLoggedOut(l *link, m *message) error {
	l.account = ""
	if l.loggedOut != nil {
		signal(l.loggedOut)
		l.loggedOut = nil
	}
	if l.phase == online {
		l.console(m.text())
	}
	return nil
}

// receiveSASLSuccess handles 903, and 907: we had logged in before.
func receiveSASLSuccess(l *link, m *message) error {
	if l.sasl.mechanism == nil {
		return nil
	}
	if m.Command == "903" && !l.sasl.mechanism.proven() {
		// SCRAM proves the server as well (RFC 5802 §3).
		return l.saslFailed("the server did not prove that it knows your password.", m.Command, true)
	}
	if m.Command == "907" && l.sasl.answered != nil && l.account != "" && l.is.fold(l.account) != l.is.fold(l.loginName()) {
		return l.saslFailed("you are logged in as "+l.account+" already: log out first.", m.Command, true)
	}
	l.endSASL()
	if l.account == "" {
		l.account = l.loginName()
	}
	l.session.log().Info("logged in", "server", l.server.name, "mechanism", l.sasl.name)
	l.saslAnswer(nil)
	return l.endCaps()
}

// receiveSASLFailure handles 902, 904, 905 and 906.
func receiveSASLFailure(l *link, m *message) error {
	if l.sasl.mechanism == nil {
		return nil
	}
	why := "it refuses the account " + clean(l.loginName())
	if said := m.text(); said != "" {
		why += ": " + said
	}
	if failed, ok := l.sasl.mechanism.(failedMechanism); ok {
		why = failed.err.Error()
	}
	if !strings.HasSuffix(why, ".") {
		why += "."
	}
	l.sasl.mechanism, l.sasl.by = nil, time.Time{}
	if m.Command == "904" && l.saslNext() != "" {
		return l.beginSASL()
	}
	return l.saslFailed(why, m.Command, true)
}

// receiveSASLMechanisms handles 908: nick, mechanisms. 904 follows.
func receiveSASLMechanisms(l *link, m *message) error {
	l.sasl.offered = saslList(m.param(1))
	return nil
}

func saslList(value string) []string {
	return strings.FieldsFunc(strings.ToUpper(value), func(r rune) bool { return r == ',' || r == ' ' })
}

// saslDue ends a login that takes too long.
func (l *link) saslDue() error {
	l.sendNow("AUTHENTICATE", "*")
	return l.saslFailed(fmt.Sprintf("no answer came within %v.", saslLimit), "", false)
}

// saslAnswer tells the outcome to whom waits for it. It needs mu.
func (l *link) saslAnswer(err *transport.Error) {
	if l.sasl.answered != nil {
		l.sasl.answered <- err // holds one
		l.sasl.answered = nil
	}
}

// failAccount is for a link that ends: nobody waits for it any more. It needs
// mu.
func (l *link) failAccount(err *transport.Error) {
	l.enrolmentFailed(err)
	l.saslAnswer(err)
	l.loggedOut = nil
}

var errChallenge = errors.New("the server's side of the login makes no sense")
