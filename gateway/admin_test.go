package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// moderates sends changes for a room.
func (w *world) moderates(client, room string, items ...string) {
	w.t.Helper()
	w.asks(client, "set", room, `<query xmlns='http://jabber.org/protocol/muc#admin'>`+strings.Join(items, "")+`</query>`)
}

func TestKickIsAnsweredAfterTheNetwork(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
		w.moderates(orchard, garden, `<item nick='juliet' role='none'><reason>too loud</reason></item>`)
		w.Expect(result(garden, orchard))
		w.ExpectNothing()
		w.verona.called(t, "moderate #garden juliet  role 0 too loud")
	})
}

func TestAffiliationsAreGivenByNickOrByAddress(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
		w.moderates(orchard, garden, `<item nick='juliet' affiliation='admin'/>`, `<item jid='nurse@`+verona+`/capulet.example' affiliation='outcast'/>`)
		w.Expect(result(garden, orchard))
		w.ExpectNothing()
		w.verona.called(t, "moderate #garden juliet  affiliation 3", "moderate #garden  nurse affiliation 1")
	})
}

func TestChangeThatTheNetworkRefusesIsAnError(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.denies("moderate", because(transport.Forbidden))
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`, `<item nick='nurse' role='none'/>`)
		w.Expect(answer(garden, orchard, StanzaError("auth", "forbidden"), Has("error/text", "so it is")))
		w.verona.refuses("moderate", because(transport.NotFound))
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`, `<item nick='nurse' role='none'/>`)
		w.Expect(answer(garden, orchard, StanzaError("cancel", "item-not-found")))
		w.ExpectNothing()
	})
}

func TestTwoChangesUnderOneIdAreAnsweredTwice(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`, `<item nick='juliet' role='visitor'/>`)
		w.moderates(orchard, garden, `<item nick='nurse' role='none'/>`)
		w.Expect(result(garden, orchard))
		w.Expect(result(garden, orchard))
		w.ExpectNothing()
	})
}

func TestChangesAreAnsweredAfterTheLastOfThem(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.ignores("moderate")
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`, `<item nick='nurse' role='none'/>`)
		w.settle()
		w.verona.tells(romeo, transport.Answered{Request: w.verona.wishes[0]})
		w.ExpectNothing()
		w.verona.tells(romeo, transport.Answered{Request: w.verona.wishes[1]}, transport.Answered{Request: w.verona.wishes[1]})
		w.Expect(result(garden, orchard))
		w.ExpectNothing()
	})
}

