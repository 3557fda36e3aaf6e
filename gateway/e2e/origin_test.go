package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircclient"
	"gatehouse/gateway/e2e/servers"
)

// seenAs is how an IRC operator sees somebody: user name, host, and the address
// that they come from.
func seenAs(t *testing.T, oper *ircclient.Client, nick string) (user, host, address string) {
	t.Helper()
	check(t, oper.Raw("WHOIS "+nick))
	line, err := oper.WaitLine(limited(t), "", regexp.MustCompile(`^(?:\S+ )?`+nick+` (\S+) (\S+) \*`))
	check(t, err)
	parts := strings.Fields(line.Text[strings.Index(line.Text, nick):])
	user, host = parts[1], parts[2]
	line, err = oper.WaitLine(limited(t), "", regexp.MustCompile(nick+` .*connecting from`))
	check(t, err)
	words := strings.Fields(line.Text)
	return user, host, words[len(words)-1]
}

func TestIRCServersTellPeopleApart(t *testing.T) {
	servers.Need(t, "ngircd")
	const port = "127.0.0.1:113"
	l, err := net.Listen("tcp", port)
	if err != nil {
		servers.Lacks(t, "port 113 for identd, which takes root", err)
	}
	l.Close()
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	trusting := w.onInspIRCd(servers.InspIRCdOptions{Name: "trusting.test", WebIRC: "open"})
	asking := w.onInspIRCd(servers.InspIRCdOptions{Name: "asking.test", Ident: true})
	naming, err := servers.StartNgIRCd(limited(t), filepath.Join(w.dir, "naming"), servers.NgIRCdOptions{
		Extra: "[Options]\nDNS = yes\nWebircPassword = open\n", // without DNS it shows addresses only
	})
	check(t, err)
	t.Cleanup(func() { naming.Close() })
	w.start(w.irc(fmt.Sprintf("identd = %q\n", port) +
		plain("verona", trusting.Addr) + "webirc_password = \"open\"\n" +
		plain("mantua", asking.Addr) +
		plain("padua", naming.Addr) + "webirc_password = \"open\"\nwebirc_domain = \"people.example\"\n"))

	people := []*person{w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")}
	names := []string{"romeo", "benvolio"}
	var idents, addresses []string
	for i, p := range people {
		p.joins(room, names[i])
		p.joins("#garden%mantua@"+ircHost, names[i])
		p.joins("#garden%padua@"+ircHost, names[i])
	}
	told, asked := w.ircUser(trusting.Addr, "juliet", channel), w.ircUser(asking.Addr, "juliet2", channel)
	named := w.ircUser(naming.Addr, "juliet3", channel)
	for _, oper := range []*ircclient.Client{told, asked, named} {
		check(t, oper.Raw("OPER oper operpass"))
	}
	for _, nick := range names {
		_, _, address := seenAs(t, told, nick)
		if !strings.HasPrefix(address, "fd") {
			t.Errorf("%s comes from %s", nick, address)
		}
		if _, host, _ := seenAs(t, named, nick); !strings.HasSuffix(host, ".people.example") || strings.Contains(host, nick) {
			t.Errorf("%s comes from %s", nick, host)
		}
		addresses = append(addresses, address)
		user, _, _ := seenAs(t, asked, nick)
		if strings.HasPrefix(user, "~") || strings.Contains(user, nick) || len(user) > 10 {
			t.Errorf("the user name of %s is %q", nick, user)
		}
		idents = append(idents, user)
	}
	if idents[0] == idents[1] || addresses[0] == addresses[1] {
		t.Errorf("they are %q, from %q", idents, addresses)
	}

	// They stay the same.
	check(t, w.gateway.Restart(limited(t)))
	romeo := w.logIn("romeo", "balcony")
	romeo.joins("#garden%mantua@"+ircHost, "romeo")
	if user, _, _ := seenAs(t, asked, "romeo"); user != idents[0] {
		t.Errorf("romeo is %q now, and was %q", user, idents[0])
	}
}
