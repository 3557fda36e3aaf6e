package irc

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// inGardenWith is inGarden on a server with capabilities.
func (w *world) inGardenWith(caps string, isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.accepts()
	c.expect("CAP LS 302", "NICK romeo")
	c.expectPrefix("USER ")
	c.sends(":irc.example.org CAP * LS :" + caps)
	c.expectPrefix("CAP REQ ")
	var names []string
	for name := range strings.FieldsSeq(caps) {
		name, _, _ = strings.Cut(name, "=") // values are offered, not acknowledged
		names = append(names, name)
	}
	c.sends(":irc.example.org CAP * ACK :" + strings.Join(names, " "))
	c.expect("CAP END")
	c.welcome("romeo", isupport...)
	w.sees(transport.LinkUp{Server: "net"})
	c.expect("JOIN #garden")
	c.admits("romeo", "#garden", "@juliet romeo")
	if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 2 {
		w.t.Fatalf("not joined: %#v", e)
	}
	c.expect("MODE #garden")
	return c
}

const (
	modern     = "batch echo-message labeled-response message-tags server-time"
	romeoFull  = ":romeo!~romeo@verona.example "
	julietFull = ":juliet!~juliet@verona.example "
)

// echoed is what the gateway hears of the user's own message.
func ownMessage(id transport.MessageID, request transport.Request, text string) transport.MessageReceived {
	return transport.MessageReceived{Message: transport.Message{ID: id, Request: request, Chat: garden, Nick: "romeo", Text: text}}
}

func juliets(id transport.MessageID, text string) transport.MessageReceived {
	return transport.MessageReceived{Message: transport.Message{ID: id, Chat: garden, Nick: "juliet", Text: text}}
}

// sendsEchoed sends a message that the server is to show.
func (w *world) sendsEchoed(chat transport.Address, text string, request transport.Request) {
	w.t.Helper()
	id, err := w.session.Send(context.Background(), transport.Message{Chat: chat, Text: text, Request: request})
	if err != nil || id != transport.Echoed {
		w.t.Fatalf("Send gives %q, %v; want that the message will be echoed", id, err)
	}
}

func TestAMessageIsShownWhenTheServerShowsIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, "But, *soft*!", "m1")
		w.sendsEchoed(garden, "/me listens", "m2")
		c.expect("@label=g1 PRIVMSG #garden :But, \x02soft\x02!", "@label=g2 PRIVMSG #garden :\x01ACTION listens\x01")
		w.seesNothing()
		c.sends("@msgid=j1 "+julietFull+"PRIVMSG #garden :Ay me!",
			"@label=g1;msgid=r1 "+romeoFull+"PRIVMSG #garden :But, \x02soft\x02!",
			"@msgid=j2 "+julietFull+"PRIVMSG #garden :O Romeo",
			"@label=g2;msgid=r2 "+romeoFull+"PRIVMSG #garden :\x01ACTION listens\x01")
		w.sees(juliets("j1", "Ay me!"), ownMessage("r1", "m1", "But, *soft*!"), juliets("j2", "O Romeo"), ownMessage("r2", "m2", "/me listens"))
		time.Sleep(time.Minute)
		w.seesNothing()
	})
}

// labeled-response has this example.
func TestWhatTheServerMadeOfAMessageIsShown(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, "*Hello!*", "m1")
		c.expect("@label=g1 PRIVMSG #garden \x02Hello!\x02")
		c.sends("@label=g1 " + romeoFull + "PRIVMSG #garden :Hello!")
		w.sees(ownMessage("", "m1", "Hello!"))
	})
}

func TestTheLinesOfAMessageAreShownOneByOne(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, "one\ntwo", "m1")
		c.expect("@label=g1 PRIVMSG #garden one", "@label=g2 PRIVMSG #garden two")
		c.sends("@label=g1;msgid=r1 "+romeoFull+"PRIVMSG #garden one", julietFull+"PRIVMSG #garden :hm",
			"@label=g2;msgid=r2 "+romeoFull+"PRIVMSG #garden two")
		w.sees(ownMessage("r1", "m1", "one"), juliets("", "hm"), ownMessage("r2", "m1", "two"))
	})
}

func TestARefusedMessageIsNotShown(t *testing.T) {
	for name, answer := range map[string]string{
		"numeric":        "@label=g1 :irc.example.org 404 romeo #garden :Cannot send to channel",
		"standard reply": "@label=g1 :irc.example.org FAIL PRIVMSG NEED_VOICE #garden :Cannot send to channel",
		"in a batch":     "@batch=b1 :irc.example.org 404 romeo #garden :Cannot send to channel",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith(modern)
				w.sendsEchoed(garden, "hear me", "m1")
				w.sendsEchoed(garden, "hear me", "m2")
				c.expect("@label=g1 PRIVMSG #garden :hear me", "@label=g2 PRIVMSG #garden :hear me")
				c.sends("@label=g1 :irc.example.org BATCH +b1 labeled-response")
				c.sends("@label=g2;msgid=r2 "+romeoFull+"PRIVMSG #garden :hear me", answer)
				w.sees(ownMessage("r2", "m2", "hear me"))
				e := w.next().(transport.MessageStatus)
				if e.Request != "m1" || e.Status != transport.Failed || e.Err == nil {
					t.Errorf("got %+v", e)
				}
				time.Sleep(time.Minute)
				w.seesNothing()
			})
		})
	}
}