func TestChangeThatTheNetworkNeverAnswersTimesOut(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.ignores("moderate")
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`)
		w.pass(2 * time.Minute)
		w.Expect(answer(garden, orchard, StanzaError("wait", "remote-server-timeout")))
		w.ExpectNothing()
	})
}

func TestChangesThatWaitAreBounded(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.ignores("moderate")
		for range 32 {
			w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`)
		}
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`)
		w.Expect(answer(garden, orchard, StanzaError("wait", "resource-constraint")))
		w.stop()
		w.Expect(gone(orchard, garden, "romeo"))
		for range 32 {
			w.Expect(answer(garden, orchard, StanzaError("wait", "remote-server-timeout")))
		}
	})
}

func TestChangeThatMakesNoSenseIsRefusedWhole(t *testing.T) {
	for _, tt := range []struct{ name, items, class, condition string }{
		{"nothing to change", ``, "modify", "bad-request"},
		{"nobody", `<item role='none'/>`, "modify", "bad-request"},
		{"neither", `<item nick='juliet'/>`, "modify", "bad-request"},
		{"no such role", `<item nick='juliet' role='ghost'/>`, "modify", "bad-request"},
		{"no such affiliation", `<item nick='juliet' affiliation='ghost'/>`, "modify", "bad-request"},
		{"somebody elsewhere", `<item jid='juliet@example.org' affiliation='admin'/>`, "modify", "bad-request"},
		{"an address that is none", `<item jid='@@' affiliation='admin'/>`, "modify", "bad-request"},
		{"an address the network does not know", `<item jid='two\20words@` + verona + `' affiliation='admin'/>`, "modify", "jid-malformed"},
		{"too many", strings.Repeat(`<item nick='juliet' role='none'/>`, 33), "modify", "bad-request"},
		{"the last of several", `<item nick='juliet' role='none'/><item nick='nurse' role='ghost'/>`, "modify", "bad-request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.joins(orchard, garden, "romeo")
				w.moderates(orchard, garden, tt.items)
				w.Expect(answer(garden, orchard, StanzaError(tt.class, tt.condition)))
				if w.verona.callsOf("moderate") > 0 {
					t.Error("something was changed")
				}
			})
		})
	}
}

func (l *link) ListBans(_ context.Context, a transport.Address, q transport.Request) error {
	return l.ask("bans", q, func(n *network) {
		l.tell(transport.BansListed{Request: q, Room: a, Bans: []transport.Ban{
			{Mask: "tybalt!*@*", Who: "tybalt!*@*", By: "juliet", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			{Mask: "paris!*@*", Who: "~q:paris!*@*", Mute: true},
			{Mask: "nobody"},
		}})
	}, a)
}

func TestBansAreListedAndEnded(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		query := `<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query>`
		w.asks(orchard, "get", garden, query)
		w.Expect(answer(garden, orchard, StanzaError("auth", "forbidden")))
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden, query)
		const item = "{http://jabber.org/protocol/muc#admin}query/item"
		w.Expect(result(garden, orchard,
			Has(item+"@affiliation", "outcast", "outcast"),
			Has(item+"@jid", `tybalt!*\40*@`+verona, `~q\3aparis!*\40*@`+verona),
			Has(item+"/reason", "tybalt!*@* is banned, by juliet, 2026-01-02", "paris!*@* may not speak")))
		w.verona.denies("bans", because(transport.Forbidden))
		w.asks(orchard, "get", garden, query)
		w.Expect(answer(garden, orchard, StanzaError("auth", "forbidden")))

		w.verona.change(func() { w.verona.calls = nil })
		w.moderates(orchard, garden, `<item jid='tybalt!*\40*@`+verona+`' affiliation='none'/>`, `<item jid='*!*@capulet.example' affiliation='outcast'/>`)
		w.Expect(result(garden, orchard))
		w.verona.called(t, "moderate #garden  tybalt!*@* affiliation 0", "moderate #garden  *!*@capulet.example affiliation 1")
	})
}

func TestRoleAndAffiliationAtOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() { w.verona.calls = nil })
		w.moderates(orchard, garden,
			`<item nick='juliet' affiliation='member' role='participant'/>`,
			`<item nick='nurse' affiliation='none' role='none'/>`,
			`<item nick='tybalt' affiliation='outcast' role='none'/>`)
		w.Expect(result(garden, orchard))
		w.verona.called(t, "moderate #garden juliet  affiliation 2", "moderate #garden nurse  role 0", "moderate #garden tybalt  affiliation 1")
	})
}

func TestOnlyThoseInARoomChangeIt(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.moderates(orchard, garden, `<item nick='juliet' role='none'/>`)
		w.Expect(answer(garden, orchard, StanzaError("modify", "not-acceptable")))
		w.joins(orchard, garden, "romeo")
		for _, to := range []string{verona, "juliet@" + verona, garden + "/juliet"} {
			w.moderates(orchard, to, `<item nick='juliet' role='none'/>`)
			w.Expect(answer(to, orchard, StanzaError("modify", "not-acceptable")))
		}
	})
}

func TestOccupantsAreListedByRoleAndAffiliation(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		nurse := member("nurse")
		nurse.Role, nurse.Affiliation = transport.Moderator, transport.Admin
		w.verona.enters(inGarden, nurse)
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		list := func(item string) {
			w.asks(orchard, "get", garden, fmt.Sprintf(`<query xmlns='http://jabber.org/protocol/muc#admin'><item %s/></query>`, item))
		}
		list(`affiliation='admin'`)
		w.Expect(XML(`<iq from='#garden@verona.example.org' to='romeo@example.org/orchard' type='result' id='ask'>
			<query xmlns='http://jabber.org/protocol/muc#admin'>
				<item affiliation='admin' role='moderator' nick='nurse' jid='nurse@verona.example.org/capulet.example'/>
			</query></iq>`))
		list(`role='participant'`)
		r := w.Expect(result(garden, orchard))
		if nicks := Values(r, "query/item@nick"); fmt.Sprint(nicks) != "[juliet romeo]" {
			t.Errorf("participants are %q", nicks)
		}
		list(`affiliation='owner'`)
		w.Expect(result(garden, orchard, Has("query"), HasNot("query/item")))
		list(``)
		w.Expect(answer(garden, orchard, StanzaError("modify", "bad-request")))
		w.asks(cell, "get", garden, `<query xmlns='http://jabber.org/protocol/muc#admin'><item role='participant'/></query>`)
		w.Expect(answer(garden, cell, StanzaError("auth", "forbidden")))
	})
}

// A link that can do nothing but send.
type plainLink struct{ transport.Session }

type plainNetwork struct{ *network }

func (n plainNetwork) Open(a transport.Account, sink transport.Sink) (transport.Session, error) {
	s, err := n.network.Open(a, sink)
	if err != nil {
		return nil, err
	}
	return plainLink{s}, nil
}

func TestWhatANetworkLacksIsNotImplemented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.plain, w.store = true, newMemory()
		w.start()
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "cancel", "feature-not-implemented"))
	})
}
