package irc

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func onConsole(text string) transport.Event {
	return transport.MessageReceived{Message: transport.Message{Chat: "net", Text: text}}
}

func (w *world) types(text string) {
	w.t.Helper()
	if err := w.says("net", text); err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
}

func TestTheConsoleShowsAnAnswerWhole(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for _, tt := range []struct {
			typed, sent string
			answer      []string
			want        string
		}{
			{"/whois juliet", "WHOIS juliet", []string{
				":s 311 romeo juliet j capulet.example * :Juliet \x02Capulet\x02", ":s 301 romeo juliet :asleep", ":s 318 romeo juliet :End of /WHOIS list.",
			}, "juliet j capulet.example * Juliet Capulet\njuliet asleep\njuliet End of /WHOIS list."},
			{"NAMES", "NAMES", []string{":s 353 romeo = #garden :@juliet romeo", ":s 366 romeo * :End of /NAMES list."}, "= #garden @juliet romeo\n* End of /NAMES list."},
			{"MOTD", "MOTD", []string{":s 375 romeo :- today", ":s 372 romeo :- O Romeo", ":s 376 romeo :End"}, "- today\n- O Romeo\nEnd"},
			{"LIST", "LIST", []string{":s 321 romeo Channel :Users  Name", ":s 322 romeo #garden 2 :soft", ":s 323 romeo :End"}, "Channel Users  Name\n#garden 2 soft\nEnd"},
			{"MODE #garden b", "MODE #garden b", []string{":s 367 romeo #garden *!*@x juliet 1700000000", ":s 368 romeo #garden :End"}, "#garden *!*@x juliet 1700000000\n#garden End"},
			{"MODE #elsewhere +o romeo", "MODE #elsewhere +o romeo", []string{":s 482 romeo #elsewhere :You're not channel operator"}, "#elsewhere You're not channel operator"},
			{"/quote stats u", "STATS u", []string{":s 242 romeo :Server up 0 days", ":s 219 romeo u :End of /STATS report"}, "Server up 0 days\nu End of /STATS report"},
			{"LUSERS\nVERSION", "LUSERS\nVERSION", []string{":s 251 romeo :There are 3 users", ":s 351 romeo v4 s :x"}, "There are 3 users\nv4 s x"},
			{"/notice juliet good night", "NOTICE juliet :good night", nil, ""},
			{"/away :for a while", "AWAY :for a while", []string{":s 306 romeo :You have been marked as being away"}, "You have been marked as being away"},
			{"/ns identify secret", "PRIVMSG NickServ :identify secret", nil, ""},
			{"PRIVMSG juliet hello", "PRIVMSG juliet hello", nil, ""},
			{"oper a\x00b", "OPER ab", []string{":s 491 romeo :No O-lines for your host"}, "No O-lines for your host"},
		} {
			w.types(tt.typed)
			c.expect(strings.Split(tt.sent, "\n")...)
			c.sends(tt.answer...)
			if tt.want == "" {
				time.Sleep(time.Second)
				w.seesNothing()
				continue
			}
			if got := w.next(); got == (transport.PresenceChanged{Who: "juliet%net", Availability: transport.Availability{Online: true, Show: "away", Status: "asleep"}}) {
				w.sees(onConsole(tt.want))
			} else if d := cmp.Diff(onConsole(tt.want), got, roughly); d != "" {
				t.Errorf("%q (-want +got):\n%s", tt.typed, d)
			}
			time.Sleep(5 * time.Second) // for the pacing
		}
		// What NickServ says now is part of the chat with it.
		c.sends(":NickServ!s@services NOTICE romeo :You are identified")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "nickserv%net", Text: "You are identified"}})
	})
}

func TestALongAnswerIsShownInParts(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.types("STATS c")
		c.expect("STATS c")
		for range 2*consoleLines + 1 {
			c.sends(":s 213 romeo C :x")
		}
		for _, want := range []int{consoleLines, consoleLines, 1} {
			if e := w.next().(transport.MessageReceived); strings.Count(e.Text, "\n")+1 != want {
				t.Errorf("a part has %d lines", strings.Count(e.Text, "\n")+1)
			}
		}
		c.sends(":s 213 romeo C :late") // behind the PONG, from a server far away
		w.sees(onConsole("C late"))
	})
}

func TestWhatTheConsoleRefuses(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for text, want := range map[string]transport.Reason{
			"CAP LS": transport.NotAllowed, "join #x": transport.NotAllowed, "PASS x": transport.NotAllowed, "/quote ping x": transport.NotAllowed,
			" ": transport.BadRequest, "\n": transport.BadRequest, "/": transport.BadRequest, "/quote": transport.BadRequest,
			strings.Repeat("VERSION\n", queueLength+1): transport.TooLong,
		} {
			if err := w.says("net", text); reasonOf(err) != want {
				t.Errorf("%q: %v", text, err)
			}
		}
		c.expectNothing(time.Minute)
	})
}

func TestARawQuitLeavesTheRooms(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.lists("1")
		c.expect("LIST")
		w.types("QUIT bye bye")
		w.sees(
			transport.Answered{Request: "1", Err: because(transport.Unreachable)},
			transport.RoomLeft{Room: garden, Why: transport.Parted, Reason: "bye bye"},
			transport.LinkDown{Server: "net"},
		)
		c.expect("QUIT :bye bye")
		if err := w.says("net", "QUIT"); reasonOf(err) != transport.NotJoined {
			t.Errorf("QUIT without a link: %v", err)
		}
		w.seesNothing()
	})
}

func TestALostLinkEndsAnAnswer(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		w.types("WHOIS juliet")
		c.expect("WHOIS juliet")
		c.sends(":s 311 romeo juliet j c * :J")
		c.hangsUp()
		w.sees(onConsole("juliet j c * J"), transport.MessageStatus{Request: "said", Chat: "net", Status: transport.Failed, Err: because(transport.Unreachable)})
	})
}
