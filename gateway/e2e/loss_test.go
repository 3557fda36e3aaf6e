package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

func TestARestartOfTheIRCServerIsOneLineAndAnother(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	irc := w.onInspIRCd(servers.InspIRCdOptions{})
	w.start(w.irc("max_channels = 2\n" + plain("verona", irc.Addr)))
	w.ircUser(irc.Addr, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")

	check(t, irc.Restart(limited(t)))
	romeo.gets(message, from(room), typed("groupchat"), contains("is being made again"))
	romeo.gets(presence, from(room+"/juliet"), typed("unavailable"))
	romeo.gets(presence, from(room+"/romeo"), typed(""), status("110"))
	romeo.gets(message, from(room), typed("groupchat"), contains("is back"))
	if left := romeo.Unread(all([]match{presence, from(room + "/romeo"), typed("unavailable")})); len(left) > 0 {
		t.Errorf("romeo was taken out: %v", left)
	}
	nurse := w.ircUser(irc.Addr, "nurse", channel)
	romeo.says(room, "groupchat", "m1", "Good morrow", "")
	w.hears(nurse, channel, "romeo", "Good morrow")

	// There is a limit, and it says so.
	romeo.joins("#balcony%verona@"+ircHost, "romeo")
	refused, err := romeo.JoinRoom(limited(t), "#street%verona@"+ircHost, "romeo", "")
	check(t, err)
	if refused.Condition() != "service-unavailable" || !strings.Contains(refused.String(), "2 channels") {
		t.Errorf("a channel too many: %s", refused)
	}

	// The server may put romeo into a channel: that invites the clients.
	check(t, nurse.Raw("OPER oper operpass"))
	check(t, nurse.Raw("SAJOIN romeo #court"))
	romeo.gets(message, from("#court%verona@"+ircHost), has("x", "invite"))

	// A ban is told as it is, and not tried again.
	check(t, nurse.Raw("KLINE romeo@127.0.0.1 60 :no duels"))
	romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("333"), status("110"),
		func(s xmppclient.Stanza) bool { return strings.Contains(s.String(), "You are banned") })
}
