package gateway

import (
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const historyLength = 20 // messages that a room remembers for clients that come later

// A history is the last messages of a room, oldest first.
type history struct{ said []said }

// said is one message as all clients of the user saw it.
type said struct {
	nick, text   string
	file         *stanza.File // whose link the text is; nil: none
	occupant     stanza.OccupantID
	id, stanzaID string
	fresh        bool   // stanzaID was made here: the network has none
	origin       string // XEP-0359 §3.2; may be empty
	at           time.Time
	extras       []payload // what it is beside its text
	markable     bool      // the network wants to know that it was read
}

func (h *history) add(m said) {
	if len(h.said) == historyLength {
		copy(h.said, h.said[1:])
		h.said = h.said[:historyLength-1]
	}
	h.said = append(h.said, m)
}

// within gives what the limits allow, oldest first (XEP-0045 §7.2.15).
// Characters are counted in the text alone: the XEP counts whole stanzas, which
// clients can't foresee, and use only as 0.
func (h *history) within(l stanza.HistoryLimits) []said {
	first := len(h.said)
	chars := 0
	for i := len(h.said) - 1; i >= 0; i-- {
		m := h.said[i]
		chars += utf8.RuneCountInString(m.text)
		switch {
		case l.MaxStanzas >= 0 && len(h.said)-i > l.MaxStanzas,
			l.MaxChars >= 0 && chars > l.MaxChars,
			m.at.Before(l.Since):
			return h.said[first:]
		}
		first = i
	}
	return h.said[first:]
}

// past is a message of before the join (XEP-0045 §7.2.14).
func (r *room) past(to jid.JID, m said) stanza.Stanza {
	st := r.message(to, m)
	st.Payloads = append(st.Payloads, stanza.Delay{From: r.jid.String(), At: m.at})
	return st
}

// message is one that somebody in the room said.
func (r *room) message(to jid.JID, m said) stanza.Stanza { return m.stanza(r.jid, to) }

// stanza shows a message in a room to one client.
func (m said) stanza(room, to jid.JID) stanza.Stanza {
	u := &utterance{said: m, room: room}
	u.payloads[0] = u
	return u.stanza(to)
}

// An utterance is what all who are in a room get of one message: it is its own
// only payload, so that it costs no more the more see it.
type utterance struct {
	said
	room     jid.JID
	payloads [1]payload
}

func (u *utterance) stanza(to jid.JID) stanza.Stanza {
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: u.room, To: to, Type: stanza.Groupchat, ID: u.id},
		Payloads: u.payloads[:],
	}
	if !isModeration(u.extras) {
		st.From.Resource = u.nick
	}
	return st
}

// WriteXML implements wire.Payload.
func (u *utterance) WriteXML(w *wire.Writer) {
	switch {
	case u.file != nil:
		for _, p := range bodyOf(u.text, u.file) {
			p.WriteXML(w)
		}
	case u.text != "":
		stanza.Body(u.text).WriteXML(w)
	}
	stanza.StanzaID{ID: u.stanzaID, By: u.room}.WriteXML(w)
	if u.occupant != "" {
		u.occupant.WriteXML(w)
	}
	if u.origin != "" {
		stanza.OriginID(u.origin).WriteXML(w)
	}
	for _, p := range u.extras {
		p.WriteXML(w)
	}
	if u.markable {
		stanza.Markable{}.WriteXML(w)
	}
}

// utterances are used again: a stream has written a stanza when it has taken it.
var utterances = sync.Pool{New: func() any {
	u := &utterance{}
	u.payloads[0] = u
	return u
}}

// utter shows a message to all the user's clients in the room.
func (s *session) utter(r *room, m said) {
	u := utterances.Get().(*utterance)
	u.said, u.room = m, r.jid
	r.each(func(to jid.JID) { s.send(u.stanza(to)) })
	u.said, u.room = said{}, jid.JID{}
	utterances.Put(u)
}
