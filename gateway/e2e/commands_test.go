package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	commandsSpace = "http://jabber.org/protocol/commands"
	verona        = "verona@" + ircHost
)

// commanded starts a gateway with one IRC network, which benvolio administers.
func commanded(t *testing.T, options string) *world {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := ircServers["InspIRCd"](w)
	w.top = "admins = [\"benvolio@localhost\"]\n"
	w.start(w.irc(options + plain("verona", address)))
	w.ircUser(address, "juliet", channel)
	return w
}

// runs does one step of a command. Fields are "name=value".
func (p *person) runs(to, node, attributes string, fields ...string) xmppclient.Stanza {
	p.t.Helper()
	form := ""
	if len(fields) > 0 {
		form = filled(fields...)
	}
	return p.asks(to, "set", fmt.Sprintf(`<command xmlns="%s" node="%s" %s>%s</command>`, commandsSpace, node, attributes, form))
}

// filled is a form that is sent back.
func filled(fields ...string) string {
	values := map[string]string{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values[name] += "<value>" + xmppclient.Escape(value) + "</value>"
	}
	form := `<x xmlns="jabber:x:data" type="submit">`
	for name, value := range values {
		form += fmt.Sprintf(`<field var="%s">%s</field>`, name, value)
	}
	return form + "</x>"
}

// does a command whose one form is filled in, and gives its notes.
func (p *person) does(to, node string, fields ...string) string {
	p.t.Helper()
	s := p.runs(to, node, "")
	if len(fields) > 0 {
		s = p.goesOn(s, to, node, "complete", fields...)
	}
	return p.ends(s)
}

func (p *person) goesOn(s xmppclient.Stanza, to, node, action string, fields ...string) xmppclient.Stanza {
	p.t.Helper()
	c := s.Find("command")
	if c == nil || c.Attr("status") != "executing" || c.Find("x") == nil {
		p.t.Fatalf("the command asks nothing: %s", s)
	}
	return p.runs(to, node, fmt.Sprintf(`sessionid="%s" action="%s"`, c.Attr("sessionid"), action), fields...)
}

func (p *person) ends(s xmppclient.Stanza) string {
	p.t.Helper()
	c := s.Find("command")
	if s.Type() != "result" || c.Attr("status") != "completed" {
		p.t.Fatalf("the command did not end well: %s", s)
	}
	var notes []string
	for _, n := range c.FindAll("note") {
		notes = append(notes, n.Text)
	}
	return strings.Join(notes, "\n")
}

// chats writes a command and waits for the answer.
func (p *person) chats(text string) string {
	p.t.Helper()
	p.says(ircHost, "chat", xmppclient.NewID(), text, "")
	return p.gets(message, from(ircHost), typed("chat")).Body()
}

// nodes are the commands of an address.
func (p *person) nodes(to string) string {
	p.t.Helper()
	var all []string
	for _, i := range p.asks(to, "get", `<query xmlns="http://jabber.org/protocol/disco#items" node="`+commandsSpace+`"/>`).Find("query").FindAll("item") {
		all = append(all, i.Attr("node"))
	}
	return strings.Join(all, " ")
}

