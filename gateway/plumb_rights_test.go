package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// Where the network takes no other names after all, the nick is in the text.
func TestNamesThatAreRefusedAreWrittenInstead(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.verona.carry(everything | transport.CarriesNames)
		c := w.plumbs()
		w.verona.refuses("send", because(transport.Unsupported))
		w.verona.change(func() { w.verona.carriesOnce = everything })
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.saidIs("the text", "<juliet> Ay me!")
		w.verona.refuses("send", because(transport.Policy))
		c.hears("juliet", "m2", "<body>again</body>")
		c.shows(w.Expect(inChapel("A message did not reach "+garden+": so it is")), "c-1")
		w.saidIs("what is forbidden", "")
	})
}

func TestALinkAnswersAsAClientDoes(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.Send(fmt.Sprintf(`<iq from='%s/juliet' to='%s' id='q' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`, chapel, c.self))
		w.Expect(IQ(From(c.self), To(chapel+"/juliet"), Type("result"), Has("query/identity@type", "bot"), Has("query/identity@name", "Link with "+garden)))
		w.Send(fmt.Sprintf(`<iq from='%s/juliet' to='%s' id='v' type='get'><vCard xmlns='vcard-temp'/></iq>`, chapel, c.self))
		w.Expect(IQ(ID("v"), StanzaError("cancel", "service-unavailable")))
		w.Send(fmt.Sprintf(`<message from='%s/juliet' to='%s' id='p' type='chat'><body>psst</body></message>`, chapel, c.self))
		w.Expect(Message(ID("p"), To(chapel+"/juliet"), StanzaError("cancel", "not-acceptable")))
		w.Send(fmt.Sprintf(`<message from='%s' to='%s' id='f' type='groupchat'><body>forged</body></message>`, tybalt, c.self))
		c.hears("juliet", "e1", "<body>OMEMO</body><encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>")
		w.Expect(inChapel("An encrypted message was not passed on to " + garden + ": nobody there could read it."))
		c.hears("juliet", "e2", "<body>OMEMO</body><encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>")
		w.ExpectNothing()
		w.saidIs("all that", "")
	})
}

func TestTwoRoomsOfTheGatewayAreLinked(t *testing.T) {
	plumbStory(t, func(w *world) {
		got := w.startsRaw(castle, "plumb")
		w.executes(castle, verona, "plumb", sessionOf(got)+"|"+filled("room=#garden", "muc="+balcony))
		w.Expect(completed(castle, verona, "plumb"))
		w.settle()
		w.inVerona("romeo", "v1", "She speaks", nil)
		w.saidIs("in the garden", "<romeo> She speaks")
		w.verona.tells(bridge, transport.MessageReceived{Message: transport.Message{ID: "v2", Chat: "#balcony", Nick: "juliet", Text: "Ay me!"}})
		w.saidIs("on the balcony", "<juliet> Ay me!")
		w.ExpectNothing()
	})
}

func TestWhoOwnsBothLinksThem(t *testing.T) {
	linkingStory(t, true, func(w *world) {
		asks := func(muc string) string {
			t.Helper()
			got := w.startsRaw(orchard, "plumb")
			w.executes(orchard, verona, "plumb", sessionOf(got)+"|"+filled("room=#garden", "muc="+muc))
			return sessionOf(got)
		}
		asks(chapel)
		w.Expect(completed(orchard, verona, "plumb", Has(noteOf, "only who is in "+garden+", as one who moderates it, may link it")))
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() {
			m := &w.verona.room("#garden").members[0]
			m.Role = transport.Moderator
			w.verona.others("#garden", "", transport.MemberChanged{Room: "#garden", Member: *m})
		})
		w.settle()
		w.Skip()
		asks(chapel)
		found := w.ExpectInAnyOrder(completed(orchard, verona, "plumb"), joinOf("bridge"), occupant(orchard, garden, "bridge"))
		c := &chapelOf{world: w, self: found[1].From.String()}
		c.admits("bridge")
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.saidIs("before it is clear who owns it", "")
		owner := func(who string) {
			w.Send(fmt.Sprintf(`<presence from='%s/%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' jid='%[2]s@example.org/x'/></x></presence>`, chapel, who, c.self))
			w.settle()
		}
		owner("tybalt")
		c.hears("juliet", "m2", "<body>Ay me!</body>")
		w.saidIs("another owns it", "")
		owner("romeo")
		c.hears("juliet", "m3", "<body>Ay me!</body>")
		w.saidIs("it is clear", "<juliet> Ay me!")

		asks("vault@conference.example.net")
		found = w.ExpectInAnyOrder(completed(orchard, verona, "plumb"), Presence(To("vault@conference.example.net/bridge")))
		w.Send(fmt.Sprintf(`<presence from='vault@conference.example.net/bridge' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/></x></presence>`, found[1].From))
		w.pass(3 * time.Minute)
		w.ExpectInAnyOrder(Presence(To("vault@conference.example.net/bridge"), Type("unavailable")), Message(To(romeo), Type("chat")))
	})
}

