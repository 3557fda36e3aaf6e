package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	nurse      = "+15550002222"
	nursePhone = nurse + "@" + phones
	friar      = "+15550003333"
	friarPhone = friar + "@" + phones
)

// grants has romeo's server let the phones at its users' rosters.
func (w *world) grants(typ string) {
	w.t.Helper()
	w.Send(fmt.Sprintf(`<message from='example.org' to='%s'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='%s'/></privilege></message>`, phones, typ))
	w.settle()
}

func (w *world) writesFirst(from, text string) {
	w.t.Helper()
	w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{ID: transport.MessageID(from + text), Chat: transport.Address(from), Text: text, Sent: time.Now()}})
}

// answersRoster answers what is asked of romeo's roster.
func (w *world) answersRoster(asked Matcher, items string) stanza.Received {
	w.t.Helper()
	st := w.Expect(asked)
	query := ""
	if st.Type == "get" {
		query = `<query xmlns='jabber:iq:roster'>` + items + `</query>`
	}
	w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='result' id='%s'>%s</iq>`, romeo, phones, st.ID, query))
	return st
}

var rosterGet = IQ(From(phones), To(romeo), Type("get"), Has("{jabber:iq:roster}query"))

func rosterSet(contact, name, subscription string) Matcher {
	matchers := []Matcher{From(phones), To(romeo), Type("set"), Has("{jabber:iq:roster}query/item@jid", contact)}
	for attr, value := range map[string]string{"name": name, "subscription": subscription} {
		if value == "" {
			matchers = append(matchers, HasNot("query/item@"+attr))
		} else {
			matchers = append(matchers, Has("query/item@"+attr, value))
		}
	}
	return IQ(matchers...)
}

func said1(from, text string) Matcher { return Message(From(from), To(romeo), Body(text)) }

func TestServerThatLeavesSubscriptionsToPresenceIsNotAskedTwice(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.grants("both")
		w.writesFirst(nurse, "Jesu, what haste")
		w.answersRoster(rosterGet, `<item jid='juliet@example.net' name='J'/>`)
		w.answersRoster(rosterSet(nursePhone, "", "both"), "")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='none'/>`)
		w.Expect(bare(nursePhone, "subscribe", Has("{http://jabber.org/protocol/nick}nick")))
		w.Expect(said1(nursePhone, "Jesu, what haste"))
		w.writesFirst(friar, "Wisely and slow")
		w.answersRoster(rosterGet, "")
		w.answersRoster(rosterSet(friarPhone, "", "both"), "")
		w.Expect(bare(friarPhone, "subscribe"))
		w.Expect(said1(friarPhone, "Wisely and slow"))
		w.writesFirst(nurse, "once more")
		w.Expect(said1(nursePhone, "once more"))
		w.ExpectNothing()
	})
}

func TestManyStrangersAreBroughtTogetherAndHeardInOrder(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.grants("both")
		w.phones.stalls(romeo) // the session waits, and the texts gather
		w.says(orchard, `<message to='%s' type='chat' id='m'><body>x</body></message>`, phone)
		w.settle()
		for i := range 3 {
			w.writesFirst(nurse, fmt.Sprint("nurse ", i))
			w.writesFirst(friar, fmt.Sprint("friar ", i))
		}
		w.pass(11 * time.Second)
		w.Expect(Message(ID("m"), Type("error")))
		w.answersRoster(rosterGet, "")
		for range 2 {
			w.answersRoster(IQ(Type("set"), Has("query/item")), "")
		}
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'/><item jid='`+friarPhone+`' subscription='both'/>`)
		for range 2 {
			w.Expect(Presence(To(romeo), Type(""), Has("c")))
		}
		for i := range 3 {
			w.Expect(said1(nursePhone, fmt.Sprint("nurse ", i)))
			w.Expect(said1(friarPhone, fmt.Sprint("friar ", i)))
		}
		w.ExpectNothing()
	})
}

func TestNameThatThePersonGaveStaysAndOursFollowsTheNetwork(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.grants("both")
		w.writesFirst(nurse, "hello")
		w.answersRoster(rosterGet, "")
		w.answersRoster(rosterSet(nursePhone, "", "both"), "")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'/>`)
		w.Expect(bare(nursePhone+"/phone", ""))
		w.Expect(said1(nursePhone, "hello"))

		named := func(name string) {
			w.phones.tells(romeo, transport.ContactChanged{Who: nurse, Name: name})
		}
		// There is no name: ours comes, and the groups stay.
		named("Angelica")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'><group>House</group></item>`)
		set := w.answersRoster(rosterSet(nursePhone, "Angelica", ""), "")
		if g := Values(set, "query/item/group"); len(g) != 1 || g[0] != "House" {
			t.Errorf("the groups are %q", g)
		}
		// It is ours still: it follows.
		named("Nurse\r\n  Angelica")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' name='Angelica' subscription='both'/>`)
		w.answersRoster(rosterSet(nursePhone, "Nurse Angelica", ""), "")
		// The person renamed it: it stays.
		named("Mrs. Angelica")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' name='Auntie' subscription='both'/>`)
		w.ExpectNothing()
		// The person took it away: it stays so.
		named("A.")
		w.answersRoster(rosterGet, "")
		w.ExpectNothing()
		w.writesFirst(nurse, "still here")
		w.Expect(said1(nursePhone, "still here"))
		w.ExpectNothing()
	})
}

