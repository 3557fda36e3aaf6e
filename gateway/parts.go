package gateway

import (
	"context"
	"slices"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxParts   = 256 // further names that a session remembers
	maxPartsOf = 32  // of one message
)

// A part is one of the further messages that a message of the user's is on the
// network. Most are one, so memory has no place for them in each.
type part struct {
	chat   transport.Address
	of, id transport.MessageID // the first's name, and its own
	shown  bool                // in a room: clients know it as a message too
}

// addPart learns of a further message that one of the user's is.
func (s *session) addPart(chat transport.Address, n note, id transport.MessageID, shown bool) {
	if id == "" || n.id == "" {
		return
	}
	m := s.memory.find(func(m *spoken) bool { return m.own && m.chat == chat && m.stanzaID == n.id })
	if m == nil || m.id == "" || m.id == id || len(s.memory.partsOf(m.chat, m.id)) >= maxPartsOf {
		return
	}
	if len(s.memory.parts) >= maxParts {
		s.memory.parts = slices.Delete(s.memory.parts, 0, 1)
	}
	s.memory.parts = append(s.memory.parts, part{m.chat, m.id, transport.MessageID(strings.Clone(string(id))), shown})
}

func (m *memory) partsOf(chat transport.Address, id transport.MessageID) (all []part) {
	for _, p := range m.parts {
		if p.chat == chat && p.of == id {
			all = append(all, p)
		}
	}
	return all
}

// whole gives the name of the message that clients know, for that of a part of
// it: what is done to one line is done to the message.
func (s *session) whole(chat transport.Address, id transport.MessageID) transport.MessageID {
	for _, p := range s.memory.parts {
		if p.id == id && p.chat == chat && !p.shown {
			return p.of
		}
	}
	return id
}

// retractParts takes back what a message is beside the first. Clients are told
// only of what they know as a message.
func (s *session) retractParts(ctx context.Context, r transport.Retractions, st *stanza.Received, p place, of transport.MessageID) {
	for _, part := range s.memory.partsOf(p.with, of) {
		retraction := transport.Retraction{Chat: p.chat, Nick: p.nick, ID: part.id}
		if !part.shown {
			retraction.Request = s.noteOf(st, noteAnew).request()
		}
		if err := r.Retract(ctx, retraction); err != nil {
			s.log().Info("a part of a message that was taken back is still there", "err", err)
		}
	}
}
