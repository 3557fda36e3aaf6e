package irc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

const (
	keeping = modern + " draft/chathistory draft/event-playback"
	lady    = transport.Address("juliet%net")
)

func at(text string) time.Time {
	t, err := time.Parse(serverTime, text)
	if err != nil {
		panic(err)
	}
	return t
}

// looksBack fetches a part of the past.
func (w *world) looksBack(q transport.HistoryQuery) {
	w.t.Helper()
	if err := w.session.Fetch(context.Background(), q, "past"); err != nil {
		w.t.Fatalf("Fetch: %v", err)
	}
}

// fetched waits for the answer.
func (w *world) fetched() transport.HistoryFetched {
	w.t.Helper()
	e, ok := w.next().(transport.HistoryFetched)
	if !ok || e.Request != "past" {
		w.t.Fatalf("not the past: %#v", e)
	}
	return e
}

// told writes items as people see them, with the exact times.
func told(items []transport.HistoryItem) string {
	var b strings.Builder
	for _, i := range items {
		fmt.Fprintf(&b, "%s ", i.At.UTC().Format("15:04:05.000"))
		if i.Own {
			b.WriteString("own ")
		}
		switch e := i.Event.(type) {
		case transport.MessageReceived:
			fmt.Fprintf(&b, "%s <%s> %s", e.ID, e.Nick, e.Text)
			if e.ReplyTo != nil {
				fmt.Fprintf(&b, " (to %s)", e.ReplyTo.ID)
			}
		case transport.MessageReacted:
			fmt.Fprintf(&b, "<%s> +%v -%v to %s", e.Nick, e.Add, e.Remove, e.To)
		case transport.MessageRetracted:
			fmt.Fprintf(&b, "<%s> takes back %s: %s", e.By, e.ID, e.Reason)
		case transport.SubjectChanged:
			fmt.Fprintf(&b, "<%s> topic %s", e.By, e.Text)
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func mark(id transport.MessageID, time string) transport.Mark {
	m := transport.Mark{ID: id}
	if time != "" {
		m.At = at(time)
	}
	return m
}

// The example of chathistory, "Requesting the latest conversation upon joining
// a channel", with what comes between the lines of an answer.
func TestTheLatestOfAChannelIsFetched(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping, "CHATHISTORY=50")
		w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
		c.expect("@label=g1 CHATHISTORY LATEST #garden * 50")
		c.sends("@label=g1 :irc.host BATCH +ID chathistory #garden",
			"@batch=ID;msgid=1234;time=1999-01-04T14:33:26.123Z :nick!ident@host PRIVMSG #garden :message",
			"@msgid=now "+julietFull+"PRIVMSG #garden :meanwhile",
			"@batch=ID;msgid=1235;time=1999-01-04T14:33:38.123Z :nick!ident@host NOTICE #garden :message",
			"@batch=ID;msgid=1238;time=1999-01-04T14:34:17.123Z;+reply=1234 :nick!ident@host PRIVMSG #garden :\x01ACTION message\x01",
			":irc.host BATCH -ID")
		w.sees(juliets("now", "meanwhile"))
		got := w.fetched()
		want := "14:33:26.123 1234 <nick> message\n14:33:38.123 1235 <nick> [notice] message\n14:34:17.123 1238 <nick> /me message (to 1234)"
		if d := cmp.Diff(want, told(got.Items)); d != "" {
			t.Error(d)
		}
		if got.Complete || got.Oldest != mark("1234", "1999-01-04T14:33:26.123Z") || got.Newest != mark("1238", "1999-01-04T14:34:17.123Z") {
			t.Errorf("reaches from %v to %v, complete: %v", got.Oldest, got.Newest, got.Complete)
		}
		time.Sleep(time.Minute)
		w.seesNothing()
	})
}

