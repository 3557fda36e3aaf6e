package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const network = "verona@" + ircHost

// executes runs the first step of an ad-hoc command.
func (p *person) executes(at, node string) *xmppclient.Element {
	p.t.Helper()
	answer := p.asks(at, "set", `<command xmlns="http://jabber.org/protocol/commands" node="`+node+`" action="execute"/>`)
	command := answer.Find("command")
	if answer.Type() != "result" || command == nil {
		p.t.Fatalf("%s at %s: %s", node, at, answer)
	}
	return command
}

// configures sends back the settings of an address as they are shown, but for
// the names and values given in turn. It gives the form and the notes.
func (p *person) configures(at string, answers ...string) (form, notes string) {
	p.t.Helper()
	shown := p.executes(at, "configure")
	given := map[string]string{}
	for i := 0; i < len(answers); i += 2 {
		given[answers[i]] = answers[i+1]
	}
	var submitted strings.Builder
	for _, field := range shown.Find("x").FindAll("field") {
		name := field.Attr("var")
		fmt.Fprintf(&submitted, `<field var="%s">`, name)
		if value, changed := given[name]; changed {
			submitted.WriteString(`<value>` + xmppclient.Escape(value) + `</value>`)
		} else {
			for _, value := range field.FindAll("value") {
				submitted.WriteString(`<value>` + xmppclient.Escape(value.Text) + `</value>`)
			}
		}
		submitted.WriteString(`</field>`)
	}
	answer := p.asks(at, "set", `<command xmlns="http://jabber.org/protocol/commands" node="configure" sessionid="`+shown.Attr("sessionid")+
		`" action="complete"><x xmlns="jabber:x:data" type="submit">`+submitted.String()+`</x></command>`)
	command := answer.Find("command")
	if command == nil || command.Attr("status") != "completed" {
		p.t.Fatalf("the settings were not taken: %s", answer)
	}
	var texts []string
	for _, note := range command.FindAll("note") {
		texts = append(texts, note.Text)
	}
	return shown.String(), strings.Join(texts, "\n")
}

// connection is what the user is told of the link.
func (p *person) connection() string {
	p.t.Helper()
	return p.executes(network, "get-irc-connection-info").String()
}

// disconnects ends the link to the network by the command for that.
func (p *person) disconnects() {
	p.t.Helper()
	shown := p.executes(ircHost, "disconnect-from-irc-server")
	answer := p.asks(ircHost, "set", `<command xmlns="http://jabber.org/protocol/commands" node="disconnect-from-irc-server" sessionid="`+
		shown.Attr("sessionid")+`" action="complete"><x xmlns="jabber:x:data" type="submit"><field var="irc-servers"><value>verona</value></field></x></command>`)
	if command := answer.Find("command"); command == nil || command.Attr("status") != "completed" {
		p.t.Fatalf("not disconnected: %s", answer)
	}
	p.gets(presence, in(room), typed("unavailable"), status("110"))
}

func TestLoggingInAsTheUserHasSet(t *testing.T) {
	servers.Need(t, "inspircd", "atheme", "ii")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	ctx := t.Context()
	irc, err := servers.StartInspIRCd(ctx, filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{TLS: true, Services: true})
	check(t, err)
	t.Cleanup(func() { irc.Close() })
	services, err := servers.StartAtheme(ctx, filepath.Join(w.dir, "atheme"), irc, servers.AthemeOptions{
		Accounts: map[string]string{"montague": "balconyscene"},
	})
	check(t, err)
	t.Cleanup(func() { services.Close() })
	w.start(w.irc("[component.irc.network.verona]\naddress = \"" + irc.TLSAddr + "\"\ntls_ca_file = \"" + irc.CA.File + "\"\n"))
	romeo := w.logIn("romeo", "orchard")
	if told := romeo.connection(); !strings.Contains(told, "not connected") {
		t.Errorf("before there was a connection: %s", told)
	}

	// A wrong password stops, and says so.
	romeo.configures(network, "sasl_login", "montague", "sasl_password", "orchardscene", "nick", "romeo", "throttle_limit", "bleh")
	refused, err := romeo.JoinRoom(limited(t), room, "whatever", "")
	check(t, err)
	if refused.Condition() != "not-authorized" || !strings.Contains(refused.String(), "montague") {
		t.Errorf("the join with a wrong password got %s", refused)
	}

	// Or it goes on, if the user wants that.
	form, _ := romeo.configures(network, "sasl_required", "0")
	if strings.Contains(form, "orchardscene") || !strings.Contains(form, ">montague<") || !strings.Contains(form, ">10<") {
		t.Errorf("the form is shown as %s", form)
	}
	romeo.joins(room, "whatever")
	romeo.gets(message, from(network), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "connected without it") })
	romeo.disconnects()

	romeo.configures(network, "sasl_password", "balconyscene", "sasl_required", "1")
	romeo.joins(room, "whatever")
	told := romeo.connection()
	for _, want := range []string{"logged in as montague", "using TLS 1.3", "orchard"} {
		if !strings.Contains(told, want) {
			t.Errorf("the connection is told as %s, want %q", told, want)
		}
	}
	romeo.disconnects()

	// With a certificate there is no need of a password.
	_, notes := romeo.configures(network, "sasl_password", "-", "client_certificate", "new", "sasl_mechanism", "EXTERNAL", "sasl_login", "")
	print := regexp.MustCompile(`\b[0-9a-f]{64}\b`).FindString(notes)
	check(t, services.AddFingerprint(limited(t), "montague", "balconyscene", print))
	romeo.joins(room, "whatever")
	if told := romeo.connection(); !strings.Contains(told, "logged in as montague") || !strings.Contains(told, print) {
		t.Errorf("the connection is told as %s", told)
	}

	for _, name := range []string{"gatehouse.db", "gatehouse.db-wal", "gatehouse.log"} {
		kept, err := os.ReadFile(filepath.Join(w.dir, "gatehouse", name))
		if err == nil && (bytes.Contains(kept, []byte("balconyscene")) || bytes.Contains(kept, []byte("orchardscene"))) {
			t.Errorf("a password is in %s", name)
		}
	}
	if strings.Contains(w.gateway.Log(), "yscene") || strings.Contains(w.gateway.Log(), "dscene") {
		t.Error("a password is in the log")
	}
}
