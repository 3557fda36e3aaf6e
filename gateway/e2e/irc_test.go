package e2e

import (
	"path/filepath"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

const (
	room    = "#garden%verona@" + ircHost
	channel = "#garden"
)

// ircServers start each IRC server and give its plain address.
var ircServers = map[string]func(*world) string{
	"InspIRCd": func(w *world) string {
		servers.Need(w.t, "inspircd", "ii")
		s, err := servers.StartInspIRCd(limited(w.t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{})
		check(w.t, err)
		w.t.Cleanup(func() { s.Close() })
		return s.Addr
	},
	"ngIRCd": func(w *world) string {
		servers.Need(w.t, "ngircd", "ii")
		s, err := servers.StartNgIRCd(limited(w.t), filepath.Join(w.dir, "ngircd"), servers.NgIRCdOptions{})
		check(w.t, err)
		w.t.Cleanup(func() { s.Close() })
		return s.Addr
	},
}

func TestAnEveningInTheGarden(t *testing.T) {
	for name, start := range ircServers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.onProsody(servers.ProsodyOptions{})
			address := start(w)
			w.start(w.irc(plain("verona", address)))
			juliet := w.ircUser(address, "juliet", channel) // first in, so an operator
			romeo := w.logIn("romeo", "orchard")

			self := romeo.joins(room, "romeo")
			if self.HasStatus("201") || self.HasStatus("210") {
				t.Errorf("the join claims more than it is: %s", self)
			}
			romeo.gets(presence, from(room+"/juliet"), has("x", "item"))

			romeo.says(room, "groupchat", "m1", "But, soft!", `<origin-id xmlns="urn:xmpp:sid:0" id="o1"/>`)
			romeo.gets(message, from(room+"/romeo"), id("m1"), body("But, soft!"), has("stanza-id"), has("origin-id"))
			w.hears(juliet, channel, "romeo", "But, soft!")
			check(t, juliet.Say(channel, "Ay me!"))
			romeo.gets(message, from(room+"/juliet"), typed("groupchat"), body("Ay me!"), has("stanza-id"))

			romeo.says(room+"/juliet", "chat", "p1", "by yonder blessed moon", "")
			w.hears(juliet, "romeo", "romeo", "by yonder blessed moon")
			check(t, juliet.Say("romeo", "O, swear not by the moon"))
			romeo.gets(message, from("juliet%verona@"+ircHost), typed("chat"), body("O, swear not by the moon"))

			check(t, romeo.SendPresence(room+"/montague", "", ""))
			romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("303"), status("110"))
			romeo.gets(presence, from(room+"/montague"), typed(""), status("110"))

			check(t, juliet.Raw("KICK "+channel+" montague :the nurse calls"))
			romeo.gets(presence, from(room+"/montague"), typed("unavailable"), status("307"), status("110"))
			romeo.says(room, "groupchat", "m2", "am I heard?", "")
			romeo.gets(message, typed("error"), id("m2"), condition("not-acceptable"))

			romeo.joins(room, "montague")
			romeo.says(room, "groupchat", "m3", "I am back", "")
			w.hears(juliet, channel, "montague", "I am back")

			check(t, romeo.SendPresence(room+"/montague", "unavailable", ""))
			romeo.gets(presence, from(room+"/montague"), typed("unavailable"), status("110"))
			check(t, juliet.WaitGone(limited(t), channel, "montague"))
		})
	}
}
