package irc

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func TestCommandsInARoomAreDone(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("CHANMODES=beI,k,l,imnpst")
		notice := func(text string) transport.Event { return transport.RoomNotice{Room: garden, Text: text} }
		for _, tt := range []struct {
			said, sent string
			answer     []string
			want       []transport.Event
		}{
			{"/mode +v juliet", "MODE #garden +v juliet", []string{":romeo!r@h MODE #garden +i"}, []transport.Event{
				notice("Mode #garden [+i] by romeo"), transport.RoomChanged{Room: garden, Modes: transport.RoomModes{MembersOnly: true}}, transport.Answered{Request: "said"}}},
			{"/MODE #Garden +m", "MODE #garden +m", []string{":s 482 romeo #garden :You're not channel operator"}, []transport.Event{
				transport.Answered{Request: "said", Err: because(transport.Forbidden)}}},
			{"/mode", "MODE #garden", []string{":s 324 romeo #garden +il 5"}, []transport.Event{notice("Mode #garden [+il 5]")}},
			{"/mode +b", "MODE #garden +b", []string{":s 367 romeo #garden *!*@x juliet!j@c 1700000000", ":s 367 romeo #garden *!*@y", ":s 368 romeo #garden :End"},
				[]transport.Event{notice("*!*@x is banned, by juliet, 2023-11-14\n*!*@y is banned")}},
			{"/mode b", "MODE #garden b", []string{":s 368 romeo #garden :End"}, []transport.Event{notice("Nobody is banned.")}},
			{"/notice good night", "NOTICE #garden :good night", nil, []transport.Event{notice("[notice] good night")}},
			{"/notice juliet good night", "NOTICE juliet :good night", nil, []transport.Event{notice("[notice to juliet] good night")}},
			{"/notice #garden good\tnight", "NOTICE #garden good\tnight", nil, []transport.Event{notice("[notice] good\tnight")}},
		} {
			if err := w.says(garden, tt.said); err != nil {
				t.Fatalf("%q: %v", tt.said, err)
			}
			if lines, otherwise := w.session.Lines(garden, tt.said); lines != nil || !otherwise {
				t.Errorf("%q is shown as %q", tt.said, lines)
			}
			c.expect(tt.sent)
			c.sends(tt.answer...)
			w.sees(tt.want...)
			time.Sleep(5 * time.Second)
		}
		w.seesNothing()
		for text, want := range map[string]transport.Reason{
			"/msg nickserv identify secret": transport.NotAllowed, "/NickServ identify secret": transport.NotAllowed, "/quit": transport.NotAllowed,
			"/identify secret\nhello": transport.BadRequest, "/mode +i\n/mode +m": transport.BadRequest, "/notice": transport.BadRequest, "/notice \x01": transport.BadRequest,
		} {
			if err := w.says(garden, text); reasonOf(err) != want || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v", text, err)
			}
			if lines, otherwise := w.session.Lines(garden, text); lines != nil || !otherwise {
				t.Errorf("%q is shown as %q", text, lines)
			}
		}
		c.expectNothing(time.Minute)
	})
}

func TestWhatIsSaidIsShownAsOthersSeeIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for _, tt := range []struct {
			said        string
			sent, shown []string
		}{
			{"one\n\n*two*", []string{"one", ":\x02two\x02"}, []string{"one", "*two*"}},
			{"//msg is a command", []string{":/msg is a command"}, []string{"/msg is a command"}},
			{"/etc/passwd is a file", []string{":/etc/passwd is a file"}, []string{"/etc/passwd is a file"}},
			{"/me calls\nand waits", []string{":\x01ACTION calls\x01", ":and waits"}, []string{"/me calls", "and waits"}},
		} {
			if err := w.says(garden, tt.said); err != nil {
				t.Fatal(err)
			}
			for _, text := range tt.sent {
				got := c.expectPrefix("PRIVMSG #garden ")
				if got = strings.TrimPrefix(got, "PRIVMSG #garden "); strings.TrimPrefix(got, ":") != strings.TrimPrefix(text, ":") {
					t.Errorf("%q: got %q", tt.said, got)
				}
			}
			shown, otherwise := w.session.Lines(garden, tt.said)
			if !otherwise {
				shown = []string{tt.said}
			}
			if d := cmp.Diff(tt.shown, shown); d != "" {
				t.Errorf("%q (-want +got):\n%s", tt.said, d)
			}
			time.Sleep(10 * time.Second)
		}
		long := strings.Repeat("soft ", 200)
		shown, _ := w.session.Lines(garden, long)
		if len(shown) < 2 || strings.Join(strings.Fields(strings.Join(shown, " ")), " ") != strings.TrimSpace(long) {
			t.Errorf("a long text is shown as %q", shown)
		}
	})
}