func TestRoomsAreLinkedByAChat(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.says(castle, `<message to='%s' type='chat'><body>plumb room=#garden muc=%s</body></message>`, verona, chapel)
		w.ExpectInAnyOrder(joinOf("bridge"), Message(To(castle), Body(garden+" and "+chapel+" are linked. How it goes is in the list of linked rooms (plumbs).")))
		w.says(castle, `<message to='%s' type='chat'><body>plumbs</body></message>`, verona)
		text, _ := w.Expect(Message(To(castle))).ReadBody()
		if !strings.HasPrefix(text, "1 link:\n"+garden+" ⇄ "+chapel+" (linked by "+escalus+")") {
			t.Errorf("the list: %s", text)
		}
	})
}

func TestAdministratorsSetUpTheAccountOfLinkedRooms(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.plumbs()
		w.executes(orchard, verona, "plumb-settings", "")
		w.Expect(commandFails(orchard, verona, "cancel", "forbidden"))
		got := w.startsRaw(castle, "plumb-settings")
		w.executes(castle, verona, "plumb-settings", sessionOf(got)+"|"+filled("address=verona"))
		got = w.Expect(asking(castle, verona, "plumb-settings", Has("command/x/title", "Server verona")))
		w.verona.change(func() { w.verona.calls = nil })
		w.executes(castle, verona, "plumb-settings", sessionOf(got)+"action='complete'|"+filled("nick=ferry", "pass=secret"))
		w.Expect(completed(castle, verona, "plumb-settings"))
		v, err := w.store.Settings().Get(t.Context(), verona, bridge, "verona")
		if err != nil || v.Get("pass") != "secret" {
			t.Errorf("stored is %v, %v", v, err)
		}
		w.settle()
		if w.verona.callsOf("reconfigured") == 0 {
			t.Error("the session does not hear of it")
		}
	})
}

// Who moderates the one room does so in the other only where that was asked for.
func TestModeratorsTakeBackWhatTheOtherSaysWhereTheyMay(t *testing.T) {
	for _, tt := range []struct{ settings, calls []string }{
		{nil, nil},
		{[]string{"moderate=true"}, []string{"retract #garden  v1"}},
	} {
		plumbStory(t, func(w *world) {
			w.verona.carry(everything)
			c := w.plumbs(tt.settings...)
			w.verona.change(func() {
				m := &w.verona.room("#garden").members[0]
				m.Role = transport.Moderator
				w.verona.others("#garden", "", transport.MemberChanged{Room: "#garden", Member: *m})
			})
			takenBack := func(id string) {
				c.Send(fmt.Sprintf(`<message from='%s' to='%s' type='groupchat' id='x'><retract xmlns='urn:xmpp:message-retract:1' id='%s'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract></message>`, chapel, c.self, id))
				c.settle()
			}
			w.inVerona("romeo", "v1", "She speaks", nil)
			c.shows(w.Expect(inChapel("<romeo> She speaks")), "c-v1")
			w.verona.taken("retract")
			takenBack("c-v1")
			if got := w.verona.taken("retract"); !slices.Equal(got, tt.calls) {
				t.Errorf("with %v verona is told %q, want %q", tt.settings, got, tt.calls)
			}
			if tt.calls == nil {
				c.shows(w.Expect(inChapel("What was taken back here of "+garden+" is still seen there: that is for those who moderate it.")), "c-x")
			}
			w.ExpectNothing()

			// What somebody of their own said they always take back.
			w.verona.change(func() { w.verona.nextID = "v6" })
			c.hears("juliet", "m1", "<body>Ay me!</body>")
			takenBack("c-m1")
			if got := w.verona.taken("retract"); !slices.Equal(got, []string{"retract #garden  v6"}) {
				t.Errorf("of their own: %q", got)
			}
		})
	}
}
