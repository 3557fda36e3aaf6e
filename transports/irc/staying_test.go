package irc

import (
	"context"
	"errors"
	"testing"

	"gatehouse/gateway/transport"
)

// A settingsOf is what one user set.
type settingsOf map[transport.Address]transport.Values

func (s settingsOf) Of(user string, at transport.Address) (transport.Values, error) {
	if at == "#broken%net" {
		return nil, errors.New("the disk is gone")
	}
	if user != romeo {
		return nil, nil
	}
	return s[at], nil
}

func TestWhoStaysInAChannelIsSetByDegrees(t *testing.T) {
	set := settingsOf{
		"#garden%net":  {"persistent": {"true"}},
		"#balcony%net": {"persistent": {"false"}},
		"#street%net":  {"record_history": {"true"}},
	}
	for _, tt := range []struct {
		whole, room string
		standard    bool
		want        bool
	}{
		{"", "#garden%net", false, true},
		{"", "#balcony%net", true, false},
		{"", "#street%net", false, false},
		{"", "#street%net", true, true},
		{"true", "#street%net", false, true},
		{"false", "#street%net", true, false},
		{"true", "#broken%net", false, true},
	} {
		o := testOptions()
		o.Persistent = tt.standard
		set[""] = transport.Values{"persistent": {tt.whole}}
		n, err := o.New(transport.Env{Settings: set})
		if err != nil {
			t.Fatal(err)
		}
		if got := n.(*network).Stays(romeo, transport.Address(tt.room)); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestWhoOnlyComesBackTakesASimilarNick(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		if err := w.session.Join(context.Background(), garden, "romeo", transport.JoinOptions{AnyNick: true}); err != nil {
			t.Fatal(err)
		}
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.expectPrefix("USER ")
		c.sends(":irc.example.org 433 * romeo :Nickname is already in use.")
		c.expect("NICK romeo_")
		c.welcome("romeo_")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("JOIN #garden")
	})
}
