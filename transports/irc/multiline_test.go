package irc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

const multiline = modern + " draft/multiline"

// inGardenOfLines is inGardenWith on a server with a multiline of some value.
func (w *world) inGardenOfLines(value string, isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.accepts()
	c.expect("CAP LS 302", "NICK romeo")
	c.expectPrefix("USER ")
	c.sends(":irc.example.org CAP * LS :" + modern + " draft/multiline=" + value)
	c.expectPrefix("CAP REQ ")
	c.sends(":irc.example.org CAP * ACK :" + multiline)
	c.expect("CAP END")
	c.welcome("romeo", isupport...)
	w.sees(transport.LinkUp{Server: "net"})
	c.expect("JOIN #garden")
	c.admits("romeo", "#garden", "@juliet romeo")
	w.next()
	c.expect("MODE #garden")
	return c
}

// The specification's example, from another person.
func TestSeveralLinesAreOneMessage(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000,max-lines=100")
		c.sends("@msgid=xxx;account=account;+reply=yyy "+julietFull+"BATCH +123 draft/multiline #garden",
			"@batch=123 "+julietFull+"PRIVMSG #garden hello",
			"@batch=123 "+julietFull+"PRIVMSG #garden :",
			"@msgid=other "+julietFull+"PRIVMSG #garden :in between",
			"@batch=123 "+julietFull+"PRIVMSG #garden :how is ",
			"@batch=123;draft/multiline-concat "+julietFull+"PRIVMSG #garden :\x02everyone\x02?")
		w.sees(juliets("other", "in between"))
		w.seesNothing()
		c.sends("BATCH -123")
		whole := juliets("xxx", "hello\n\nhow is *everyone*?")
		whole.ReplyTo = &transport.Reply{ID: "yyy"}
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Member.Account != "account" {
			t.Errorf("got %#v", e)
		}
		w.sees(whole)

		c.sends("@msgid=p1 "+julietFull+"BATCH +p draft/multiline romeo", "@batch=p "+julietFull+"NOTICE romeo :a",
			"@batch=p "+julietFull+"PRIVMSG #garden :elsewhere", "BATCH -p", "@msgid=p2 "+julietFull+"PRIVMSG romeo :b")
		w.sees(juliets("", "elsewhere"), transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "juliet: a"}},
			transport.MessageReceived{Message: transport.Message{ID: "p2", Chat: "juliet%net", Text: "b"}})
	})
}

func TestAMessageWhoseEndNeverComesIsShownAllTheSame(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000")
		c.sends("@msgid=a "+julietFull+"BATCH +1 draft/multiline #garden", "@batch=1 "+julietFull+"PRIVMSG #garden :one", "@batch=1 "+julietFull+"PRIVMSG #garden :two")
		w.seesNothing()
		time.Sleep(wholeLimit + time.Second)
		late := juliets("a", "one\ntwo")
		late.Delayed = true
		w.sees(late)
		c.sends("@batch=1 "+julietFull+"PRIVMSG #garden :three", "BATCH -1")
		w.sees(juliets("", "three"))

		c.sends("@msgid=b "+julietFull+"BATCH +2 draft/multiline #garden", "@batch=2 "+julietFull+"PRIVMSG #garden :four")
		c.hangsUp()
		w.sees(juliets("b", "four"))
	})
}

func TestAMessageThatAnotherTakesTheReferenceOfIsShown(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000")
		c.sends("@msgid=a "+julietFull+"BATCH +1 draft/multiline #garden", "@batch=1 "+julietFull+"PRIVMSG #garden :one", "@batch=1 "+julietFull+"PRIVMSG #garden :two",
			"@msgid=b "+julietFull+"BATCH +1 draft/multiline #garden")
		w.sees(juliets("a", "one\ntwo"))
		c.sends("@batch=1 "+julietFull+"PRIVMSG #garden :three", "BATCH -1")
		w.sees(juliets("b", "three"))
		w.seesNothing()
	})
}

