package irc

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

var _ transport.Performer = (*network)(nil)

// The commands about a user's account on a network.
const (
	registerNode = "register-account"
	loginNode    = "log-in"
	logoutNode   = "log-out"
)

// accountCommands are those of a server's address.
func accountCommands(at transport.Address) []transport.Command {
	return []transport.Command{
		{Node: registerNode, Name: "Register an account", Does: transport.DoPerform, At: at},
		{Node: loginNode, Name: "Log in to an account", Does: transport.DoPerform, At: at},
		{Node: logoutNode, Name: "Log out and forget the password", Does: transport.DoPerform, At: at},
	}
}

// Perform implements transport.Performer.
func (n *network) Perform(ctx context.Context, do transport.Performance) (transport.Stage, error) {
	where, _, srv := n.place(do.At, do.Kind)
	if where != atServer {
		return transport.Stage{}, refuse(transport.NotFound, "There is no such command.")
	}
	switch do.Node {
	case registerNode:
		return n.performRegister(ctx, do, srv)
	case loginNode:
		return n.performLogin(ctx, do, srv)
	case logoutNode:
		return n.performLogout(ctx, do, srv)
	}
	return transport.Stage{}, refuse(transport.NotFound, "There is no such command.")
}

// registrationFields says which field a refusal is about.
var registrationFields = map[string]string{
	"ACCOUNT_EXISTS": "account", "ACCOUNT_NAME_MUST_BE_NICK": "account", "BAD_ACCOUNT_NAME": "account",
	"INVALID_USERNAME": "account", "NEED_NICK": "account", "USERNAME_EXISTS": "account",
	"INVALID_PASSWORD": "password", "UNACCEPTABLE_PASSWORD": "password", "WEAK_PASSWORD": "password",
	"INVALID_EMAIL": "email", "UNACCEPTABLE_EMAIL": "email",
	"INVALID_CODE":            "code",
	"TEMPORARILY_UNAVAILABLE": "", "UNKNOWN_ERROR": "", // the same once more may do
}

// performRegister asks for what the server wants, then for the code that it
// sends somewhere else, and keeps the account for later connections.
func (n *network) performRegister(ctx context.Context, do transport.Performance, srv *server) (transport.Stage, error) {
	if do.Asked == 0 {
		is, err := n.enrol(ctx, do.User, srv, &enrolment{})
		if err != nil {
			return transport.Stage{}, err
		}
		return transport.Stage{Form: new(n.registrationForm(do, srv, is.offer)), More: true}, nil
	}
	account, password, code := oneLine(do.Answers["account"]), do.Answers.Get("password"), oneLine(do.Answers["code"])
	e := &enrolment{command: "REGISTER", account: account, params: []string{"*", password}}
	if email := oneLine(do.Answers["email"]); email != "" {
		e.params[0] = email
	}
	if code != "" {
		e.command, e.params = "VERIFY", []string{code}
	}
	switch {
	case password == "":
		return transport.Stage{}, refuse(transport.BadRequest, "A password is needed.")
	case strings.ContainsAny(password, "\r\n\x00"):
		return transport.Stage{}, refuse(transport.BadRequest, "A password has one line.")
	}
	is, err := n.enrol(ctx, do.User, srv, e)
	if why, ok := errors.AsType[*transport.Error](err); ok {
		if field, again := registrationFields[why.Code]; again {
			return n.registerAgain(do, srv, is.offer, why, field)
		}
	}
	switch {
	case err != nil:
		return transport.Stage{}, err
	case is.status == "VERIFICATION_REQUIRED":
		return transport.Stage{Form: verificationForm(srv, is.account, is.text)}, nil
	}
	done := transport.Stage{Text: "You have the account " + is.account + " on " + srv.name + ", and are logged in to it."}
	if is.text != "" {
		done.Warnings = []string{is.text}
	}
	return n.keepLogin(done, do, srv, is.account, password), nil
}

// registerAgain shows the form once more, with what is wrong at its field.
func (n *network) registerAgain(do transport.Performance, srv *server, is offer, why *transport.Error, field string) (transport.Stage, error) {
	text := why.Text
	if text == "" {
		text = "It was refused: " + why.Code
	}
	form := n.registrationForm(do, srv, is)
	if field == "code" {
		form = *verificationForm(srv, oneLine(do.Answers["account"]), "")
	}
	for i := range form.Fields {
		if form.Fields[i].Name == field {
			form.Fields[i].Help = text
		}
	}
	return transport.Stage{Form: &form, More: field != "code", Warnings: []string{text}}, nil
}

