package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// submitted waits until the SMSC has taken n parts, and gives the last.
func (w *world) submitted(smsc *servers.SMSC, n int) servers.Submission {
	w.t.Helper()
	var all []servers.Submission
	check(w.t, eventually(limited(w.t), func() (err error) {
		all, err = smsc.Taken(limited(w.t))
		if err == nil && len(all) != n {
			err = fmt.Errorf("the SMSC has taken %d parts, want %d", len(all), n)
		}
		return err
	}))
	return all[n-1]
}

func TestTextsThroughSMPP(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	servers.Need(t, "smpp")
	smsc, err := servers.StartSMSC(limited(t), filepath.Join(w.dir, "smsc"))
	check(t, err)
	t.Cleanup(func() { smsc.Close() })
	w.start(w.sms(fmt.Sprintf("provider = \"smpp\"\n[component.sms.smpp]\naddress = %q\nsystem_id = %q\npassword = %q\ntls = false\n",
		smsc.Addr, smsc.SystemID, smsc.Password)))
	romeo := w.logIn("romeo", "orchard")
	plain := func(number string) string { return strings.TrimPrefix(number, "+") }
	brings := func(text string, parts ...string) {
		t.Helper()
		var statuses []int
		check(t, eventually(limited(t), func() (err error) {
			statuses, err = smsc.Bring(limited(t), plain(friend), plain(ownPhone), text, parts...)
			return err
		}))
		if slices.Max(statuses) != 0 {
			t.Errorf("the gateway answered %v", statuses)
		}
	}

	romeo.says(phone, "chat", "s1", "Good morrow, cousin: 50 €", wantsReceipt)
	sent := w.submitted(smsc, 1)
	if sent.From != plain(ownPhone) || sent.To != plain(friend) || sent.Text != "Good morrow, cousin: 50 €" || sent.Receipt != 1 {
		t.Errorf("the SMSC has taken %+v", sent)
	}
	check(t, smsc.Receipt(limited(t), sent, "DELIVRD"))
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "s1" {
		t.Errorf("the receipt is for %q, want s1", got)
	}
	romeo.says(phone, "chat", "s2", "But new struck nine", "")
	check(t, smsc.Receipt(limited(t), w.submitted(smsc, 2), "UNDELIV"))
	romeo.gets(message, from(phone), typed("error"), id("s2"))

	romeo.says(phone, "chat", "s3", strings.Repeat("ж", 69)+"😀 and more", "")
	last := w.submitted(smsc, 4)
	all, err := smsc.Taken(limited(t))
	check(t, err)
	if all[2].Text+last.Text != strings.Repeat("ж", 69)+"😀 and more" || last.Coding != 8 ||
		!strings.HasSuffix(all[2].UDH, "0201") || !strings.HasSuffix(last.UDH, "0202") {
		t.Errorf("the parts are %+v and %+v", all[2], last)
	}

	brings("Is the day so young? {€}")
	romeo.gets(message, from(phone), typed("chat"), body("Is the day so young? {€}"))
	brings("", "Ay me! ж ", "sad hours ж ", "seem long ж")
	romeo.gets(message, from(phone), body("Ay me! ж sad hours ж seem long ж"))

	// Both ways work again after a cut.
	check(t, smsc.Drop(limited(t)))
	brings("Was that my father?")
	romeo.gets(message, from(phone), body("Was that my father?"))
	romeo.says(phone, "chat", "s4", "It was", "")
	w.submitted(smsc, 5)
}
