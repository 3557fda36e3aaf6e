package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway"
	"gatehouse/gateway/transport"
)

// A tally counts the answers to iqs by their ids.
type tally struct {
	mu      sync.Mutex
	w       wire.Writer
	answers map[string]int
}

func (s *tally) TrySend(st stanza.Stanza) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Reset()
	st.WriteXML(&s.w)
	if st.Kind == stanza.IQ && (st.Type == "result" || st.Type == "error") {
		s.answers[st.ID]++
	}
	return true
}

func (s *tally) Send(_ context.Context, st stanza.Stanza) error {
	s.TrySend(st)
	return nil
}

func (s *tally) Request(context.Context, stanza.Stanza) (stanza.Received, error) {
	return stanza.Received{}, context.DeadlineExceeded
}

// picks makes stanzas of bytes: elements, names and texts that mean something
// somewhere, in places where they may not.
type picks struct{ b []byte }

func (p *picks) next(n int) int {
	if len(p.b) == 0 {
		return 0
	}
	c := int(p.b[0])
	p.b = p.b[1:]
	return c % n
}

func (p *picks) of(texts ...string) string { return texts[p.next(len(texts))] }

func (p *picks) text() string {
	return p.of("", "romeo", "true", "1", "-1", "99999999999", "!help", "!set nick x", "!users", "!unregister", "#garden@"+verona, "juliet@"+verona, "#garden@"+verona+"/juliet",
		"2024-01-01T00:00:00Z", "outcast", "none", "a\u0001b\r\nQUIT", "ж/\"'@&<", "not@an@address", romeo, "urn:xmpp:mam:2", "verona", "first", "jabber:x:data")
}

func (p *picks) space() string {
	return p.of(stanza.DiscoInfoNamespace, stanza.DiscoItemsNamespace, "urn:xmpp:ping", "jabber:iq:version", "jabber:iq:last", "urn:xmpp:time",
		stanza.PromptNamespace, "vcard-temp", "urn:ietf:params:xml:ns:vcard-4.0", stanza.MUCAdminNamespace, stanza.ArchiveNamespace,
		stanza.ChannelSearchNamespace, stanza.CommandsNamespace, stanza.RegisterNamespace, stanza.MUCOwnerNamespace, stanza.MUCNamespace,
		stanza.MUCUserNamespace, stanza.FormNamespace, "http://jabber.org/protocol/rsm", "jabber:x:conference", "jabber:x:oob", stanza.Namespace,
		stanza.RosterNamespace, stanza.SearchNamespace, stanza.ModerationNamespace, stanza.RepliesNamespace, stanza.ReactionsNamespace,
		stanza.RetractionNamespace, stanza.CorrectionNamespace, stanza.FallbackNamespace, stanza.AddressNamespace, stanza.ChatStatesNamespace,
		stanza.MarkersNamespace, stanza.SFSNamespace, stanza.PrivilegeNamespaces[0])
}

func (p *picks) element(deep int) *wire.Element {
	e := wire.New(p.space(), p.of("query", "command", "x", "item", "field", "value", "set", "max", "before", "after", "invite", "reason", "body", "subject",
		"ping", "vCard", "search", "prompt", "remove", "destroy", "history", "password", "metadata", "prefs", "status", "show",
		"moderate", "retract", "replace", "reply", "fallback", "reactions", "reaction", "addresses", "address", "displayed", "privilege", "perm"))
	for range p.next(4) {
		e.SetAttr(p.of("var", "type", "node", "action", "sessionid", "nick", "jid", "role", "affiliation", "to", "from", "maxstanzas", "queryid", "id", "for", "start", "end", "uri", "access"),
			p.of("", "execute", "cancel", "submit", "form", "ping", "reload", "register", "unregister", "disconnect-user", "configure", "moderator", "none",
				"outcast", "member", "juliet", "q", "with", "start", "ids", "FORM_TYPE", "5", p.text()))
	}
	if deep == 0 || p.next(4) == 0 {
		e.AddText(p.text())
		return e
	}
	for range p.next(4) {
		e.Add(p.element(deep - 1))
	}
	return e
}

// FuzzRoute: whatever people's clients send, nothing panics, and each get and
// set is answered once.
func FuzzRoute(f *testing.F) {
	for i := range 40 {
		seed := make([]byte, 60)
		for j := range seed {
			seed[j] = byte((i + 3) * (j + 7) * (j + i) >> 1)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(transport.Info{Name: "Verona", Type: "generic", People: true, Lists: true})
			n.configurable = true
			stream := &tally{answers: map[string]int{}}
			g := gateway.New(gateway.Options{
				Log: slog.New(slog.DiscardHandler), Store: newMemory(),
				IsAdmin: func(jid.JID) bool { return true }, Reload: func() ([]string, error) { return nil, nil },
			})
			g.Add(gateway.Host{Domain: verona, Network: enrolling(n), Stream: stream, Allows: func(jid.JID) bool { return true }})
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = g.Run(ctx) })
			p := &picks{b}
			var asked []string
			for i := range 12 {
				e := wire.New(stanza.Namespace, p.of("iq", "message", "presence", "iq"))
				typ := p.of("get", "set", "set", "result", "error")
				if e.Name != "iq" {
					typ = p.of("", "chat", "groupchat", "error", "unavailable", "subscribe", "probe", "headline")
				}
				id := fmt.Sprint("ask", i)
				e.SetAttr("type", typ).SetAttr("id", id).SetAttr("from", p.of(orchard, romeo, castle)).
					SetAttr("to", p.of(verona, "#garden@"+verona, "#garden@"+verona+"/romeo", "#garden@"+verona+"/juliet", "juliet@"+verona, "verona@"+verona, "Ж\\20@"+verona))
				for range 1 + p.next(3) {
					e.Add(p.element(3))
				}
				st, err := stanza.Parse(e)
				if err != nil {
					continue
				}
				if e.Name == "iq" && (typ == "get" || typ == "set") {
					asked = append(asked, id)
				}
				g.Route(&st)
				if p.next(3) == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			time.Sleep(3 * time.Minute)
			stop()
			running.Wait()
			for _, id := range asked {
				if stream.answers[id] != 1 {
					t.Errorf("%s has %d answers", id, stream.answers[id])
				}
			}
			if c := g.Counts(); c.Panics > 0 {
				t.Errorf("%d panics", c.Panics)
			}
		})
	})
}
