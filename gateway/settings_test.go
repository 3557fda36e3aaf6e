package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// field gives the values of a field in a form that was shown.
func field(r stanza.Received, name string) []string {
	for x := range r.Children() {
		for form := range x.Children() {
			for f := range form.Children() {
				if f.Name != "field" || f.Attr("var") != name {
					continue
				}
				values := []string{}
				for v := range f.Children() {
					if v.Name == "value" {
						values = append(values, v.Content())
					}
				}
				return values
			}
		}
	}
	return nil
}

func (w *world) stored(at transport.Address) transport.Values {
	w.t.Helper()
	v, err := w.store.Settings().Get(context.Background(), verona, romeo, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestSettingsAreChangedByACommand(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo") // so that there is a link
		w.verona.called(t, "open "+romeo, "join #garden romeo")
		w.executes(orchard, server, "configure", "action='execute'")
		got := w.Expect(asking(orchard, server, "configure", Has("command/x/title", "Server verona"), Has("command/x/instructions", "Fill it in."),
			Has("command/x/field@type", "fixed"), Has("command/x/field@type", "text-private"), Has("command/x/field/option/value", "wild"), Has("command/actions/complete")))
		if diff := cmp.Diff([]string{"1597"}, field(got, "ports")); diff != "" {
			t.Error(diff)
		}
		w.executes(orchard, server, "configure", sessionOf(got)+"action='next'|"+
			filled("nick=romeo", "ports=1595", "ports=1596", "pass=secret", "mood=wild", "unasked=1"))
		w.Expect(completed(orchard, server, "configure", Has("command/note@type", "info")))
		want := transport.Values{"nick": {"romeo"}, "ports": {"1595", "1596"}, "pass": {"secret"}, "mood": {"wild"}}
		if diff := cmp.Diff(want, w.stored("verona")); diff != "" {
			t.Errorf("stored (- want, + got):\n%s", diff)
		}
		w.verona.called(t, "reconfigured verona")

		t.Log("a password never comes back, and is kept if it is left empty; emptied fields are empty")
		w.executes(orchard, server, "configure", "")
		got = w.Expect(asking(orchard, server, "configure", Has("command/x/field/value", "romeo")))
		if diff := cmp.Diff([]string{}, field(got, "pass")); diff != "" {
			t.Error(diff)
		}
		w.executes(orchard, server, "configure", sessionOf(got)+"action='complete'|"+filled("nick=", "pass=", "mood=calm"))
		w.Expect(completed(orchard, server, "configure"))
		want = transport.Values{"nick": nil, "ports": nil, "pass": {"secret"}, "mood": {"calm"}}
		if diff := cmp.Diff(want, w.stored("verona")); diff != "" {
			t.Errorf("stored (- want, + got):\n%s", diff)
		}

		t.Log("- removes it; complaints are shown")
		session := w.starts(orchard, server, "configure")
		w.executes(orchard, server, "configure", session+"|"+filled("pass=-", "nick=two words"))
		w.Expect(completed(orchard, server, "configure", Has("command/note@type", "warn"), Has(noteOf, "A nick has no spaces.")))
		if v := w.stored("verona"); v["pass"] != nil || v["nick"] != nil {
			t.Errorf("stored %v", v)
		}
		session = w.starts(orchard, server, "configure")
		w.executes(orchard, server, "configure", session+"action='cancel'")
		w.Expect(result(server, orchard, Has("command@status", "canceled")))
	})
}

