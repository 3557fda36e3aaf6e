package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// among runs a story on a network that tells of its people.
func among(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.store = newMemory()
		w.verona.info.People = true
		w.start()
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() { w.verona.calls = nil })
		tell(t, w)
	})
}

func (l *link) Profile(_ context.Context, who transport.Address, r transport.Request) error {
	return l.asked("profile", r, who)
}

func (l *link) Query(_ context.Context, who transport.Address, q transport.Query, r transport.Request) error {
	return l.asked([]string{"version", "ping", "time"}[q], r, who)
}

func (l *link) asked(what string, r transport.Request, who transport.Address) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, later, _ := l.call(what, who)
	if now != nil {
		return now
	}
	l.network.wishes = append(l.network.wishes, r)
	if later != nil {
		l.tell(transport.Answered{Request: r, Err: later})
	}
	return nil
}

func (l *link) Reply(_ context.Context, who transport.Address, q transport.Query, token, text string) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.call("reply", who, q, token, text)
	return nil
}

// wish gives the note of the last question.
func (n *network) wish() transport.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wishes[len(n.wishes)-1]
}

const (
	vcard   = `<vCard xmlns='vcard-temp'/>`
	vcard4  = `<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>`
	version = `<query xmlns='jabber:iq:version'/>`
	last    = `<query xmlns='jabber:iq:last'/>`
	now     = `<time xmlns='urn:xmpp:time'/>`

	julietHerself = "juliet@" + verona
	julietInside  = garden + "/juliet"
)

func TestOneAnswerServesAllWhoAskWhoSomebodyIs(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", julietHerself, vcard)
		w.asks(orchard, "get", julietInside, vcard4)
		w.asks(orchard, "get", julietInside, last)
		w.settle()
		w.ExpectNothing()
		w.verona.called(t, "profile juliet")
		w.verona.tells(romeo, transport.ProfileReceived{Request: w.verona.wish(), Profile: transport.Profile{
			Who: "juliet", Nick: "Juliet", FullName: "Juliet Capulet", Account: "capulet", Host: "j@verona", Idle: 90 * time.Second, Notes: []string{"In #garden"},
		}})
		w.Expect(XML(`<iq type='result' id='ask' from='juliet@verona.example.org' to='romeo@example.org/orchard'><vCard xmlns='vcard-temp'>
			<FN>Juliet Capulet</FN><NICKNAME>Juliet</NICKNAME><JABBERID>juliet@verona.example.org</JABBERID><DESC>Account: capulet
Host: j@verona
Idle: 1m30s
In #garden</DESC></vCard></iq>`))
		w.Expect(result(julietInside, orchard, Has("vcard/fn/text", "Juliet Capulet"), Has("vcard/impp/uri", "xmpp:juliet@verona.example.org")))
		w.Expect(result(julietInside, orchard, Has("query@seconds", "90")))
		w.asks(orchard, "get", julietHerself, vcard) // and those who ask soon
		w.Expect(result(julietHerself, orchard, Has("vCard/FN", "Juliet Capulet")))
		w.verona.called(t)
		w.pass(2 * time.Minute)
		w.asks(orchard, "get", julietHerself, vcard)
		w.settle()
		w.verona.called(t, "profile juliet")
	})
}

func TestWhoIsNobodyIsNotFound(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.verona.denies("profile", because(transport.NotFound))
		w.asks(orchard, "get", "paris@"+verona, vcard)
		w.Expect(answer("paris@"+verona, orchard, StanzaError("cancel", "item-not-found")))
		w.asks(orchard, "get", garden+"/paris", vcard)
		w.Expect(answer(garden+"/paris", orchard, StanzaError("cancel", "item-not-found")))
		w.asks(cell, "get", julietInside, version) // from outside of the room
		w.Expect(answer(julietInside, cell, StanzaError("cancel", "service-unavailable")))
		w.verona.called(t, "profile paris")
	})
}

func TestQuestionsThatNobodyAnswersEnd(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", julietInside, version)
		w.settle()
		w.pass(2 * time.Minute)
		w.Expect(answer(julietInside, orchard, StanzaError("wait", "remote-server-timeout")))
		w.asks(orchard, "get", julietInside, now)
		w.settle()
		w.stop()
		w.Expect(gone(orchard, garden, "romeo"))
		w.Expect(answer(julietInside, orchard, StanzaError("wait", "remote-server-timeout")))
	})
}

func TestStrangersAreNotFloodedWithQuestions(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		for i := range 40 {
			w.asks(orchard, "get", fmt.Sprintf("stranger%d@%s", i, verona), ping)
		}
		w.settle()
		if n := w.verona.callsOf("ping"); n > 12 {
			t.Errorf("%d people were asked at once", n)
		}
		w.Expect(answer(fmt.Sprintf("stranger%d@%s", 10, verona), orchard, StanzaError("wait", "resource-constraint")))
	})
}

