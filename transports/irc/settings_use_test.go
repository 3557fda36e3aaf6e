package irc

import (
	"context"
	"errors"
	"maps"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

// A fakeSettings is what users set, in memory.
type fakeSettings struct {
	mu  sync.Mutex
	of  map[transport.Address]transport.Values
	err error
}

func (f *fakeSettings) Of(user string, at transport.Address) (transport.Values, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if user != romeo {
		return nil, errors.New("settings of " + user)
	}
	return maps.Clone(f.of[at]), f.err
}

func (f *fakeSettings) set(at transport.Address, v transport.Values) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[transport.Address]transport.Values{}
	}
	f.of[at] = v
}

func (f *fakeSettings) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// withSettings is inWorld for a user who has set something for "net".
func withSettings(t *testing.T, v transport.Values, story func(w *world, set *fakeSettings)) {
	t.Helper()
	set := &fakeSettings{}
	set.set("net", v)
	inWorld(t, testOptions(), func(w *world) {
		w.network.settings = set
		story(w, set)
	})
}

func TestALinkIsMadeAsTheUserHasSet(t *testing.T) {
	v := transport.Values{
		"nick": {"montague"}, "username": {"rm"}, "realname": {"Romeo of Verona"}, "pass": {"open sesame"},
		"after_connect_commands": {"PRIVMSG Q :AUTH romeo rose", "WAIT 5", "MODE montague +x"},
	}
	withSettings(t, v, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("PASS :open sesame", "CAP LS 302", "NICK montague", "USER rm 0 * :Romeo of Verona")
		c.welcome("montague")
		w.sees(transport.LinkUp{Server: "net"})
		start := time.Now()
		c.expect("PRIVMSG Q :AUTH romeo rose")
		w.joins("#balcony%net", "romeo") // while the commands run
		c.expect("MODE montague +x")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("waited %v", took)
		}
		c.expect("JOIN #balcony,#garden")
	})
}

func TestNoConnectionWithoutTheSettings(t *testing.T) {
	withSettings(t, nil, func(w *world, set *fakeSettings) {
		set.fail(errors.New("the disk is gone"))
		w.joins(garden, "romeo")
		w.sees(
			transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.Unreachable)},
			transport.LinkDown{Server: "net", Err: because(transport.Unreachable)},
		)
		select {
		case <-w.dialled:
			t.Error("connected all the same")
		default:
		}
	})
}