func TestMessagesOfLinesHaveBounds(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000")
		text := strings.Repeat("x", 400)
		c.sends("@msgid=a " + julietFull + "BATCH +1 draft/multiline #garden")
		for range 300 { // 120,000 bytes
			c.sends("@batch=1;draft/multiline-concat " + julietFull + "PRIVMSG #garden :" + text)
		}
		c.sends("BATCH -1")
		got, all := "", 0
		for all < 2 {
			m := w.next().(transport.MessageReceived)
			if len(m.Text) > mostWholeBytes || (m.ID == "a") != (all == 0) {
				t.Fatalf("part %d is %q with %d bytes", all, m.ID, len(m.Text))
			}
			got += m.Text
			all++
		}
		if got != strings.Repeat(text, 300) {
			t.Errorf("%d bytes came of 120000", len(got))
		}
		for i := range mostWholes + 1 {
			c.sends(fmt.Sprintf("%sBATCH +o%d draft/multiline #garden", julietFull, i), fmt.Sprintf("@batch=o%d %sPRIVMSG #garden :line %d", i, julietFull, i))
		}
		w.sees(juliets("", fmt.Sprint("line ", mostWholes))) // one too many at a time: line by line
		w.seesNothing()
	})
}

func TestLinesAreSentAsOneMessage(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=4096,max-lines=100")
		_, err := w.session.Send(context.Background(), transport.Message{
			Chat: garden, Text: "\nhello\r\n\n:how is *everyone*?\n", Request: "m1", ReplyTo: &transport.Reply{ID: "yyy"},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.expect("@label=g1;+reply=yyy;+draft/reply=yyy BATCH +gb1 draft/multiline #garden",
			"@batch=gb1 PRIVMSG #garden hello", "@batch=gb1 PRIVMSG #garden :", "@batch=gb1 PRIVMSG #garden ::how is \x02everyone\x02?", "BATCH -gb1")
		w.seesNothing()
		// As Ergo answers: the batch stands in one that bears the label.
		c.sends("@label=g1 :irc.example.org BATCH +o labeled-response", "@batch=o;msgid=r1 "+romeoFull+"BATCH +i draft/multiline #garden",
			"@batch=i "+romeoFull+"PRIVMSG #garden hello", "@batch=i "+romeoFull+"PRIVMSG #garden :", "@batch=i "+romeoFull+"PRIVMSG #garden ::how is \x02everyone\x02?",
			"@batch=o "+romeoFull+"BATCH -i", ":irc.example.org BATCH -o")
		w.sees(ownMessage("r1", "m1", "\nhello\r\n\n:how is *everyone*?\n"))
		// As the specification has it: the label on the opening BATCH.
		w.sendsEchoed(garden, "a\nb", "m2")
		c.expect("@label=g2 BATCH +gb2 draft/multiline #garden", "@batch=gb2 PRIVMSG #garden a", "@batch=gb2 PRIVMSG #garden b", "BATCH -gb2")
		c.sends("@label=g2;msgid=r2 "+romeoFull+"BATCH +j draft/multiline #garden", "@batch=j "+romeoFull+"PRIVMSG #garden :a", "@batch=j "+romeoFull+"PRIVMSG #garden :B", "BATCH -j")
		w.sees(ownMessage("r2", "m2", "a\nB"))
		time.Sleep(time.Minute)
		w.seesNothing()
		if got, otherwise := w.session.Lines(garden, "a\nb"); otherwise {
			t.Errorf("two lines are seen as %q", got)
		}
		w.sendsEchoed(garden, "one line", "m3")
		w.sendsEchoed(garden, "/me acts\nand speaks", "m4") // an action is a line
		c.expect("@label=g3 PRIVMSG #garden :one line", "@label=g4 PRIVMSG #garden :\x01ACTION acts\x01", "@label=g5 PRIVMSG #garden :and speaks")
	})
}

func TestALongLineIsJoinedAgain(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=4096")
		text := "*" + strings.Repeat("wherefore ", 60) + "art thou*?"
		w.sendsEchoed(garden, text, "m1")
		c.expect("@label=g1 BATCH +gb1 draft/multiline #garden")
		first, second := c.expectPrefix("@batch=gb1 PRIVMSG #garden :\x02wherefore"), c.expectPrefix("@batch=gb1;draft/multiline-concat PRIVMSG #garden :\x02")
		c.expect("BATCH -gb1")
		if !strings.HasSuffix(first, " \x02") || !strings.HasSuffix(second, "art thou\x02?") {
			t.Errorf("got %q and %q", first, second)
		}
		c.sends("@label=g1;msgid=r "+romeoFull+"BATCH +j draft/multiline #garden", strings.Replace(first, "gb1 ", "j "+romeoFull, 1), strings.Replace(second, "gb1;draft/multiline-concat ", "j;draft/multiline-concat "+romeoFull, 1), "BATCH -j")
		w.sees(ownMessage("r", "m1", text))
	})
}

