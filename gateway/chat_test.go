package gateway_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// tellsGateway writes to the gateway and gives its answer.
func (w *world) tellsGateway(client, text string) string {
	w.t.Helper()
	w.says(client, `<message to='%s' type='chat' id='m'><body>%s</body></message>`, verona, text)
	got := w.Expect(Message(From(verona), To(client), Type("chat"), Has("body")))
	body, _ := got.ReadBody()
	return body
}

func TestTheGatewayTakesCommandsInAChat(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, tt := range []struct{ text, want string }{
			{"help", "set [ADDRESS] NAME VALUE"},
			{"HELP", "settings [ADDRESS]"},
			{"!help", "commands [ADDRESS]"},
			{"dance", `I don't know what "dance" is. Write help`},
			{"ping", "Pong"},
			{"hello", "Missing"},
			{"hello Romeo Montague", "Hello Romeo Montague!"},
			{"hello name=Romeo", "Hello Romeo!"},
			{"commands", "leave-verona – Leave"},
			{"commands verona", "get-verona – How is it?"},
			{"commands two words", "no address"},
			{"commands juliet", "There are no commands for that."},
			{"get-verona verona", "You are not connected to verona."},
			{"settings", "length: 20 – The length"},
			{"settings verona", "pass: (empty)"},
			{"set", "Write: set"},
			{"set length", "Write: set"},
			{"set height 3", `There is no setting "height"`},
			{"set length 42", "Saved."},
			{"settings", "length: 42"},
			{"set record off", "Saved."},
			{"settings", "record: false"},
			{"unset length", "Saved."},
			{"set verona nick romeo", "Saved."},
			{"set verona@verona.example.org pass wherefore", "Saved."},
			{"set verona mood Wild", "Saved."},
			{"set verona nick two words", "A nick has no spaces."},
			{"set verona nick romeo", "Saved."},
			{"set #garden charset latin-1", "Saved."},
			{"settings verona", "pass: (set, and not shown)"},
			{"configure length=17", "Configuration successfully applied."},
			{"reload", "only an administrator"},
			{"users", "only an administrator"},
			{"settings juliet", "length: 17"},
		} {
			got := w.tellsGateway(orchard, tt.text)
			if tt.text == "hello" {
				tt.want = "name: (empty)"
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q is answered by %q, want %q", tt.text, got, tt.want)
			}
			if strings.Contains(got, "wherefore") {
				t.Errorf("%q shows the password", tt.text)
			}
		}
		for at, want := range map[transport.Address]transport.Values{
			"": {"length": {"17"}, "record": {"false"}}, "verona": {"nick": {"romeo"}, "pass": {"wherefore"}, "mood": {"wild"}}, inGarden: {"charset": {"latin-1"}},
		} {
			if diff := cmp.Diff(want, w.stored(at)); diff != "" {
				t.Errorf("%q (- want, + got):\n%s", at, diff)
			}
		}
		w.tellsGateway(orchard, "unset verona pass")
		if v := w.stored("verona"); v["pass"] != nil {
			t.Errorf("stored %v", v)
		}
	})
}

func TestAdministratorsUseTheChatToo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.isConnected(romeo, nil, "verona", "mantua")
		w.verona.called(t, "open "+romeo, "join #garden romeo")
		for _, tt := range []struct{ text, want string }{
			{"users", romeo + ": 1 client in 1 room; verona is up; mantua is up"},
			{"commands", "announce – Send a message to all users"},
			{"leave-verona", "jid: (empty)"},
			{"leave-verona jid=" + romeo, "verona-servers: (empty) – The servers (verona, mantua)"},
			{"leave-verona jid=" + romeo + " verona-servers=mantua quit-message=Go now!", romeo + " was disconnected from 1 server."},
		} {
			w.says(castle, `<message to='%s' type='chat'><body>%s</body></message>`, verona, tt.text)
			got, _ := w.Expect(Message(To(castle))).ReadBody()
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q is answered by %q, want %q", tt.text, got, tt.want)
			}
		}
		w.says(castle, `<message to='%s' type='chat'><body>block %s</body></message>`, verona, romeo)
		w.ExpectInAnyOrder(Message(To(castle), Body("1 blocked, 0 unblocked.")), gone(orchard, garden, "romeo"))
		w.settle()
		w.verona.called(t, "disconnect mantua Go now!", "close You may no longer use this gateway")
		w.says(castle, `<message to='%s' type='chat'><body>announce Throw your weapons to the ground = now</body></message>`, verona)
		w.ExpectInAnyOrder(Message(To(castle), Body("The message goes to 1 user.")), Message(To(escalus), Body("Throw your weapons to the ground = now")))
	})
}

