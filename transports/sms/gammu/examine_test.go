package gammu

import (
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

func TestExaminationOfTheFolders(t *testing.T) {
	p := modem(t, &receiver{})
	says := func(what, want string, numbers ...string) {
		t.Helper()
		if said := providertest.Examine(t.Context(), p, true, numbers...); !strings.Contains(said, want) {
			t.Errorf("%s: said\n%s", what, said)
		}
	}
	says("in order", "can be read and written.\nok No text has waited long", own)
	says("another's number", "BAD "+friend+" is a user's", friend)
	send(t, p, provider.Outgoing{From: own, To: friend, Text: "x"})
	says("a text that is new", "ok No text has waited long")
	old := time.Now().Add(-10 * time.Minute)
	os.Chtimes(p.spool.path(outbox, only(t, p, outbox).name), old, old)
	says("a text that waits", "doubt A text has waited for gammu-smsd for 10m0s.")
	os.WriteFile(p.spool.path(inbox, "IN1.txt"), []byte("\xfe\xff\x00h"), 0o600)
	says("texts of another format", "BAD The inbox has texts in another format: set inboxformat = detail")
	os.RemoveAll(p.spool.path(sent, ""))
	says("a folder is missing", "BAD "+p.spool.path(sent, "")+" can't be used: open: no such file")
}
