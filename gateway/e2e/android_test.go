package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/transports/sms/android/androidtest"
)

// onAndroid plays a phone with SMS Gateway for Android and gives the config of
// a provider on it.
func (w *world) onAndroid(phone *androidtest.Phone) string {
	w.t.Helper()
	w.needHTTP()
	address, end, err := phone.Serve()
	check(w.t, err)
	w.t.Cleanup(end)
	return fmt.Sprintf(`provider = "android"
[component.sms.android]
api_url = %q
username = %q
password = %q
numbers = { %q = 2 }
public_url = %q
signing_key = %q
passphrase = %q
`, address, phone.Username, phone.Password, ownPhone, "http://"+w.http+"/"+smsHost, phone.SigningKey, phone.Passphrase)
}

// phoneHas waits until the phone was told to send a text, and gives it.
func (w *world) phoneHas(phone *androidtest.Phone, text string) androidtest.Text {
	w.t.Helper()
	var found androidtest.Text
	check(w.t, eventually(limited(w.t), func() error {
		n := 0
		for _, t := range phone.Texts() {
			if t.Text == text {
				found, n = t, n+1
			}
		}
		if n != 1 {
			return fmt.Errorf("the phone has %q %d times", text, n)
		}
		return nil
	}))
	return found
}

func TestTextsThroughAnAndroidPhone(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	android := androidtest.New()
	android.Passphrase = "between us"
	w.start(w.sms(w.onAndroid(android)))
	romeo := w.logIn("romeo", "orchard")
	check(t, eventually(limited(t), func() error {
		if n := len(android.Webhooks()); n != 4 {
			return fmt.Errorf("%d webhooks are registered", n)
		}
		return nil
	}))

	android.Gets(t.Context(), friend, "Is the day so young?")
	romeo.gets(message, from(phone), typed("chat"), body("Is the day so young?"))
	romeo.says(phone, "chat", "a1", "But new struck nine – 😀", wantsReceipt)
	sent := w.phoneHas(android, "But new struck nine – 😀")
	if sent.To != friend || sent.SIM != 2 || !sent.Encrypted {
		t.Errorf("the phone has %+v", sent)
	}
	android.Settle(t.Context(), sent.ID, "Delivered", "")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "a1" {
		t.Errorf("the receipt is for %q, want a1", got)
	}
	romeo.says(phone, "chat", "a2", "Ay me!", "")
	android.Settle(t.Context(), w.phoneHas(android, "Ay me!").ID, "Failed", "RESULT_ERROR_NO_SERVICE")
	romeo.gets(message, from(phone), typed("error"), id("a2"))

	w.doctorSays(0, "The app takes the user name and the password.", "The app calls the gateway.", "leads here")

	// What comes while the gateway is down is brought again.
	w.gateway.Kill()
	android.Gets(t.Context(), friend, "while you were down")
	check(t, w.gateway.Start(limited(t)))
	romeo.gets(message, from(phone), body("while you were down"))
}

// A phone in the same house needs no address of the gateway's: it is asked.
func TestAndroidPhoneIsAsked(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	android := androidtest.New()
	address, end, err := android.Serve()
	check(t, err)
	t.Cleanup(end)
	w.start(fmt.Sprintf("[media]\npublic_url = %q\n", "http://"+w.http+"/media"), w.sms(fmt.Sprintf(`provider = "android"
[component.sms.android]
api_url = %q
username = %q
password = %q
numbers = { %q = 0 }
poll = "1s"
`, address, android.Username, android.Password, ownPhone)))
	romeo := w.logIn("romeo", "orchard")

	var picture bytes.Buffer
	check(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))))
	android.Keep(androidtest.Entry{ID: "mms:1", Type: "MMS_DOWNLOADED", Sender: friend, Text: "look", CreatedAt: time.Now(), File: picture.Bytes(), FileType: "image/png"})
	romeo.gets(message, from(phone), body("look"))
	link, _ := romeo.getsFile(phone, "image/png", "picture.png")
	if _, got := fetched(t, link); !bytes.Equal(got, picture.Bytes()) {
		t.Errorf("the link has %d bytes", len(got))
	}
	romeo.says(phone, "chat", "p1", "But new struck nine", wantsReceipt)
	android.Settle(t.Context(), w.phoneHas(android, "But new struck nine").ID, "Delivered", "")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "p1" {
		t.Errorf("the receipt is for %q, want p1", got)
	}

	w.gateway.Kill()
	android.Gets(t.Context(), friend, "while you were down")
	check(t, w.gateway.Start(limited(t)))
	romeo.gets(message, from(phone), body("while you were down"))
	android.Gets(t.Context(), friend, "and now")
	romeo.gets(message, from(phone), body("and now"))
	if again := romeo.Unread(body("while you were down")); len(again) > 0 {
		t.Errorf("the text came again: %v", again)
	}
	w.doctorSays(0, "the app is asked for texts every 1s.")
}