func TestSettingsOfTheWholeNetworkAndOfRooms(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.executes(orchard, verona, "configure", "")
		got := w.Expect(asking(orchard, verona, "configure", Has("command/x/field@type", "boolean"), Has("command/x/field/value", "true")))
		w.executes(orchard, verona, "configure", sessionOf(got)+"|"+filled("length=42", "record=0"))
		w.Expect(completed(orchard, verona, "configure"))
		if diff := cmp.Diff(transport.Values{"length": {"42"}, "record": {"false"}}, w.stored("")); diff != "" {
			t.Error(diff)
		}
		session := w.starts(orchard, garden, "configure")
		w.executes(orchard, garden, "configure", session+"|"+filled("charset=latin-1"))
		w.Expect(completed(orchard, garden, "configure"))
		if diff := cmp.Diff(transport.Values{"charset": {"latin-1"}}, w.stored(inGarden)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestARoomIsConfiguredByItsOwner(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		owner := func(typ, child string) {
			w.asks(orchard, typ, garden, `<query xmlns='http://jabber.org/protocol/muc#owner'>`+child+`</query>`)
		}
		owner("get", "")
		w.Expect(result(garden, orchard, Has("{http://jabber.org/protocol/muc#owner}query/x@type", "form"),
			Has("query/x/field/value", "http://jabber.org/protocol/muc#roomconfig"), Has("query/x/field@var", "charset")))
		owner("set", filled("ports=", "charset=latin-1"))
		w.Expect(result(garden, orchard))
		owner("set", `<x xmlns='jabber:x:data' type='submit'/>`) // as it is
		w.Expect(result(garden, orchard))
		owner("set", `<x xmlns='jabber:x:data' type='cancel'/>`)
		w.Expect(result(garden, orchard))
		if diff := cmp.Diff(transport.Values{"charset": {"latin-1"}}, w.stored(inGarden)); diff != "" {
			t.Error(diff)
		}
		owner("set", `<destroy/>`)
		w.Expect(answer(garden, orchard, StanzaError("cancel", "not-allowed")))
		owner("set", "")
		w.Expect(answer(garden, orchard, StanzaError("modify", "bad-request")))
		w.verona.change(func() { w.verona.configurable = false })
		owner("get", "")
		w.Expect(answer(garden, orchard, StanzaError("cancel", "feature-not-implemented")))
		w.asks(orchard, "get", "juliet@"+verona, `<query xmlns='http://jabber.org/protocol/muc#owner'/>`)
		w.Expect(answer("juliet@"+verona, orchard, StanzaError("cancel", "feature-not-implemented")))
	})
}

func TestSettingsAreReadAgainAfterARestart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		session := w.starts(orchard, server, "configure")
		w.executes(orchard, server, "configure", session+"|"+filled("nick=romeo", "pass=secret"))
		w.Expect(completed(orchard, server, "configure"))
		w.stop()
		w.Skip()
		w.start()
		w.starts(orchard, server, "configure", Has("command/x/field/value", "romeo"))
		if v := w.stored("verona"); v.Get("pass") != "secret" {
			t.Errorf("stored %v", v)
		}
	})
}

// What waits for the disk when a session ends is answered all the same.
func TestAnEndedSessionAnswersItsCommands(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		slow := make(chan struct{})
		w.reloads = func() ([]string, error) { <-slow; return nil, nil }
		w.executes(castle, verona, "reload", "")
		w.settle()
		w.banned.Store(escalus, true)
		w.pass(time.Minute)
		close(slow)
		w.Expect(answer(verona, castle, StanzaError("wait", "remote-server-timeout")))
		w.settle()
		w.ExpectNothing()
	})
}

// A network that panics over a setting costs its user an error, at the worst
// the session.
func TestANetworkThatPanicsOverSettingsIsAnswered(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		session := w.starts(orchard, server, "configure")
		w.executes(orchard, server, "configure", session+"|"+filled("nick=panic"))
		w.Expect(answer(server, orchard, StanzaError("cancel", "internal-server-error")))
		w.executes(orchard, server, "configure", session+"action='cancel'")
		w.Expect(result(server, orchard, Has("command@status", "canceled")))
		w.says(orchard, `<message to='%s' type='chat' id='m'><body>set verona nick panic</body></message>`, verona)
		w.Expect(Message(From(verona), ID("m"), StanzaError("cancel", "internal-server-error")))
		w.verona.refuses("reconfigured", because(transport.Internal))
		w.asks(orchard, "set", garden, `<query xmlns='http://jabber.org/protocol/muc#owner'>`+filled("charset=latin-1")+`</query>`)
		w.ExpectInAnyOrder(gone(orchard, garden, "romeo"), answer(garden, orchard, StanzaError("cancel", "internal-server-error")))
		w.joins(orchard, garden, "romeo")
		session = w.starts(orchard, server, "configure")
		w.executes(orchard, server, "configure", session+"|"+filled("nick=romeo"))
		w.Expect(completed(orchard, server, "configure"))
		w.Expect(gone(orchard, garden, "romeo"))
		w.settle()
		w.ExpectNothing()
	})
}
