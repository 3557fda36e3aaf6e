package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	reactions = "urn:xmpp:reactions:0"
	noStore   = `<no-store xmlns="urn:xmpp:hints"/>`
)

func reaction(id string, emoji ...string) string {
	xml := `<reactions xmlns="` + reactions + `" id="` + id + `">`
	for _, e := range emoji {
		xml += "<reaction>" + e + "</reaction>"
	}
	return xml + "</reactions>"
}

func reactsTo(id string, emoji ...string) match {
	return func(s xmppclient.Stanza) bool {
		r := s.Find("reactions")
		if r == nil || r.Attr("id") != id {
			return false
		}
		var got []string
		for _, c := range r.Children {
			got = append(got, c.Text)
		}
		if len(got) != len(emoji) {
			return false
		}
		for i := range got {
			if got[i] != emoji[i] {
				return false
			}
		}
		return true
	}
}

func TestAPhoneReadsWhatItCantShow(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onEmulate()))
	romeo := w.logIn("romeo", "orchard")

	_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, "Is the day so young?")
	check(t, err)
	theirs := romeo.gets(message, from(phone), body("Is the day so young?")).ID()

	romeo.says(phone, "chat", "t1", "But new struck eight", "")
	w.texted(friend, "But new struck eight")
	romeo.says(phone, "chat", "t2", "But new struck nine", `<replace xmlns="urn:xmpp:message-correct:0" id="t1"/>`)
	w.texted(friend, "*nine")
	romeo.says(phone, "chat", "t3", "> Is the day so young?\nAy me!", `<reply xmlns="urn:xmpp:reply:0" id="`+theirs+`"/>`+
		`<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="0" end="23"/></fallback>`)
	w.texted(friend, "> Is the day so young?\nAy me!")
	romeo.says(phone, "chat", "t4", "", reaction(theirs, "❓"))
	w.texted(friend, `Questioned "Is the day so young?"`) // in the GSM alphabet
	romeo.says(phone, "chat", "t5", "/me sighs", "")
	w.texted(friend, "* romeo sighs")
	romeo.says(phone, "chat", "t8", "at nine", `<subject>Supper</subject>`)
	w.texted(friend, "Supper\nat nine")
	romeo.says(phone, "chat", "", "", `<composing xmlns="http://jabber.org/protocol/chatstates"/>`+noStore)
	romeo.says(phone, "chat", "t6", "", `<retract xmlns="urn:xmpp:message-retract:1" id="t1"/>`)
	romeo.gets(message, typed("error"), id("t6"), condition("feature-not-implemented"))
	romeo.says(phone, "chat", "t7", "You received an encrypted message", `<encryption xmlns="urn:xmpp:eme:0" namespace="eu.siacs.conversations.axolotl"/>`)
	romeo.gets(message, typed("error"), id("t7"), condition("not-acceptable"))

	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "Loved “Ay me!”")
	check(t, err)
	romeo.gets(message, from(phone), reactsTo("t3", "❤️"))
	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "Loved “the sun”")
	check(t, err)
	romeo.gets(message, from(phone), body("Loved “the sun”"))
}

// idIn gives the name that a room gave a message.
func idIn(s xmppclient.Stanza) string { return s.Find("stanza-id").Attr("id") }

func TestEverybodySeesTheSameInTheSameOrder(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)))
	juliet := w.ircUser(address, "juliet", channel)
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(room, "romeo")
	benvolio.joins(room, "benvolio")

	const each = 4 // fewer than are slowed down
	for i := range each {
		n := strconv.Itoa(i)
		romeo.says(room, "groupchat", "r"+n, "romeo "+n, "")
		check(t, juliet.Say(channel, "juliet "+n))
		benvolio.says(room, "groupchat", "b"+n, "benvolio "+n, "")
	}
	seen := map[*person][]string{}
	ids := map[string]string{}
	for _, who := range []*person{romeo, benvolio} {
		for range 3 * each {
			m := who.gets(message, in(room), typed("groupchat"), has("body"))
			seen[who] = append(seen[who], m.Body())
			if id, known := ids[m.Body()]; known && id != idIn(m) {
				t.Errorf("%q has the name %q for one and %q for another", m.Body(), id, idIn(m))
			}
			ids[m.Body()] = idIn(m)
		}
	}
	// ii shows its own lines when it sends them, so theirs are compared alone.
	others := func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.HasPrefix(s, "juliet") })
	}
	last := others(seen[romeo])[2*each-1]
	speaker, _, _ := strings.Cut(last, " ")
	check(t, juliet.WaitSaid(limited(t), channel, speaker, last))
	lines, err := juliet.Lines(channel)
	check(t, err)
	for _, l := range lines {
		if l.From != "" {
			seen[nil] = append(seen[nil], l.Text)
		}
	}
	if !slices.Equal(seen[romeo], seen[benvolio]) {
		t.Errorf("romeo saw    %q\nbenvolio saw %q", seen[romeo], seen[benvolio])
	}
	if !slices.Equal(others(seen[romeo]), others(seen[nil])) {
		t.Errorf("romeo saw  %q\njuliet saw %q", others(seen[romeo]), others(seen[nil]))
	}

	check(t, juliet.Raw("MODE "+channel+" +m"))
	romeo.gets(message, in(room), has("body"))
	romeo.says(room, "groupchat", "r-mute", "am I heard?", "")
	romeo.gets(message, in(room), typed("error"), id("r-mute"), condition("forbidden"))
	if len(romeo.Unread(body("am I heard?"))) > 0 {
		t.Error("a refused message is shown as said")
	}
}
