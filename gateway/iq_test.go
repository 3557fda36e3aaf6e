package gateway_test

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	discoInfo  = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
	discoItems = `<query xmlns='http://jabber.org/protocol/disco#items'/>`
	ping       = `<ping xmlns='urn:xmpp:ping'/>`
)

// every kind of address there is.
var addresses = []string{verona, "verona@" + verona, "juliet@" + verona, garden, garden + "/juliet", phones, phone}

func TestGatewayDescribesItself(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", verona, discoInfo)
		r := w.Expect(result(verona, orchard, Has("query/identity@category", "gateway"), Has("query/identity@type", "generic"),
			Has("query/identity@name", "Verona"), Has("query/x/field/value", "mailto:abuse@example.org")))
		for _, feature := range []string{"http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last", "vcard-temp", "http://jabber.org/protocol/caps"} {
			if !slices.Contains(Values(r, "query/feature@var"), feature) {
				t.Errorf("feature %s is missing", feature)
			}
		}
		if slices.Contains(Values(r, "query/feature@var"), "http://jabber.org/protocol/muc") {
			t.Error("the gateway looks like a service for rooms of one's own")
		}
	})
}

func TestRoomDescribesItselfToThoseOutsideToo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.change(func() {
			w.verona.room(inGarden).subject.Text = "roses"
			w.verona.room(inGarden).modes = transport.RoomModes{Moderated: true, MembersOnly: true, PasswordProtected: true, Hidden: true, SubjectByMods: true}
		})
		room := All(Has("query/identity@category", "conference"), Has("query/identity@type", "text"), Has("query/identity@name", "#garden"),
			Has("query/feature@var", "http://jabber.org/protocol/muc"))
		w.asks(orchard, "get", garden, discoInfo)
		w.Expect(result(garden, orchard, room, Has("query/feature@var", "muc_semianonymous"), Has("query/feature@var", "muc_temporary"),
			HasNot("query/feature/moderated")))
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden, discoInfo)
		r := w.Expect(result(garden, orchard, room, Has("query/x/field/value", "roses")))
		features := Values(r, "query/feature@var")
		for _, feature := range []string{"muc_moderated", "muc_membersonly", "muc_passwordprotected", "muc_hidden", "urn:xmpp:sid:0",
			"http://jabber.org/protocol/muc#stable_id", "http://jabber.org/protocol/muc#self-ping-optimization"} {
			if !slices.Contains(features, feature) {
				t.Errorf("feature %s is missing from %q", feature, features)
			}
		}
		for f := range r.Payload().Child("jabber:x:data", "x").Children() {
			if f.Attr("var") == "muc#roominfo_subjectmod" && f.Child("jabber:x:data", "value").Content() != "0" {
				t.Error("participants seem to be allowed to change the subject")
			}
		}
	})
}

func TestEveryAddressCanBeDiscovered(t *testing.T) {
	for _, joined := range []bool{false, true} {
		for _, to := range addresses {
			t.Run(to, func(t *testing.T) {
				story(t, func(t *testing.T, w *world) {
					if joined {
						w.joins(orchard, garden, "romeo")
					}
					w.asks(orchard, "get", to, discoInfo)
					r := w.Expect(result(to, orchard, Has("query/identity@category")))
					if features := Values(r, "query/feature@var"); !slices.Contains(features, "http://jabber.org/protocol/disco#info") {
						t.Errorf("features are %q", features)
					}
					w.ExpectNothing()
				})
			})
		}
	}
}

func TestItemsOfARoomAreItsOccupantsForThoseInIt(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.asks(orchard, "get", garden, discoItems)
		w.Expect(result(garden, orchard, HasNot("query/item")))
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden, discoItems)
		w.Expect(result(garden, orchard, Has("query/item@jid", garden+"/juliet"), Has("query/item@jid", garden+"/romeo")))
		for _, to := range []string{verona, "juliet@" + verona, "verona@" + verona} {
			w.asks(orchard, "get", to, discoItems)
			w.Expect(result(to, orchard, Has("query"), HasNot("query/item")))
		}
	})
}

