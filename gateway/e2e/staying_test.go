package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircclient"
	"gatehouse/gateway/e2e/servers"
)

const stayNote = "You stay in this room while none of your clients is here."

// staysFor is the config of people who stay in channels.
const staysFor = "persistent_by_default = true\n"

// onInspIRCd starts an InspIRCd.
func (w *world) onInspIRCd(o servers.InspIRCdOptions) *servers.InspIRCd {
	w.t.Helper()
	servers.Need(w.t, "inspircd", "ii")
	s, err := servers.StartInspIRCd(limited(w.t), filepath.Join(w.dir, "inspircd"+o.Name), o)
	check(w.t, err)
	w.t.Cleanup(func() { s.Close() })
	return s
}

// among waits until somebody is in a channel.
func (w *world) among(c *ircclient.Client, channel, nick string) {
	w.t.Helper()
	ctx := limited(w.t)
	check(w.t, eventually(ctx, func() error {
		names, err := c.Names(ctx, channel)
		if err == nil && !slices.ContainsFunc(names, func(n string) bool { return regexp.MustCompile(`^[~&@%+]*` + nick + `$`).MatchString(n) }) {
			err = fmt.Errorf("%s is not among %q", nick, names)
		}
		return err
	}))
}

func TestWhoStaysInAChannelIsThereAfterEveryRestart(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	irc := w.onInspIRCd(servers.InspIRCdOptions{})
	w.start(w.irc(staysFor + plain("verona", irc.Addr)))
	juliet := w.ircUser(irc.Addr, "juliet", channel)

	// Nobody of romeo is there, but romeo hears what is said.
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	check(t, eventually(limited(t), func() error {
		if info := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`); !strings.Contains(info.String(), "muc_persistent") {
			return fmt.Errorf("the room is not persistent: %s", info)
		}
		return nil
	}))
	check(t, romeo.SendPresence(room+"/romeo", "unavailable", ""))
	last := romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))
	if note := last.Find("status"); note == nil || note.Text != stayNote {
		t.Errorf("the client that left was told: %s", last)
	}
	check(t, juliet.Say(channel, "wherefore art thou Romeo?"))
	check(t, juliet.Say("romeo", "art thou there?"))
	romeo.gets(message, typed("chat"), body("art thou there?")) // so the other one has come too
	cell := w.logIn("romeo", "cell")
	check(t, cell.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	cell.gets(presence, from(room+"/romeo"), status("110"))
	cell.gets(message, from(room+"/juliet"), body("wherefore art thou Romeo?"), has("delay"))
	check(t, cell.SendPresence(room+"/romeo", "unavailable", ""))
	cell.gets(presence, typed("unavailable"), status("110"))

	// Gatehouse is restarted, cleanly and not.
	check(t, w.gateway.Restart(limited(t)))
	w.among(juliet, channel, "romeo")
	w.gateway.Kill()
	check(t, juliet.WaitGone(limited(t), channel, "romeo"))
	check(t, w.gateway.Start(limited(t)))
	w.among(juliet, channel, "romeo")

	// The XMPP server is.
	check(t, w.prosody.Restart(limited(t)))
	check(t, w.healthy(limited(t)))
	w.among(juliet, channel, "romeo")

	// The IRC server is.
	check(t, irc.Restart(limited(t)))
	nurse := w.ircUser(irc.Addr, "nurse", channel)
	w.among(nurse, channel, "romeo")

	// Who is thrown out does not come back; the other channel is joined again.
	romeo = w.logIn("romeo", "orchard")
	romeo.joins("#balcony%verona@"+ircHost, "romeo")
	check(t, nurse.Join(limited(t), "#balcony"))
	check(t, nurse.Raw("OPER oper operpass"))
	check(t, nurse.Raw("SAMODE "+channel+" +o nurse"))
	check(t, nurse.Raw("KICK "+channel+" romeo :enough"))
	check(t, nurse.WaitGone(limited(t), channel, "romeo"))
	check(t, w.gateway.Restart(limited(t)))
	w.among(nurse, "#balcony", "romeo")
	names, err := nurse.Names(limited(t), channel)
	check(t, err)
	if slices.Contains(names, "romeo") {
		t.Errorf("romeo is among %q", names)
	}
}
