package sms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

// pacer is a carrier whose numbers send one part a second, but for one.
type pacer struct {
	*carrier
	fast  string
	begun time.Time
	log   []string // "second from text"
}

func (p *pacer) Rate(number string) float64 {
	if number == p.fast {
		return 0
	}
	return 1
}

func (p *pacer) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	p.mu.Lock()
	text, _, _ := strings.Cut(o.Text, " ")
	p.log = append(p.log, fmt.Sprintf("%d %s", int(time.Since(p.begun).Round(time.Second).Seconds()), text))
	p.mu.Unlock()
	return p.carrier.Send(ctx, o)
}

// paced starts a process whose numbers have a rate. What its users send is
// queued while the provider rests, and goes from second 0 on.
func paced(t *testing.T, fast string, queue func(send func(user, text string))) []string {
	t.Helper()
	o := Defaults()
	o.Users = []User{{JID: romeo, Number: romeoNumber}, {JID: juliet, Number: sharedNumber}, {JID: nurse, Number: sharedNumber}}
	ctx, stop := context.WithCancel(context.Background())
	p := &pacer{carrier: &carrier{}, fast: fast}
	d := newDisk()
	p.process = &process{Outbox: d, kill: stop}
	n, err := newNetwork(o, transport.Env{Outbox: p.process, Records: &transporttest.Records{}}, func(r provider.Receiver, _ *slog.Logger) provider.Provider {
		p.receive = r
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	links := make(map[string]transport.Session)
	for _, user := range []string{romeo, juliet, nurse} {
		if links[user], err = n.Open(transport.Account{User: user}, &inbox{}); err != nil {
			t.Fatal(err)
		}
		defer links[user].Close(context.Background(), "")
	}
	count := 0
	queue(func(user, text string) {
		count++
		m := transport.Message{Chat: transport.Address(fmt.Sprintf("+1555123%04d", count)), Text: text}
		if _, err := links[user].Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	})
	p.begun = time.Now()
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	time.Sleep(time.Minute)
	stop()
	<-ended
	slices.Sort(p.log)
	return p.log
}

func TestANumberSendsNoFasterThanItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := paced(t, sharedNumber, func(send func(user, text string)) {
			send(romeo, "r1")
			send(romeo, "r2 "+strings.Repeat("two parts ", 20))
			send(romeo, "r3")
			send(juliet, "j1")
			send(romeo, "r4")
			send(juliet, "j2")
		})
		if diff := cmp.Diff([]string{"0 j1", "0 j2", "0 r1", "1 r2", "3 r3", "4 r4"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheUsersOfANumberTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := paced(t, romeoNumber, func(send func(user, text string)) {
			for i := range 6 {
				send(juliet, fmt.Sprint("j", i))
			}
			send(nurse, "n0")
			send(nurse, "n1")
		})
		want := []string{"0 j0", "1 n0", "2 j1", "3 n1", "4 j2", "5 j3", "6 j4", "7 j5"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCallsThatFailTogetherAreOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{answer: time.Second}
		for range 2 * perUser {
			c.plans = append(c.plans, plan{err: &provider.Retry{Everyone: true, Err: errors.New("connection refused")}})
		}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		for i := range 2 * perUser {
			w.mustSend(transport.Request(fmt.Sprint("r", i)), transport.Address(fmt.Sprintf("+1555123%04d", i)), "hello")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(c.texts()); n != 2*perUser {
			t.Errorf("%d of %d texts were sent", n, 2*perUser)
		}
	})
}