func TestNodesThatAreNotThereAreNotFound(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", verona, `<query xmlns='http://jabber.org/protocol/disco#info' node='elsewhere'/>`)
		w.Expect(answer(verona, orchard, StanzaError("cancel", "item-not-found")))
		w.asks(orchard, "get", verona, `<query xmlns='http://jabber.org/protocol/disco#items' node='elsewhere'/>`)
		w.Expect(answer(verona, orchard, StanzaError("cancel", "item-not-found")))
		w.asks(orchard, "get", garden, `<query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/muc#traffic'/>`)
		w.Expect(result(garden, orchard, Has("query@node", "http://jabber.org/protocol/muc#traffic"), HasNot("query/feature")))
	})
}

// XEP-0115 §5.2.
func TestCapabilitiesHashIsThatOfTheSpecification(t *testing.T) {
	got := stanza.CapsVer(stanza.DiscoInfo{
		Identities: []stanza.Identity{{Category: "client", Type: "pc", Name: "Exodus 0.9.1"}},
		Features: []string{
			"http://jabber.org/protocol/muc", "http://jabber.org/protocol/disco#items",
			"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/caps",
		},
	})
	if want := "QgayPKawpkPSDYmwT/WM94uAlu0="; got != want {
		t.Errorf("ver is %s, want %s", got, want)
	}
}

// ver computes the hash of XEP-0115 §5.1 from what was answered.
func ver(r stanza.Received) string {
	var s strings.Builder
	for e := range r.Payload().Children() {
		if e.Name == "identity" { // one
			s.WriteString(e.Attr("category") + "/" + e.Attr("type") + "/" + e.Lang() + "/" + e.Attr("name") + "<")
		}
	}
	features := Values(r, "query/feature@var")
	slices.Sort(features)
	for _, f := range features {
		s.WriteString(f + "<")
	}
	for form := range r.Payload().Children() {
		if form.Name != "x" {
			continue
		}
		for f := range form.Children() { // one form, FORM_TYPE and one field
			if f.Attr("var") != "FORM_TYPE" {
				s.WriteString(f.Attr("var") + "<")
			}
			for v := range f.Children() {
				s.WriteString(v.Content() + "<")
			}
		}
	}
	sum := sha1.Sum([]byte(s.String()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestCapabilitiesInPresenceAreThoseDiscovered(t *testing.T) {
	for _, tt := range []struct{ name, to, from string }{
		{"gateway", verona, verona},
		{"somebody reachable", phone, phone + "/phone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.says(romeo, `<presence type='probe' to='%s'/>`, tt.to)
				p := w.Expect(Presence(From(tt.from), To(romeo), Type(""), Has("{http://jabber.org/protocol/caps}c@hash", "sha-1")))
				caps := p.Child("http://jabber.org/protocol/caps", "c")
				node := caps.Attr("node") + "#" + caps.Attr("ver")
				w.asks(orchard, "get", tt.from, `<query xmlns='http://jabber.org/protocol/disco#info' node='`+node+`'/>`)
				r := w.Expect(result(tt.from, orchard, Has("query@node", node)))
				if got := ver(r); got != caps.Attr("ver") {
					t.Errorf("presence says %s, the answer hashes to %s", caps.Attr("ver"), got)
				}
			})
		})
	}
}

// Those whom the network does not serve are shown the same capabilities, and
// can look up what they mean.
func TestCapabilitiesAreTheSameForThoseWithoutAnAccount(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.phones.refuses("open", because(transport.NotRegistered))
		client := "benvolio@example.org/street"
		w.says("benvolio@example.org", `<presence type='subscribe' to='%s'/>`, phones)
		w.settle()
		w.Skip()
		w.asks(orchard, "get", phones, `<query xmlns='http://jabber.org/protocol/disco#info'/>`)
		node := "urn:gatehouse#" + ver(w.Expect(result(phones, orchard)))
		w.asks(client, "get", phones, `<query xmlns='http://jabber.org/protocol/disco#info' node='`+node+`'/>`)
		w.Expect(result(phones, client, Has("query@node", node)))
		w.asks(client, "get", phones, `<query xmlns='http://jabber.org/protocol/disco#info'/>`)
		w.Expect(result(phones, client, lacksFeature("jabber:iq:search")))
	})
}

