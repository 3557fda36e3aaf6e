package irc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func reasonOf(err error) transport.Reason {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e.Reason
	}
	return -1
}

func TestMessagesBecomeLines(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"one word", "hello", []string{"PRIVMSG #garden hello"}},
		{"a leading colon", ":)", []string{"PRIVMSG #garden ::)"}},
		{"leading spaces", "  x", []string{"PRIVMSG #garden :  x"}},
		{"several lines", "one\n\n  \r\ntwo", []string{"PRIVMSG #garden one", "PRIVMSG #garden two"}},
		{"an action", "/me waves *hard*", []string{"PRIVMSG #garden :\x01ACTION waves \x02hard\x02\x01"}},
		{"an action and more", "/me waves\nhello", []string{"PRIVMSG #garden :\x01ACTION waves\x01", "PRIVMSG #garden hello"}},
		{"CTCP of the user's own", "\x01VERSION\x01", []string{"PRIVMSG #garden VERSION"}},
		{"a line end of another kind", "a\rQUIT", []string{"PRIVMSG #garden a", "PRIVMSG #garden QUIT"}},
		{"a NUL", "a\x00b", []string{"PRIVMSG #garden ab"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGarden()
				if err := w.says(garden, tt.text); err != nil {
					t.Fatal(err)
				}
				c.expect(tt.want...)
			})
		})
	}
}

func TestALongMessageFitsWithOurNameBeforeIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		text := strings.Repeat("wherefore art thou ", 60)
		if err := w.says(garden, text); err != nil {
			t.Fatal(err)
		}
		got, longest := "", 0
		for len(got) < len(text) {
			line := c.expectPrefix("PRIVMSG #garden :")
			longest = max(longest, len(":romeo!~romeo@verona.example "+line+"\r\n"))
			got += strings.TrimPrefix(line, "PRIVMSG #garden :")
		}
		if got != text || longest > 512 || longest < 480 {
			t.Errorf("%d bytes at most, text %q", longest, got)
		}
	})
}

func TestARefusedMessageIsReported(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		w.says(garden, "hello")
		c.expect("PRIVMSG #garden hello")
		c.sends(":s 404 romeo #garden :Cannot send to channel")
		w.sees(transport.MessageStatus{Request: "said", Chat: garden, Status: transport.Failed, Err: because(transport.Forbidden)})
		c.expectBarrier()
		w.says("juliet%net", "psst")
		c.expect("PRIVMSG juliet psst")
		c.sends(":s 401 romeo juliet :No such nick/channel")
		w.sees(transport.MessageStatus{Request: "said", Chat: "juliet%net", Status: transport.Failed, Err: because(transport.RecipientUnavailable)})
		c.expectBarrier()
		// An error that comes after the PONG belongs to nothing of ours.
		w.says(garden, "hello again")
		c.expect("PRIVMSG #garden :hello again")
		c.expectBarrier()
		w.seesNothing()
		c.sends(":s 404 romeo #garden :Cannot send to channel")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "#garden Cannot send to channel"}})
	})
}

func TestAPrivateMessageOpensTheLinkAndKeepsItAWhile(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		if err := w.says("juliet%net", "it is the east"); err != nil {
			t.Fatal(err)
		}
		c := w.welcomes("romeo") // of romeo@xmpp.example.org
		c.expect("PRIVMSG juliet :it is the east")
		c.sends(":Juliet!j@c PRIVMSG romeo :and?")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "juliet%net", Text: "and?"}})
		start := time.Now()
		c.expect("PING gatehouse")
		c.sends(":s PONG s gatehouse")
		c.expect("PING gatehouse")
		c.sends(":s PONG s gatehouse")
		c.expect("PING gatehouse")
		c.sends(":s PONG s gatehouse")
		w.sees(transport.LinkDown{Server: "net"})
		c.expect("QUIT Gatehouse")
		if took := time.Since(start); took != idleLimit {
			t.Errorf("idle after %v", took)
		}
	})
}

func TestAPrivateMessageToAnUnreachableServerFails(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.refuses(errors.New("no route"))
		w.says("juliet%net", "hello")
		w.sees(
			transport.MessageStatus{Request: "said", Chat: "juliet%net", Status: transport.Failed, Err: because(transport.Unreachable)},
			transport.LinkDown{Server: "net", Err: because(transport.Unreachable)},
		)
	})
}

func TestLinesArePaced(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden() // JOIN and MODE have used the burst a little
		time.Sleep(time.Minute)
		drain(c)
		start := time.Now()
		w.says(garden, strings.Repeat("x\n", 13))
		for i := range 13 {
			c.expect("PRIVMSG #garden x")
			want := time.Duration(max(0, i-9)) * 2 * time.Second
			if took := time.Since(start); took != want {
				t.Fatalf("line %d after %v, want %v", i, took, want)
			}
			if i == 11 { // PONG does not wait
				c.sends("PING :x")
				c.expect("PONG x")
			}
		}
	})
}

func drain(c *fakeConn) {
	for {
		select {
		case <-c.lines:
		default:
			return
		}
	}
}

func TestNothingIsPacedWithSAFERATE(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("SAFERATE")
		start := time.Now()
		w.says(garden, strings.Repeat("x\n", 100))
		for range 100 {
			c.expect("PRIVMSG #garden x")
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("100 lines took %v", took)
		}
	})
}

func TestAFullQueueRefusesMessages(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden()
		if err := w.says(garden, strings.Repeat("x\n", queueLength+1)); reasonOf(err) != transport.TooLong {
			t.Errorf("a message of too many lines: %v", err)
		}
		var err error
		for i := 0; err == nil && i < 50; i++ {
			err = w.says(garden, strings.Repeat("x\n", 10))
		}
		if reasonOf(err) != transport.RateLimited {
			t.Errorf("a full queue: %v", err)
		}
	})
}

