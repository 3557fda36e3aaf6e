package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/e2e/xmppclient"
)

// courier passes webhooks on, and tries again while the gateway is down, as
// Twilio does where a number's webhook says so ("#rc=5&rp=all").
func (w *world) courier() (public string) {
	return "http://" + listenHTTP(w.t, func(out http.ResponseWriter, in *http.Request) {
		form, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(in.Context(), 2*time.Minute)
		defer cancel()
		err = eventually(ctx, func() error {
			again, err := http.NewRequestWithContext(ctx, in.Method, "http://"+w.http+"/"+smsHost+in.URL.Path, bytes.NewReader(form))
			if err != nil {
				return err
			}
			again.Header = in.Header.Clone()
			answer, err := http.DefaultClient.Do(again)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("answered %s", answer.Status)
			}
			return nil
		})
		if err != nil {
			out.WriteHeader(http.StatusBadGateway)
		}
	})
}

// correspondence is what is texted both ways while things break.
type correspondence struct {
	w        *world
	count    int
	released atomic.Int64 // so many texts may go each way by now

	mu       sync.Mutex
	romeo    *person         // nil while he can't log in
	receipts map[string]bool // ids of texts that arrived
	seen     map[string]map[string]bool
	repeats  int // stanzas that came again with the id they had
}

// friends are whom romeo texts in turn.
const friends = 20

func contact(i int) string { return fmt.Sprintf("+1500555%04d@%s", 1000+i%friends, smsHost) }

func isContact(s xmppclient.Stanza) bool { return strings.HasSuffix(s.From(), "@"+smsHost) }

func (c *correspondence) outText(i int) string { return fmt.Sprintf("out %05d", i) }
func (c *correspondence) inText(i int) string  { return fmt.Sprintf("in %05d", i) }

// note remembers what a client of romeo's got.
func (c *correspondence) note(all []xmppclient.Stanza) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range all {
		if r := s.Find("received"); r != nil && isContact(s) {
			c.receipts[r.Attr("id")] = true
		}
		if strings.HasPrefix(s.Body(), "in ") {
			c.noteText(s.Body(), s.ID())
		}
	}
}

func (c *correspondence) noteText(text, id string) {
	if c.seen[text] == nil {
		c.seen[text] = map[string]bool{}
	} else if c.seen[text][id] {
		c.repeats++
	}
	c.seen[text][id] = true
}

// logIn connects romeo, as often as it takes.
func (c *correspondence) logIn(ctx context.Context) error {
	return eventually(ctx, func() error {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		client, err := xmppclient.Connect(once, c.w.clients, "romeo@localhost", password, "orchard")
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.romeo = &person{client, c.w.t}
		c.mu.Unlock()
		return nil
	})
}

func (c *correspondence) client() *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.romeo
}

// logOut notes what romeo got before the client goes.
func (c *correspondence) logOut() {
	c.mu.Lock()
	romeo := c.romeo
	c.romeo = nil
	c.mu.Unlock()
	if romeo != nil {
		select {
		case <-romeo.Done(): // it has read what the server had sent
		case <-time.After(time.Second):
		}
		romeo.Drop()
		c.note(romeo.All())
	}
}

// release lets so many more texts go each way.
func (c *correspondence) release(n int) { c.released.Add(int64(n)) }

