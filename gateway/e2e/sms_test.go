package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

const phone = friend + "@" + smsHost // the friend's, as romeo's contact

const wantsReceipt = `<request xmlns="urn:xmpp:receipts"/>`

// texted waits until the emulator has a text to a number, and gives it.
func (w *world) texted(to, text string) servers.EmulateMessage {
	w.t.Helper()
	var found []servers.EmulateMessage
	check(w.t, eventually(limited(w.t), func() error {
		all, err := w.emulate.Messages(limited(w.t))
		if err != nil {
			return err
		}
		found = nil
		for _, m := range all {
			if m.To == to && m.Body == text && m.Direction != "inbound" {
				found = append(found, m)
			}
		}
		if len(found) == 0 {
			return fmt.Errorf("no text %q to %s among %d", text, to, len(all))
		}
		return nil
	}))
	if len(found) > 1 {
		w.t.Fatalf("the text %q was sent %d times", text, len(found))
	}
	return found[0]
}

func (w *world) report(sid, status string) {
	w.t.Helper()
	check(w.t, w.emulate.SetStatus(limited(w.t), sid, status))
}

func TestTextsThroughTwilio(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onEmulate()))
	romeo := w.logIn("romeo", "orchard")

	romeo.says(phone, "chat", "t1", "Good morrow, cousin", wantsReceipt)
	sent := w.texted(friend, "Good morrow, cousin")
	if sent.From != ownPhone {
		t.Errorf("the text came from %s, want %s", sent.From, ownPhone)
	}
	w.report(sent.SID, "delivered")
	receipt := romeo.gets(message, from(phone), has("received"))
	if got := receipt.Find("received").Attr("id"); got != "t1" {
		t.Errorf("the receipt is for %q, want t1", got)
	}

	_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, "Is the day so young?")
	check(t, err)
	romeo.gets(message, from(phone), typed("chat"), body("Is the day so young?"))

	romeo.says(phone, "chat", "t2", "But new struck nine", "")
	w.report(w.texted(friend, "But new struck nine").SID, "undelivered")
	romeo.gets(message, from(phone), typed("error"), id("t2"))

	romeo.says("5005550123@"+smsHost, "chat", "t3", "the same phone, written as at home", "")
	redirect := romeo.gets(message, typed("error"), id("t3"), condition("gone"))
	if got := redirect.Find("error", "gone"); got == nil || got.Text != "xmpp:+15005550123@"+smsHost {
		t.Errorf("the redirect leads elsewhere: %s", redirect)
	}

	romeo.says("nurse@"+smsHost, "chat", "t4", "this is no number", "")
	romeo.gets(message, typed("error"), id("t4"), condition("jid-malformed"))
}

func TestWebhooksAreRefusedWithoutASignature(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onEmulate()))
	romeo := w.logIn("romeo", "orchard")

	forged := url.Values{"MessageSid": {"SM00000000000000000000000000000bad"}, "From": {friend}, "To": {ownPhone}, "Body": {"forged"}}
	answer, err := http.PostForm("http://"+w.http+"/"+smsHost+"/twilio/in", forged)
	check(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a webhook without a signature is answered %s", answer.Status)
	}
	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "genuine")
	check(t, err)
	romeo.gets(message, from(phone), body("genuine"))
	if len(romeo.Unread(body("forged"))) > 0 {
		t.Error("the forged text was delivered")
	}
}

func TestTextsWaitForTheirRecipientAndTheGateway(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onEmulate()))

	_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, "while you were out")
	check(t, err)
	w.gateway.Kill()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	romeo := w.logIn("romeo", "orchard")
	first := romeo.gets(message, from(phone), body("while you were out"))
	check(t, romeo.Sync(limited(t), smsHost))
	for _, again := range romeo.Unread(body("while you were out")) {
		// XMPP has no acknowledgement that would spare a repeat after a crash:
		// clients know it by its id.
		if again.ID() != first.ID() {
			t.Errorf("the text came again as another message: %s", again)
		}
	}
}

func TestTextsThroughTheSimulator(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(""))
	romeo := w.logIn("romeo", "orchard")
	romeo.says(phone, "chat", "s1", "hello, phone", wantsReceipt)
	romeo.gets(message, from(phone), has("received"))
}
