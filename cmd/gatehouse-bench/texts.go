package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/wire"
)

const (
	smsDomain = "sms.bench.local"
	owners    = 500 // users, each with a number
	smsToken  = "0123456789abcdef0123456789abcdef"
	smsPublic = "https://gateway.bench.local/" + smsDomain
	posters   = 64 // webhooks at once
)

// Not in Twilio's range for tests, where some numbers fail.
func ownNumber(user int) string { return fmt.Sprintf("+1400555%04d", user) }

// warm has everybody send or get a text before it is measured: the first after a
// start opens its user's session.
func warm(do func(*trial, sizes) (figures, error)) func(*trial, sizes) (figures, error) {
	return func(t *trial, o sizes) (figures, error) {
		if _, err := do(t, sizes{messages: owners, rate: owners}); err != nil {
			return nil, err
		}
		o.before = owners
		return do(t, o)
	}
}

// textsOut sends texts to phones and waits until each is reported as delivered.
// Each is on disk before it goes on.
func (t *trial) textsOut(o sizes) (figures, error) {
	l := t.newLoad(o.messages)
	var mu sync.Mutex
	sent := make(map[string]time.Time, o.messages)
	var took []time.Duration
	var failed atomic.Int64
	t.server.listen(func(e *wire.Element) {
		if e.Attr("type") == "error" {
			failed.Add(1)
			return
		}
		id := e.Child("urn:xmpp:receipts", "received").Attr("id")
		mu.Lock()
		if at, ok := sent[id]; ok {
			took = append(took, time.Since(at))
			delete(sent, id)
			l.count()
		}
		mu.Unlock()
	})
	defer t.server.listen(nil)
	err := paced(o, func(i int) error {
		id := "t" + strconv.Itoa(i)
		mu.Lock()
		sent[id] = time.Now()
		mu.Unlock()
		t.server.send(fmt.Sprintf(`<message type='chat' id='%s' from='%s' to='+1555%07d@%s'><body>text %d %s</body><request xmlns='urn:xmpp:receipts'/></message>`,
			id, user(i%owners), i%5000, smsDomain, i, lorem))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return withTimes(l, t, &failed, &took)
}

// textsIn posts webhooks as Twilio does, and waits until each text is a message.
// A webhook is answered once its text is on disk.
func (t *trial) textsIn(o sizes) (figures, error) {
	l := t.newLoad(o.messages)
	failed := t.bodies(func(body string) {
		if strings.HasPrefix(body, "text ") {
			l.count()
		}
	})
	defer t.server.listen(nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: posters}, Timeout: 30 * time.Second}
	var mu sync.Mutex
	var took []time.Duration
	work := make(chan int)
	errs := make(chan error, posters)
	var working sync.WaitGroup
	for range posters {
		working.Go(func() {
			for i := range work {
				began := time.Now()
				if err := t.webhookTaken(client, i); err != nil {
					select {
					case errs <- err:
					default:
					}
					continue
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	_ = paced(o, func(i int) error { work <- i; return nil })
	close(work)
	working.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return withTimes(l, t, failed, &took)
}

// paced calls f for each message, at the rate that is wished.
func paced(o sizes, f func(int) error) error {
	began := time.Now()
	for i := range o.messages {
		if o.rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(o.rate))))
		}
		if err := f(o.before + i); err != nil {
			return err
		}
	}
	return nil
}

func withTimes(l *load, t *trial, failed *atomic.Int64, took *[]time.Duration) (figures, error) {
	f, err := l.figures(t, failed)
	if err != nil {
		return nil, err
	}
	slices.Sort(*took)
	f["p99"] = ms((*took)[len(*took)*99/100])
	return f, nil
}

// webhookTaken tells of one text until it is taken. While a user's session is
// opened, which takes long on a slow machine, the gateway asks for that.
func (t *trial) webhookTaken(client *http.Client, i int) error {
	for tries := 1; ; tries++ {
		err := t.webhook(client, i)
		if err == nil || tries == 6 {
			return err
		}
		select {
		case <-time.After(time.Duration(tries) * time.Second):
		case <-t.server.ended: // nobody is there to take it
			return err
		}
	}
}

// webhook tells of one text, signed as Twilio signs (X-Twilio-Signature).
func (t *trial) webhook(client *http.Client, i int) error {
	form := url.Values{
		"MessageSid": {fmt.Sprintf("SM%032x", i)}, "AccountSid": {"AC00000000000000000000000000000001"},
		"From": {fmt.Sprintf("+1555%07d", i%5000)}, "To": {ownNumber(i % owners)}, "Body": {fmt.Sprintf("text %d %s", i, lorem)}, "NumMedia": {"0"},
	}
	var signed bytes.Buffer
	signed.WriteString(smsPublic + "/twilio/in")
	for _, key := range slices.Sorted(maps.Keys(form)) {
		signed.WriteString(key + form.Get(key))
	}
	mac := hmac.New(sha1.New, []byte(smsToken))
	mac.Write(signed.Bytes())
	request, err := http.NewRequest(http.MethodPost, "http://"+t.http+"/"+smsDomain+"/twilio/in", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, answer.Body) // or the connection is not used again
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("a webhook was answered with %s", answer.Status)
	}
	return nil
}

// smsConfig is for many numbers, which a simulator or Twilio's webhooks serve.
func (o setup) smsConfig(provider string) string {
	var users strings.Builder
	for i := range owners {
		jid, _, _ := strings.Cut(user(i), "/")
		fmt.Fprintf(&users, "[[component.sms.user]]\njid = %q\nnumber = %q\n", jid, ownNumber(i))
	}
	return fmt.Sprintf(`[log]
level = "warn"
[store]
path = "%s/gatehouse.db"
[http]
listen = %q
[[component]]
transport = "sms"
domain = %q
server = "127.0.0.1:%s"
secret = %q
[component.sms]
max_waiting = 1000000
provider = %q
[component.sms.simulator]
delivery_delay = "0s"
[component.sms.twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = %q
api_base = "http://127.0.0.1:9"
public_url = %q
%s`, o.dir, o.http, smsDomain, o.port, secret, provider, smsToken, smsPublic, users.String())
}