func TestSelfPing(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", garden+"/romeo", ping)
		w.Expect(answer(garden+"/romeo", orchard, StanzaError("cancel", "not-acceptable"), Has("error@by", garden)))
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden+"/romeo", ping)
		w.Expect(result(garden+"/romeo", orchard))
		w.asks(orchard, "get", garden+"/juliet", ping)
		w.Expect(answer(garden+"/juliet", orchard, StanzaError("cancel", "service-unavailable")))
		w.asks(cell, "get", garden+"/romeo", ping)
		w.Expect(answer(garden+"/romeo", cell, StanzaError("cancel", "not-acceptable")))
		w.ExpectNothing()
	})
}

func TestPingOfOtherAddresses(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range []string{verona, "verona@" + verona, garden, phone} {
			w.asks(orchard, "get", to, ping)
			w.Expect(result(to, orchard))
		}
		w.asks(orchard, "get", "juliet@"+verona, ping)
		w.Expect(answer("juliet@"+verona, orchard, StanzaError("cancel", "service-unavailable")))
	})
}

func TestSmallQuestionsAreAnswered(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.pass(time.Hour)
		w.asks(orchard, "get", verona, `<query xmlns='jabber:iq:version'/>`)
		w.Expect(result(verona, orchard, Has("query/name", "Gatehouse"), Has("query/version", "1.2.3")))
		w.asks(orchard, "get", verona, `<query xmlns='jabber:iq:last'/>`)
		w.Expect(result(verona, orchard, Has("query@seconds", "3600")))
		w.asks(orchard, "get", verona, `<time xmlns='urn:xmpp:time'/>`)
		w.Expect(result(verona, orchard, Has("time/utc", "2000-01-01T01:00:00Z"), Has("time/tzo")))
		w.asks(orchard, "get", verona, `<vCard xmlns='vcard-temp'/>`)
		w.Expect(result(verona, orchard, Has("vCard/FN", "Verona")))
		w.asks(orchard, "get", "juliet@"+verona, `<vCard xmlns='vcard-temp'/>`)
		w.Expect(result("juliet@"+verona, orchard, Has("vCard/FN", "juliet")))
	})
}

func TestEveryQuestionIsAnsweredOnce(t *testing.T) {
	questions := []string{
		discoInfo, discoItems, ping,
		`<query xmlns='jabber:iq:version'/>`, `<query xmlns='jabber:iq:last'/>`, `<time xmlns='urn:xmpp:time'/>`, `<vCard xmlns='vcard-temp'/>`,
		`<query xmlns='http://jabber.org/protocol/muc#admin'/>`, `<query xmlns='http://jabber.org/protocol/muc#owner'/>`,
		`<query xmlns='jabber:iq:roster'/>`, `<unheard xmlns='urn:example:unheard'/>`, `<query xmlns='jabber:iq:register'/>`,
		`<command xmlns='http://jabber.org/protocol/commands' node='configure'/>`,
	}
	for _, from := range []string{orchard, tybalt} {
		t.Run(from, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.joins(orchard, garden, "romeo")
				for _, to := range append([]string{"two\\20words@" + verona, "the_nurse@" + verona}, addresses...) {
					for _, typ := range []string{"get", "set"} {
						for _, q := range questions {
							w.asks(from, typ, to, q)
							w.Expect(answer(to, from))
							w.pass(0)
						}
					}
				}
				w.ExpectNothing()
			})
		})
	}
}

func TestUnknownQuestionIsServiceUnavailable(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range addresses {
			w.asks(orchard, "get", to, `<unheard xmlns='urn:example:unheard'/>`)
			w.Expect(answer(to, orchard, StanzaError("cancel", "service-unavailable")))
		}
	})
}

func TestResultsAndErrorsAreNeverAnswered(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range addresses {
			for _, from := range []string{orchard, tybalt} {
				w.says(from, `<iq to='%s' type='result' id='r'/>`, to)
				w.says(from, `<iq to='%s' type='error' id='r'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, to)
				w.says(from, `<message to='%s' type='error'><body>x</body></message>`, to)
				w.says(from, `<presence to='%s' type='error'/>`, to)
				w.says(from, `<presence to='%s' type='error'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, to)
			}
		}
		w.ExpectNothing()
	})
}