// The example "Requesting further message history than our client currently
// has", on a server without labels.
func TestAConversationIsFetchedFurtherBack(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("batch draft/chathistory message-tags server-time", "MSGREFTYPES=timestamp", "CHATHISTORY=1000")
		w.looksBack(transport.HistoryQuery{Chat: lady, Before: mark("1240", "1999-01-04T14:34:17.123Z"), Newest: true, Max: 50})
		c.expect("CHATHISTORY BEFORE juliet timestamp=1999-01-04T14:34:17.124Z 50")
		c.sends(":irc.host BATCH +ID chathistory Juliet",
			"@batch=ID;msgid=1234;time=1999-01-04T14:34:09.123Z "+julietFull+"PRIVMSG romeo :hello",
			"@batch=ID;msgid=1235;time=1999-01-04T14:34:10.123Z "+romeoFull+"PRIVMSG juliet :hi! how are you?",
			"@batch=ID;msgid=1238;time=1999-01-04T14:34:16.123Z :jules!~juliet@verona.example PRIVMSG romeo :I'm good, thank you!",
			":irc.host BATCH -ID")
		want := "14:34:09.123 1234 <> hello\n14:34:10.123 own 1235 <> hi! how are you?\n14:34:16.123 1238 <> I'm good, thank you!"
		if d := cmp.Diff(want, told(w.fetched().Items)); d != "" {
			t.Error(d)
		}
	})
}

func TestQuestionsAboutThePastAsTheServerTakesThem(t *testing.T) {
	const early, late = "1999-01-01T00:00:00.000Z", "1999-02-01T00:00:00.000Z"
	for _, tt := range []struct {
		query    transport.HistoryQuery
		isupport string
		want     string
	}{
		{transport.HistoryQuery{Newest: true}, "", "LATEST #garden * 100"},
		{transport.HistoryQuery{Newest: true, Max: 20}, "CHATHISTORY=50", "LATEST #garden * 20"},
		{transport.HistoryQuery{Newest: true, Max: 80}, "CHATHISTORY=0", "LATEST #garden * 80"},
		{transport.HistoryQuery{Newest: true, Max: 80}, "draft/CHATHISTORY=50", "LATEST #garden * 50"},
		{transport.HistoryQuery{After: mark("", early), Newest: true}, "", "LATEST #garden timestamp=" + early + " 100"},
		{transport.HistoryQuery{After: mark("", early)}, "", "AFTER #garden timestamp=" + early + " 100"},
		{transport.HistoryQuery{After: mark("m1", early)}, "MSGREFTYPES=msgid,timestamp", "AFTER #garden msgid=m1 100"},
		{transport.HistoryQuery{After: mark("m1", early)}, "MSGREFTYPES=timestamp", "AFTER #garden timestamp=1998-12-31T23:59:59.999Z 100"},
		{transport.HistoryQuery{Before: mark("m1", early), Newest: true}, "", "BEFORE #garden msgid=m1 100"},
		{transport.HistoryQuery{After: mark("", early), Before: mark("", late)}, "", "BETWEEN #garden timestamp=" + early + " timestamp=" + late + " 100"},
		{transport.HistoryQuery{After: mark("", early), Before: mark("m2", late), Newest: true}, "", "BETWEEN #garden msgid=m2 timestamp=" + early + " 100"},
		{transport.HistoryQuery{Before: mark("m2", late)}, "", "BETWEEN #garden timestamp=1970-01-01T00:00:00.000Z msgid=m2 100"},
		{transport.HistoryQuery{}, "", "AFTER #garden timestamp=1970-01-01T00:00:00.000Z 100"},
		{transport.HistoryQuery{Around: mark("m1", "")}, "", "AROUND #garden msgid=m1 100"},
		{transport.HistoryQuery{Before: mark("m1 QUIT", early), Newest: true}, "", "BEFORE #garden timestamp=1999-01-01T00:00:00.001Z 100"},
		{transport.HistoryQuery{Chat: "net", After: mark("", early), Before: mark("", late)}, "", "TARGETS timestamp=" + early + " timestamp=" + late + " 100"},
	} {
		inWorld(t, testOptions(), func(w *world) {
			isupport := []string{"NETWORK=Verona"}
			if tt.isupport != "" {
				isupport = append(isupport, tt.isupport)
			}
			c := w.inGardenWith(keeping, isupport...)
			if tt.query.Chat == "" {
				tt.query.Chat = garden
			}
			w.looksBack(tt.query)
			c.expect("@label=g1 CHATHISTORY " + tt.want)
		})
	}
}

