package irc

import (
	"context"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

const capable = modern + " draft/message-redaction"

func (w *world) reacts(to transport.MessageID, add, remove []string) {
	w.t.Helper()
	err := w.session.React(context.Background(), transport.Reaction{Chat: garden, To: to, Add: add, Remove: remove, Request: "reacted"})
	if err != nil {
		w.t.Fatal(err)
	}
}

func reactedTo(to transport.MessageID, nick string, request transport.Request, add, remove []string) transport.MessageReacted {
	return transport.MessageReacted{Reaction: transport.Reaction{Chat: garden, Nick: nick, To: to, Add: add, Remove: remove, Request: request}}
}

func TestRepliesCross(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		id, err := w.session.Send(context.Background(), transport.Message{
			Chat: garden, Text: "Hello to you!\nand all", Request: "m1", ReplyTo: &transport.Reply{ID: "12;3"},
		})
		if id != transport.Echoed || err != nil {
			t.Fatal(id, err)
		}
		c.expect(`@label=g1;+reply=12\:3;+draft/reply=12\:3 PRIVMSG #garden :Hello to you!`, "@label=g2 PRIVMSG #garden :and all")
		c.sends("@msgid=456;+draft/reply=abc "+julietFull+"PRIVMSG #garden :Hello to you!", "@msgid=457;+reply=456 "+julietFull+"PRIVMSG romeo :psst")
		e := juliets("456", "Hello to you!")
		e.ReplyTo = &transport.Reply{ID: "abc"}
		w.sees(e, transport.MessageReceived{Message: transport.Message{ID: "457", Chat: "juliet%net", Text: "psst", ReplyTo: &transport.Reply{ID: "456"}}})
	})
}

func TestReactionsCross(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.reacts("123", []string{"👋", "a;b c"}, []string{":)"})
		c.expect("@label=g1;+draft/react=👋;+reply=123;+draft/reply=123 TAGMSG #garden",
			`@+draft/react=a\:b\sc;+reply=123;+draft/reply=123 TAGMSG #garden`, "@+draft/unreact=:);+reply=123;+draft/reply=123 TAGMSG #garden")
		w.seesNothing()
		c.sends("@msgid=j1;+draft/reply=123;+draft/react=lol "+julietFull+"TAGMSG #garden",
			"@label=g1;msgid=r1;+draft/react=👋;+reply=123 "+romeoFull+"TAGMSG #garden",
			"@msgid=r2;+draft/react=ab;+reply=123 "+romeoFull+"TAGMSG #garden",
			"@msgid=j2;+reply=123;+draft/unreact=lol "+julietFull+"TAGMSG #garden",
			"@msgid=j3;+reply=123;+draft/react=lol "+julietFull+"PRIVMSG #garden lol",
			"@msgid=j5;+reply=123;+draft/react=lol "+julietFull+"PRIVMSG #garden :That is good",
			"@msgid=j4;+draft/react=lol "+julietFull+"TAGMSG #garden", "@+example=1 "+julietFull+"TAGMSG #garden")
		w.sees(reactedTo("123", "juliet", "", []string{"lol"}, nil),
			reactedTo("123", "romeo", "reacted", []string{"👋", "a;b c"}, []string{":)"}),
			reactedTo("123", "romeo", "", []string{"ab"}, nil),
			reactedTo("123", "juliet", "", nil, []string{"lol"}),
			reactedTo("123", "juliet", "", []string{"lol"}, nil),
			reactedTo("123", "juliet", "", []string{"lol"}, nil))
		said := juliets("j5", "That is good")
		said.ReplyTo = &transport.Reply{ID: "123"}
		w.sees(said)
		w.seesNothing()
		w.reacts("123", []string{"👍"}, nil)
		c.expect("@label=g2;+draft/react=👍;+reply=123;+draft/reply=123 TAGMSG #garden")
		c.sends("@label=g2 :irc.example.org 404 romeo #garden :Cannot send to channel")
		w.sees(transport.MessageStatus{Request: "reacted", Chat: garden, Status: transport.Failed, Err: because(transport.Forbidden)})
	})
}

func TestOwnReactionsAreShownWithoutAnEcho(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("message-tags")
		w.reacts("123", []string{"👋"}, nil)
		c.expect("@+draft/react=👋;+reply=123;+draft/reply=123 TAGMSG #garden")
		w.sees(reactedTo("123", "romeo", "reacted", []string{"👋"}, nil))
		time.Sleep(time.Minute)
		w.seesNothing()
	})
}

