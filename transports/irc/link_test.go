package irc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestATakenNickRefusesTheFirstJoin(t *testing.T) {
	for _, numeric := range []string{"433", "436", "437"} {
		t.Run(numeric, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				w.joins(garden, "romeo")
				c := w.accepts()
				c.expect("CAP LS 302", "NICK romeo")
				c.sends(":irc.example.org " + numeric + " * romeo :Nickname is already in use.")
				w.sees(
					transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.Conflict)},
					transport.LinkDown{Server: "net", Err: because(transport.Conflict)},
				)
				// The person chooses another one.
				w.joins(garden, "montague")
				w.welcomes("montague").expect("JOIN #garden")
			})
		})
	}
}

// Of two who are not in yet InspIRCd believes the later: it names the other
// anew, and then says which nick they lost.
func TestANickThatIsLostOnTheWayInIsNamed(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.sends(":romeo!romeo@127.0.0.1 NICK 417AAAIIR", ":irc.example.org 433 417AAAIIR romeo :Nickname overruled.")
		left := w.next().(transport.RoomLeft)
		if got := left.Err.(*transport.Error); got.Reason != transport.Conflict || !strings.Contains(got.Text, "nick romeo ") {
			t.Errorf("got %v", got)
		}
	})
}

func TestRegistrationErrorsAreTold(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       transport.Reason
	}{
		{"a nick that can't be", ":s 432 * romeo :Erroneous nickname", transport.BadNick},
		{"a wrong password", ":s 464 * :Password incorrect", transport.NotAuthorized},
		{"a ban", ":s 465 romeo :You are banned", transport.Forbidden},
		{"the server's ERROR", "ERROR :Closing Link: romeo[xmpp.example.org] (Montagues only)", transport.Unreachable},
		{"a ban told by ERROR", "ERROR :Closing Link: xmpp.example.org (K-Lined)", transport.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				w.joins(garden, "romeo")
				w.accepts().sends(tt.line)
				w.sees(
					transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(tt.want)},
					transport.LinkDown{Server: "net", Err: because(tt.want)},
				)
			})
		})
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		w.accepts()
		start := time.Now()
		w.sees(
			transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.Unreachable)},
			transport.LinkDown{Server: "net", Err: because(transport.Unreachable)},
		)
		if took := time.Since(start); took != registrationLimit {
			t.Errorf("that took %v", took)
		}
	})
}

func TestAServerThatCannotBeReachedRefusesTheJoin(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.refuses(errors.New("no route to host"))
		w.joins(garden, "romeo")
		e := w.next().(transport.RoomLeft)
		if e.Room != garden || e.Why != transport.Refused || !strings.Contains(e.Err.Error(), "irc.example.org") {
			t.Errorf("got %+v", e)
		}
		w.sees(transport.LinkDown{Server: "net", Err: because(transport.Unreachable)})
		w.seesNothing()
	})
}

func TestCapabilitiesAreNegotiated(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo", "USER romeo 0 * romeo")
		c.sends(":s CAP * LS * :sasl=PLAIN multi-prefix draft/unheard-of", ":s CAP * LS :server-time batch")
		c.expect("CAP REQ :batch multi-prefix server-time")
		c.sends(":s CAP * NAK :batch multi-prefix server-time")
		c.expect("CAP REQ batch", "CAP REQ multi-prefix", "CAP REQ server-time")
		c.sends(":s CAP * ACK :batch", ":s CAP * NAK :multi-prefix", ":s CAP * ACK :server-time")
		c.expect("CAP END")
		c.welcome("romeo")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("JOIN #garden")
		c.sends(":s CAP romeo NEW :chghost sts=port=6697")
		c.expect("CAP REQ chghost")
	})
}

func TestALostLinkComesBackWithItsRooms(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@c MODE #garden +k rose")
		w.sees(
			transport.RoomNotice{Room: garden, Text: "Mode #garden [+k rose] by juliet"},
			transport.RoomChanged{Room: garden, Modes: transport.RoomModes{PasswordProtected: true}},
		)
		w.alsoIn(c, "#balcony", "romeo")
		c.sends("ERROR :Closing Link: server restarts")
		down := w.goesDown()
		if down.RetryIn < backoffMin || down.RetryIn > 2*backoffMin || !strings.Contains(down.Err.Error(), "server restarts") {
			t.Errorf("got %+v", down)
		}
		if err := w.says(garden, "anybody?"); err == nil {
			t.Error("a message without a link is not refused")
		}
		c = w.accepts()
		c.expect("CAP LS 302", "NICK romeo", "USER romeo 0 * romeo")
		c.sends(":s 433 * romeo :Nickname is already in use.") // our own ghost
		c.expect("NICK romeo_")
		c.welcome("romeo_")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("JOIN #garden,#balcony rose")
		c.admits("romeo_", "#garden", "romeo_ @juliet")
		if e := w.next().(transport.RoomJoined); e.Room != garden || e.Nick != "romeo_" || len(e.Members) != 2 {
			t.Errorf("got %+v", e)
		}
		w.sees(transport.RoomNotice{Room: garden, Text: "The connection to net is back."})
		c.sends(":s 473 romeo_ #balcony :Cannot join channel (+i)")
		w.sees(transport.RoomLeft{Room: "#balcony%net", Why: transport.LinkLost, Reason: "Cannot join channel (+i)", Err: because(transport.MembersOnly)})
	})
}

func TestRetriesBackOff(t *testing.T) {
	o := testOptions()
	o.ReconnectGrace = 24 * time.Hour
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		c.hangsUp()
		var last time.Duration
		for range 14 {
			down := w.goesDown()
			if down.RetryIn < last/2 || down.RetryIn > backoffMax {
				t.Fatalf("got %+v after %v", down, last)
			}
			last = down.RetryIn
			w.refuses(errors.New("no route"))
			time.Sleep(down.RetryIn)
		}
		if last != backoffMax {
			t.Errorf("the last wait is %v", last)
		}
		// What is left while the link is down is left at once.
		w.session.Leave(context.Background(), garden, "")
	})
}

func TestADeadLinkIsFound(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@c PRIVMSG #garden :the last")
		w.next()
		time.Sleep(time.Second)
		c.sends("NOTICE * :the very last")
		w.next()
		start := time.Now()
		c.expect("PING gatehouse")
		if took := time.Since(start); took != silenceLimit {
			t.Errorf("PING after %v", took)
		}
		down := w.goesDown()
		if took := time.Since(start); took != silenceLimit+pongLimit || down.RetryIn == 0 {
			t.Errorf("down after %v: %+v", took, down)
		}
	})
}

func TestALinkThatAnswersStaysUp(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for range 10 {
			c.expect("PING gatehouse")
			c.sends(":s PONG s :gatehouse")
		}
		c.sends("PING :are you there")
		c.expect("PONG :are you there")
		w.seesNothing()
	})
}