// Ergo nests the answer in the batch of labeled-response, finds nothing behind an
// id that it has forgotten, and plays back what is no message.
func TestAnEmptyAnswerToAnIDIsAskedAgainByTime(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping, "CHATHISTORY=1000", "MSGREFTYPES=msgid,timestamp")
		w.looksBack(transport.HistoryQuery{Chat: garden, After: mark("gone", "1999-01-01T00:00:00.000Z")})
		c.expect("@label=g1 CHATHISTORY AFTER #garden msgid=gone 100")
		c.sends("@label=g1 :ergo.test BATCH +1 labeled-response", "@batch=1 :ergo.test BATCH +2 chathistory #garden",
			"@batch=1 :ergo.test BATCH -2", ":ergo.test BATCH -1")
		c.expect("@label=g2 CHATHISTORY AFTER #garden timestamp=1998-12-31T23:59:59.999Z 100")
		c.sends("@label=g2 :ergo.test BATCH +3 labeled-response", "@batch=3 :ergo.test BATCH +4 chathistory #garden",
			"@batch=4;time=1999-01-02T00:00:00.000Z;msgid=a;account=juliet :juliet!~u@host.irc JOIN #garden juliet Juliet",
			"@batch=4;time=1999-01-02T00:00:01.000Z;msgid=b :tybalt!~u@host.irc KICK #garden romeo :out",
			"@batch=4;time=1999-01-02T00:00:02.000Z;msgid=c :romeo!~u@host.irc NICK tybalt",
			"@batch=4;time=1999-01-02T00:00:03.000Z;msgid=_d :HistServ!HistServ@localhost PRIVMSG #garden :tybalt left the channel",
			"@batch=4;time=1999-01-02T00:00:04.000Z;msgid=e :juliet!~u@host.irc TOPIC #garden :Roses",
			"@batch=4;time=1999-01-02T00:00:05.000Z;msgid=f;+draft/react=🌹;+draft/reply=d :juliet!~u@host.irc TAGMSG #garden",
			"@batch=4;time=1999-01-02T00:00:05.000Z;msgid=h;+draft/react=lol;+draft/reply=d :juliet!~u@host.irc PRIVMSG #garden :lol",
			"@batch=4;time=1999-01-02T00:00:06.000Z :juliet!~u@host.irc REDACT #garden d :spam",
			"@batch=4;time=1999-01-02T00:00:07.000Z;msgid=g :juliet!~u@host.irc MODE #garden +o tybalt",
			"@batch=3 :ergo.test BATCH -4", ":ergo.test BATCH -3")
		got := w.fetched()
		want := "00:00:04.000 <juliet> topic Roses\n00:00:05.000 <juliet> +[🌹] -[] to d\n00:00:05.000 <juliet> +[lol] -[] to d\n00:00:06.000 <juliet> takes back d: spam"
		if d := cmp.Diff(want, told(got.Items)); d != "" {
			t.Error(d)
		}
		if got.Complete || got.Newest != mark("g", "1999-01-02T00:00:07.000Z") {
			t.Errorf("reaches to %v, complete: %v", got.Newest, got.Complete)
		}
		if members := w.session.Members(garden); len(members) != 2 {
			t.Errorf("the past changed the present: %v", members)
		}
		w.seesNothing()
	})
}

func TestWhereThereIsNothingTheAnswerIsComplete(t *testing.T) {
	for name, answer := range map[string][]string{
		"empty batch":   {"@label=g1 :irc.host BATCH +1 chathistory #garden", ":irc.host BATCH -1"},
		"nested":        {"@label=g1 :irc.host BATCH +1 labeled-response", "@batch=1 :irc.host BATCH +2 chathistory #garden", "@batch=1 :irc.host BATCH -2", ":irc.host BATCH -1"},
		"empty label":   {"@label=g1 :irc.host BATCH +1 labeled-response", ":irc.host BATCH -1"},
		"ACK":           {"@label=g1 :irc.host ACK"},
		"without label": {":irc.host BATCH +1 chathistory #GARDEN", ":irc.host BATCH -1"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith(keeping)
				w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
				c.expect("@label=g1 CHATHISTORY LATEST #garden * 100")
				c.sends(answer...)
				if got := w.fetched(); !got.Complete || len(got.Items) > 0 || !got.Oldest.IsZero() {
					t.Errorf("got %+v", got)
				}
				time.Sleep(time.Minute)
				w.seesNothing()
			})
		})
	}
}

