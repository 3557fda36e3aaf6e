package irc

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/ircclient"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

// A realWorld is a session on a real IRC server, with juliet there who uses
// ii.
type realWorld struct {
	t       *testing.T
	ctx     context.Context
	server  *servers.Server
	sink    *transporttest.Sink
	session *session
	juliet  *ircclient.Client
	seen    int
}

var realServers = map[string]func(ctx context.Context, dir string) (*servers.Server, string, error){
	"inspircd": func(ctx context.Context, dir string) (*servers.Server, string, error) {
		s, err := servers.StartInspIRCd(ctx, dir, servers.InspIRCdOptions{})
		if err != nil {
			return nil, "", err
		}
		return s.Server, s.Addr, nil
	},
	"ngircd": func(ctx context.Context, dir string) (*servers.Server, string, error) {
		s, err := servers.StartNgIRCd(ctx, dir, servers.NgIRCdOptions{})
		if err != nil {
			return nil, "", err
		}
		return s.Server, s.Addr, nil
	},
}

func onRealServers(t *testing.T, story func(w *realWorld)) {
	for name, start := range realServers {
		t.Run(name, func(t *testing.T) {
			servers.Need(t, name, "ii")
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			server, addr, err := start(ctx, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { server.Close() })
			juliet, err := ircclient.Start(ctx, t.TempDir(), addr, "juliet")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { juliet.Close() })
			o := Defaults()
			o.Throttle.Burst = 0
			o.Network = map[string]NetworkOptions{"net": {Address: addr, TLS: off()}}
			n, err := o.New(transport.Env{})
			if err != nil {
				t.Fatal(err)
			}
			w := &realWorld{t: t, ctx: ctx, server: server, sink: &transporttest.Sink{}, juliet: juliet}
			opened, err := n.Open(transport.Account{User: romeo}, w.sink)
			if err != nil {
				t.Fatal(err)
			}
			w.session = opened.(*session)
			t.Cleanup(func() { w.session.Close(context.Background(), "the test is over") })
			story(w)
		})
	}
}

// real waits for the next event of a type that matches; earlier ones are
// skipped.
func real[E transport.Event](w *realWorld, match func(E) bool) E {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	n := 0
	e, err := w.sink.Wait(ctx, func(e transport.Event) bool {
		n++
		got, ok := e.(E)
		return n > w.seen && ok && (match == nil || match(got))
	})
	if err != nil {
		w.t.Fatalf("waiting for %T: %v; all: %+v", *new(E), err, w.sink.Events())
	}
	w.seen = n
	return e.(E)
}

func (w *realWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *realWorld) says(chat transport.Address, text string) {
	w.t.Helper()
	_, err := w.session.Send(w.ctx, transport.Message{Chat: chat, Text: text, Request: "said"})
	w.must(err)
}

func (w *realWorld) answered(r transport.Request, want error) {
	w.t.Helper()
	a := real(w, func(a transport.Answered) bool { return a.Request == r })
	if (a.Err == nil) != (want == nil) || want != nil && reasonOf(a.Err) != reasonOf(want) {
		w.t.Fatalf("%s: answered with %v, want %v", r, a.Err, want)
	}
}

func (w *realWorld) meetInGarden() {
	w.must(w.juliet.Join(w.ctx, "#garden"))
	w.must(w.session.Join(w.ctx, garden, "romeo", transport.JoinOptions{}))
	joined := real[transport.RoomJoined](w, nil)
	i := slices.IndexFunc(joined.Members, func(m transport.Member) bool { return m.Nick == "juliet" })
	if i < 0 || joined.Members[i].Role != transport.Moderator || joined.Nick != "romeo" || len(joined.Members) != 2 {
		w.t.Fatalf("joined as %+v", joined)
	}
}