// What is set by a command, by the room's form or in a chat is the same, and is
// what the network gets.
func TestSettingsAreChangedInThreeWays(t *testing.T) {
	w := commanded(t, "")
	romeo := w.logIn("romeo", "orchard")
	if got, want := romeo.nodes(verona), "configure get-irc-connection-info register-account log-in log-out"; got != want {
		t.Errorf("the server's commands are %q, want %q", got, want)
	}
	romeo.configures(verona, "nick", "montague", "realname", "A Montague")
	if text := romeo.does(verona, "get-irc-connection-info"); !strings.Contains(text, "not connected") {
		t.Errorf("the connection before it is made: %q", text)
	}
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	romeo.gets(presence, from(room+"/montague"), status("110"))
	if text := romeo.does(verona, "get-irc-connection-info"); !strings.Contains(text, channel) || !strings.Contains(text, "orchard") {
		t.Errorf("the connection: %q", text)
	}

	owner := func(typ, form string) xmppclient.Stanza {
		return romeo.asks(room, typ, `<query xmlns="http://jabber.org/protocol/muc#owner">`+form+`</query>`)
	}
	if s := owner("get", ""); !strings.Contains(s.String(), `var="encoding_in"`) {
		t.Fatalf("the room's form is %s", s)
	}
	if s := owner("set", filled("encoding_in=ISO-8859-1", "ports=1")); s.Type() != "result" {
		t.Fatalf("the room was not configured: %s", s)
	}
	if s := owner("set", `<x xmlns="jabber:x:data" type="cancel"/>`); s.Type() != "result" {
		t.Fatalf("the form was not cancelled: %s", s)
	}

	for text, want := range map[string]string{
		"settings verona": "nick: montague", "settings #garden%verona": "encoding_in: ISO-8859-1",
		"help": "set [ADDRESS] NAME VALUE", "commands": "disconnect-from-irc-server",
	} {
		if got := romeo.chats(text); !strings.Contains(got, want) {
			t.Errorf("%q is answered by %q, want %q", text, got, want)
		}
	}
	if got := romeo.chats("set verona pass rosemary"); strings.Contains(got, "rosemary") {
		t.Errorf("the password is shown: %q", got)
	}
	again := romeo.runs(verona, "configure", "")
	if text := again.String(); strings.Contains(text, "rosemary") || !strings.Contains(text, "montague") {
		t.Errorf("the form is %s", text)
	}
	if got := romeo.chats("disconnect-from-irc-server irc-servers=verona quit-message=Adieu"); !strings.Contains(got, "1 server") {
		t.Errorf("the chat says %q", got)
	}
	left := romeo.gets(presence, from(room+"/montague"), typed("unavailable"), status("110"))
	if note := left.Find("status"); note == nil || note.Text != "Adieu" {
		t.Errorf("the room was left with %s", left)
	}
}

func TestAdministratorsCommandTheGateway(t *testing.T) {
	w := commanded(t, "")
	benvolio, romeo := w.logIn("benvolio", "street"), w.logIn("romeo", "orchard")
	if got, want := len(strings.Fields(romeo.nodes(ircHost))), 4; got != want {
		t.Errorf("romeo has %d commands, want %d", got, want)
	}
	if got, want := len(strings.Fields(benvolio.nodes(ircHost))), 6; got != want {
		t.Errorf("benvolio has %d commands, want %d", got, want)
	}
	if s := romeo.runs(ircHost, "disconnect-user", ""); s.Condition() != "forbidden" {
		t.Errorf("romeo may disconnect users: %s", s)
	}

	romeo.joins(room, "romeo")
	const users = "http://jabber.org/protocol/admin#get-online-users-list"
	if text := benvolio.does(ircHost, users); !strings.Contains(text, "romeo@localhost: 1 client in 1 room; verona is up") {
		t.Errorf("the users are %q", text)
	}
	benvolio.does(ircHost, "http://jabber.org/protocol/admin#announce", "announcement=The prince comes")
	romeo.gets(message, from(ircHost), body("The prince comes"))

	// Whose links, and which.
	step := benvolio.runs(ircHost, "disconnect-from-irc-server", "")
	step = benvolio.goesOn(step, ircHost, "disconnect-from-irc-server", "next", "jid=romeo@localhost")
	benvolio.ends(benvolio.goesOn(step, ircHost, "disconnect-from-irc-server", "complete", "irc-servers=verona", "quit-message=Part!"))
	romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))

	romeo.joins(room, "romeo")
	benvolio.does(ircHost, "disconnect-user", "jids=romeo@localhost", "quit-message=Enough")
	romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))

	benvolio.does(ircHost, "block", "jid=romeo@localhost")
	if s := romeo.runs(ircHost, "ping", ""); s.Condition() != "forbidden" {
		t.Errorf("romeo is blocked, but: %s", s)
	}
	check(t, w.gateway.Restart(limited(t)))
	if s := romeo.runs(ircHost, "ping", ""); s.Condition() != "forbidden" {
		t.Errorf("romeo is no longer blocked after a restart: %s", s)
	}
	benvolio.does(ircHost, "unblock", "jid=romeo@localhost")
	if text := romeo.does(ircHost, "ping"); text != "Pong" {
		t.Errorf("romeo gets %q", text)
	}

	// The config is read again, by command and by signal.
	config := filepath.Join(w.dir, "gatehouse", "config.toml")
	text, err := os.ReadFile(config)
	check(t, err)
	check(t, os.WriteFile(config, []byte("admin = 1\n"), 0o600))
	if note := benvolio.does(ircHost, "reload"); !strings.Contains(note, "unknown key admin") {
		t.Errorf("a wrong config is read: %q", note)
	}
	ruler := func(name string) {
		check(t, os.WriteFile(config, []byte(strings.Replace(string(text), "benvolio@localhost", name+"@localhost", 1)), 0o600))
	}
	ruler("romeo")
	if note := benvolio.does(ircHost, "reload"); note != "Configuration reloaded." {
		t.Errorf("the config is reloaded: %q", note)
	}
	if s := benvolio.runs(ircHost, "reload", ""); s.Condition() != "forbidden" {
		t.Errorf("benvolio is no administrator any more, but: %s", s)
	}
	ruler("benvolio")
	check(t, syscall.Kill(w.gateway.PID(), syscall.SIGHUP))
	w.logs(`msg="config read again"(.|\n)*msg="config read again"`)
	benvolio.does(ircHost, "reload")
}