// What is too much for one batch goes as several, each of which can be read.
func TestTooManyLinesAreSeveralMessages(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=30,max-lines=3", "SAFERATE")
		w.sendsEchoed(garden, "1\n2\n3\n\n4\n"+strings.Repeat("x", 29)+"\nlast", "m1")
		c.expect("@label=g1 BATCH +gb1 draft/multiline #garden", "@batch=gb1 PRIVMSG #garden 1", "@batch=gb1 PRIVMSG #garden 2", "@batch=gb1 PRIVMSG #garden 3", "BATCH -gb1",
			"@label=g2 PRIVMSG #garden 4", "@label=g3 PRIVMSG #garden "+strings.Repeat("x", 29), "@label=g4 PRIVMSG #garden last")
		for i, text := range []string{"4", strings.Repeat("x", 29), "last"} {
			c.sends(fmt.Sprintf("@label=g%d;msgid=r%d %sPRIVMSG #garden :%s", i+2, i+2, romeoFull, text))
		}
		w.sees(ownMessage("r2", "m1", "4"), ownMessage("r3", "m1", strings.Repeat("x", 29)), ownMessage("r4", "m1", "last"))
	})
}

// As Ergo says it: without the label, and once more for each line behind that.
func TestARefusedBatchIsOneError(t *testing.T) {
	for _, code := range []string{"MULTILINE_MAX_BYTES 10", "MULTILINE_MAX_LINES 2", "MULTILINE_INVALID_TARGET #garden #other", "MULTILINE_INVALID"} {
		inWorld(t, testOptions(), func(w *world) {
			c := w.inGardenOfLines("max-bytes=4096")
			c.autoPong.Store(false)
			w.sendsEchoed(garden, "a\nb\nc", "m1")
			w.sendsEchoed(garden, "d\ne", "m2")
			for got := ""; got != "BATCH -gb2"; { // a PING may be between the two
				got, _ = c.next()
			}
			c.sends(":irc.example.org FAIL BATCH "+code+" :Too much of it", ":irc.example.org FAIL BATCH MULTILINE_INVALID :Incorrect batch tag sent", ":irc.example.org FAIL BATCH MULTILINE_INVALID :Invalid multiline batch")
			name, _, _ := strings.Cut(code, " ")
			w.sees(transport.MessageStatus{Request: "m1", Chat: garden, Status: transport.Failed, Err: &transport.Error{Reason: failCodes[name], Code: name}})
			w.seesNothing()
			c.sends("@label=g2;msgid=r2 "+romeoFull+"BATCH +j draft/multiline #garden", "@batch=j "+romeoFull+"PRIVMSG #garden :d", "@batch=j "+romeoFull+"PRIVMSG #garden :e", "BATCH -j")
			w.sees(ownMessage("r2", "m2", "d\ne"))
			c.expectBarrier()
			time.Sleep(time.Minute)
			w.seesNothing()
		})
	}
}

func TestABatchIsRefusedLikeAMessage(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=4096")
		w.sendsEchoed(garden, "a\nb", "m1")
		for range 4 {
			c.next()
		}
		c.sends("@label=g1 :irc.example.org 404 romeo #garden :Cannot send to channel (+m)")
		w.sees(transport.MessageStatus{Request: "m1", Chat: garden, Status: transport.Failed, Err: &transport.Error{Reason: transport.Forbidden, Code: "404"}})
		time.Sleep(time.Minute)
		w.seesNothing()
	})
}

