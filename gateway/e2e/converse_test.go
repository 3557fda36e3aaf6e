package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gatehouse/gateway/e2e/browser"
	"gatehouse/gateway/e2e/servers"
)

// A viewer is somebody at a page.
type viewer struct {
	*browser.Page
	t     *testing.T
	shots string
}

func (v *viewer) does(err error) {
	v.t.Helper()
	if err != nil {
		v.shows("failure")
		v.t.Fatal(err)
	}
}

// shows makes a picture, for people to look at in the folder SCREENSHOTS.
func (v *viewer) shows(name string) {
	v.t.Helper()
	check(v.t, v.Screenshot(filepath.Join(v.shots, name+".png")))
}

// opens is somebody who logs in at a page with converse.js.
func (w *world) opens(user string) *viewer {
	w.t.Helper()
	site, err := browser.ServeConverse(w.prosody.WebSocketURL, user+"@localhost", password)
	check(w.t, err)
	w.t.Cleanup(site.Close)
	page, err := browser.Open(w.t.Context(), filepath.Join(w.dir, "browser"), patience)
	check(w.t, err)
	w.t.Cleanup(func() { page.Close() })
	v := &viewer{Page: page, t: w.t, shots: os.Getenv("SCREENSHOTS")}
	if v.shots == "" {
		v.shots = w.t.TempDir()
	}
	v.does(page.Go(site.URL + "/"))
	return v
}

func TestAPageWithConverseJS(t *testing.T) {
	servers.Need(t, "converse", "chromium")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{WebSocket: true})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)), w.sms(""))
	juliet := w.ircUser(address, "juliet", channel)
	check(t, juliet.Raw("TOPIC "+channel+" :A balcony scene"))
	romeo := w.opens("romeo")

	romeo.does(romeo.Click("converse-rooms-list .dropdown-toggle"))
	romeo.does(romeo.Click(".show-add-muc-modal"))
	romeo.does(romeo.Fill(`input[name="chatroom"]`, room))
	romeo.does(romeo.Fill(`input[name="nickname"]`, "romeo"))
	romeo.does(romeo.Press(`input[name="nickname"]`, "Enter"))
	romeo.does(romeo.See("converse-muc-occupants, .occupants", "juliet"))
	romeo.shows("1-joined")
	romeo.does(romeo.See(".chat-head", "A balcony scene"))

	check(t, juliet.Say(channel, "Ay me!"))
	romeo.does(romeo.See(".chat-msg__text", "Ay me!"))
	romeo.does(romeo.Fill("textarea.chat-textarea", "She speaks."))
	romeo.does(romeo.Press("textarea.chat-textarea", "Enter"))
	w.hears(juliet, channel, "romeo", "She speaks.")
	romeo.does(romeo.See(".chat-msg__text", "She speaks."))
	romeo.shows("2-talk")

	// Who owns a channel may configure the room, as the page has it.
	check(t, juliet.Raw("OPER oper operpass"))
	check(t, juliet.Raw("SAMODE "+channel+" +q romeo"))
	romeo.does(romeo.See(".chat-content", "romeo is now an owner of this groupchat"))

	const answer = "converse-chat textarea.chat-textarea"
	check(t, juliet.Say("romeo", "art thou not Romeo?"))
	romeo.does(romeo.Click("converse-roster .list-item:has-text('juliet') a"))
	romeo.does(romeo.See("converse-chat .chat-msg__text", "art thou not Romeo?"))
	romeo.does(romeo.Fill(answer, "Neither, fair saint."))
	romeo.does(romeo.Press(answer, "Enter"))
	w.hears(juliet, "romeo", "romeo", "Neither, fair saint.")
	romeo.shows("3-private")

	romeo.does(romeo.Click("converse-rooms-list a.open-room"))
	romeo.does(romeo.Click("converse-muc .chat-head .dropdown-toggle"))
	romeo.does(romeo.Click(".configure-chatroom-button"))
	romeo.does(romeo.Click(`input[name="persistent"]`))
	romeo.shows("4-configure")
	romeo.does(romeo.Click(`.muc-config-form input[type="submit"], converse-muc-config-modal .btn-primary`))
	cell := w.logIn("romeo", "cell")
	check(t, eventually(limited(t), func() error {
		form := cell.asks(room, "get", `<query xmlns="http://jabber.org/protocol/muc#owner"/>`)
		if !regexp.MustCompile(`var="persistent".*?<value>true</value>`).MatchString(form.String()) {
			return fmt.Errorf("the room's configuration is %s", form)
		}
		return nil
	}))
	romeo.does(romeo.See("converse-muc .chat-content", "She speaks."))
	romeo.shows("5-configured")

	// A group text is a room like any other.
	romeo.does(romeo.Click("converse-rooms-list .dropdown-toggle"))
	romeo.does(romeo.Click(".show-add-muc-modal"))
	romeo.does(romeo.Fill(`input[name="chatroom"]`, family))
	romeo.does(romeo.Fill(`input[name="nickname"]`, "Romeo"))
	romeo.does(romeo.Press(`input[name="nickname"]`, "Enter"))
	romeo.does(romeo.See("converse-muc-occupants, .occupants", cousin))
	romeo.does(romeo.Fill("textarea.chat-textarea", "supper is at nine"))
	romeo.does(romeo.Press("textarea.chat-textarea", "Enter"))
	w.simulatedGets(friend, "supper is at nine")
	w.simulatedText(cousin, "I bring wine", friend)
	romeo.does(romeo.See("converse-muc .chat-msg__text", "I bring wine"))
	romeo.shows("6-group-text")
	trouble, err := romeo.Trouble()
	check(t, err)
	if len(trouble) > 0 {
		t.Errorf("the page's scripts complain: %q", trouble)
	}
}
