package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// onGammu starts a gammu-smsd and gives the config of a provider on it.
func (w *world) onGammu() (*servers.Gammu, string) {
	w.t.Helper()
	servers.Need(w.t, "gammu")
	g, err := servers.StartGammu(limited(w.t), filepath.Join(w.dir, "gammu"))
	check(w.t, err)
	w.t.Cleanup(func() {
		g.Close()
		if w.t.Failed() {
			w.t.Log(g.Log())
		}
	})
	return g, fmt.Sprintf("provider = \"gammu\"\n[component.sms.gammu]\nspool = %q\nnumber = %q\n", g.Spool, ownPhone)
}

// modemSent waits until the modem has sent some texts.
func (w *world) modemSent(g *servers.Gammu, texts int) {
	w.t.Helper()
	check(w.t, eventually(limited(w.t), func() error {
		if names, err := g.Sent(); err != nil || len(names) != texts {
			return fmt.Errorf("%d texts were sent, and not %d: %v", len(names), texts, err)
		}
		return nil
	}))
}

func TestTextsThroughAModem(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	gammu, config := w.onGammu()
	w.start(w.sms(config))
	romeo := w.logIn("romeo", "orchard")

	// Long texts come in parts both ways.
	long := strings.Repeat("0123456789", 29) + "the end"
	check(t, gammu.PhoneGets(limited(t), friend, long))
	romeo.gets(message, from(phone), typed("chat"), body(long))
	romeo.says(phone, "chat", "g1", long+" 5 €", wantsReceipt)
	w.modemSent(gammu, 1)
	if n := strings.Count(gammu.Log(), "Transmitted "); n != 2 {
		t.Errorf("the text was sent in %d parts, not 2", n)
	}
	check(t, gammu.PhoneGetsReport(friend, "Delivered", 255)) // the dummy's only reference
	receipt := romeo.gets(message, from(phone), has("received"))
	if got := receipt.Find("received").Attr("id"); got != "g1" {
		t.Errorf("the receipt is for %q, want g1", got)
	}

	w.doctorSays(0, "can be read and written.", "No text has waited long")

	// Either side may be away: what it was to do waits for it.
	gammu.Kill()
	romeo.says(phone, "chat", "g2", "ж 😀", wantsReceipt)
	check(t, gammu.Start(limited(t)))
	w.modemSent(gammu, 2)
	w.gateway.Kill()
	check(t, gammu.PhoneGets(limited(t), friend, "while you were down"))
	check(t, gammu.PhoneGetsReport(friend, "Failed", 255))
	check(t, w.gateway.Start(limited(t)))
	romeo.gets(message, from(phone), body("while you were down"))
	romeo.gets(message, from(phone), typed("error"), id("g2"))
}