// Nothing is sent while a batch is open, and it costs what it is worth.
func TestABatchIsSentAtOnce(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000")
		text := strings.TrimSuffix(strings.Repeat(strings.Repeat("x", 100)+"\n", 40), "\n")
		w.sendsEchoed(garden, text, "m1")
		w.sendsEchoed(garden, "later", "m2")
		for range 5 {
			c.sends("PING :now")
		}
		for got := "PONG now"; got == "PONG now"; {
			if got, _ = c.next(); !strings.HasPrefix(got, "@label=g1 BATCH +gb1") && got != "PONG now" {
				t.Fatalf("got %q", got)
			}
		}
		for range 40 {
			c.expectPrefix("@batch=gb1 PRIVMSG")
		}
		c.expect("BATCH -gb1")
		began := time.Now()
		for got := ""; !strings.HasPrefix(got, "@label=g2 "); {
			got, _ = c.next()
		}
		if d := time.Since(began); d < time.Second || d > 10*time.Second {
			t.Errorf("the next line came after %v", d)
		}
		synctest.Wait()
	})
}

func TestWithoutTheCapabilityEachLineIsAMessage(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-lines=100") // without max-bytes there is no limit that it could keep
		w.sendsEchoed(garden, "a\n\nb", "m1")
		c.expect("@label=g1 PRIVMSG #garden a", "@label=g2 PRIVMSG #garden b")
		c.sends(":irc.example.org CAP romeo DEL draft/multiline", ":irc.example.org CAP romeo NEW draft/multiline=max-bytes=100")
		c.expect("CAP REQ draft/multiline")
	})
}

func FuzzParcels(f *testing.F) {
	f.Add("hello\n\nhow is *everyone*?", uint16(100), uint8(3))
	f.Add(strings.Repeat("👩‍👩‍👧", 90), uint16(400), uint8(0))
	f.Fuzz(func(t *testing.T, text string, bytes uint16, lines uint8) {
		text = strings.ToValidUTF8(text, "?")
		l := &link{is: defaultISupport(), nick: "romeo"}
		l.caps.on = capBits["batch"] | capBits[multilineCap]
		l.caps.values = map[string]string{multilineCap: fmt.Sprintf("max-bytes=%d,max-lines=%d", 40+int(bytes), 1+int(lines))}
		got := ""
		for _, p := range l.parcels(nil, text, "#garden") {
			if len(p.text) > 40+int(bytes) && len(p.pieces) > 1 || len(p.pieces) > 1+int(lines) || strings.TrimSpace(p.text) == "" || len(p.pieces) > 0 && p.text != together(p.pieces) {
				t.Fatalf("the parcel %+v", p)
			}
			b, err := l.wire(nil, p, []string{"PRIVMSG", "#garden"})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for one := range strings.Lines(string(b)) {
				tags, rest := withoutTags([]byte(one))
				if len(rest) > 512 || !strings.HasSuffix(one, "\r\n") || len(p.pieces) > 1 && strings.HasPrefix(string(rest), "PRIVMSG") != (len(tags) > 0) {
					t.Fatalf("the line %q", one)
				}
				n++
			}
			if n != p.lines() && n != p.lines()+2 {
				t.Fatalf("%d lines for %d pieces", n, p.lines())
			}
			got += formatFromIRC(p.text)
		}
		said, is := strings.HasPrefix(text, actionMark), func(s string) string {
			return strings.Join(strings.Fields(withoutDirectives(withoutControls(withoutCTCP(s)))), "")
		}
		if !said && is(got) != is(text) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// A server may say that a batch is in itself, or two in each other.
func TestABatchInItselfEnds(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenOfLines("max-bytes=40000")
		c.sends("@batch=1 "+julietFull+"BATCH +1 draft/multiline #garden",
			"@batch=3 "+julietFull+"BATCH +2 draft/multiline #garden", "@batch=2 "+julietFull+"BATCH +3 draft/multiline #garden")
		for i := range 4 * mostWholeBytes / 400 {
			c.sends(fmt.Sprintf("@batch=%d %sPRIVMSG #garden :%s", 1+i%2, julietFull, strings.Repeat("x", 400)))
		}
		c.sends("BATCH -1", "BATCH -2", "BATCH -3", julietFull+"PRIVMSG #garden :still here")
		for {
			if m := w.next().(transport.MessageReceived); m.Text == "still here" {
				return
			}
		}
	})
}