// Whoever registers with the gateway gets it as a contact, and whoever
// unregisters is forgotten.
func TestPeopleRegisterAndAreForgotten(t *testing.T) {
	w := commanded(t, "")
	romeo := w.logIn("romeo", "orchard")
	register := func(typ, child string) xmppclient.Stanza {
		return romeo.asks(ircHost, typ, `<query xmlns="jabber:iq:register">`+child+`</query>`)
	}
	if s := register("set", "<remove/>"); s.Condition() != "registration-required" {
		t.Errorf("nobody is registered, but: %s", s)
	}
	if s := register("get", ""); s.Find("query", "instructions") == nil || s.Find("query", "registered") != nil {
		t.Errorf("the registration is %s", s)
	}
	register("set", "")
	romeo.gets(presence, from(ircHost), typed("subscribe"))
	check(t, romeo.SendPresence(ircHost, "subscribed", ""))
	check(t, romeo.SendPresence(ircHost, "subscribe", ""))
	romeo.gets(presence, from(ircHost), typed(""))
	if s := register("get", ""); s.Find("query", "registered") == nil {
		t.Errorf("romeo is not registered: %s", s)
	}
	if s := romeo.asks(ircHost, "set", `<query xmlns="jabber:iq:gateway"><prompt>#garden%verona</prompt></query>`); s.Find("query", "jid") == nil || s.Find("query", "jid").Text != room {
		t.Errorf("the address is %s", s)
	}

	romeo.joins(room, "romeo")
	romeo.chats("set verona nick montague")
	if s := register("set", "<remove/>"); s.Type() != "result" {
		t.Fatalf("romeo can't unregister: %s", s)
	}
	romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))
	romeo.gets(presence, from(ircHost), typed("unavailable"))
	if text := romeo.chats("settings verona"); strings.Contains(text, "montague") {
		t.Errorf("the settings are still there: %q", text)
	}
	if roster := romeo.asks("", "get", `<query xmlns="jabber:iq:roster"/>`); strings.Contains(roster.String(), `subscription="both"`) {
		t.Errorf("the gateway is still a contact: %s", roster)
	}
	romeo.joins(room, "romeo") // as anybody may
}

// Where there is only one network, the gateway is its server and its console,
// and what is for the gateway itself is marked.
func TestTheGatewayOfOneNetworkIsItsServer(t *testing.T) {
	w := commanded(t, "fixed_network = \"verona\"\n")
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	const own = "ping hello disconnect-from-irc-server global-configure server-configure get-irc-connection-info register-account log-in log-out"
	if got := romeo.nodes(ircHost); got != own {
		t.Errorf("romeo's commands are %q", got)
	}
	if got := benvolio.nodes(ircHost); got != own+" disconnect-user reload" {
		t.Errorf("benvolio's commands are %q", got)
	}
	if s := romeo.runs(ircHost, "server-configure", ""); !strings.Contains(s.String(), `var="sasl_password"`) {
		t.Errorf("the server's form is %s", s)
	}
	if got := romeo.chats("!set nick montague"); got != "Saved." {
		t.Errorf("the chat says %q", got)
	}
	if got := romeo.chats("!settings verona"); !strings.Contains(got, "nick: montague") {
		t.Errorf("the settings are %q", got)
	}
	if got := romeo.chats("!set realname A Montague"); got != "Saved." {
		t.Errorf("the chat says %q", got)
	}
	check(t, romeo.SendPresence(channel+"@"+ircHost+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	romeo.gets(presence, from(channel+"@"+ircHost+"/montague"), status("110"))
	romeo.says(ircHost, "chat", "w1", "WHOIS montague", "")
	romeo.gets(message, from(ircHost), typed("chat"), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "A Montague") })
	if text := romeo.does(ircHost, "get-irc-connection-info"); !strings.Contains(text, channel) {
		t.Errorf("the connection: %q", text)
	}
}