func TestARefusedQuestionAboutThePast(t *testing.T) {
	for _, tt := range []struct {
		answer string
		reason transport.Reason
	}{
		{"FAIL CHATHISTORY INVALID_TARGET LATEST #garden :Messages could not be retrieved", transport.NotFound},
		{"FAIL CHATHISTORY MESSAGE_ERROR LATEST :Messages could not be retrieved", transport.Unexplained},
		{"FAIL CHATHISTORY MESSAGE_ERROR LATEST #garden :Messages could not be retrieved", transport.Unexplained},
		{"FAIL CHATHISTORY INVALID_PARAMS LATEST :Invalid parameters", transport.BadRequest},
		{"FAIL CHATHISTORY NEED_MORE_PARAMS LATEST :Missing parameters", transport.BadRequest},
		{"FAIL CHATHISTORY INVALID_MSGREFTYPE LATEST #garden :No", transport.BadRequest},
		{"FAIL CHATHISTORY UNKNOWN_COMMAND LATEST :Unknown command", transport.Unsupported},
		{"421 romeo CHATHISTORY :Unknown command", transport.Unsupported},
	} {
		inWorld(t, testOptions(), func(w *world) {
			c := w.inGardenWith(keeping)
			w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
			w.looksBack(transport.HistoryQuery{Chat: lady, Newest: true})
			c.expect("@label=g1 CHATHISTORY LATEST #garden * 100")
			c.sends("@label=g1 :irc.host " + tt.answer)
			w.sees(transport.Answered{Request: "past", Err: because(tt.reason)})
			c.expect("@label=g2 CHATHISTORY LATEST juliet * 100")
			w.seesNothing()
		})
	}
}

func TestAnIDThatIsRefusedIsAskedAgainByTime(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping)
		w.looksBack(transport.HistoryQuery{Chat: garden, Before: mark("m1", "1999-01-01T00:00:00.000Z"), Newest: true})
		c.expect("@label=g1 CHATHISTORY BEFORE #garden msgid=m1 100")
		c.sends("@label=g1 :irc.host FAIL CHATHISTORY INVALID_MSGREFTYPE BEFORE #garden msgid=m1 :No")
		c.expect("@label=g2 CHATHISTORY BEFORE #garden timestamp=1999-01-01T00:00:00.001Z 100")
		c.sends("@label=g2 :irc.host FAIL CHATHISTORY MESSAGE_ERROR BEFORE #garden :No")
		w.sees(transport.Answered{Request: "past", Err: because(transport.Unexplained)})
	})
}

// TARGETS, as Ergo and soju answer it.
func TestWhoSaidSomethingIsFetched(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping)
		w.looksBack(transport.HistoryQuery{Chat: "net", After: mark("", "1999-01-01T00:00:00.000Z"), Before: mark("", "1999-02-01T00:00:00.000Z")})
		c.expect("@label=g1 CHATHISTORY TARGETS timestamp=1999-01-01T00:00:00.000Z timestamp=1999-02-01T00:00:00.000Z 100")
		c.sends("@label=g1 :irc.host BATCH +1 draft/chathistory-targets",
			"@batch=1 :irc.host CHATHISTORY TARGETS #garden 1999-01-05T00:00:00.000Z",
			"@batch=1 :irc.host CHATHISTORY TARGETS Juliet 1999-01-06T00:00:00.000Z",
			"@batch=1 :irc.host CHATHISTORY TARGETS tybalt never",
			":irc.host BATCH -1")
		got := w.fetched()
		want := []transport.HistoryChat{{Chat: garden, Last: at("1999-01-05T00:00:00.000Z")}, {Chat: lady, Last: at("1999-01-06T00:00:00.000Z")}}
		if d := cmp.Diff(want, got.Chats); d != "" || got.Complete {
			t.Errorf("%s complete: %v", d, got.Complete)
		}
	})
}