// sendTexts sends each text, once it may go, until a receipt comes for it, with the same id, as
// clients do that keep an outbox.
func (c *correspondence) sendTexts(ctx context.Context) {
	sent := make([]time.Time, c.count)
	for ctx.Err() == nil {
		romeo := c.client()
		if romeo == nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c.noteReceipts(romeo)
		may := min(int(c.released.Load()), c.count)
		open := c.count - may
		for i := range may {
			id := fmt.Sprintf("id-%05d", i)
			c.mu.Lock()
			done := c.receipts[id]
			c.mu.Unlock()
			if done {
				continue
			}
			open++
			if time.Since(sent[i]) < 5*time.Second {
				continue
			}
			sent[i] = time.Now()
			romeo.SendMessage(contact(i), "chat", id, c.outText(i), wantsReceipt)
		}
		if open == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *correspondence) noteReceipts(romeo *person) {
	for {
		s, ok := take(romeo, has("received"))
		if !ok {
			return
		}
		c.note([]xmppclient.Stanza{s})
	}
}

// take gives a stanza that has come, without waiting.
func take(p *person, m match) (xmppclient.Stanza, bool) {
	if len(p.Unread(m)) == 0 {
		return xmppclient.Stanza{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := p.Wait(ctx, m)
	return s, err == nil
}

// report says of every text that the emulator has that it was delivered. It
// asks only while there may be one: the emulator answers 4999 requests in all.
func (c *correspondence) report(ctx context.Context) {
	reported := map[string]bool{}
	for ; ctx.Err() == nil; time.Sleep(time.Second) {
		c.mu.Lock()
		done := len(c.receipts)
		c.mu.Unlock()
		if done >= min(int(c.released.Load()), c.count) {
			continue
		}
		all, err := c.w.emulate.Messages(ctx)
		if err != nil {
			continue
		}
		for _, m := range all {
			if m.Direction == "inbound" || reported[m.SID] || ctx.Err() != nil {
				continue
			}
			if c.w.emulate.SetStatus(ctx, m.SID, "delivered") == nil {
				reported[m.SID] = true
			}
		}
	}
}

// receiveTexts has the friend text romeo, each text once it may go.
func (c *correspondence) receiveTexts(ctx context.Context) error {
	for i := range c.count {
		for c.released.Load() <= int64(i) && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if _, err := c.w.emulate.InboundMessage(ctx, friend, ownPhone, c.inText(i)); err != nil {
			return fmt.Errorf("text %d to romeo: %w", i, err)
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
	}
	return nil
}

// settle waits until everything has arrived on both sides, then compares the
// logs of the emulator and of romeo's clients and archive.
func (c *correspondence) settle(ctx context.Context) {
	t := c.w.t
	t.Helper()
	outbound := func() map[string]int {
		count := map[string]int{}
		all, err := c.w.emulate.Messages(ctx)
		check(t, err)
		for _, m := range all {
			if m.Direction != "inbound" {
				count[m.Body]++
			}
		}
		return count
	}
	// Receipts have come for all that went out.
	waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err := eventually(waiting, func() error {
		c.note(c.archive(waiting))
		c.mu.Lock()
		in := len(c.seen)
		c.mu.Unlock()
		if in < c.count {
			return fmt.Errorf("%d of %d texts arrived at romeo", in, c.count)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second) // for what should not come
	lostOut, doubledOut, lostIn, doubledIn := 0, 0, 0, 0
	sent := outbound()
	for i := range c.count {
		switch n := sent[c.outText(i)]; {
		case n == 0:
			lostOut++
		case n > 1:
			doubledOut++
		}
		switch n := len(c.seen[c.inText(i)]); {
		case n == 0:
			lostIn++
		case n > 1:
			doubledIn++
		}
	}
	t.Logf("%d texts each way; to the phone: %d lost, %d doubled; to romeo: %d lost, %d doubled, %d stanzas repeated with the same id",
		c.count, lostOut, doubledOut, lostIn, doubledIn, c.repeats)
	if lostOut+doubledOut+lostIn+doubledIn > 0 {
		t.Error("texts were lost or doubled")
	}
	if c.repeats > c.count {
		t.Error("stanzas were repeated over and over")
	}
}

// archive asks the server for all that romeo ever got (XEP-0313): what a client
// misses while its connection breaks, it finds there. Stanzas that live clients
// have noted are not counted again.
func (c *correspondence) archive(ctx context.Context) []xmppclient.Stanza {
	romeo := c.client()
	if romeo == nil {
		return nil
	}
	var missed []xmppclient.Stanza
	after := ""
	for {
		query := xmppclient.NewID()
		page, err := romeo.IQ(ctx, "", "set", `<query xmlns="urn:xmpp:mam:2" queryid="`+query+`"><x xmlns="jabber:x:data" type="submit">`+
			`<field var="FORM_TYPE" type="hidden"><value>urn:xmpp:mam:2</value></field><field var="with"><value>`+phone+`</value></field></x>`+
			`<set xmlns="http://jabber.org/protocol/rsm"><max>50</max>`+after+`</set></query>`)
		if err != nil || page.Type() == "error" {
			return missed
		}
		for {
			s, ok := take(romeo, func(s xmppclient.Stanza) bool {
				r := s.FindNS("urn:xmpp:mam:2", "result")
				return r != nil && r.Attr("queryid") == query
			})
			if !ok {
				break
			}
			forwarded := s.Find("result", "forwarded", "message")
			m := xmppclient.Stanza{Element: forwarded}
			c.mu.Lock()
			known := c.seen[m.Body()][m.ID()]
			c.mu.Unlock()
			if !known {
				missed = append(missed, m)
			}
		}
		last := page.Find("fin", "set", "last")
		if last == nil || page.Find("fin").Attr("complete") == "true" {
			return missed
		}
		after = "<after>" + last.Text + "</after>"
	}
}

func newCorrespondence(w *world, count int) *correspondence {
	return &correspondence{w: w, count: count, receipts: map[string]bool{}, seen: map[string]map[string]bool{}}
}

// begin lets texts go, as they are released, until what it returns is called:
// that waits for the last of them and compares.
func (c *correspondence) begin(ctx context.Context) (end func()) {
	busy, stop := context.WithCancel(ctx)
	var working, reporting sync.WaitGroup
	working.Go(func() { c.sendTexts(busy) })
	working.Go(func() {
		if err := c.receiveTexts(busy); err != nil {
			c.w.t.Error(err)
		}
	})
	reporting.Go(func() { c.report(busy) })
	c.w.t.Cleanup(func() { stop(); working.Wait(); reporting.Wait() })
	return func() {
		c.w.t.Helper()
		c.release(c.count) // what rounding has left
		working.Wait()
		c.note(c.client().All())
		c.settle(ctx)
		stop()
		reporting.Wait()
	}
}