func TestTalkOnRealServers(t *testing.T) {
	onRealServers(t, func(w *realWorld) {
		w.meetInGarden()
		w.says(garden, "But, *soft*!")
		w.must(w.juliet.WaitSaid(w.ctx, "#garden", "romeo", "But, \x02soft\x02!"))
		w.must(w.juliet.Say("#garden", "Ay \x1dme\x1d!"))
		m := real[transport.MessageReceived](w, func(m transport.MessageReceived) bool { return m.Chat == garden && m.Nick != "romeo" })
		if m.Nick != "juliet" || m.Text != "Ay _me_!" {
			t.Errorf("got %+v", m)
		}
		w.says("juliet%net", "psst")
		w.must(w.juliet.WaitSaid(w.ctx, "romeo", "romeo", "psst"))
		w.must(w.juliet.Say("romeo", "who is there?"))
		m = real[transport.MessageReceived](w, func(m transport.MessageReceived) bool { return m.Chat == "juliet%net" })
		if m.Text != "who is there?" {
			t.Errorf("got %+v", m)
		}
		w.says("tybalt%net", "hello?")
		s := real[transport.MessageStatus](w, func(s transport.MessageStatus) bool { return s.Status == transport.Failed })
		if s.Chat != "tybalt%net" || reasonOf(s.Err) != transport.RecipientUnavailable {
			t.Errorf("got %+v", s)
		}
		long := strings.TrimSpace(strings.Repeat("wherefore art thou ", 40))
		w.says(garden, long)
		var got string
		for len(got) < len(long) {
			line, err := w.juliet.WaitLine(w.ctx, "#garden", regexp.MustCompile("wherefore|art|thou"))
			w.must(err)
			if got != "" && !strings.HasSuffix(got, " ") {
				got += " "
			}
			got += line.Text
		}
		if strings.TrimSpace(got) != long {
			t.Errorf("a long message arrived as %q", got)
		}
	})
}

func TestNicksTopicsAndModesOnRealServers(t *testing.T) {
	onRealServers(t, func(w *realWorld) {
		w.meetInGarden()
		w.must(w.session.SetNick(w.ctx, garden, "montague", "nick"))
		r := real[transport.MemberRenamed](w, nil)
		if r.Was != "romeo" || r.Nick != "montague" {
			t.Errorf("got %+v", r)
		}
		w.answered("nick", nil)
		w.must(w.session.SetNick(w.ctx, garden, "juliet", "taken"))
		w.answered("taken", because(transport.Conflict))
		w.must(w.session.SetNick(w.ctx, garden, "9lives", "bad"))
		w.answered("bad", because(transport.BadNick))

		none, visitor, admin, outcast := transport.RoleNone, transport.Visitor, transport.Admin, transport.Outcast
		w.must(w.session.Moderate(w.ctx, garden, transport.Action{Nick: "juliet", Role: &none, Request: "kick"}))
		w.answered("kick", because(transport.Forbidden))
		w.must(w.juliet.Raw("MODE #garden +tm"))
		real(w, func(e transport.RoomChanged) bool { return e.Modes.Moderated && e.Modes.SubjectByMods })
		real(w, func(e transport.MemberChanged) bool { return e.Nick == "montague" && e.Role == transport.Visitor })
		w.must(w.session.SetSubject(w.ctx, garden, "by moonlight", "topic"))
		w.answered("topic", because(transport.Forbidden))
		w.says(garden, "let me speak")
		if s := real[transport.MessageStatus](w, nil); reasonOf(s.Err) != transport.Forbidden {
			t.Errorf("got %+v", s)
		}
		w.must(w.juliet.Raw("MODE #garden +o montague"))
		real(w, func(e transport.MemberChanged) bool {
			return e.Nick == "montague" && e.Affiliation == transport.Admin && e.By == "juliet"
		})
		w.must(w.session.SetSubject(w.ctx, garden, "by moonlight", "topic2"))
		real(w, func(e transport.SubjectChanged) bool { return e.Text == "by moonlight" && e.By == "montague" })
		w.answered("topic2", nil)

		w.must(w.session.Moderate(w.ctx, garden, transport.Action{Nick: "juliet", Role: &visitor, Request: "deop"}))
		real(w, func(e transport.MemberChanged) bool { return e.Nick == "juliet" && e.Role == transport.Visitor })
		w.answered("deop", nil)
		w.must(w.session.Moderate(w.ctx, garden, transport.Action{Nick: "juliet", Affiliation: &admin, Request: "op"}))
		real(w, func(e transport.MemberChanged) bool { return e.Nick == "juliet" && e.Affiliation == transport.Admin })
		w.answered("op", nil)
		w.must(w.session.Moderate(w.ctx, garden, transport.Action{Nick: "juliet", Affiliation: &outcast, Reason: "banished", Request: "ban"}))
		left := real[transport.MemberLeft](w, nil)
		if left.Nick != "juliet" || left.Why != transport.Banned || left.Reason != "banished" {
			t.Errorf("got %+v", left)
		}
	})
}

