package component

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// FuzzServerInput reads whatever a server may send, with what a stranger may
// make it send in it: no input panics, and what is answered can be read.
func FuzzServerInput(f *testing.F) {
	for _, seed := range []string{
		incoming("hi"),
		`<iq from="irc.example.org/TOKEN" to="irc.example.org/TOKEN" type="get" id="TOKEN.c8"><ping xmlns="urn:xmpp:ping"/></iq>`,
		`<iq from="irc.example.org/TOKEN" to="irc.example.org/TOKEN" type="get" id="TOKEN.b99999999999"/>`,
		`<iq from="a@b/c" to="irc.example.org" type="bogus"/><presence from="a@b" to="&lt;@irc.example.org"/>`,
		`<message from="a@b" to="1@sms.example.org" id="&#10;"/>`,
		`<stream:error><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`,
		`<iq from="a@b" to="irc.example.org" type="error" id="x"/></stream:stream>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, xml string) {
		g := NewGroup(func(r *stanza.Received) {
			if r.From.Domain == "" || r.To.Domain != domain {
				t.Errorf("handled %s", componenttest.Pretty(r.Element))
			}
		})
		c := g.Add(Options{Domain: domain})
		s := newStream(c, benchConn{}, wire.NewReader(strings.NewReader(componenttest.Header(domain, "id")+xml), wire.DefaultLimits))
		s.token = "TOKEN"
		s.ping, s.pong = pingTexts(domain, s.token)
		s.number = c.out.hold()
		g.join(s)
		if _, err := s.in.Open(); err != nil {
			t.Fatal(err)
		}
		if p := s.read(); p == nil || p.text == "" {
			t.Fatal("the stream ended without a reason")
		}
		c.out.open(s.upAt)
		var b batch
		c.out.take(&b, s.upAt, s.barrier)
		answers := wire.NewReader(strings.NewReader(componenttest.Header(domain, "id")+string(b.xml)+streamEnd), wire.DefaultLimits)
		if _, err := answers.Open(); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := answers.Next(); errors.Is(err, wire.ErrStreamClosed) {
				return
			} else if err != nil {
				t.Fatalf("answer %q: %v", b.xml, err)
			}
		}
	})
}
