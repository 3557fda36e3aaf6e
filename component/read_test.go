package component

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
)

func TestMalformedStanzasAreAnsweredHere(t *testing.T) {
	tests := []struct {
		name, xml string
		want      Matcher
	}{
		{
			"iq without id",
			`<iq from="romeo@example.org/o" to="irc.example.org" type="get"><ping xmlns="urn:xmpp:ping"/></iq>`,
			IQ(From("irc.example.org"), To("romeo@example.org/o"), ID(""), StanzaError("modify", "bad-request")),
		},
		{
			"iq of an unknown type",
			`<iq from="romeo@example.org/o" to="irc.example.org" type="bogus" id="1"><ping xmlns="urn:xmpp:ping"/></iq>`,
			IQ(ID("1"), StanzaError("modify", "bad-request")),
		},
		{
			"iq without a child",
			`<iq from="romeo@example.org/o" to="irc.example.org" type="get" id="2"/>`,
			IQ(ID("2"), StanzaError("modify", "bad-request")),
		},
		{
			"iq with two children",
			`<iq from="romeo@example.org/o" to="irc.example.org" type="set" id="3"><a xmlns="a"/><b xmlns="b"/></iq>`,
			IQ(ID("3"), StanzaError("modify", "bad-request")),
		},
		{
			"address that cannot be prepared",
			`<message from="romeo@example.org/o" to="a&quot;b@irc.example.org" id="4"><body>hi</body></message>`,
			Message(From("irc.example.org"), ID("4"), StanzaError("modify", "jid-malformed")),
		},
		{
			"stanza over the size limit",
			`<message from="romeo@example.org/o" to="juliet@irc.example.org" id="5"><body>` + longText(2<<20) + `</body></message>`,
			Message(From("juliet@irc.example.org"), To("romeo@example.org/o"), ID("5"), StanzaError("modify", "policy-violation")),
		},
		{
			"domain that is not ours",
			`<message from="romeo@example.org/o" to="1@sms.example.org" id="6"><body>hi</body></message>`,
			Message(From("1@sms.example.org"), To("romeo@example.org/o"), ID("6"), StanzaError("cancel", "item-not-found")),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				w.Connected().Write(tt.xml)
				w.Expect(tt.want)
				w.hearsNothing()
				w.Send(incoming("goes on"))
				w.hears("goes on")
			})
		})
	}
}

func TestWhatCannotBeAnsweredIsDropped(t *testing.T) {
	tests := []struct{ name, xml string }{
		{"error for a malformed address", `<message from="romeo@example.org" to="a&quot;b@irc.example.org" type="error"/>`},
		{"sender that cannot be prepared", `<message from="a&quot;b@example.org" to="irc.example.org"><body>hi</body></message>`},
		{"no sender", `<message to="irc.example.org"><body>hi</body></message>`},
		{"no recipient", `<message from="romeo@example.org"><body>hi</body></message>`},
		{"our own domain as the sender", `<message from="juliet@irc.example.org" to="romeo@irc.example.org"><body>hi</body></message>`},
		{"result of no request", `<iq from="romeo@example.org" to="irc.example.org" type="result" id="x"/>`},
		{"error of no request", `<iq from="romeo@example.org" to="irc.example.org" type="error" id="x"/>`},
		{"unknown element", `<strange xmlns="urn:strange"><message from="a@b" to="irc.example.org"/></strange>`},
		{"error for a foreign domain", `<message from="romeo@example.org" to="sms.example.org" type="error"/>`},
		{"oversized error", `<message from="romeo@example.org" to="irc.example.org" type="error"><body>` + longText(2<<20) + `</body></message>`},
		{"oversized stanza without sender", `<message to="irc.example.org"><body>` + longText(2<<20) + `</body></message>`},
		{"white space", "\n  \t "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				w.Connected().Write(tt.xml)
				w.hearsNothing()
				w.ExpectNothing()
				w.Send(incoming("goes on"))
				w.hears("goes on")
			})
		})
	}
}

func TestBadXMLEndsTheStreamWithAnErrorAndItComesBack(t *testing.T) {
	for name, tt := range map[string]struct{ xml, condition string }{
		"not well-formed":  {`<message from="a@b"></presence>`, "not-well-formed"},
		"entity":           {`<message>&nbsp;</message>`, ""},
		"comment":          {`<!-- why -->`, "restricted-xml"},
		"invalid UTF-8":    {"<message><body>\xff</body></message>", ""},
		"declares a DTD":   {`<!DOCTYPE a>`, "restricted-xml"},
		"control":          {"<message><body>\x01</body></message>", ""},
		"restarted server": {Header("irc.example.org", "again"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				st := w.Connected()
				time.Sleep(2 * time.Minute)
				st.Write(tt.xml)
				w.goesDown()
				last := st.WaitError()
				if last == "" || tt.condition != "" && last != tt.condition {
					t.Errorf("stream ended with error %q, want %q", last, tt.condition)
				}
				w.goesUp()
			})
		})
	}
}

func TestStanzaCutOffByARestartIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		st := w.Connected()
		st.Write(`<message from="romeo@example.org" to="irc.example.org"><body>half a`)
		synctest.Wait()
		st.Break()
		w.goesDown()
		w.goesUp()
		w.hearsNothing()
	})
}

func TestPanicInTheHandlerCostsOneStanza(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		next := w.group.handle
		w.group.handle = func(r *stanza.Received) {
			if strings.Contains(r.Child(stanza.Namespace, "body").Content(), "boom") {
				panic("boom")
			}
			next(r)
		}
		w.goesUp()
		w.Send(incoming("boom"))
		w.Send(incoming("goes on"))
		w.hears("goes on")
		w.logged(1, "panic while handling a stanza")
		if w.c.Health().Panics != 1 {
			t.Error("not counted")
		}
	})
}

func TestServerThatIsStoppedIsLeftInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Connected().Shut()
		w.goesDown()
		synctest.Wait()
		w.logged(1, "the server closed the stream")
		w.goesUp()
	})
}

func TestStreamErrorIsLoggedWithItsCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Connected().Fail("invalid-from", "you are not he")
		w.goesDown()
		synctest.Wait()
		w.logged(1, "condition=invalid-from")
		w.logged(1, "you are not he")
	})
}
