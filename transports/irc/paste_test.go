package irc

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

// A shelf hosts files in memory.
type shelf struct {
	mu      sync.Mutex
	kept    []string
	refusal error
	busy    chan struct{} // Put waits for it to be closed
}

func (s *shelf) Max() int64 { return 1 << 20 }

func (s *shelf) Get(context.Context, string, int64) (transport.File, error) {
	return transport.File{}, errors.New("nothing is fetched")
}

func (s *shelf) Put(ctx context.Context, user string, f transport.File) (transport.Media, error) {
	if s.busy != nil {
		select {
		case <-s.busy:
		case <-ctx.Done():
			return transport.Media{}, ctx.Err()
		}
	}
	b, err := io.ReadAll(f.Content)
	if err != nil || user != romeo || f.Type != "text/plain" || f.Size != int64(len(b)) {
		return transport.Media{}, errors.New("a bad file")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, string(b))
	return transport.Media{URL: "https://gw.example/media/1/message.txt"}, s.refusal
}

// lines makes a text of so many.
func lines(n int) string { return strings.Repeat("But, soft!\n", n-1) + "It is the east" }

const pasted = "But, soft!… (11 lines) https://gw.example/media/1/message.txt"

func TestALongTextBecomesALink(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		files := &shelf{}
		w.network.files = files
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, lines(11), "m1")
		c.expect("@label=g1 PRIVMSG #garden :" + pasted)
		c.sends("@label=g1;msgid=r1 " + romeoFull + "PRIVMSG #garden :" + pasted)
		w.sees(ownMessage("r1", "m1", pasted))
		if len(files.kept) != 1 || files.kept[0] != lines(11) {
			t.Errorf("kept is %q", files.kept)
		}
		w.sendsEchoed(garden, lines(10), "m2")
		for range 10 {
			c.expectPrefix("@label=")
		}
		long := "*" + strings.Repeat("wherefore ", 25_000) // much more than IRC takes at once
		w.sendsEchoed("juliet%net", long, "m3")
		if got := c.expectPrefix("@label=g12 PRIVMSG juliet :*wherefore "); !strings.HasSuffix(got, "wherefore… (250001 characters) https://gw.example/media/1/message.txt") || len(got) > 400 {
			t.Errorf("got %q", got)
		}
		c.sends("@label=g12 :irc.example.org 401 romeo juliet :No such nick")
		w.sees(transport.MessageStatus{Request: "m3", Chat: "juliet%net", Status: transport.Failed, Err: &transport.Error{Reason: transport.RecipientUnavailable, Code: "401"}})
		if files.kept[1] != long {
			t.Error("the text is not kept whole")
		}
	})
}

func TestALinkIsShownWhereTheServerDoesNotShowIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.network.files = &shelf{}
		c := w.inGarden()
		w.sendsEchoed(garden, lines(11), "m1")
		c.expect("PRIVMSG #garden :" + pasted)
		w.sees(ownMessage("", "m1", pasted))
		w.sendsEchoed("juliet%net", lines(11), "m2")
		c.expect("PRIVMSG juliet :" + pasted)
		w.sees(transport.MessageStatus{Request: "m2", Chat: "juliet%net", Status: transport.Accepted})
	})
}

func TestATextThatCantBeStoredIsAnError(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		files := &shelf{refusal: &transport.Error{Reason: transport.TooMany, Text: "There is no room."}}
		w.network.files = files
		c := w.inGardenWith(modern)
		w.sendsEchoed(garden, lines(11), "m1")
		w.sees(transport.MessageStatus{Request: "m1", Chat: garden, Status: transport.Failed, Err: &transport.Error{Reason: transport.TooMany}})
		files.refusal, files.busy = nil, make(chan struct{})
		for range mostPastes {
			w.sendsEchoed(garden, lines(11), "m2")
		}
		_, err := w.session.Send(context.Background(), transport.Message{Chat: garden, Text: lines(11)})
		if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.RateLimited {
			t.Errorf("one too many gives %v", err)
		}
		w.sendsEchoed(garden, "not held up", "m3")
		c.expect("@label=g1 PRIVMSG #garden :not held up")
		c.sends("@label=g1 " + romeoFull + "PRIVMSG #garden :not held up")
		w.sees(ownMessage("", "m3", "not held up"))
		time.Sleep(pasteLimit + time.Second)
		for range mostPastes {
			e, ok := w.next().(transport.MessageStatus)
			if told, is := errors.AsType[*transport.Error](e.Err); !ok || e.Status != transport.Failed || !is || told.Text == "" {
				t.Fatalf("got %#v", e)
			}
		}
		close(files.busy)
		w.sendsEchoed(garden, lines(11), "m4")
		c.expect("@label=g2 PRIVMSG #garden :" + pasted)
		synctest.Wait()
	})
}

func TestWhatIsNoPaste(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) { // as one message of several lines
		w.network.files = &shelf{}
		c := w.inGardenOfLines("max-bytes=4096,max-lines=20")
		w.sendsEchoed(garden, lines(20), "m1")
		c.expectPrefix("@label=g1 BATCH +gb1 ")
		for range 21 {
			c.next()
		}
		w.sendsEchoed(garden, lines(21), "m2")
		c.expectPrefix("@label=g2 PRIVMSG #garden :But, soft!… (21 lines) ")
	})
	inWorld(t, testOptions(), func(w *world) { // where no files are hosted: as many lines as there is room for
		c := w.inGardenWith(modern, "SAFERATE")
		w.sendsEchoed(garden, lines(queueLength), "m1")
		for range queueLength {
			c.expectPrefix("@label=")
		}
		_, err := w.session.Send(context.Background(), transport.Message{Chat: garden, Text: lines(queueLength + 1)})
		if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.TooLong || !strings.Contains(e.Text, "128") {
			t.Errorf("too many lines give %v", err)
		}
	})
}
