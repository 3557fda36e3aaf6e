package gateway

import (
	"testing"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// A MUC tells each of a hundred puppets what it tells the plumb.
func TestWhatAPuppetHearsTakesNoPlaceInThePlumbsQueue(t *testing.T) {
	self := jid.JID{Local: "#garden", Domain: "verona.example.org", Resource: "plumb-1"}
	room := jid.JID{Local: "chapel", Domain: "conference.example.net", Resource: "juliet"}
	e := &plumbEnd{room: room.Bare(), p: &plumb{in: make(chan plumbEvent, 10)}}
	g := &Gateway{plumbing: plumbing{ends: map[jid.JID]*plumbEnd{self: e}}}
	g.plumbing.any.Store(true)
	puppet := self
	puppet.Resource += "/1"
	own := wire.New(stanza.MUCUserNamespace, "x", wire.New(stanza.MUCUserNamespace, "status").SetAttr("code", "110"))
	for _, tt := range []struct {
		name   string
		to     jid.JID
		kind   stanza.Kind
		typ    string
		with   payload
		queued int
	}{
		{"what is said, to the plumb", self, stanza.Message, stanza.Groupchat, nil, 1},
		{"what is said, to a puppet", puppet, stanza.Message, stanza.Groupchat, nil, 0},
		{"what failed", puppet, stanza.Message, stanza.ErrorType, nil, 1},
		{"another's presence", puppet, stanza.Presence, stanza.Available, nil, 0},
		{"another's presence, to the plumb", self, stanza.Presence, stanza.Available, nil, 1},
		{"its own presence", puppet, stanza.Presence, stanza.Available, own, 1},
		{"its own leaving", puppet, stanza.Presence, stanza.Unavailable, own, 1},
		{"a refused join", puppet, stanza.Presence, stanza.ErrorType, nil, 1},
	} {
		st := stanza.Stanza{Kind: tt.kind, Header: stanza.Header{From: room, To: tt.to, Type: tt.typ}}
		if tt.with != nil {
			st.Payloads = []payload{tt.with}
		}
		got, err := asReceived(st)
		if err != nil {
			t.Fatal(err)
		}
		if !g.takePlumbed(&got) || len(e.p.in) != tt.queued {
			t.Errorf("%s: %d are queued, want %d", tt.name, len(e.p.in), tt.queued)
		}
		for len(e.p.in) > 0 {
			<-e.p.in
		}
	}
}
