package irc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func (w *world) lists(request transport.Request) {
	w.t.Helper()
	if err := w.session.ListRooms(context.Background(), "net", request); err != nil {
		w.t.Fatal(err)
	}
}

func TestAListIsReadOnceForAllWhoAsk(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.lists("1") // which connects
		w.lists("2")
		c := w.welcomes("romeo")
		c.expect("LIST")
		w.lists("3")
		c.sends(
			":s 321 romeo Channel :Users Name",
			":s 322 romeo #garden 7 :[+nt] But, \x02soft\x02!",
			":s 322 romeo * 1 :", // a secret one
			":juliet!j@h PRIVMSG romeo :between",
			":s 322 romeo #Tomb 1",
			":s 323 romeo :End of /LIST",
		)
		rooms := []transport.ListedRoom{
			{Room: garden, Name: "#garden", Members: 7, Subject: "But, *soft*!"}, {Room: "#tomb%net", Name: "#Tomb", Members: 1},
		}
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "juliet%net", Text: "between"}})
		for _, r := range []transport.Request{"1", "2", "3"} {
			w.sees(transport.RoomsListed{Request: r, Server: "net", Rooms: rooms})
		}
		c.expectNothing(time.Minute)
	})
}

func TestAListThatIsRefusedOrStallsIsAnswered(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for line, want := range map[string]transport.Reason{
			":s 263 romeo LIST :Server load is temporarily too heavy.": transport.RateLimited,
			":s 416 romeo LIST :output too large":                      transport.TooMany,
			":s 421 romeo LIST :Unknown command":                       transport.Unsupported,
		} {
			w.lists("1")
			c.expect("LIST")
			c.sends(line)
			w.sees(transport.Answered{Request: "1", Err: because(want)})
		}
		w.lists("2")
		c.expect("LIST")
		c.sends(":s 322 romeo #garden 7 :x")
		time.Sleep(listTime)
		w.sees(transport.Answered{Request: "2", Err: because(transport.Unreachable)})
		w.lists("3")
		c.expect("PING gatehouse", "LIST")
		c.hangsUp()
		w.sees(transport.Answered{Request: "3", Err: because(transport.Unreachable)})
	})
}

func TestAHugeListKeepsTheLargest(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.lists("1")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.expectPrefix("USER ")
		c.sends(":s 254 romeo 50000 :channels formed")
		c.welcome("romeo", "ELIST=CMNTU")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("LIST >2")
		for i := range 2*listLimit + 5 {
			c.sends(fmt.Sprintf(":s 322 romeo #%d %d :x", i, i))
		}
		c.sends(":s 323 romeo :End of /LIST")
		e := w.next().(transport.RoomsListed)
		least := 1 << 30
		for _, r := range e.Rooms {
			least = min(least, r.Members)
		}
		if len(e.Rooms) != listLimit || least != listLimit+5 {
			t.Errorf("%d rooms are kept, the least with %d members", len(e.Rooms), least)
		}
	})
}
