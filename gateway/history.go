package gateway

import (
	"time"
	"unicode/utf8"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
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
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: room.WithResource(m.nick), To: to, Type: stanza.Groupchat, ID: m.id},
		Payloads: make([]payload, 0, 4),
	}
	if isModeration(m.extras) {
		st.From = room
	}
	switch {
	case m.file != nil:
		st.Payloads = append(st.Payloads, bodyOf(m.text, m.file)...)
	case m.text != "":
		st.Payloads = append(st.Payloads, stanza.Body(m.text))
	}
	st.Payloads = append(st.Payloads, stanza.StanzaID{ID: m.stanzaID, By: room.String()})
	if m.occupant != "" {
		st.Payloads = append(st.Payloads, m.occupant)
	}
	if m.origin != "" {
		st.Payloads = append(st.Payloads, stanza.OriginID(m.origin))
	}
	st.Payloads = append(st.Payloads, m.extras...)
	return st
}
