package e2e

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// onlyOnce fails the test if romeo gets another message with the text.
func (p *person) onlyOnce(text string) {
	p.t.Helper()
	check(p.t, p.Sync(limited(p.t), smsHost))
	if again := p.Unread(body(text)); len(again) > 0 {
		p.t.Errorf("%q came again: %s", text, again[0])
	}
}

func TestTextsThroughTwilioThatHasNoWayToCall(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	servers.Need(t, "emulate")
	var err error
	w.emulate, err = servers.StartEmulate(limited(t), filepath.Join(w.dir, "emulate"), servers.EmulateOptions{Numbers: []string{ownPhone}})
	check(t, err)
	t.Cleanup(func() { w.emulate.Close() })
	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "just before the first start")
	check(t, err)
	w.start(w.sms(w.twilio(w.emulate.BaseURL) + "poll = \"1s\"\n"))
	romeo := w.logIn("romeo", "orchard")
	romeo.gets(message, from(phone), body("just before the first start"))

	romeo.says(phone, "chat", "p1", "Good morrow, cousin", wantsReceipt)
	w.report(w.texted(friend, "Good morrow, cousin").SID, "delivered")
	receipt := romeo.gets(message, from(phone), has("received"))
	if got := receipt.Find("received").Attr("id"); got != "p1" {
		t.Errorf("the receipt is for %q, want p1", got)
	}
	romeo.says(phone, "chat", "p2", "But new struck nine", "")
	w.report(w.texted(friend, "But new struck nine").SID, "undelivered")
	romeo.gets(message, from(phone), typed("error"), id("p2"))

	for _, text := range []string{"Is the day so young?", "Ay me!", "sad hours seem long"} {
		_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, text)
		check(t, err)
	}
	for _, text := range []string{"Is the day so young?", "Ay me!", "sad hours seem long"} {
		next := romeo.gets(message, from(phone), typed("chat"))
		if next.Body() != text {
			t.Errorf("got %q, want %q", next.Body(), text)
		}
	}

	w.gateway.Kill()
	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "while you were down")
	check(t, err)
	check(t, w.gateway.Start(limited(t)))
	romeo.gets(message, from(phone), body("while you were down"))
	romeo.onlyOnce("while you were down")
}

func TestTextsThatNoWebhookBringsAreFoundAndShownOnce(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	var lost atomic.Bool // what Twilio calls does not reach the gateway
	gateway, err := url.Parse("http://" + w.http + "/" + smsHost)
	check(t, err)
	pass := httputil.NewSingleHostReverseProxy(gateway)
	public := "http://" + listenHTTP(t, func(out http.ResponseWriter, in *http.Request) {
		if lost.Load() {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		pass.ServeHTTP(out, in)
	})
	w.start(w.sms(w.onEmulateAt(public) + "reconcile = \"1s\"\n"))
	romeo := w.logIn("romeo", "orchard")
	text := func(body string) {
		_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, body)
		check(t, err)
	}

	text("by webhook")
	romeo.gets(message, from(phone), body("by webhook"))
	lost.Store(true)
	text("by no webhook")
	romeo.gets(message, from(phone), body("by no webhook"))
	w.logs("texts were found that no webhook brought")
	lost.Store(false)
	text("by webhook again")
	romeo.gets(message, from(phone), body("by webhook again"))

	w.gateway.Kill()
	check(t, w.gateway.Start(limited(t)))
	text("after the restart")
	romeo.gets(message, from(phone), body("after the restart"))
	lost.Store(true)
	text("and once more") // the list with all of them was read by then
	romeo.gets(message, from(phone), body("and once more"))
	all := map[string]map[string]bool{}
	for _, s := range romeo.All() {
		if strings.HasPrefix(s.Body(), "by ") {
			if all[s.Body()] == nil {
				all[s.Body()] = map[string]bool{}
			}
			all[s.Body()][s.ID()] = true
		}
	}
	// A crash may repeat a stanza, with the id it had.
	for body, ids := range all {
		if len(ids) != 1 {
			t.Errorf("%q was shown as %d messages", body, len(ids))
		}
	}
}