func TestJoinsAreRefusedOnRealServers(t *testing.T) {
	onRealServers(t, func(w *realWorld) {
		w.must(w.session.Join(w.ctx, garden, "juliet", transport.JoinOptions{}))
		refused := func(want transport.Reason) {
			t.Helper()
			if e := real[transport.RoomLeft](w, nil); e.Why != transport.Refused || reasonOf(e.Err) != want {
				w.t.Errorf("got %+v, want the reason %d", e, want)
			}
		}
		refused(transport.Conflict)
		w.must(w.session.Join(w.ctx, garden, "9lives", transport.JoinOptions{}))
		refused(transport.BadNick)
		for i, tt := range []struct {
			mode string
			want transport.Reason
		}{
			{"+k rose", transport.NotAuthorized}, {"+i", transport.MembersOnly}, {"+b *!*@*", transport.BannedFrom}, {"+l 1", transport.TooMany},
		} {
			channel := fmt.Sprintf("#locked%d", i)
			w.must(w.juliet.Join(w.ctx, channel))
			w.must(w.juliet.Raw("MODE " + channel + " " + tt.mode))
			_, err := w.juliet.WaitLine(w.ctx, channel, regexp.MustCompile(`(?i)mode`))
			w.must(err)
			w.must(w.session.Join(w.ctx, transport.Address(channel+"%net"), "romeo", transport.JoinOptions{Password: "lily"}))
			refused(tt.want)
		}
		w.must(w.session.Join(w.ctx, "#locked0%net", "romeo", transport.JoinOptions{Password: "rose"}))
		real[transport.RoomJoined](w, nil)
		w.must(w.juliet.Raw("KICK #locked0 romeo :out"))
		if e := real[transport.RoomLeft](w, nil); e.Why != transport.Kicked || e.By != "juliet" || e.Reason != "out" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestLinksComeBackOnRealServers(t *testing.T) {
	onRealServers(t, func(w *realWorld) {
		w.meetInGarden()
		w.must(w.session.Join(w.ctx, "#balcony%net", "romeo", transport.JoinOptions{Password: "rose"}))
		real[transport.RoomJoined](w, nil)
		w.must(w.server.Restart(w.ctx))
		if e := real[transport.LinkDown](w, nil); e.RetryIn == 0 {
			t.Errorf("got %+v", e)
		}
		real[transport.LinkUp](w, nil)
		rooms := []transport.Address{real[transport.RoomJoined](w, nil).Room, real[transport.RoomJoined](w, nil).Room}
		slices.Sort(rooms)
		if !slices.Equal(rooms, []transport.Address{"#balcony%net", garden}) {
			t.Errorf("joined again: %v", rooms)
		}
		w.must(w.session.Leave(w.ctx, "#balcony%net", "good night"))
		real[transport.RoomLeft](w, nil)
		w.must(w.session.Leave(w.ctx, garden, "good night"))
		real[transport.RoomLeft](w, nil)
		if e := real[transport.LinkDown](w, nil); e.RetryIn != 0 || e.Err != nil {
			t.Errorf("got %+v", e)
		}
	})
}