func TestWhereNothingIsPacedMessagesWaitForRoom(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("SAFERATE")
		sent := make(chan error, 1)
		go func() {
			for range 40 {
				if err := w.says(garden, strings.Repeat("x\n", 50)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for range 40 * 50 {
			c.expect("PRIVMSG #garden x")
		}
		if err := <-sent; err != nil {
			t.Errorf("2000 lines in a row: %v", err)
		}
	})
}

func TestWaitingForRoomEndsWithTheCall(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("SAFERATE")
		c.autoPong.Store(false)
		var err error
		var took time.Duration
		for i := 0; err == nil && i < 50; i++ { // the server reads no more than 1000 lines ahead
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			start := time.Now()
			_, err = w.session.Send(ctx, transport.Message{Chat: garden, Text: strings.Repeat("x\n", 50)})
			took = time.Since(start)
			cancel()
		}
		if reasonOf(err) != transport.RateLimited || took != 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		for len(c.lines) > 0 {
			drain(c)
			time.Sleep(time.Second)
		}
	})
}

func TestModeration(t *testing.T) {
	role := func(r transport.Role) transport.Action { return transport.Action{Role: &r} }
	affiliation := func(a transport.Affiliation) transport.Action { return transport.Action{Affiliation: &a} }
	for _, tt := range []struct {
		name   string
		nick   string
		who    transport.Address
		action transport.Action
		want   []string
	}{
		{"a kick", "nurse", "", role(transport.RoleNone), []string{"KICK #garden nurse :for a reason"}},
		{"taking all", "juliet", "", role(transport.Visitor), []string{"MODE #garden -o juliet"}},
		{"voice taken", "peter", "", role(transport.Visitor), []string{"MODE #garden -v peter"}},
		{"participant", "juliet", "", role(transport.Participant), []string{"MODE #garden -o juliet"}},
		{"half operator", "nurse", "", role(transport.Moderator), []string{"MODE #garden +h nurse"}},
		{"moderator already", "juliet", "", role(transport.Moderator), nil},
		{"member", "juliet", "", affiliation(transport.MemberOf), []string{"MODE #garden +v-o juliet juliet"}},
		{"admin", "nurse", "", affiliation(transport.Admin), []string{"MODE #garden +o nurse"}},
		{"owner where there is none", "nurse", "", affiliation(transport.Owner), []string{"MODE #garden +o nurse"}},
		{"none", "peter", "", affiliation(transport.AffiliationNone), []string{"MODE #garden -v peter"}},
		{"a ban of somebody here", "tybalt", "", affiliation(transport.Outcast),
			[]string{"MODE #garden +b *!*@capulet.example", "KICK #garden tybalt :for a reason"}},
		{"a ban of somebody elsewhere", "", "paris%net", affiliation(transport.Outcast), []string{"MODE #garden +b paris!*@*"}},
		{"the end of a ban", "", "paris%net", affiliation(transport.AffiliationNone), []string{"MODE #garden -b paris!*@*"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				w.joins(garden, "romeo")
				c := w.welcomes("romeo", "PREFIX=(ohv)@%+", "CHANMODES=b,k,l,imnpst", "MODES=4")
				c.expect("JOIN #garden")
				c.admits("romeo", "#garden", "@juliet nurse +peter tybalt!t@capulet.example romeo")
				w.next()
				c.expect("MODE #garden")
				a := tt.action
				a.Nick, a.Who, a.Reason, a.Request = tt.nick, tt.who, "for a reason", "r"
				if err := w.session.Moderate(context.Background(), garden, a); err != nil {
					t.Fatal(err)
				}
				c.expect(tt.want...)
				w.sees(transport.Answered{Request: "r"})
			})
		})
	}
}

func TestModerationErrorsAreAnswered(t *testing.T) {
	none, outcast := transport.RoleNone, transport.Outcast
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		moderate := func(a transport.Action) {
			if err := w.session.Moderate(context.Background(), garden, a); err != nil {
				t.Fatal(err)
			}
		}
		moderate(transport.Action{Nick: "juliet", Role: &none, Request: "1"})
		c.expect("KICK #garden juliet")
		c.sends(":s 482 romeo #garden :You're not a channel operator")
		w.sees(transport.Answered{Request: "1", Err: because(transport.Forbidden)})
		c.expectBarrier()
		moderate(transport.Action{Nick: "juliet", Affiliation: &outcast, Request: "2"})
		c.expect("MODE #garden +b juliet!*@*", "KICK #garden juliet")
		c.sends(":romeo!r@h MODE #garden +b juliet!*@*", ":romeo!r@h KICK #garden juliet")
		w.sees(
			transport.RoomNotice{Room: garden, Text: "Mode #garden [+b juliet!*@*] by romeo"},
			transport.Answered{Request: "2"},
			transport.MemberLeft{Room: garden, Member: member("juliet", transport.Moderator, transport.Admin), Why: transport.Banned, By: "romeo"},
		)
		c.expectBarrier()
		if err := w.session.Moderate(context.Background(), garden, transport.Action{Nick: "paris", Role: &none}); reasonOf(err) != transport.NotFound {
			t.Errorf("a kick of somebody who is not here: %v", err)
		}
	})
}

func TestAwayIsTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for _, a := range []transport.Availability{
			{Online: true}, {Online: true, Show: "chat", Status: "hi"}, // neither is away
			{Online: true, Show: "away"}, {Online: true, Show: "away"}, {Online: true, Show: "dnd", Status: "in the tomb"}, {Online: true},
		} {
			w.session.SetPresence(context.Background(), a)
		}
		c.expect("AWAY Away", "AWAY :in the tomb", "AWAY")
		c.expectNothing(time.Minute)
	})
}