// multiline's own example, played back.
func TestLinesThatAreOneMessageArePlayedBackAsOne(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping)
		w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
		c.expect("@label=g1 CHATHISTORY LATEST #garden * 100")
		c.sends("@label=g1 :irc.host BATCH +1 chathistory #garden",
			"@batch=1;msgid=xxx;time=1999-01-01T00:00:00.000Z "+julietFull+"BATCH +456 draft/multiline #garden",
			"@batch=456 "+julietFull+"PRIVMSG #garden :hello",
			"@batch=456 "+julietFull+"PRIVMSG #garden :how is ",
			"@batch=456;draft/multiline-concat "+julietFull+"PRIVMSG #garden :everyone?",
			"@batch=1 "+julietFull+"BATCH -456",
			":irc.host BATCH -1")
		if d := cmp.Diff("00:00:00.000 xxx <juliet> hello\nhow is everyone?", told(w.fetched().Items)); d != "" {
			t.Error(d)
		}
	})
}

func TestAnAnswerThatComesTooLateIsNoNews(t *testing.T) {
	for name, caps := range map[string]string{"labels": keeping, "none": "batch draft/chathistory message-tags server-time"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith(caps)
				w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
				label := strings.TrimSuffix(c.expectPrefix(""), "CHATHISTORY LATEST #garden * 100")
				w.sees(transport.Answered{Request: "past", Err: because(transport.Unreachable)})
				c.sends(label+":irc.host BATCH +1 chathistory #garden",
					"@batch=1;msgid=m;time=1999-01-01T00:00:00.000Z "+julietFull+"PRIVMSG #garden :old", ":irc.host BATCH -1")
				w.seesNothing()
				c.sends(":irc.host BATCH +2 chathistory #garden", // unasked
					"@batch=2;msgid=m;time=1999-01-01T00:00:00.000Z "+julietFull+"PRIVMSG #garden :older",
					"@batch=2;time=1999-01-01T00:00:00.000Z "+julietFull+"PART #garden", ":irc.host BATCH -2")
				w.sees(transport.MessageReceived{Message: transport.Message{ID: "m", Chat: garden, Nick: "juliet", Text: "older", Delayed: true}})
				w.seesNothing()
			})
		})
	}
}

func TestALostLinkAnswersQuestionsAboutThePast(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(keeping)
		for range historyLimit {
			w.looksBack(transport.HistoryQuery{Chat: garden, Newest: true})
		}
		err := w.session.Fetch(context.Background(), transport.HistoryQuery{Chat: garden}, "more")
		if e, ok := err.(*transport.Error); !ok || e.Reason != transport.RateLimited {
			t.Errorf("one more: %v", err)
		}
		c.expect("@label=g1 CHATHISTORY LATEST #garden * 100")
		c.expectNothing(time.Second)
		c.hangsUp()
		for range historyLimit {
			w.sees(transport.Answered{Request: "past", Err: because(transport.Unreachable)})
		}
	})
}

func TestWhatTheSessionHearsItself(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		before := time.Now()
		time.Sleep(time.Second)
		w.inGardenWith(keeping)
		for chat, hears := range map[transport.Address]bool{garden: true, lady: true, "net": true, "#balcony%net": false} {
			if since, kept := w.session.Hears(chat); !kept || since.After(before) != hears {
				t.Errorf("%s: kept %v, heard since %v", chat, kept, since)
			}
		}
		for _, chat := range []transport.Address{"nickserv%net", "#garden%elsewhere.example"} {
			if _, kept := w.session.Hears(chat); kept {
				t.Errorf("%s is kept", chat)
			}
		}
	})
	inWorld(t, testOptions(), func(w *world) {
		w.inGardenWith(modern)
		if _, kept := w.session.Hears(garden); kept {
			t.Error("kept by a server that has no history")
		}
		if err := w.session.Fetch(context.Background(), transport.HistoryQuery{Chat: garden}, ""); err == nil {
			t.Error("fetched")
		}
	})
}