func TestGrantIsUsedOnlyWhileItHoldsAndOnlyForTheServersOwnUsers(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.Send(fmt.Sprintf(`<message from='example.net' to='%s'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/></privilege></message>`, phones))
		w.Send(fmt.Sprintf(`<message from='romeo@example.org/x' to='%s' type='chat'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/></privilege></message>`, phones))
		w.settle()
		w.Skip()
		w.writesFirst(nurse, "one")
		w.Expect(bare(nursePhone, "subscribe"))
		w.Expect(said1(nursePhone, "one"))

		// Now that the server grants it, who only asked comes in.
		w.grants("both")
		w.answersRoster(rosterGet, "")
		w.answersRoster(rosterSet(nursePhone, "", "both"), "")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'/>`)
		w.Expect(bare(nursePhone+"/phone", ""))

		w.grants("none")
		w.writesFirst(friar, "two")
		w.Expect(bare(friarPhone, "subscribe"))
		w.Expect(said1(friarPhone, "two"))
		w.ExpectNothing()
	})
}

func TestStrangersServersGrantInSilenceAndMakeWay(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		grants := func(server, typ string) {
			w.Send(fmt.Sprintf(`<message from='%s' to='%s'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='%s'/></privilege></message>`, server, phones, typ))
		}
		for i := range 1100 {
			grants(fmt.Sprintf("s%d.example.net", i), "both")
		}
		grants("example.org", "both") // there is room for a server of users all the same
		grants("example.org", "both")
		w.settle()
		w.writesFirst(nurse, "hello")
		w.answersRoster(rosterGet, "")
		w.answersRoster(rosterSet(nursePhone, "", "both"), "")
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'/>`)
		w.Expect(bare(nursePhone+"/phone", ""))
		w.Expect(said1(nursePhone, "hello"))
		for range 10 {
			grants("example.org", "none")
			grants("example.org", "both")
		}
		w.settle()
		if n := w.log.count("lets us do with rosters"); n != 1 {
			t.Errorf("the log tells of %d grants, want 1", n)
		}
	})
}

func TestServerThatDoesNotAnswerHoldsTextsUpOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.grants("both")
		w.writesFirst(nurse, "one")
		w.Expect(rosterGet)
		w.ExpectNothing()
		w.pass(5 * time.Second)
		w.Expect(bare(nursePhone, "subscribe"))
		w.Expect(said1(nursePhone, "one"))
		w.writesFirst(friar, "two")
		w.Expect(bare(friarPhone, "subscribe"))
		w.Expect(said1(friarPhone, "two"))
		w.ExpectNothing()
	})
}

func TestClientsThatTakeSuggestionsGetThem(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='psi' ver='1'/></presence>`, phones)
		w.says(cell, `<presence to='%s'/>`, phones)
		w.settle()
		w.Skip()
		takes := func(client, features string) {
			t.Helper()
			ask := w.Expect(IQ(From(phones), To(client), Type("get"), Has("{http://jabber.org/protocol/disco#info}query")))
			w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='result' id='%s'><query xmlns='http://jabber.org/protocol/disco#info'>%s</query></iq>`, client, phones, ask.ID, features))
		}
		suggested := func(contact string) stanza.Received {
			t.Helper()
			return w.Expect(IQ(From(phones), To(orchard), Type("set"),
				Has("{http://jabber.org/protocol/rosterx}x/item@jid", contact), Has("x/item@action", "add")))
		}
		w.writesFirst(nurse, "one")
		takes(cell, "")
		takes(orchard, `<feature var='http://jabber.org/protocol/rosterx'/>`)
		w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='result' id='%s'/>`, orchard, phones, suggested(nursePhone).ID))
		w.Expect(said1(nursePhone, "one"))

		// Both are known now. One that refuses leaves it to a subscription.
		w.writesFirst(friar, "two")
		w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='error' id='%s'><error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
			orchard, phones, suggested(friarPhone).ID))
		w.Expect(bare(friarPhone, "subscribe"))
		w.Expect(said1(friarPhone, "two"))
		w.ExpectNothing()
	})
}

func TestWhoWasRefusedIsNotBroughtAgainAfterARestart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.writesFirst(nurse, "one")
		w.Expect(bare(nursePhone, "subscribe"))
		w.Expect(said1(nursePhone, "one"))
		w.says(romeo, `<presence type='unsubscribed' to='%s'/>`, nursePhone)
		w.pass(time.Second)
		w.stop()
		w.start()
		w.Skip()
		w.grants("both")
		w.writesFirst(nurse, "two")
		w.Expect(said1(nursePhone, "two"))
		w.ExpectNothing()
		// Whoever takes them in after all has them named and shown.
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, nursePhone)
		w.Expect(bare(nursePhone, "subscribed"))
		w.Expect(bare(nursePhone+"/phone", ""))
		w.Expect(bare(nursePhone, "subscribe"))
		w.ExpectNothing()
	})
}

func TestNewContactsComeInTheGroupThatTheUserChose(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.grants("both")
		w.says(orchard, `<message to='%s' type='chat'><body>roster-group My phones</body></message>`, phones)
		w.Expect(Message(From(phones), Has("body", `New contacts come in the group "My phones".`)))
		w.writesFirst(nurse, "hello")
		w.answersRoster(rosterGet, "")
		set := w.answersRoster(rosterSet(nursePhone, "", "both"), "")
		if g := Values(set, "query/item/group"); len(g) != 1 || g[0] != "My phones" {
			t.Errorf("the groups are %q", g)
		}
		w.answersRoster(rosterGet, `<item jid='`+nursePhone+`' subscription='both'/>`)
		w.Expect(bare(nursePhone+"/phone", ""))
		w.Expect(said1(nursePhone, "hello"))
		w.says(orchard, `<message to='%s' type='chat'><body>roster-group -</body></message>`, phones)
		w.Expect(Message(From(phones), Has("body", "New contacts come in no group.")))
		w.ExpectNothing()
	})
}
