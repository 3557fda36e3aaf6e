package gateway_test

import (
	"context"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func (l *link) Invite(_ context.Context, room transport.Address, i transport.Invitation) error {
	return l.ask("invite", i.Request, func(*network) { l.tell(transport.Answered{Request: i.Request}) }, room, i.Nick, i.Who, i.Reason)
}

const (
	invitePath = "{http://jabber.org/protocol/muc#user}x/invite"
	directPath = "{jabber:x:conference}x@jid"
)

func (w *world) invites(client string, invites ...string) {
	w.t.Helper()
	w.says(client, `<message to='%s' id='ask'><x xmlns='http://jabber.org/protocol/muc#user'>%s</x></message>`, garden, strings.Join(invites, ""))
}

func TestPeopleAreInvited(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.invites(orchard, `<invite to='juliet@`+verona+`'/>`)
		w.Expect(Message(From(garden), To(orchard), ID("ask"), StanzaError("modify", "not-acceptable")))
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() { w.verona.calls = nil })
		w.invites(orchard,
			`<invite to='juliet@`+verona+`'><reason>come</reason></invite>`, `<invite to='Nurse'/>`, `<invite to='`+balcony+`/peter'/>`,
			`<invite to='bertrand@example.com'><reason>come</reason></invite>`)
		w.Expect(Message(From(garden), To("bertrand@example.com"), HasNot("body"),
			Has(invitePath+"@from", orchard), Has(invitePath+"/reason", "come"), Has(directPath, garden)))
		w.settle()
		w.verona.called(t, "invite #garden  juliet come", "invite #garden Nurse", "invite #garden peter")
		w.ExpectNothing()
		for _, to := range []string{garden, "@@", "two\\20words@" + verona} {
			w.invites(orchard, `<invite to='`+to+`'/>`)
			w.Expect(Message(From(garden), To(orchard), ID("ask"), Type("error")))
		}
		w.invites(orchard, strings.Repeat(`<invite to='juliet'/>`, 17))
		w.Expect(Message(From(garden), To(orchard), ID("ask"), StanzaError("modify", "bad-request")))
		w.verona.denies("invite", because(transport.Conflict))
		w.invites(orchard, `<invite to='juliet'/>`)
		w.Expect(Message(From(garden), To(orchard), ID("ask"), StanzaError("cancel", "conflict")))
	})
}

func TestPeopleAreInvitedDirectly(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() { w.verona.calls = nil })
		w.says(orchard, `<message to='juliet@%s' id='d1'><x xmlns='jabber:x:conference' jid='%s' reason='come'/></message>`, verona, garden)
		w.says(orchard, `<message to='%s/nurse' id='d2'><x xmlns='jabber:x:conference' jid='%s'/></message>`, garden, balcony)
		w.says(orchard, `<message to='juliet@%s' id='d3'><x xmlns='jabber:x:conference' jid='ball@rooms.example.org' reason='dance'/></message>`, verona)
		w.says(orchard, `<message to='juliet@%s' id='d4'><body>dance</body><x xmlns='jabber:x:conference' jid='ball@rooms.example.org'/></message>`, verona)
		w.settle()
		w.verona.called(t, "invite #garden  juliet come", "invite #balcony nurse", "send juliet  dance xmpp:ball@rooms.example.org?join", "send juliet  dance")
	})
}

func TestAnInvitationCanBeDeclined(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='%s' id='no'><x xmlns='http://jabber.org/protocol/muc#user'><decline to='%[1]s/juliet'/></x></message>`, garden)
		w.says(orchard, `<message to='%s' id='yes' type='groupchat'><body>hello</body></message>`, garden)
		w.Expect(Message(From(garden), To(orchard), ID("yes"), StanzaError("modify", "not-acceptable")))
		w.ExpectNothing()
	})
}

func TestInvitationsOfTheNetworkReachTheUsersClients(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s' type='probe'/>`, verona)
		w.joins(orchard, garden, "romeo")
		invited := transport.Invited{Room: "#balcony", By: "juliet", Reason: "it is the east"}
		w.verona.tells(romeo, invited)
		w.Expect(Message(From(balcony), To(orchard), HasNot("body"),
			Has(invitePath+"@from", balcony+"/juliet"), Has(invitePath+"/reason", "it is the east"), Has(directPath, balcony)))
		w.leaves(orchard, garden, "romeo")
		w.settle()
		w.Skip()
		w.verona.tells(romeo, transport.Invited{Room: "#balcony"})
		w.Expect(Message(From(balcony), To(romeo), Has(invitePath+"@from", balcony)))
	})
}
