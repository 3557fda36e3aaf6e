package gateway_test

import (
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

const family = "#family@" + phones

// familyHears has somebody say something in the family's room.
func (w *world) familyHears(id, text string) {
	w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{
		ID: transport.MessageID(id), Chat: "#family", Nick: "juliet", Text: text, Sent: time.Now(),
	}})
}

func (w *world) furnish() {
	w.phones.rooms["#family"] = &fakeRoom{
		members: []transport.Member{{Nick: "juliet", Role: transport.Participant, Who: number}}, inside: map[string]string{},
	}
}

func TestWhatIsSaidInADurableRoomIsRepeatedUntilItIsConfirmed(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.furnish()
		w.joins(orchard, family, "romeo")
		w.joins(cell, family, "romeo")
		w.Pings(LosePings)
		w.familyHears("SM1", "good morrow")
		said := func(to string) Matcher {
			return Message(From(family+"/juliet"), To(to), Type("groupchat"), ID("SM1"), Body("good morrow"), Has("stanza-id@id", "SM1"))
		}
		w.ExpectInAnyOrder(said(orchard), said(cell))
		w.stop()
		w.Skip()
		w.Pings(nil)
		w.start() // nobody is in the room now
		w.Expect(Message(From(family), To(romeo), ID("SM1"), Body("juliet: good morrow"),
			Has("{http://jabber.org/protocol/muc#user}x/invite@from", family+"/juliet"), Has("{jabber:x:conference}x@jid", family)))
		w.ExpectNothing()
	})
}

func TestWhatIsSaidInADurableRoomCallsTheUserIntoIt(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.furnish()
		w.familyHears("SM1", "art thou gone so?")
		w.Expect(Message(From(family), To(romeo), ID("SM1"), Body("juliet: art thou gone so?"), Has("x/invite")))
		w.joins(orchard, family, "romeo")
		w.familyHears("SM2", "at last")
		w.Expect(Message(From(family+"/juliet"), To(orchard), Type("groupchat"), Body("at last"), HasNot("x")))
	})
}

func TestMemberWhoGetsNoCopyIsNamed(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.furnish()
		w.joins(orchard, family, "romeo")
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>hello all</body></message>`, family)
		w.Expect(Message(To(orchard), Type("groupchat"), ID("m1"), Body("hello all")))
		request := w.phones.request()
		failed := transport.MessageStatus{
			Request: request, Chat: "#family", Who: number, Status: transport.Failed,
			Err: &transport.Error{Reason: transport.Policy, Text: "They have opted out."},
		}
		other := failed
		other.Who = "+15557654321"
		delivered := failed
		delivered.Who, delivered.Status, delivered.Err = "+15550001111", transport.Delivered, nil
		for _, e := range []transport.Event{failed, failed, other, delivered} {
			w.phones.tells(romeo, e)
		}
		w.Expect(Message(From(family), To(orchard), Type("groupchat"), Body("juliet (+15551234567) did not get what you sent. They have opted out.")))
		w.Expect(Message(From(family), To(orchard), Type("groupchat"), Body("+15557654321 did not get what you sent. They have opted out.")))
		w.ExpectNothing()

		w.leaves(orchard, family, "romeo")
		w.settle()
		w.Skip()
		other.Who = "+15559999999"
		w.phones.tells(romeo, other)
		w.Expect(Message(From(phones), To(romeo), Type("chat"), Body("In "+family+": +15559999999 did not get what you sent. They have opted out.")))
	})
}

// What no server takes is not tried for ever: its beginning is shown, once.
func TestAStoredMessageThatIsTooLargeIsShownInPart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{
			ID: "SM1", Chat: number, Text: "Once upon a time " + strings.Repeat("there was a very long story ", 20_000), Sent: time.Now(),
		}})
		st := w.Expect(Message(From(phone), To(romeo), Has("body")))
		if body := Values(st, "body")[0]; !strings.HasPrefix(body, "This is too large to be shown whole. It begins: Once upon a time") || len(body) > 2000 {
			t.Errorf("%d bytes are shown: %.80q", len(body), body)
		}
		w.pass(time.Minute) // it is confirmed
		w.stop()
		w.Skip()
		w.start()
		w.ExpectNothing()
	})
}