// What a client sends is as the rules of IRCv3 typing have it.
func TestTypingIsThrottledAndRepeated(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("message-tags")
		set := func(state transport.Composing) {
			t.Helper()
			if err := w.session.SetComposing(context.Background(), garden, "", state); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		at := func(d time.Duration, line string) {
			t.Helper()
			c.expect(line)
			if got := time.Since(began).Round(time.Second); got != d {
				t.Errorf("%q came after %v, want %v", line, got, d)
			}
		}
		set(transport.NotComposing) // nothing to end
		set(transport.IsComposing)
		at(0, "@+typing=active TAGMSG #garden")
		at(4*time.Second, "@+typing=active TAGMSG #garden")
		set(transport.HasPaused)
		at(7*time.Second, "@+typing=paused TAGMSG #garden")
		c.expectNothing(10 * time.Second)
		set(transport.NotComposing)
		at(17*time.Second, "@+typing=done TAGMSG #garden")
		c.expectNothing(30 * time.Second)
		c.sends(":irc.example.org 305 romeo :You are no longer marked as being away") // and so is there
		set(transport.IsComposing)
		c.expect("@+typing=active TAGMSG #garden")
		if err := w.says(garden, "said"); err != nil { // which ends it
			t.Fatal(err)
		}
		c.expect("PRIVMSG #garden said")
		c.expectNothing(30 * time.Second)
		c.sends(":irc.example.org 305 romeo :You are no longer marked as being away")
		set(transport.IsComposing)
		for i := 0; i < 15; i++ {
			c.expect("@+typing=active TAGMSG #garden")
		}
		c.expectNothing(20 * time.Second) // a client that says no more is gone
	})
}

func TestOthersTypingEnds(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("message-tags")
		typing := func(state string) { c.sends("@+typing=" + state + " " + julietFull + "TAGMSG #garden") }
		is := func(state transport.Composing) transport.ComposingChanged {
			return transport.ComposingChanged{Chat: garden, Nick: "juliet", Composing: state}
		}
		lasts := func(d time.Duration) {
			t.Helper()
			began := time.Now()
			w.sees(is(transport.NotComposing))
			if got := time.Since(began).Round(time.Second); got != d {
				t.Errorf("it lasted %v, want %v", got, d)
			}
		}
		typing("active")
		w.sees(is(transport.IsComposing))
		lasts(activeLimit)
		typing("active")
		w.sees(is(transport.IsComposing))
		time.Sleep(3 * time.Second)
		typing("active")
		w.seesNothing() // it goes on
		time.Sleep(3 * time.Second)
		typing("paused")
		w.sees(is(transport.HasPaused))
		lasts(pausedLimit)
		typing("active")
		w.sees(is(transport.IsComposing))
		c.sends(julietFull + "PRIVMSG #garden :O Romeo")
		w.sees(is(transport.NotComposing), juliets("", "O Romeo"))
		typing("active")
		w.sees(is(transport.IsComposing))
		c.sends(julietFull + "PART #garden")
		if e, ok := w.next().(transport.MemberLeft); !ok || e.Nick != "juliet" {
			t.Errorf("got %#v", e)
		}
		time.Sleep(time.Minute)
		w.seesNothing()
		c.sends("@+typing=active " + julietFull + "TAGMSG romeo")
		w.sees(transport.ComposingChanged{Chat: "juliet%net", Composing: transport.IsComposing})
		c.sends("@+typing=done " + julietFull + "TAGMSG romeo")
		w.sees(transport.ComposingChanged{Chat: "juliet%net"})
	})
}

// message-redaction has these examples.
func TestRedactionsCross(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(capable)
		retract := func(id transport.MessageID, reason string) {
			t.Helper()
			err := w.session.Retract(context.Background(), transport.Retraction{Chat: garden, ID: id, Reason: reason, Request: "take back"})
			if err != nil {
				t.Fatal(err)
			}
		}
		by := func(nick string, id transport.MessageID, reason string, request transport.Request) transport.MessageRetracted {
			return transport.MessageRetracted{Retraction: transport.Retraction{Chat: garden, ID: id, By: nick, Reason: reason, Request: request}}
		}
		retract("123", "bad example")
		c.expect("@label=g1 REDACT #garden 123 :bad example")
		c.sends("@label=g1;msgid=124 " + romeoFull + "REDACT #garden 123 :bad example")
		w.sees(by("romeo", "123", "bad example", "take back"), transport.Answered{Request: "take back"})
		c.sends("@msgid=124 " + julietFull + "REDACT #garden 123 spam")
		w.sees(by("juliet", "123", "spam", ""))
		c.sends("@msgid=126 " + julietFull + "REDACT romeo 125")
		w.sees(transport.MessageRetracted{Retraction: transport.Retraction{Chat: "juliet%net", ID: "125"}})
		for label, answer := range map[string]transport.Reason{
			"REDACT_FORBIDDEN #garden 123 :You are not authorised to delete this message":    transport.Forbidden,
			"REDACT_WINDOW_EXPIRED #garden 123 60 :You can no longer edit this message":      transport.Unacceptable,
			"UNKNOWN_MSGID #garden 123 :This message does not exist or is too old":           transport.NotFound,
			"INVALID_TARGET #garden :You cannot delete messages from #garden":                transport.NotFound,
			"SOMETHING_NEW #garden 123 :No reason that was known when this was written down": transport.Rejected,
		} {
			retract("123", "")
			c.expectPrefix("@label=")
			c.sends(":irc.example.org FAIL REDACT " + label)
			w.sees(transport.Answered{Request: "take back", Err: because(answer)})
		}
		w.seesNothing()
	})
}

