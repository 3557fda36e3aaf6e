package servers

import (
	"encoding/base64"
	"fmt"
	"net"
	"testing"
)

func TestAthemeKnowsItsAccounts(t *testing.T) {
	Need(t, "inspircd", "atheme")
	ctx := t.Context()
	ircd, err := StartInspIRCd(ctx, t.TempDir(), InspIRCdOptions{Services: true, WebIRC: "behind"})
	if err != nil {
		t.Fatal(err)
	}
	defer ircd.Close()
	s := started(t, func() (*Atheme, error) {
		return StartAtheme(ctx, t.TempDir(), ircd, AthemeOptions{Accounts: map[string]string{"romeo": "wherefore"}})
	})
	defer s.Close()
	if err := s.asUser(ctx, "romeo", func(c *ircConn) error {
		return c.tell("IDENTIFY wherefore", "You are now identified")
	}); err != nil {
		t.Error(err)
	}
	if err := s.asUser(ctx, "romeo", func(c *ircConn) error {
		return c.tell("IDENTIFY sesame", "Invalid password")
	}); err != nil {
		t.Error(err)
	}
	saslPlain(t, dial(t, ircd.Addr, nil), "romeo", "wherefore", " 903 ")
	saslPlain(t, dial(t, ircd.Addr, nil), "romeo", "sesame", " 904 ")
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	saslPlain(t, dial(t, ircd.Addr, nil), "romeo", "wherefore", " 903 ")
}

// saslPlain logs in with SASL PLAIN and waits for the numeric.
func saslPlain(t *testing.T, conn net.Conn, account, password, numeric string) {
	t.Helper()
	fmt.Fprintf(conn, "WEBIRC behind gateway verona.test 192.0.2.7\r\nCAP REQ sasl\r\nNICK other\r\nUSER other 0 * :other\r\nAUTHENTICATE PLAIN\r\n")
	readUntil(t, conn, "AUTHENTICATE :+")
	fmt.Fprintf(conn, "AUTHENTICATE %s\r\n", base64.StdEncoding.EncodeToString([]byte("\x00"+account+"\x00"+password)))
	readUntil(t, conn, numeric)
	if numeric == " 903 " {
		fmt.Fprintf(conn, "CAP END\r\n")
		readUntil(t, conn, " 376 ")
		fmt.Fprintf(conn, "WHOIS other\r\n")
		readUntil(t, conn, "192.0.2.7", " 330 other other "+account)
	}
	fmt.Fprintf(conn, "QUIT\r\n")
	readUntil(t, conn, "ERROR")
}
