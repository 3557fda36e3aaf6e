package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// A network is reached through its WebSocket, with TLS and checked, where the
// config says so.
func TestANetworkIsReachedByWebSocket(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	port, err := servers.FreePort()
	check(t, err)
	irc, err := servers.StartInspIRCd(limited(t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{
		TLS: true, Modules: []string{"sha1", "websocket"},
		Extra: fmt.Sprintf(`<bind address="127.0.0.1" port="%d" type="clients" sslprofile="clients" hook="websocket"><wsorigin allow="*">`, port),
	})
	check(t, err)
	t.Cleanup(func() { irc.Close() })
	w.start(w.irc(fmt.Sprintf("[component.irc.network.verona]\naddress = \"wss://localhost:%d/irc\"\ntls_ca_file = %q\n", port, irc.CA.File)))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	juliet := w.native(irc.Addr, "juliet", channel, "message-tags")
	romeo.says(room, "groupchat", "m1", "Ay me!\nO Romeo – Romeo", "")
	juliet.gets("PRIVMSG "+channel, "Ay me!")
	juliet.gets("PRIVMSG "+channel, "O Romeo – Romeo")
	juliet.sends("PRIVMSG " + channel + " :wherefore art thoü")
	romeo.gets(message, from(room+"/juliet"), body("wherefore art thoü"))
}
