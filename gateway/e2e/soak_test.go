package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// soakRounds is how long the soak tests are: SOAK_ROUNDS, or a few.
func soakRounds(t *testing.T, few int) int {
	text := os.Getenv("SOAK_ROUNDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

// The gateway is killed at random points while texts go both ways.
func TestSoakKillingTheGatewayLosesAndDoublesNothing(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{ConflictResolve: "kick_old"})
	w.needHTTP()
	w.start(w.sms(w.onEmulateAt(w.courier())))
	c := newCorrespondence(w, soakRounds(t, 8)*5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(c.count)*2*time.Second+3*time.Minute)
	defer cancel()
	check(t, c.logIn(ctx))
	defer c.logOut()
	end := c.begin(ctx)
	kills := 0
	for released := 0; released < c.count; kills++ {
		for range 1 + rand.IntN(15) {
			c.release(1)
			released++
			time.Sleep(time.Duration(50+rand.IntN(150)) * time.Millisecond)
		}
		w.gateway.Kill()
		check(t, w.gateway.Start(ctx))
	}
	t.Logf("killed %d times", kills)
	end()
}

// The XMPP server goes and comes back under traffic: the gateway comes back
// each time, its link to IRC stays, and no text is lost or doubled.
func TestSoakRestartingTheServer(t *testing.T) {
	for name, start := range map[string]func(*world) *servers.Server{
		"Prosody": func(w *world) *servers.Server {
			w.onProsody(servers.ProsodyOptions{})
			return w.prosody.Server
		},
		// In a long run there is now and then another connection for the domain,
		// which takes its share of the stanzas and is silent.
		"ejabberd": func(w *world) *servers.Server {
			w.onEjabberd(servers.EjabberdOptions{})
			return w.ejabberd.Server
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := start(w)
			address := ircServers["InspIRCd"](w)
			w.needHTTP()
			w.start(w.irc(plain("verona", address)), w.sms(w.onEmulateAt(w.courier())))
			juliet := w.ircUser(address, "juliet", channel)
			rounds := soakRounds(t, 3)
			c := newCorrespondence(w, rounds*3)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Minute+3*time.Minute)
			defer cancel()
			check(t, c.logIn(ctx))
			defer c.logOut()
			c.client().joins(room, "romeo")

			end := c.begin(ctx)
			twins := 0
			var noticed, back time.Duration // at the latest
			for round := range rounds {
				// A server that ends sooner than this is one that does not work, and
				// is come back to ever later.
				time.Sleep(2 * time.Second)
				c.release(3)
				time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
				if round%2 == 0 {
					server.Kill()
				} else {
					stopping, done := context.WithTimeout(ctx, patience)
					check(t, server.Stop(stopping))
					done()
				}
				c.logOut()
				check(t, server.Start(ctx))
				check(t, c.logIn(ctx))
				if w.ejabberd != nil && round%20 == 5 {
					leave := w.staleTwin(smsHost)
					noticed = max(noticed, w.noticesTwin())
					leave()
					twins++
				}
				back = max(back, w.recovers())
				c.client().joins(room, "romeo")
				check(t, juliet.Say(channel, fmt.Sprintf("round %d", round)))
				c.client().gets(message, from(room+"/juliet"), body(fmt.Sprintf("round %d", round)))
			}
			t.Logf("restarted %d times; the gateway was back within %v; %d twins were noticed, each within %v",
				rounds, back.Round(time.Millisecond), twins, noticed.Round(time.Millisecond))
			end()
			lines, err := juliet.Lines(channel)
			check(t, err)
			joined := 0
			for _, l := range lines {
				if strings.HasPrefix(l.Text, "romeo(") && strings.Contains(l.Text, "has joined") {
					joined++
				}
			}
			if joined != 1 {
				t.Errorf("juliet saw romeo join %d times", joined)
			}
		})
	}
}
