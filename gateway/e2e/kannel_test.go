package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

const webhookSecret = "a secret between Kannel and us"

// onKannel starts a Kannel and gives the config of a provider on it.
func (w *world) onKannel(o servers.KannelOptions) (*servers.Kannel, string) {
	w.t.Helper()
	servers.Need(w.t, "kannel")
	w.needHTTP()
	public := "http://" + w.http + "/" + smsHost
	o.InboundURL = public + "/kannel/in?secret=" + url.QueryEscape(webhookSecret) + "&id=%I&from=%p&to=%P&time=%T&coding=%c"
	if o.InboundGET {
		o.InboundURL += "&charset=%C&text=%b"
	}
	k, err := servers.StartKannel(limited(w.t), filepath.Join(w.dir, "kannel"), o)
	check(w.t, err)
	w.t.Cleanup(func() {
		k.Close()
		if w.t.Failed() {
			w.t.Log(k.Log())
		}
	})
	return k, fmt.Sprintf(`provider = "kannel"
[component.sms.kannel]
send_url = %q
username = %q
password = %q
public_url = %q
webhook_secret = %q
`, k.SendURL, k.User, k.Password, public, webhookSecret)
}

// phoneTexts starts the phones behind the Kannel. One of them sends a text.
func (w *world) phoneTexts(k *servers.Kannel, text string) *servers.Server {
	w.t.Helper()
	fake, err := k.StartPhone(limited(w.t), filepath.Join(w.t.TempDir(), "fakesmsc"), text)
	check(w.t, err)
	w.t.Cleanup(func() { fake.Close() })
	return fake
}

// phoneGets waits until the phones got a text, as fakesmsc writes it.
func (w *world) phoneGets(fake *servers.Server, text string) {
	w.t.Helper()
	check(w.t, eventually(limited(w.t), func() error {
		if n := strings.Count(fake.Log(), text); n != 1 {
			return fmt.Errorf("%q was got %d times\n%s", text, n, fake.Log())
		}
		return nil
	}))
}

func TestTextsThroughKannel(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	kannel, config := w.onKannel(servers.KannelOptions{})
	w.start(w.sms(config))
	romeo := w.logIn("romeo", "orchard")

	// Kannel's numbers have no +, as those of many SMSCs.
	plain := func(number string) string { return strings.TrimPrefix(number, "+") }
	fake := w.phoneTexts(kannel, plain(friend)+" "+plain(ownPhone)+" text Is the  day so young?")
	romeo.gets(message, from(phone), typed("chat"), body("Is the  day so young?"))

	romeo.says(phone, "chat", "k1", "But new struck nine: 50 € & more", wantsReceipt)
	w.phoneGets(fake, "<"+ownPhone+" "+friend+" text But new struck nine: 50 € & more>")
	receipt := romeo.gets(message, from(phone), has("received"))
	if got := receipt.Find("received").Attr("id"); got != "k1" {
		t.Errorf("the receipt is for %q, want k1", got)
	}

	// A text outside the GSM alphabet, and one in parts.
	romeo.says(phone, "chat", "k2", "ж 😀", wantsReceipt)
	w.phoneGets(fake, "<"+ownPhone+" "+friend+" ucs-2 %046%00+%D8%3D%DE%00>")
	romeo.gets(message, from(phone), has("received"))
	long := strings.Repeat("0123456789", 29) + "the end"
	romeo.says(phone, "chat", "k3", long, wantsReceipt)
	w.phoneGets(fake, "%02%01 data "+long[:153]+">")
	w.phoneGets(fake, "%02%02 data "+strings.ReplaceAll(long[153:], " ", "+")+">")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "k3" {
		t.Errorf("the receipt is for %q, want k3", got)
	}

	check(t, fake.Close())
	fake = w.phoneTexts(kannel, plain(friend)+" "+plain(ownPhone)+" ucs2 %00G%00r%00%FC%00%DF%00e%00+%D8%3D%DE%00")
	romeo.gets(message, from(phone), typed("chat"), body("Grüße 😀"))

	w.doctorSays(0, "Kannel takes the credentials.", "leads here, and what the provider signs is taken.")

	// Kannel asks again until the gateway is back.
	w.gateway.Kill()
	check(t, fake.Close())
	w.phoneTexts(kannel, plain(friend)+" "+plain(ownPhone)+" text while you were down")
	check(t, w.gateway.Start(limited(t)))
	romeo.gets(message, from(phone), body("while you were down"))
}

func TestKannelsWebhooksAreRefusedWithoutTheirSecret(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	kannel, config := w.onKannel(servers.KannelOptions{InboundGET: true})
	w.start(w.sms(config))
	romeo := w.logIn("romeo", "orchard")
	for _, forged := range []string{
		"/kannel/in?secret=guessed&id=1&from=15005550123&to=15005550001&text=forged",
		"/kannel/dlr?id=00000000000000000000000000000000&token=guessed&type=1",
	} {
		answer, err := http.Get("http://" + w.http + "/" + smsHost + forged)
		check(t, err)
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s is answered %s", forged, answer.Status)
		}
	}
	w.phoneTexts(kannel, friend+" "+ownPhone+" ucs2 %00g%00e%00n%00u%00i%00n%00%e9")
	romeo.gets(message, from(phone), body("genuiné"))
	if len(romeo.Unread(body("forged"))) > 0 {
		t.Error("the forged text was delivered")
	}
}