func TestPingOfAFormerNickTroublesNobody(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", garden+"/romeo", ping)
		w.Expect(result(garden+"/romeo", orchard))
		w.asks(orchard, "get", garden+"/montague", ping) // XEP-0410 §3.2: still in the room
		w.Expect(answer(garden+"/montague", orchard, StanzaError("cancel", "item-not-found")))
		w.verona.called(t)
		for range 20 { // of somebody who has it now
			w.asks(orchard, "get", julietInside, ping)
		}
		w.settle()
		w.verona.called(t, "ping juliet")
		w.verona.tells(romeo, transport.QueryAnswered{Request: w.verona.wish()})
		for range 20 {
			w.Expect(result(julietInside, orchard))
		}
		w.asks(cell, "get", garden+"/romeo", ping)
		w.Expect(answer(garden+"/romeo", cell, StanzaError("cancel", "not-acceptable")))
		w.verona.called(t)
	})
}

func TestClientsOnTheNetworkTellTheirVersionAndTime(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", julietHerself, version)
		w.settle()
		w.verona.tells(romeo, transport.QueryAnswered{Request: w.verona.wish(), Text: "Balcony 2.0"})
		w.Expect(result(julietHerself, orchard, Has("query/name", "Balcony 2.0"), Has("query/version")))
		w.asks(orchard, "get", julietHerself, now)
		w.settle()
		w.verona.tells(romeo, transport.QueryAnswered{Request: w.verona.wish(), At: time.Date(1597, 5, 1, 22, 30, 0, 0, time.FixedZone("", 7200))})
		w.Expect(result(julietHerself, orchard, Has("time/tzo", "+02:00"), Has("time/utc", "1597-05-01T20:30:00Z")))
		w.verona.called(t, "version juliet", "time juliet")
	})
}

