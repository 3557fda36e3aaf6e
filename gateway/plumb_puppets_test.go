package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// entersAs lets a puppet into the chapel, and shows it to the plumb.
func (c *chapelOf) entersAs(got stanza.Received, nick string) {
	c.t.Helper()
	for _, to := range []string{c.self, got.From.String()} {
		status := ""
		if to != c.self {
			status = "<status code='110'/>"
		}
		c.Send(fmt.Sprintf(`<presence from='%s/%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/>%s</x></presence>`, chapel, nick, to, status))
	}
	c.settle()
}

func (c *chapelOf) throwsOut(who stanza.Received, nick, code string) {
	c.Send(fmt.Sprintf(`<presence from='%s/%s' to='%s' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='%s'/><status code='110'/></x></presence>`, chapel, nick, who.From, code))
	c.settle()
}

func TestPeopleHaveOccupantsOfTheirOwn(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.verona.carry(everything)
		c := w.plumbs("puppets=2", "joins=true")
		comes := func(nick string) {
			w.verona.change(func() {
				w.verona.others("#garden", "", transport.MemberChanged{Room: "#garden", Member: transport.Member{Nick: nick, Role: transport.Participant}, Joined: true})
			})
		}
		comes("romeo")
		come := w.ExpectInAnyOrder(joinOf("romeo"), inChapel("* romeo has come in"))
		puppet := come[0]
		if puppet.From.Bare().String() != garden || puppet.From.String() == c.self {
			t.Errorf("it comes from %s", puppet.From)
		}
		c.shows(come[1], "c-0")
		w.inVerona("romeo", "v0", "too early", nil)
		c.shows(w.Expect(inChapel("<romeo> too early")), "c-00")
		c.entersAs(puppet, "romeo")
		w.saidIs("its coming", "")

		as := From(puppet.From.String())
		w.inVerona("romeo", "v1", "She speaks", nil)
		first := w.Expect(inChapel("She speaks", as))
		c.Send(fmt.Sprintf(`<message from='%s/romeo' to='%s' type='groupchat' id='%s'><body>She speaks</body><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='c-1'/></message>`, chapel, c.self, first.ID, chapel))
		c.Send(fmt.Sprintf(`<message from='%s/romeo' to='%s' type='groupchat' id='%s'><body>She speaks</body></message>`, chapel, puppet.From, first.ID))
		w.saidIs("what it said", "")
		c.hears("juliet", "m1", "<body>Who?</body><reply xmlns='urn:xmpp:reply:0' id='c-1' to='"+chapel+"/romeo'/>")
		w.saidIs("a reply", "<juliet> Who? → v1")
		w.verona.tells(bridge, transport.MessageCorrected{Of: "v1", Message: transport.Message{ID: "v2", Chat: "#garden", Nick: "romeo", Text: "She sings"}})
		w.Expect(inChapel("She sings", as, Has("{urn:xmpp:message-correct:0}replace@id", first.ID)))
		w.verona.tells(bridge, transport.MessageReacted{Reaction: transport.Reaction{Chat: "#garden", Nick: "romeo", To: "v1", Add: []string{"❤️"}}})
		w.Expect(Message(To(chapel), as, Has("{urn:xmpp:reactions:0}reactions@id", "c-1")))
		w.verona.tells(bridge, transport.ComposingChanged{Chat: "#garden", Nick: "romeo", Composing: transport.IsComposing})
		w.Expect(Message(To(chapel), as, Has("{http://jabber.org/protocol/chatstates}composing")))
		w.Send(fmt.Sprintf(`<message from='%s/juliet' to='%s' id='p' type='chat'><body>psst</body></message>`, chapel, puppet.From))
		w.Expect(Message(ID("p"), as, StanzaError("cancel", "not-acceptable")))

		// No more than were allowed, and those who are taken are called otherwise.
		comes("juliet")
		come = w.ExpectInAnyOrder(joinOf("juliet_"), inChapel("* juliet has come in"))
		w.Send(fmt.Sprintf(`<presence from='%s/juliet_' to='%s' type='error'><x xmlns='http://jabber.org/protocol/muc'/><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`, chapel, come[0].From))
		c.entersAs(w.Expect(joinOf("juliet__")), "juliet__")
		comes("tybalt")
		w.Expect(inChapel("* tybalt has come in"))
		w.ExpectNothing()

		// Whom the MUC throws out nobody speaks for.
		c.throwsOut(puppet, "romeo", "307")
		w.inVerona("romeo", "v9", "I am back", nil)
		w.saidIs("what verona hears", "romeo was thrown out of "+chapel+", and is not heard there.")
		w.verona.tells(bridge, transport.MessageReacted{Reaction: transport.Reaction{Chat: "#garden", Nick: "romeo", To: "v1", Add: []string{"👎"}}})
		w.settle()
		w.ExpectNothing()
		for range 11 { // the chapel is heard of all the while
			w.pass(time.Minute)
			c.comes("nurse", "participant")
			w.settle()
		}
		w.Skip()
		w.inVerona("romeo", "v10", "I am back", nil)
		w.ExpectInAnyOrder(joinOf("romeo"), inChapel("<romeo> I am back", From(c.self)))
		w.verona.change(func() {
			w.verona.others("#garden", "", transport.MemberLeft{Room: "#garden", Member: transport.Member{Nick: "juliet"}})
		})
		w.ExpectInAnyOrder(Presence(To(chapel+"/juliet__"), Type("unavailable")), inChapel("* juliet has left"))
	})
}

// Who is away from the MUC finds nobody there under their nick.
func TestAPuppetDoesNotTakeTheNickOfARegularWhoIsAway(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.verona.carry(everything)
		c := w.plumbs("puppets=5")
		c.Send(fmt.Sprintf(`<presence from='%s/juliet' to='%s' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/></x></presence>`, chapel, c.self))
		c.settle()
		comes := func(nick string) {
			w.verona.change(func() {
				w.verona.others("#garden", "", transport.MemberChanged{Room: "#garden", Member: transport.Member{Nick: nick, Role: transport.Participant}, Joined: true})
			})
		}
		comes("Juliet")
		w.Expect(joinOf("Juliet_"))
		comes("nurse")
		c.entersAs(w.Expect(joinOf("nurse")), "nurse")
		w.verona.change(func() {
			w.verona.others("#garden", "", transport.MemberRenamed{Room: "#garden", Was: "nurse", Member: transport.Member{Nick: "juliet", Role: transport.Participant}})
		})
		w.Expect(Presence(To(chapel + "/juliet_")))
		w.ExpectNothing()
	})
}
