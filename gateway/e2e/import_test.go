package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

func TestGatehouseTakesOverFromBiboumi(t *testing.T) {
	servers.Need(t, "inspircd", "ii", "biboumi")
	const (
		host  = "127.0.0.1" // what biboumi calls the network, and so do we
		place = channel + "%" + host + "@" + ircHost
		there = host + "@" + ircHost
	)
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	irc, err := servers.StartInspIRCd(limited(t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{})
	check(t, err)
	t.Cleanup(func() { irc.Close() })
	_, port, err := net.SplitHostPort(irc.Addr)
	check(t, err)
	juliet := w.ircUser(irc.Addr, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")

	// Romeo lives with biboumi.
	dir := filepath.Join(w.dir, "biboumi")
	biboumi, err := servers.StartBiboumi(limited(t), dir, servers.BiboumiOptions{Domain: ircHost, Secret: secret, Server: w.server(ircHost)},
		func(ctx context.Context) error {
			return eventually(ctx, func() error {
				pong, err := romeo.IQ(ctx, ircHost, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
				if err == nil && pong.Type() != "result" {
					err = fmt.Errorf("biboumi does not answer yet: %s", pong)
				}
				return err
			})
		})
	check(t, err)
	t.Cleanup(func() { biboumi.Close() })
	romeo.configures(there, "ports", port, "tls_ports", "", "realname", "Romeo Montague", "pass", "unneeded", "after_connect_commands", "AWAY :in the orchard")
	romeo.configures(place, "record_history", "true", "persistent", "true")
	check(t, romeo.SendPresence(there, "subscribe", ""))
	romeo.gets(presence, from(there), typed("subscribe")) // biboumi asks back
	romeo.joins(place, "romeo")
	romeo.says(place, "groupchat", "m1", "But, soft!", "")
	w.hears(juliet, channel, "romeo", "But, soft!")
	check(t, juliet.Say(channel, "Ay me!"))
	romeo.gets(message, from(place+"/juliet"), body("Ay me!"))
	check(t, biboumi.Stop(limited(t)))
	check(t, juliet.WaitGone(limited(t), channel, "romeo"))

	// Gatehouse is put in its place.
	w.start(w.irc(fmt.Sprintf("[component.irc.network.%q]\naddress = %q\ntls = false\n", host, irc.Addr)))
	check(t, w.gateway.Stop(limited(t)))
	config := filepath.Join(w.gateway.Dir, "config.toml")
	imported := func(more ...string) string {
		t.Helper()
		arguments := append([]string{"-config", config, "import", "biboumi"}, more...)
		out, err := exec.CommandContext(limited(t), program, append(arguments, servers.BiboumiDatabase(dir))...).CombinedOutput()
		if err != nil {
			t.Fatalf("import: %v\n%s", err, out)
		}
		return string(out)
	}
	dry := imported()
	for _, want := range []string{"2  settings of an address", "1  channels that people stay in", "1  subscriptions", "2  messages", "Nothing was written"} {
		if !strings.Contains(dry, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, dry)
		}
	}
	if done := imported("-write"); !strings.HasSuffix(done, "Done.\n") {
		t.Errorf("the import says:\n%s", done)
	}
	_, again, _ := strings.Cut(imported("-write"), "Writing:")
	if !strings.Contains(again, "0  messages") || !strings.Contains(again, "0  settings") {
		t.Errorf("importing again says:\n%s", again)
	}

	// Romeo is in the garden again, and finds what was said there.
	check(t, w.gateway.Start(limited(t)))
	w.among(juliet, channel, "romeo")
	romeo.gets(presence, from(there), typed(""))
	check(t, romeo.SendPresence(place+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
	romeo.gets(message, from(place+"/romeo"), body("But, soft!"), has("delay"), has("stanza-id"))
	romeo.gets(message, from(place+"/juliet"), body("Ay me!"), has("delay"))
	form := romeo.executes(there, "configure").String()
	if !strings.Contains(form, "Romeo Montague") || !strings.Contains(form, "AWAY :in the orchard") || strings.Contains(form, "unneeded") {
		t.Errorf("romeo's settings are: %s", form)
	}
}