func TestQuestionsFromTheNetworkGoToTheUsersClient(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.verona.tells(romeo, transport.Queried{From: "juliet", Query: transport.QueryVersion})
		q := w.Expect(IQ(From(julietHerself), To(orchard), Type("get"), Has("{jabber:iq:version}query")))
		w.says(orchard, `<iq type='result' to='%s' id='%s'><query xmlns='jabber:iq:version'><name>Gajim</name><version>2.0</version><os>Linux</os></query></iq>`, julietHerself, q.ID)
		w.settle()
		w.verona.called(t, "reply juliet 0  Gajim (through the Gatehouse gateway) 2.0 Linux")

		w.verona.tells(romeo, transport.Queried{From: "juliet", Query: transport.QueryTime})
		q = w.Expect(IQ(From(julietHerself), To(orchard), Type("get"), Has("{urn:xmpp:time}time")))
		w.says(orchard, `<iq type='result' to='%s' id='%s'><time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc></time></iq>`, julietHerself, q.ID)
		w.settle()
		w.verona.called(t, "reply juliet 2  Tue, 19 Dec 2006 11:58:35 -0600")

		// a client that does not tell is answered for
		w.verona.tells(romeo, transport.Queried{From: "juliet", Query: transport.QueryVersion})
		q = w.Expect(IQ(From(julietHerself), To(orchard)))
		w.says(orchard, `<iq type='error' to='%s' id='%s'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, julietHerself, q.ID)
		w.settle()
		w.verona.called(t, "reply juliet 0  Gatehouse 1.2.3")

		// one that does not answer is not
		w.verona.tells(romeo, transport.Queried{From: "juliet", Query: transport.QueryPing, Token: "12"})
		w.Expect(IQ(From(julietHerself), To(orchard), Has("{urn:xmpp:ping}ping")))
		w.pass(time.Minute)
		w.verona.called(t)
	})
}

func TestPeopleAreDescribedAsAccountsAndClients(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", julietHerself, discoInfo)
		r := w.Expect(result(julietHerself, orchard, Has("query/identity@category", "account"), Has("query/identity@type", "anonymous"), Has("query/feature@var", "vcard-temp")))
		if first := Values(r, "query/identity@category"); first[0] != "account" || first[1] != "client" {
			t.Errorf("identities %q", first)
		}
		w.asks(orchard, "get", julietInside, discoInfo)
		w.Expect(result(julietInside, orchard, Has("query/identity@category", "client"), Has("query/identity@type", "pc"),
			Has("query/feature@var", "jabber:iq:last"), Has("query/feature@var", "urn:ietf:params:xml:ns:vcard-4.0")))
		w.asks(orchard, "get", garden, discoInfo)
		w.Expect(result(garden, orchard, Has("query/x/field@var", "muc#roominfo_occupants")))
	})
}

func (l *link) Watch(_ context.Context, who transport.Address) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.call("watch", who)
	return nil
}

func (l *link) Unwatch(_ context.Context, who transport.Address) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.call("unwatch", who)
	return nil
}

func TestPeopleInTheRosterAreWatched(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.subscribes(julietHerself)
		w.verona.called(t, "watch juliet")
		w.verona.tells(romeo, transport.PresenceChanged{Who: "juliet", Availability: transport.Availability{Online: true, Show: "away", Status: "asleep"}})
		w.Expect(bare(julietHerself, "", Status("away", "asleep"), Has("{http://jabber.org/protocol/nick}nick", "juliet")))
		w.says(romeo, `<presence type='probe' to='%s'/>`, julietHerself) // another client of his comes online
		w.Expect(bare(julietHerself, "", Status("away", "asleep")))
		w.verona.tells(romeo, transport.PresenceChanged{Who: "juliet"})
		w.Expect(bare(julietHerself, "unavailable"))
		w.says(romeo, `<presence type='probe' to='%s'/>`, julietHerself)
		w.Expect(bare(julietHerself, "unavailable"))
		w.verona.change(func() { w.verona.calls = nil })
		w.says(romeo, `<presence type='unsubscribe' to='%s'/>`, julietHerself)
		w.Expect(bare(julietHerself, "unavailable"))
		w.Expect(bare(julietHerself, "unsubscribed"))
		w.Expect(bare(julietHerself, "unsubscribe"))
		w.verona.called(t, "unwatch juliet")
	})
}

func TestTheRosterIsWatchedAgainOnceThereIsALink(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.subscribes(julietHerself)
		w.leaves(orchard, garden, "romeo")
		w.pass(time.Hour) // the session has ended
		w.Skip()
		w.verona.change(func() { w.verona.calls = nil })
		w.says(romeo, `<presence type='probe' to='%s'/>`, julietHerself)
		w.Expect(bare(julietHerself, "unavailable"))
		w.verona.called(t) // nobody is connected to for the roster's sake
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "watch juliet", "join #garden romeo")
	})
}

func TestTheRosterTellsWhatTheUserIsConnectedTo(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.subscribes(verona)
		w.subscribes("verona@" + verona)
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
		w.ExpectInAnyOrder(bare("verona@"+verona, "", Status("", "Connected to verona")), bare(verona, "", Status("", "Connected to verona")))
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", Err: because(transport.Unreachable), RetryIn: time.Minute})
		w.ExpectInAnyOrder(bare("verona@"+verona, "unavailable", Status("", "so it is")), bare(verona, "", HasNot("status")))
	})
}

func TestAccountsBotsAndTitlesAreShownAsHats(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", garden, discoInfo)
		w.Expect(result(garden, orchard, Has("query/feature@var", "urn:xmpp:hats:0")))
		nurse := member("nurse")
		nurse.Account, nurse.Bot, nurse.Titles = "angelica", true, []string{"Half-operator", "IRC operator"}
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: nurse})
		st := w.Expect(occupant(orchard, garden, "nurse", Has("{urn:xmpp:hats:0}hats/hat@title", "Account angelica"),
			Has("{http://jabber.org/protocol/muc#user}x/item@affiliation", "none")))
		const uri = "urn:gatehouse:hats:"
		want := []string{uri + "account", uri + "bot", uri + "half-operator", uri + "irc-operator"}
		if got := Values(st, "{urn:xmpp:hats:0}hats/hat@uri"); !slices.Equal(got, want) {
			t.Errorf("hats %q, want %q", got, want)
		}
	})
}

func TestAPingThatIsNotAnsweredDoesNotLookLikeALostRoom(t *testing.T) {
	among(t, func(t *testing.T, w *world) {
		w.verona.denies("ping", because(transport.RecipientUnavailable))
		w.asks(orchard, "get", julietInside, ping)
		w.Expect(answer(julietInside, orchard, StanzaError("cancel", "service-unavailable")))
		for range 12 { // too much of anything
			w.asks(orchard, "get", fmt.Sprintf("stranger%s@%s", time.Now().Format(".000000"), verona), ping)
			w.pass(time.Microsecond)
		}
		w.Skip()
		w.verona.enters(inGarden, member("nurse"))
		w.Expect(occupant(orchard, garden, "nurse"))
		w.asks(orchard, "get", garden+"/nurse", ping)
		w.Expect(answer(garden+"/nurse", orchard, StanzaError("cancel", "service-unavailable")))
		w.asks(orchard, "get", "nurse@"+verona, ping)
		w.Expect(answer("nurse@"+verona, orchard, StanzaError("wait", "resource-constraint")))
	})
}
