package irc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// limitedOptions has three networks, and room for little.
func limitedOptions() *Options {
	o := testOptions()
	for _, name := range []string{"net2", "net3"} {
		o.Network[name] = NetworkOptions{Address: name + ".example.org", TLS: off()}
	}
	o.MaxUsers, o.MaxNetworks, o.MaxChannels, o.MaxNetworkChannels = 1, 2, 4, 3
	return o
}

func (w *world) isRefused(room transport.Address, words string) {
	w.t.Helper()
	err := w.session.Join(context.Background(), room, "romeo", transport.JoinOptions{})
	var e *transport.Error
	if !errors.As(err, &e) || e.Reason != transport.TooMany || !strings.Contains(e.Text, words) {
		w.t.Errorf("%s: %v, want one too many with %q", room, err, words)
	}
}

func TestNobodyTakesMoreThanTheirShare(t *testing.T) {
	inWorld(t, limitedOptions(), func(w *world) {
		for i := range 3 {
			w.joins(transport.Address(fmt.Sprintf("#room%d%%net", i)), "romeo")
		}
		w.isRefused("#one-more%net", "3 channels of net")
		w.joins("#room0%net", "romeo") // already in it
		w.joins("#room%net2", "romeo")
		w.isRefused("#room%net3", "4 channels")
		if err := w.session.Leave(context.Background(), "#room0%net", ""); err != nil {
			t.Fatal(err)
		}
		w.isRefused("#room%net3", "2 IRC networks")
		w.joins("#one-more%net", "romeo")

		other, err := w.network.Open(transport.Account{User: "benvolio@xmpp.example.org"}, w)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close(context.Background(), "")
		join := func() error {
			return other.(*session).Join(context.Background(), garden, "benvolio", transport.JoinOptions{})
		}
		var e *transport.Error
		if err := join(); !errors.As(err, &e) || e.Reason != transport.TooMany || !strings.Contains(e.Text, "as many users") {
			t.Errorf("the second user was told %v", err)
		}
		w.session.Close(context.Background(), "")
		if err := join(); err != nil {
			t.Errorf("once the first has gone: %v", err)
		}
	})
}

func TestALimitOfOneNetworkGoesBeforeThatOfAll(t *testing.T) {
	o := limitedOptions()
	own := o.Network["net2"]
	own.MaxChannels = 1
	o.Network["net2"] = own
	inWorld(t, o, func(w *world) {
		w.joins("#room%net2", "romeo")
		w.isRefused("#other%net2", "1 channels of net2")
	})
}

func TestAServerThatThrottlesGetsNoMoreConnections(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden().hangsUp()
		w.goesDown()
		w.accepts().sends("ERROR :Closing Link: [192.0.2.1] (Throttled: Reconnecting too fast)")
		down := w.goesDown()
		if e, _ := errors.AsType[*transport.Error](down.Err); down.RetryIn == 0 || e.Reason != transport.RateLimited {
			t.Errorf("got %+v", down)
		}
		start := time.Now()
		other, err := w.network.Open(transport.Account{User: "benvolio@xmpp.example.org"}, w)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close(context.Background(), "")
		if err := other.(*session).Join(context.Background(), garden, "benvolio", transport.JoinOptions{}); err != nil {
			t.Fatal(err)
		}
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.RateLimited)},
			transport.LinkDown{Server: "net", Err: because(transport.RateLimited)})
		w.accepts()
		if took := time.Since(start); took < 2*time.Minute {
			t.Errorf("it was tried again after %v", took)
		}
	})
}

func TestABannedUserIsNotConnectedAgain(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends("ERROR :Closing link: (romeo@verona.example) [G-lined: duelling]")
		w.sees(
			transport.RoomLeft{Room: garden, Why: transport.LinkLost, Err: because(transport.Forbidden)},
			transport.LinkDown{Server: "net", Err: because(transport.Forbidden)})
		time.Sleep(time.Hour)
		w.seesNothing()
	})
}

func TestLimitsOfTheConfigAreChecked(t *testing.T) {
	for _, tt := range []struct {
		key    string
		change func(*Options)
	}{
		{"max_users", func(o *Options) { o.MaxUsers = -1 }},
		{"max_networks", func(o *Options) { o.MaxNetworks = 0 }},
		{"max_channels", func(o *Options) { o.MaxChannels = 501 }},
		{"max_channels_per_network", func(o *Options) { o.MaxNetworkChannels = 0 }},
		{"connect_rate.interval", func(o *Options) { o.ConnectRate = Throttle{Burst: 1} }},
		{"reconnect_grace", func(o *Options) { o.ReconnectGrace = time.Millisecond }},
		{"rejoin_after_kick", func(o *Options) { o.RejoinAfterKick = time.Second }},
		{"idle_after", func(o *Options) { o.IdleAfter = time.Minute }},
		{"network.net.max_channels", func(o *Options) { o.network(func(n *NetworkOptions) { n.MaxChannels = -1 }) }},
		{"network.net.connect_rate.burst", func(o *Options) { o.network(func(n *NetworkOptions) { n.ConnectRate = &Throttle{Burst: -1} }) }},
	} {
		o := testOptions()
		tt.change(o)
		var e *transport.OptionError
		if err := o.Check(); !errors.As(err, &e) || e.Key != tt.key {
			t.Errorf("%s: %v", tt.key, err)
		}
	}
}

// network changes the options of the only network.
func (o *Options) network(change func(*NetworkOptions)) {
	n := o.Network["net"]
	change(&n)
	o.Network["net"] = n
}