func TestWhatNeedsNoAnswerInAChatGetsNone(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, text := range []string{
			`<message to='%s' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`,
			`<message to='%s' type='headline'><body>help</body></message>`,
			`<message to='%s' type='error'><body>help</body></message>`,
			`<message to='%s' type='chat'><body> </body></message>`,
		} {
			w.says(orchard, text, verona)
		}
		w.says("example.org", `<message to='%s' type='chat'><body>help</body></message>`, verona)
		w.settle()
		w.ExpectNothing()
		w.says(orchard, `<message to='%s' type='groupchat' id='m'><body>help</body></message>`, verona)
		w.Expect(Message(ID("m"), StanzaError("modify", "bad-request")))
	})
}

// Where the gateway stands for the only server, its JID is that server's
// console, and commands bear a mark.
func TestTheGatewayOfOneServerIsItsConsole(t *testing.T) {
	homeStory(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='%s' type='chat' id='m'><body>WHOIS juliet</body></message>`, verona)
		w.settle()
		w.verona.called(t, "open "+romeo, "send verona  WHOIS juliet")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "verona", Text: "juliet capulet"}})
		w.Expect(Message(From(verona), To(romeo), Type("chat"), Body("juliet capulet")))
		if got := w.tellsGateway(orchard, "!help"); !strings.Contains(got, "!set [ADDRESS]") || !strings.Contains(got, "Everything else goes to verona.") {
			t.Errorf("the help is %q", got)
		}
		w.tellsGateway(orchard, "!set nick romeo")
		if v := w.stored("verona"); v.Get("nick") != "romeo" {
			t.Errorf("stored %v", v)
		}
		w.tellsGateway(orchard, "!set length 3")
		if v := w.stored(""); v.Get("length") != "3" {
			t.Errorf("stored %v", v)
		}
		w.verona.denies("send", nil)
		w.verona.refuses("send", because(transport.Unreachable))
		w.says(orchard, `<message to='%s' type='chat' id='m2'><body>NAMES</body></message>`, verona)
		w.Expect(Message(From(verona), ID("m2"), StanzaError("wait", "remote-server-timeout")))
	})
}

func TestAServerTakesMarkedCommandsBesideItsConsole(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, tt := range []struct{ text, want string }{
			{"!help", "Everything else goes to verona."},
			{"!set nick romeo", "Saved."},
			{"!settings", "nick: romeo"},
			{"!settings", "Write: !set NAME VALUE"},
			{"!settings " + verona, "length: 20"},
			{"!configure ports=1595", "Configuration successfully applied."},
			{"!get-verona", "You are not connected to verona."},
			{"!commands", "!get-verona – How is it?"},
			{"!ping", "Pong"},
		} {
			w.says(orchard, `<message to='%s' type='chat'><body>%s</body></message>`, server, tt.text)
			got, _ := w.Expect(Message(From(server), To(orchard), Type("chat"))).ReadBody()
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q is answered by %q, want %q", tt.text, got, tt.want)
			}
		}
		if diff := cmp.Diff(transport.Values{"nick": {"romeo"}, "ports": {"1595"}, "mood": nil}, w.stored("verona")); diff != "" {
			t.Error(diff)
		}
		w.says(orchard, `<message to='%s' type='chat'><body>set nick romeo</body></message>`, server)
		w.settle()
		w.verona.called(t, "open "+romeo, "send verona  set nick romeo")
	})
}
