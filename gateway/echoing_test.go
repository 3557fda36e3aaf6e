package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway"
	"gatehouse/gateway/transport"
)

const (
	here, there = "here.example.org", "there.example.org"
	maxEchoes   = 500
)

// An echo is what lies between two gateways that take each other for people.
type echo struct {
	t  *testing.T
	to func(*stanza.Received)

	mu   sync.Mutex
	said []string
}

func (e *echo) TrySend(st stanza.Stanza) bool {
	var w wire.Writer
	st.WriteXML(&w)
	e.mu.Lock()
	e.said = append(e.said, string(w.Bytes()))
	n := len(e.said)
	e.mu.Unlock()
	if n > maxEchoes {
		return true // the test fails; this only ends it
	}
	received, err := parsed(string(w.Bytes()))
	if err != nil {
		e.t.Errorf("read %s: %v", w.Bytes(), err)
		return true
	}
	e.to(&received)
	return true
}

func (e *echo) Send(_ context.Context, st stanza.Stanza) error {
	e.TrySend(st)
	return nil
}

func (e *echo) Request(ctx context.Context, _ stanza.Stanza) (stanza.Received, error) {
	<-ctx.Done()
	return stanza.Received{}, ctx.Err()
}

func (e *echo) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.said)
}

// Two gateways with contacts in each other's rosters, as happens when somebody
// enters the one as a user of the other, fall silent by themselves.
func TestTwoGatewaysDoNotKeepEachOtherBusy(t *testing.T) {
	users := map[string][2]string{ // who the other side takes for its user
		"gateway and gateway": {here, there},
		"contact and contact": {"+15550001111@" + here, "+15550002222@" + there},
		"contact and gateway": {"+15550001111@" + here, there},
	}
	starts := []string{
		`<presence type='subscribe'`, `<presence type='subscribed'`, `<presence type='unsubscribe'`, `<presence type='unsubscribed'`,
		`<presence type='probe'`, `<presence`, `<presence type='unavailable'`, `<presence type='error'`,
		`<message type='chat' id='m'`, `<message type='error' id='m'`, `<iq type='get' id='q'`, `<iq type='error' id='q'`, `<iq type='result' id='q'`,
	}
	for name, pair := range users {
		for _, registered := range []bool{true, false} {
			for _, start := range starts {
				t.Run(fmt.Sprintf("%s/registered %t/%s", name, registered, start), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { echoes(t, pair, registered, start) })
				})
			}
		}
	}
}

func echoes(t *testing.T, pair [2]string, registered bool, start string) {
	ours, theirs := &echo{t: t}, &echo{t: t}
	gatewayAt := func(domain, user string, out *echo) *gateway.Gateway {
		n := newNetwork(transport.Info{Name: "Phones", Type: "phone", AlwaysOn: true, Reachable: true})
		n.picky = true
		if registered {
			n.users = []string{user}
		}
		g := gateway.New(gateway.Options{Log: slog.New(slog.DiscardHandler), Store: newMemory()})
		g.Add(gateway.Host{Domain: domain, Network: n, Stream: out, Allows: func(jid.JID) bool { return true }})
		return g
	}
	a, b := gatewayAt(here, pair[1], ours), gatewayAt(there, pair[0], theirs)
	ours.to, theirs.to = b.Route, a.Route
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	synctest.Wait()
	first, err := parsed(start + fmt.Sprintf(" from='%s' to='%s'><body>hello</body></%s>", pair[0], pair[1], strings.Fields(start[1:])[0]))
	if err != nil {
		t.Fatal(err)
	}
	b.Route(&first)
	time.Sleep(time.Hour)
	synctest.Wait()
	if n := ours.count() + theirs.count(); n > 12 {
		t.Errorf("%d stanzas went to and fro, of which %q", n, ours.said[:min(len(ours.said), 8)])
	}
	stop()
	running.Wait()
}

func parsed(xml string) (stanza.Received, error) {
	in := wire.NewReader(strings.NewReader(`<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>`+xml), wire.DefaultLimits)
	if _, err := in.Open(); err != nil {
		return stanza.Received{}, err
	}
	e, err := in.Next()
	if err != nil {
		return stanza.Received{}, err
	}
	return stanza.Parse(e)
}