func TestAChatCarriesWhatTheServerAcknowledged(t *testing.T) {
	const actions = transport.CarriesActions
	about := transport.CarriesReplies | transport.CarriesReactions
	for _, row := range []struct {
		name, caps, isupport string
		want                 transport.Features
	}{
		{"nothing", "server-time", "CHANTYPES=#", actions},
		{"tags", "message-tags", "CHANTYPES=#", actions | about | transport.CarriesChatStates},
		{"all tags denied", "message-tags", "CLIENTTAGDENY=*", actions},
		{"all but some denied", "message-tags", "CLIENTTAGDENY=*,-reply,-typing", actions | transport.CarriesReplies | transport.CarriesChatStates},
		{"one denied", "message-tags", "CLIENTTAGDENY=typing,draft/unreact", actions | transport.CarriesReplies},
		{"old replies alone", "message-tags", "CLIENTTAGDENY=reply", actions | about | transport.CarriesChatStates},
		{"redaction without echoes", "message-tags draft/message-redaction", "CHANTYPES=#", actions | about | transport.CarriesChatStates | transport.CarriesModeration},
		{"redaction", capable, "CHANTYPES=#", actions | about | transport.CarriesChatStates | transport.CarriesRetractions | transport.CarriesModeration},
	} {
		t.Run(row.name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				if got := w.session.Carries(garden); got != actions {
					t.Errorf("before there is a link: %b", got)
				}
				w.inGardenWith(row.caps, row.isupport)
				if got := w.session.Carries(garden); got != row.want {
					t.Errorf("got %b, want %b", got, row.want)
				}
				if got := w.session.Carries("juliet%net"); got != row.want&^transport.CarriesModeration {
					t.Errorf("a person: %b", got)
				}
				if got := w.session.Carries("net"); got != actions {
					t.Errorf("the console: %b", got)
				}
			})
		})
	}
}

func TestTagsNeverBreakALine(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("message-tags")
		w.reacts("1\r\nQUIT\x00", []string{"a\r\nQUIT :b\x00;+typing=x"}, nil)
		c.expect(`@+draft/react=a\r\nQUIT\s:b\:+typing=x;+reply=1\r\nQUIT;+draft/reply=1\r\nQUIT TAGMSG #garden`)
		w.sees(reactedTo("1\r\nQUIT\x00", "romeo", "reacted", []string{"a\r\nQUIT :b\x00;+typing=x"}, nil))
		if err := w.session.Retract(context.Background(), transport.Retraction{Chat: garden, ID: "1\r\nQUIT"}); err != nil {
			t.Fatal(err)
		}
		c.expect("REDACT #garden :1 QUIT")
	})
}

func TestPreferencesAreTheChannelsBeforeThoseForAll(t *testing.T) {
	o := testOptions()
	n, err := o.New(transport.Env{Settings: settingsOf{
		"":     {"corrections": {"resend"}, "reactions": {"off"}},
		garden: {"reactions": {"text"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.(*network).Preference(romeo, garden)
	if want := (transport.Preference{Corrections: transport.CorrectByRepeat}); err != nil || p != want {
		t.Errorf("got %+v, %v, want %+v", p, err, want)
	}
	if p, _ := n.(*network).Preference(romeo, "#balcony%net"); !p.HideReactions {
		t.Errorf("got %+v", p)
	}
}

// Of a reaction that is refused nothing is shown, although not all of its lines
// are answered.
func TestARefusedReactionIsNotShownLater(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		w.reacts("123", []string{"👋", "👍"}, nil)
		c.expectPrefix("@label=g1;")
		c.expectPrefix("@")
		c.sends("@label=g1 :irc.example.org 404 romeo #garden :Cannot send to channel")
		w.sees(transport.MessageStatus{Request: "reacted", Chat: garden, Status: transport.Failed, Err: because(transport.Forbidden)})
		time.Sleep(time.Minute) // what was behind it is read meanwhile
		w.seesNothing()
	})
}
