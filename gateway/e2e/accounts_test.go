package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
)

// walled is a server that lets in only those who have an account, and gives
// them one by mail.
func (w *world) walled() *ircv3server.Server {
	passwords, pending := map[string]string{}, map[string]string{}
	in := func(c *ircv3server.Client) {
		c.Account = c.Nick
		c.Numeric("900", c.Nick+"!x@host.test", c.Account, "You are now logged in as "+c.Account)
	}
	return w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common("standard-replies", "sasl=PLAIN", "draft/account-registration=before-connect,email-required"),
		Commands: map[string]ircv3server.Handler{
			"CAP": func(c *ircv3server.Client, m ircmsg.Message) {
				if m.Params[0] == "END" && c.Account == "" {
					c.Fail("*", "ACCOUNT_REQUIRED", "You must log in with SASL to join this server")
					c.Default(ircmsg.MakeMessage(nil, "", "QUIT"))
					return
				}
				c.Default(m)
			},
			"REGISTER": func(c *ircv3server.Client, m ircmsg.Message) {
				switch email, password := m.Params[1], m.Params[2]; {
				case len(password) < 8:
					c.Fail("REGISTER", "WEAK_PASSWORD", c.Nick, "Passwords have 8 characters at least")
				case !strings.Contains(email, "@"):
					c.Fail("REGISTER", "INVALID_EMAIL", c.Nick, "A valid e-mail address is required")
				default:
					pending[c.Nick] = password
					c.Numeric("REGISTER", "VERIFICATION_REQUIRED", c.Nick, "A code has been sent to "+email)
				}
			},
			"VERIFY": func(c *ircv3server.Client, m ircmsg.Message) {
				account := m.Params[0]
				if m.Params[1] != "39gvcdg4myv" || pending[account] == "" {
					c.Fail("VERIFY", "INVALID_CODE", "Invalid verification code")
					return
				}
				passwords[account] = pending[account]
				c.Numeric("VERIFY", "SUCCESS", account, "Account successfully registered")
				in(c)
			},
			"PRIVMSG": func(c *ircv3server.Client, m ircmsg.Message) {
				if m.Params[0] == "NickServ" && m.Params[1] == "LOGOUT" {
					c.Account = ""
					c.Numeric("901", c.Nick+"!x@host.test", "You are now logged out")
				}
			},
			"AUTHENTICATE": func(c *ircv3server.Client, m ircmsg.Message) {
				if m.Params[0] == "PLAIN" {
					c.Numeric("AUTHENTICATE", "+")
					return
				}
				answer, _ := base64.StdEncoding.DecodeString(m.Params[0])
				parts := strings.Split(string(answer), "\x00")
				if len(parts) != 3 || passwords[parts[1]] == "" || passwords[parts[1]] != parts[2] {
					c.Numeric("904", "SASL authentication failed")
					return
				}
				in(c)
				c.Numeric("903", "SASL authentication successful")
			},
		},
	})
}

// Who is refused for lack of an account registers one by the command, and is
// logged in with it from then on.
func TestAnAccountIsRegisteredWhereNobodyGetsInWithoutOne(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.irc(plain("verona", w.walled().Addr())))
	romeo := w.logIn("romeo", "orchard")
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	refused := romeo.gets(presence, from(room+"/romeo"), typed("error"), condition("not-authorized"))
	if !strings.Contains(refused.String(), "register-account") {
		t.Errorf("the refusal does not say what to do: %s", refused)
	}

	const node = "register-account"
	step := romeo.runs(verona, node, "")
	step = romeo.goesOn(step, verona, node, "next", "account=romeo", "password=rose", "email=romeo@localhost")
	if !strings.Contains(step.String(), "Passwords have 8 characters at least") {
		t.Errorf("a weak password: %s", step)
	}
	step = romeo.goesOn(step, verona, node, "next", "account=romeo", "password=a rose by any other", "email=romeo@localhost")
	if !strings.Contains(step.String(), "A code has been sent to romeo@localhost") {
		t.Errorf("the code: %s", step)
	}
	step = romeo.goesOn(step, verona, node, "complete", "account=romeo", "code=1")
	if !strings.Contains(step.String(), "Invalid verification code") {
		t.Errorf("a wrong code: %s", step)
	}
	if text := romeo.ends(romeo.goesOn(step, verona, node, "complete", "account=romeo", "code=39gvcdg4myv")); !strings.Contains(text, "the account romeo") || strings.Contains(text, "rose") {
		t.Errorf("at the end: %q", text)
	}

	romeo.joins(room, "romeo")
	romeo.disconnects()
	romeo.joins(room, "romeo") // logged in with what was kept
	if told := romeo.connection(); !strings.Contains(told, "logged in as romeo") {
		t.Errorf("the connection: %s", told)
	}
	if text := romeo.does(verona, "log-out"); !strings.Contains(text, "is forgotten") || !strings.Contains(text, "logged out") {
		t.Errorf("logging out: %q", text)
	}
	romeo.disconnects()
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	romeo.gets(presence, from(room+"/romeo"), typed("error"), condition("not-authorized"))
}