func (n *network) registrationForm(do transport.Performance, srv *server, o offer) transport.Form {
	account := transport.Field{
		Name: "account", Label: "Account", Type: transport.Text, Required: true, Values: []string{n.nickOn(do.User, srv)},
		Help: "On this network an account has the name of your nick.",
	}
	if o.custom {
		account.Help = "It may be another name than your nick."
	}
	email := transport.Field{Name: "email", Label: "E-mail address", Type: transport.Text, Required: o.email, Help: "Only if you wish."}
	if o.email {
		email.Help = "You are sent a code there."
	}
	form := transport.Form{
		Title:        "Register an account on " + srv.name,
		Instructions: "The password is kept here, encrypted, and you are logged in with it on every connection.",
		Fields: []transport.Field{
			account,
			{Name: "password", Label: "Password", Type: transport.Hidden, Required: true, Help: "At most 300 bytes are safe."},
			email,
			{Name: "code", Label: "Code", Type: transport.Text, Help: "Only if you have been sent one before: then the account is confirmed, not registered."},
		},
	}
	for i, f := range form.Fields {
		if given := do.Answers[f.Name]; len(given) > 0 && f.Type != transport.Hidden && f.Name != "code" {
			form.Fields[i].Values = []string{oneLine(given)}
		}
	}
	return form
}

func verificationForm(srv *server, account, text string) *transport.Form {
	if text == "" {
		text = "A code was sent to you."
	}
	return &transport.Form{
		Title:        "Confirm the account on " + srv.name,
		Instructions: text,
		Fields: []transport.Field{
			{Name: "account", Label: "Account", Type: transport.Text, Required: true, Values: []string{account}},
			{Name: "code", Label: "Code", Type: transport.Text, Required: true, Help: "If it takes long to come, start the command again later, with the same password and the code."},
		},
	}
}

// nickOn is what a user is, or would be, called on a server.
func (n *network) nickOn(user string, srv *server) string {
	s := n.sessionOf(user)
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.links[srv]; l != nil && l.nick != "" {
		return l.nick
	}
	local, _, _ := strings.Cut(user, "@")
	return asName(local, "guest")
}

// keepLogin has an account kept for later connections.
func (n *network) keepLogin(done transport.Stage, do transport.Performance, srv *server, account, password string) transport.Stage {
	if n.settings == nil {
		done.Warnings = append(done.Warnings, "The password can't be kept here: log in again on the next connection.")
		return done
	}
	done.Set = transport.Values{"sasl_login": {account}}
	if password != "" {
		done.Set["sasl_password"] = []string{password}
	}
	if v, err := n.settings.Of(do.User, n.address(srv, "")); err == nil && password != "" {
		if m := v.Get("sasl_mechanism"); m == "none" || m == "EXTERNAL" {
			done.Set["sasl_mechanism"] = []string{"auto"}
		}
	}
	return done
}

// performLogin logs in at once where there is a connection, and keeps what that
// was done with.
func (n *network) performLogin(ctx context.Context, do transport.Performance, srv *server) (transport.Stage, error) {
	set, err := n.storedLogin(do.User, srv)
	if err != nil {
		return transport.Stage{}, err
	}
	if do.Asked == 0 {
		return transport.Stage{Form: n.loginForm(do, srv, set)}, nil
	}
	account, password := oneLine(do.Answers["account"]), do.Answers.Get("password")
	if password != "" {
		set.sasl.password = transport.NewSecret(password)
		if set.sasl.mechanism == "none" {
			set.sasl.mechanism = "auto"
		}
	}
	set.sasl.login = account
	tried, err := n.logIn(ctx, do.User, srv, set)
	if why, ok := errors.AsType[*transport.Error](err); ok && why.Reason == transport.NotAuthorized {
		form := n.loginForm(do, srv, set)
		form.Fields[1].Help = why.Text
		return transport.Stage{Form: form, Warnings: []string{why.Text}}, nil
	}
	if err != nil {
		return transport.Stage{}, err
	}
	done := transport.Stage{Text: "Saved. You are logged in with the next connection to " + srv.name + "."}
	if tried != "" {
		done.Text = "You are logged in to " + srv.name + " as " + tried + "."
	}
	return n.keepLogin(done, do, srv, account, password), nil
}

