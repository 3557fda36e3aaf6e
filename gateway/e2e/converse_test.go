package e2e

import (
	"os"
	"path/filepath"
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

// shows keeps a picture for people to look at.
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
	w.start(w.irc(plain("verona", address)))
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

	check(t, juliet.Say("romeo", "art thou not Romeo?"))
	romeo.does(romeo.See(".list-item, .controlbox", "juliet"))
	romeo.shows("3-private")
}
