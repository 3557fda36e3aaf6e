package irc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestMessagesAreDelayedWhenTheyAreOld(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		now := time.Now().UTC()
		tag := func(ago time.Duration) string { return "time=" + now.Add(-ago).Format(serverTime) }
		for _, tt := range []struct {
			tags    string
			delayed bool
			ago     time.Duration
		}{
			{"", false, 0},
			{"@" + tag(5*time.Second) + " ", false, 5 * time.Second},
			{"@" + tag(time.Hour) + ";msgid=x ", true, time.Hour},
			{"@time=yesterday ", false, 0},
			{"@time=1900-01-01T00:00:00.000Z ", false, 0},
			{"@" + tag(-48*time.Hour) + " ", false, 0},
			{"@batch=7;" + tag(time.Second) + " ", true, time.Second},
		} {
			c.sends(":s BATCH +7 chathistory #garden", tt.tags+":juliet!j@h PRIVMSG #garden :hello", ":s BATCH -7")
			m := w.next().(transport.MessageReceived)
			off := m.Sent.Sub(now.Add(-tt.ago)).Abs()
			if m.Delayed != tt.delayed || off > time.Second || (m.ID == "x") != (tt.ago == time.Hour) {
				t.Errorf("%q: delayed %v, sent %v off, id %q", tt.tags, m.Delayed, off, m.ID)
			}
		}
	})
}

func TestNoticesGoWhereTheyBelong(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		console := func(text string) transport.Event {
			return transport.MessageReceived{Message: transport.Message{Chat: "net", Text: text}}
		}
		for line, want := range map[string]transport.Event{
			":irc.example.org NOTICE * :*** Looking up your hostname": console("*** Looking up your hostname"),
			":NickServ!s@services NOTICE romeo :Identify \x02now\x02": console("NickServ: Identify *now*"),
			"NOTICE romeo :nobody says":                               console("nobody says"),
			":s NOTE * WELCOME :be welcome":                           transport.Notice{From: "net", Text: "be welcome"},
			":irc.example.org NOTICE #garden :from above":             transport.RoomNotice{Room: garden, Text: "[notice] from above"},
			":juliet!j@h INVITE romeo #balcony":                       transport.Invited{Room: "#balcony%net", By: "juliet"},
		} {
			c.sends(line)
			w.sees(want)
		}
		c.sends(":juliet!j@h PRIVMSG romeo :hi", ":juliet!j@h NOTICE romeo :brb", ":juliet!j@h NOTICE romeo :\x01VERSION x\x01")
		for _, text := range []string{"hi", "brb"} {
			w.sees(transport.MessageReceived{Message: transport.Message{Chat: "juliet%net", Text: text}})
		}
		w.seesNothing()
	})
}

func TestARoomThatNobodyAskedForIsLeft(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":romeo!r@h JOIN #trap", ":s 353 romeo = #trap :romeo", ":s 366 romeo #trap :End")
		if _, ok := w.next().(transport.Invited); !ok {
			t.Error("nothing is told")
		}
		c.expect("PART #trap")
		c.sends(":romeo!r@h PART #trap")
		w.seesNothing()
	})
}

func TestAMessageOfSeveralLinesFailsOnce(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		w.says(garden, "one\ntwo\nthree")
		c.expect("PRIVMSG #garden one", "PRIVMSG #garden two", "PRIVMSG #garden three")
		for range 3 {
			c.sends(":s 404 romeo #garden :Cannot send to channel")
		}
		w.sees(transport.MessageStatus{Request: "said", Chat: garden, Status: transport.Failed, Err: because(transport.Forbidden)})
		c.expectBarrier()
		w.seesNothing()
	})
}

func TestTextInAnotherEncodingIsRead(t *testing.T) {
	o := testOptions()
	o.Network["net"] = NetworkOptions{Address: "irc.example.org", TLS: off(), Encoding: "koi8-r"}
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@h PRIVMSG #garden :\xf0\xd2\xc9\xd7\xc5\xd4", ":juliet!j@h PRIVMSG #garden :Привет")
		for range 2 {
			w.sees(transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "juliet", Text: "Привет"}})
		}
	})
}

func TestAnotherCasemappingRefoldsWhatIsKnown(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins("#a[b%net", "romeo")
		c := w.welcomes("romeo", "CASEMAPPING=ascii")
		c.expect("JOIN #a[b")
		c.admits("romeo", "#A[B", "romeo nick[1] nick{1}")
		if e := w.next().(transport.RoomJoined); e.Room != "#a[b%net" || len(e.Members) != 3 {
			t.Errorf("got %+v", e)
		}
	})
}

func TestALineThatIsTooLongEndsTheLink(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		long := make([]byte, maxLine+1)
		for i := range long {
			long[i] = 'x'
		}
		c.sends(string(long))
		if e := w.goesDown(); e.RetryIn == 0 {
			t.Errorf("got %+v", e)
		}
	})
}

func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.session.mu.Lock()
		w.session.links[w.network.servers["net"]].users = nil // which no server can do, one hopes
		w.session.mu.Unlock()
		c.sends(":paris!p@v JOIN #garden")
		if e := w.goesDown(); e.RetryIn == 0 {
			t.Errorf("got %#v", e)
		}
		w.accepts().expect("CAP LS 302")
	})
}

func TestAServerThatShowsTooManyPeopleIsLeft(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.joins("#balcony%net", "romeo")
		c.expect("JOIN #balcony")
		c.sends(":romeo!r@h JOIN #balcony", ":s 353 romeo = #balcony :"+strings.Repeat("x", 600))
		const perLine = 500
		for i := range usersLimit/perLine + 1 {
			names := ""
			for j := range perLine {
				names += fmt.Sprintf(" u%d", perLine*i+j)
			}
			c.sends(":s 353 romeo = #balcony :" + names)
		}
		for {
			down, ok := w.next().(transport.LinkDown)
			if !ok {
				continue
			}
			if e, ok := errors.AsType[*transport.Error](down.Err); !ok || e.Reason != transport.TooMany {
				t.Errorf("it went down for %v", down.Err)
			}
			return
		}
	})
}