func (n *network) storedLogin(user string, srv *server) (*linkSettings, error) {
	var v transport.Values
	if n.settings != nil {
		var err error
		if v, err = n.settings.Of(user, n.address(srv, "")); err != nil {
			return nil, &transport.Error{Reason: transport.Unreachable, Text: "Your settings can't be read just now.", Err: err}
		}
	}
	return n.linkSettings(srv, v), nil
}

func (n *network) loginForm(do transport.Performance, srv *server, set *linkSettings) *transport.Form {
	account := oneLine(do.Answers["account"])
	if account == "" {
		account = set.sasl.login
	}
	if account == "" {
		account = n.nickOn(do.User, srv)
	}
	password := transport.Field{Name: "password", Label: "Password", Type: transport.Hidden, Help: "If you leave it empty, the one that is kept is used, or your client certificate."}
	if password.Required = set.sasl.password.IsZero() && set.cert == nil; password.Required {
		password.Help = ""
	}
	return &transport.Form{
		Title:        "Log in to an account on " + srv.name,
		Instructions: "The password is kept here, encrypted, and you are logged in with it on every connection.",
		Fields:       []transport.Field{{Name: "account", Label: "Account", Type: transport.Text, Required: true, Values: []string{account}}, password},
	}
}

// logIn logs in on the connection that there is, and gives the account; ""
// without a connection.
func (n *network) logIn(ctx context.Context, user string, srv *server, set *linkSettings) (account string, err error) {
	s := n.sessionOf(user)
	if s == nil {
		return "", nil
	}
	var l *link
	answered := make(chan *transport.Error, 1)
	err = s.do(func() error {
		if l = s.links[srv]; l == nil || l.phase != online {
			l = nil
			return nil
		}
		if !l.caps.on.has(saslCap) {
			if !l.caps.offered.has(saslCap) {
				return refuse(transport.Unsupported, "%s does not offer SASL just now. Its services may log you in: write IDENTIFY to NickServ.", srv.name)
			}
		}
		if l.sasl.mechanism != nil || l.sasl.answered != nil {
			return refuse(transport.RateLimited, "A login is under way.")
		}
		l.relogIn(set.sasl, answered)
		return nil
	})
	if err != nil || l == nil {
		return "", err
	}
	select {
	case why := <-answered:
		if why != nil {
			return "", why
		}
	case <-ctx.Done():
		return "", refuse(transport.Unreachable, "%s takes long to answer.", srv.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.account, nil
}

// relogIn starts a login on a connection that is up. It needs mu.
func (l *link) relogIn(with saslSettings, answered chan *transport.Error) {
	set := *l.set
	set.sasl = with
	l.set = &set
	l.sasl = saslLogin{offered: l.sasl.offered, answered: answered}
	if value := l.caps.values[saslCap]; value != "" {
		l.sasl.offered = saslList(value)
	}
	if l.caps.on.has(saslCap) {
		l.beginSASL() // no error ends a connection that is up
		return
	}
	l.account = ""
	l.caps.asked++
	l.sendNow("CAP", "REQ", saslCap)
}

// logoutLimit is how long services may take to log somebody out.
const logoutLimit = 5 * time.Second

// performLogout forgets the login, and asks services to end it: there is no
// command of the protocol for that.
func (n *network) performLogout(ctx context.Context, do transport.Performance, srv *server) (transport.Stage, error) {
	done := transport.Stage{
		Text: "The password for " + srv.name + " is forgotten.",
		Set:  transport.Values{"sasl_login": nil, "sasl_password": {"-"}},
	}
	if n.settings == nil {
		done.Text, done.Set = "Nothing is kept here for "+srv.name+".", nil
	}
	s := n.sessionOf(do.User)
	if s == nil {
		return done, nil
	}
	out := make(chan struct{}, 1)
	var l *link
	s.do(func() error {
		if l = s.links[srv]; l == nil || l.phase != online || l.account == "" {
			l = nil
			return nil
		}
		l.loggedOut = out
		l.sendNow("PRIVMSG", nickServ, "LOGOUT")
		return nil
	})
	if l == nil {
		return done, nil
	}
	ctx, cancel := context.WithTimeout(ctx, logoutLimit)
	defer cancel()
	select {
	case <-out:
		done.Text += " You are logged out."
	case <-ctx.Done():
		done.Warnings = []string{"You stay logged in until this connection ends: " + srv.name + " has not logged you out."}
	}
	return done, nil
}
