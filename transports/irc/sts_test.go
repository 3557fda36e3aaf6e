package irc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

func TestSTSLeadsToTLS(t *testing.T) {
	o := testOptions()
	inWorld(t, o, func(w *world) {
		var doors []door
		w.network.dial = func(ctx context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
			doors = append(doors, d)
			return w.dial(ctx, s, set, door{})
		}
		if err := w.says("juliet%net", "psst"); err != nil {
			t.Fatal(err)
		}
		c := w.accepts()
		c.expect("CAP LS 302")
		c.sends(":s CAP * LS :sts=duration=10,port=6697 multi-prefix")
		secure := w.accepts()
		if hello, ok := secure.next(); !ok || hello[0] != 22 { // a TLS handshake (RFC 8446 §5.1)
			t.Errorf("got %q", hello)
		}
		secure.hangsUp()
		for {
			e := w.next()
			if _, ok := e.(transport.LinkDown); ok {
				break
			}
			if _, ok := e.(transport.MessageStatus); !ok {
				t.Errorf("got %#v", e)
			}
		}
		if want := []door{{6667, false}, {6697, true}}; !slices.Equal(doors, want) {
			t.Errorf("tried %v, want %v", doors, want)
		}
	})
}

// What is refused to users is refused to servers: a host of their own would
// only have to change its address.
func TestSTSLeadsToPortsOfIRCOnly(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo", "USER romeo 0 * romeo")
		c.sends(":s CAP * LS :sts=port=25")
		c.expect("CAP END")
	})
}

func TestSTSPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p stsPolicies
		both, plain := []door{{6697, true}, {6667, false}}, []door{{6667, false}}
		holds := func(given []door, want ...door) {
			t.Helper()
			if got := p.doors("irc.example.org", given); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		holds(both, both...)
		p.set("irc.example.org", 7000, time.Hour)
		holds(both, door{6697, true})
		holds(plain, door{7000, true})
		time.Sleep(50 * time.Minute)
		p.renew("irc.example.org")
		time.Sleep(50 * time.Minute)
		holds(plain, door{7000, true})
		time.Sleep(time.Hour)
		holds(plain, plain...)
		p.set("irc.example.org", 7000, time.Hour)
		p.set("irc.example.org", 7000, 0)
		holds(plain, plain...)
		for i := range stsLimit + 10 {
			p.set(string(rune('a'+i%26))+time.Duration(i).String(), 1, time.Hour)
		}
		if len(p.of) != stsLimit {
			t.Errorf("%d policies are kept", len(p.of))
		}
	})
}

func TestSTSPoliciesOutlastARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records transporttest.Records
		var p stsPolicies
		p.load(&records, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var keeping sync.WaitGroup
		keeping.Go(func() { p.keep(ctx, &records, slog.New(slog.DiscardHandler)) })
		p.set("short.example.org", 6697, time.Minute)
		p.set("recalled.example.org", 6697, time.Hour)
		records.Fail(errors.New("disk full"))
		time.Sleep(2 * stsDelay)
		records.Fail(nil)
		time.Sleep(2 * stsDelay)
		p.set("recalled.example.org", 6697, 0)
		p.set("irc.example.org", 7000, time.Hour)
		cancel()
		keeping.Wait()
		time.Sleep(50 * time.Minute)

		var next stsPolicies
		next.load(&records, slog.New(slog.DiscardHandler))
		want := map[string]stsPolicy{"irc.example.org": {7000, p.of["irc.example.org"].until.Truncate(time.Second), time.Hour}}
		if d := cmp.Diff(want, next.of, cmp.AllowUnexported(stsPolicy{})); d != "" {
			t.Errorf("after a restart (-want +got):\n%s", d)
		}
	})
}