func TestEncodingsOfALinkAndAChannel(t *testing.T) {
	withSettings(t, transport.Values{"encoding_in": {"koi8-r"}, "encoding_out": {"koi8-r"}}, func(w *world, set *fakeSettings) {
		set.set("#balcony%net", transport.Values{"encoding_in": {"latin-1"}, "encoding_out": {"latin-1"}})
		c := w.inGarden()
		w.alsoIn(c, "#balcony", "@juliet romeo")
		said := func(chat transport.Address, text string) {
			t.Helper()
			w.sees(transport.MessageReceived{Message: transport.Message{Chat: chat, Nick: "juliet", Text: text}})
		}
		c.sends(":juliet!j@c PRIVMSG #garden :\xd2\xcf\xda\xc1", ":juliet!j@c PRIVMSG #balcony :ros\xe9", ":juliet!j@c PRIVMSG #balcony :rosé")
		said(garden, "роза")
		said("#balcony%net", "rosé")
		said("#balcony%net", "rosé")
		for chat, want := range map[transport.Address]string{
			garden:         "PRIVMSG #garden :\xd2\xcf\xda\xc1 ?",
			"#balcony%net": "PRIVMSG #balcony :???? \xfc",
		} {
			if err := w.says(chat, "роза ü"); err != nil {
				t.Fatal(err)
			}
			c.expect(want)
		}
		set.set("#balcony%net", transport.Values{"encoding_out": {"utf-8"}})
		w.session.Reconfigured("#balcony%net")
		synctest.Wait()
		if err := w.says("#balcony%net", "ü"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG #balcony ü")
		if err := w.session.SetSubject(context.Background(), garden, "роза", "topic"); err != nil {
			t.Fatal(err)
		}
		c.expect("TOPIC #garden \xd2\xcf\xda\xc1")
		c.sends(":s 005 romeo UTF8ONLY :are supported")
		synctest.Wait()
		if err := w.says(garden, "роза"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG #garden роза")
	})
}

func TestTheThrottleChangesAtOnce(t *testing.T) {
	withSettings(t, transport.Values{"throttle_limit": {"0"}, "throttle_interval": {"3"}}, func(w *world, set *fakeSettings) {
		c := w.inGarden()
		time.Sleep(time.Minute)
		pace := func(lines int) time.Duration {
			start := time.Now()
			for range lines {
				if err := w.says(garden, "O"); err != nil {
					t.Fatal(err)
				}
			}
			for range lines {
				c.expect("PRIVMSG #garden O")
			}
			return time.Since(start)
		}
		if took := pace(4); took != 9*time.Second {
			t.Errorf("four lines took %v", took)
		}
		set.set("net", transport.Values{"throttle_limit": {"-1"}})
		w.session.Reconfigured("net")
		synctest.Wait()
		if took := pace(20); took != 0 {
			t.Errorf("twenty lines without a throttle took %v", took)
		}
	})
}

func TestDoorsAreTriedInOrder(t *testing.T) {
	v := transport.Values{"tls_ports": {"7001", "7002"}, "ports": {"7003"}}
	for _, tt := range []struct {
		name    string
		errors  []error // of the doors; nil: it opens
		tried   int
		refused bool
	}{
		{"the last one opens", []error{syscall.ECONNREFUSED, syscall.ECONNREFUSED, nil}, 3, false},
		{"none opens", []error{syscall.ECONNREFUSED, syscall.ECONNREFUSED, syscall.ECONNREFUSED}, 3, true},
		{"no such host", []error{&net.DNSError{IsNotFound: true}}, 1, true},
		{"a forged certificate is not gone around", []error{errPin}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSettings(t, v, func(w *world, _ *fakeSettings) {
				var tried []door
				w.network.dial = func(_ context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
					tried = append(tried, d)
					if err := tt.errors[len(tried)-1]; err != nil {
						return nil, err
					}
					return w.dial(context.Background(), s, set, d)
				}
				w.joins(garden, "romeo")
				if !tt.refused {
					w.accepts().expect("CAP LS 302")
				} else {
					for {
						if _, ok := w.next().(transport.LinkDown); ok {
							break
						}
					}
				}
				want := []door{{7001, true}, {7002, true}, {7003, false}}[:tt.tried]
				if len(tried) != len(want) {
					t.Fatalf("tried %v, want %v", tried, want)
				}
				for i := range want {
					if tried[i] != want[i] {
						t.Errorf("tried %v, want %v", tried, want)
					}
				}
			})
		})
	}
}

func TestChangedSettingsAreTriedAtOnce(t *testing.T) {
	withSettings(t, nil, func(w *world, set *fakeSettings) {
		c := w.inGarden()
		w.refuses(syscall.ECONNREFUSED)
		c.hangsUp()
		for range 5 { // until the tries are far apart
			if e := w.goesDown(); e.RetryIn == 0 {
				t.Fatalf("got %#v", e)
			}
		}
		w.refuses(nil)
		set.set("net", transport.Values{"nick": {"montague"}, "pass": {"open sesame"}})
		start := time.Now()
		w.session.Reconfigured("net")
		w.accepts().expect("PASS :open sesame")
		if took := time.Since(start); took != 0 {
			t.Errorf("tried after %v", took)
		}
	})
}

// What is for the config's server must not follow a change of the settings to a
// host that the user chose before.
func TestAConnectionKeepsTheSettingsItWasMadeWith(t *testing.T) {
	o := testOptions()
	o.AnyNetwork = true
	o.network(func(n *NetworkOptions) {
		n.WebIRC, n.Password = transport.NewSecret("open"), transport.NewSecret("pw")
	})
	inWorld(t, o, func(w *world) {
		set := &fakeSettings{}
		set.set("net", transport.Values{"address": {"irc.example.net"}})
		w.network.settings = set
		w.network.dial = func(ctx context.Context, s *server, used *linkSettings, d door) (net.Conn, error) {
			if used.host != "irc.example.net" {
				t.Errorf("dialled %s", used.host)
			}
			set.set("net", nil)
			w.session.Reconfigured("net") // while the connection is made
			time.Sleep(time.Second)
			return w.dial(ctx, s, used, d)
		}
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo", "USER romeo 0 * romeo")
		c.sends("ERROR :Throttled: Reconnecting too fast")
		w.next()
		w.network.gates.mu.Lock()
		defer w.network.gates.mu.Unlock()
		if g := w.network.gates.byHost["irc.example.org"]; g != nil && !g.closed.IsZero() {
			t.Error("another host has closed the gate of the config's")
		}
	})
}

// The admin's word for a server's address is not one for its other ports.
func TestPortsThatPeopleChooseArePublic(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	o := Defaults()
	o.Network = map[string]NetworkOptions{"net": {Address: listener.Addr().String(), TLS: off()}}
	made, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	n := made.(*network)
	for _, tt := range []struct {
		v    transport.Values
		want error
	}{{nil, nil}, {transport.Values{"ports": {port}}, guarded.ErrPrivate}} {
		set := n.linkSettings(n.servers["net"], tt.v)
		conn, _, err := n.knock(t.Context(), n.servers["net"], set, func(door, error) {})
		if !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.v, err, tt.want)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

func TestTheConfigsPasswordGoesOnlyWhereTheConfigSays(t *testing.T) {
	o := Defaults()
	o.AnyNetwork = true
	o.Deny = []string{"*.bad.example"}
	o.Network = map[string]NetworkOptions{"net": {Address: "irc.example.org:7000", Password: transport.NewSecret("rose")}}
	made, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	n := made.(*network)
	for _, tt := range []struct {
		v    transport.Values
		want string
	}{
		{nil, "rose"},
		{transport.Values{"nick": {"romeo"}}, "rose"},
		{transport.Values{"pass": {"lily"}}, "lily"},
		{transport.Values{"ports": {"6667"}}, ""},
		{transport.Values{"tls_ports": {"6697"}}, ""},
		{transport.Values{"address": {"irc.example.net"}}, ""},
		{transport.Values{"verify_cert": {"false"}}, ""},
		{transport.Values{"address": {"irc.example.net"}, "pass": {"lily"}}, "lily"},
	} {
		if got := n.linkSettings(n.servers["net"], tt.v).pass.Reveal(); got != tt.want {
			t.Errorf("%v: sends %q, want %q", tt.v, got, tt.want)
		}
	}
	none := n.linkSettings(n.servers["net"], transport.Values{"ports": nil, "tls_ports": {}})
	if len(none.doors) != 1 || none.doors[0] != (door{7000, true}) || none.pass.IsZero() {
		t.Errorf("without ports: %v", none.doors)
	}
	for host, want := range map[string]bool{
		"irc.example.net": true, "irc.bad.example": false, "192.0.2.1": false, "localhost": false,
	} {
		if got := n.mayConnect(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestANameOfOnesOwnForANetwork(t *testing.T) {
	o := Defaults()
	o.AnyNetwork = true
	set := &fakeSettings{}
	inWorld(t, o, func(w *world) {
		w.network.settings = set
		var to string
		w.network.dial = func(_ context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
			to = set.host
			return nil, syscall.ECONNREFUSED
		}
		refused := func(reason transport.Reason) {
			t.Helper()
			w.joins("#garden%home", "romeo")
			for {
				switch e := w.next().(type) {
				case transport.RoomLeft:
					if reasonOf(e.Err) != reason {
						t.Errorf("refused with %v", e.Err)
					}
				case transport.LinkDown:
					return
				}
			}
		}
		refused(transport.NotFound)
		if to != "" {
			t.Errorf("connected to %s", to)
		}
		set.set("home", transport.Values{"address": {"irc.example.org"}})
		refused(transport.Unreachable)
		if to != "irc.example.org" {
			t.Errorf("connected to %s", to)
		}
	})
}

func TestLinksTellOfThemselvesAndEnd(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		links := w.session.Links()
		if len(links) != 1 || links[0].Server != "net" || !links[0].Up || len(links[0].Rooms) != 1 || links[0].Rooms[0] != garden {
			t.Fatalf("got %+v", links)
		}
		const want = "Connected to IRC server irc.example.org on port 6667 (without TLS) since 2000-01-01 00:00:00 (60 seconds ago)."
		time.Sleep(time.Minute)
		if got := w.session.Links()[0].Lines[0]; got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
		if err := w.session.Disconnect("net", "good night"); err != nil {
			t.Fatal(err)
		}
		w.sees(
			transport.RoomLeft{Room: garden, Why: transport.Parted, Reason: "good night"},
			transport.LinkDown{Server: "net"},
		)
		c.expect("QUIT :good night")
		if err := w.session.Disconnect("net", ""); reasonOf(err) != transport.NotJoined {
			t.Errorf("disconnected twice: %v", err)
		}
		if len(w.session.Links()) != 0 {
			t.Error("the link is still there")
		}
	})
}
