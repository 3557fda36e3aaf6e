package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// lives matches an occupant whose address on IRC ends so.
func lives(host string) match {
	return func(s xmppclient.Stanza) bool {
		item := s.Find("x", "item")
		return item != nil && strings.HasSuffix(item.Attr("jid"), host)
	}
}

// What InspIRCd tells of people, as they come and at any time later: all their
// prefixes, that somebody is a bot, another host, another real name, whom they
// invite. Nobody leaves for that.
func TestWhatIRCTellsOfPeople(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)))
	juliet := w.native(address, "juliet", channel, "message-tags setname") // first in, so an operator
	w.native(address, "nurse", "#kitchen", "message-tags")
	juliet.sends("MODE juliet +B", "MODE "+channel+" +v juliet", "OPER oper operpass")
	juliet.gets(" 381 ")
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	romeo.gets(presence, from(room+"/juliet"), hat("Operator"), hat("Voice"), hat("Bot"), hat("IRC operator"))

	name := func() string {
		t.Helper()
		return romeo.asks(room+"/juliet", "get", `<vCard xmlns="vcard-temp"/>`).String()
	}
	if card := name(); !strings.Contains(card, ">juliet<") {
		t.Errorf("her vCard is %s", card)
	}
	juliet.sends("SETNAME :Juliet of Capulet", "CHGHOST juliet tower.capulet.example")
	romeo.gets(presence, from(room+"/juliet"), typed(""), lives("@tower.capulet.example"))
	if card := name(); !strings.Contains(card, "Juliet of Capulet") {
		t.Errorf("her vCard is %s", card)
	}

	juliet.sends("MODE "+channel+" +o romeo", "INVITE nurse "+channel)
	romeo.gets(message, from(room), typed("groupchat"), body("juliet has invited nurse to "+channel))
	if gone := romeo.Unread(all([]match{presence, from(room + "/juliet"), typed("unavailable")})); len(gone) > 0 {
		t.Errorf("juliet is shown as gone: %s", gone[0])
	}
}