func TestAMessageThatIsNeverEchoedIsShownAllTheSame(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, "*buy* pills", "m1")
		c.expect("@label=g1 PRIVMSG #garden :\x02buy\x02 pills")
		began := time.Now()
		w.sees(ownMessage("", "m1", "*buy* pills"))
		if d := time.Since(began); d < echoLimit || d > 2*echoLimit {
			t.Errorf("it was shown after %v", d)
		}
		c.sends("@label=g1;msgid=r1 " + romeoFull + "PRIVMSG #garden :\x02buy\x02 pills")
		w.seesNothing() // at last
		w.sendsEchoed(garden, "more", "m2")
		c.expect("@label=g2 PRIVMSG #garden more")
		c.sends("@label=g2 :irc.example.org ACK")
		w.sees(ownMessage("", "m2", "more"))
	})
}

func TestAServerThatFallsSilentHasNotTakenTheMessage(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		c.autoPong.Store(false)
		w.sendsEchoed(garden, "is anybody there?", "m1")
		c.expect("@label=g1 PRIVMSG #garden :is anybody there?")
		c.expectPrefix("PING gatehouse-")
		w.sees(transport.MessageStatus{Request: "m1", Chat: garden, Status: transport.Failed, Err: because(transport.Unreachable)})
		w.sendsEchoed(garden, "and now?", "m2")
		c.expect("@label=g2 PRIVMSG #garden :and now?")
		c.hangsUp()
		w.sees(transport.MessageStatus{Request: "m2", Chat: garden, Status: transport.Failed, Err: because(transport.Unreachable)})
	})
}

func TestEchoesWithoutLabelsAreKnownByTheirText(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("batch echo-message message-tags server-time")
		w.sendsEchoed(garden, "one", "m1")
		w.sendsEchoed(garden, "two", "m2")
		w.sendsEchoed(garden, "three", "m3")
		c.expect("PRIVMSG #garden one", "PRIVMSG #garden two", "PRIVMSG #garden three")
		c.sends(romeoFull+"PRIVMSG #garden two", romeoFull+"PRIVMSG #garden :one, made longer", romeoFull+"PRIVMSG #garden three",
			romeoFull+"PRIVMSG #garden :from another client")
		w.sees(ownMessage("", "m2", "two"), ownMessage("", "m1", "one, made longer"), ownMessage("", "m3", "three"), ownMessage("", "", "from another client"))
	})
}

func TestPrivateMessagesGetTheirIDs(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.sendsEchoed("juliet%net", "psst", "m1")
		c.expect("@label=g1 PRIVMSG juliet psst")
		c.sends("@label=g1;msgid=r1 " + romeoFull + "PRIVMSG juliet psst")
		w.sees(transport.MessageStatus{Request: "m1", Chat: "juliet%net", ID: "r1", Status: transport.Accepted})

		w.sendsEchoed("romeo%net", "to myself", "m2")
		c.expect("@label=g2 PRIVMSG romeo :to myself")
		c.sends("@label=g2;msgid=r2 "+romeoFull+"PRIVMSG romeo :to myself", "@msgid=r2 "+romeoFull+"PRIVMSG romeo :to myself")
		w.sees(transport.MessageStatus{Request: "m2", Chat: "romeo%net", ID: "r2", Status: transport.Accepted},
			transport.MessageReceived{Message: transport.Message{ID: "r2", Chat: "romeo%net", Text: "to myself"}})

		// Each line has a name of its own, and all are the message's.
		w.sendsEchoed("juliet%net", "one\ntwo", "m3")
		c.expect("@label=g3 PRIVMSG juliet one", "@label=g4 PRIVMSG juliet two")
		c.sends("@label=g3;msgid=r3 "+romeoFull+"PRIVMSG juliet one", "@label=g4;msgid=r4 "+romeoFull+"PRIVMSG juliet two")
		w.sees(transport.MessageStatus{Request: "m3", Chat: "juliet%net", ID: "r3", Status: transport.Accepted},
			transport.MessageStatus{Request: "m3", Chat: "juliet%net", ID: "r4", Status: transport.Accepted})

		// What the console sends to services comes back too, and is for nobody.
		if err := w.says("net", "PRIVMSG NickServ :IDENTIFY wherefore"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG NickServ :IDENTIFY wherefore")
		c.sends(romeoFull+"PRIVMSG NickServ :IDENTIFY wherefore", romeoFull+"PRIVMSG juliet :\x01VERSION\x01", romeoFull+"NOTICE juliet :\x01VERSION Gatehouse\x01")
		w.seesNothing()

		if err := w.says("net", "NOTICE romeo :[#garden] mind the nurse"); err != nil {
			t.Fatal(err)
		}
		c.expect("NOTICE romeo :[#garden] mind the nurse")
		c.sends(romeoFull+"NOTICE romeo :[#garden] mind the nurse", romeoFull+"NOTICE romeo :[#garden] mind the nurse")
		w.sees(ownMessage("", "", "[notice] [#garden] mind the nurse"))
		w.seesNothing()
	})
}
