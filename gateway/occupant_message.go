package gateway

import (
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// showAside shows a private message as that of an occupant to those of the
// user's clients that are in the room where it belongs (XEP-0045 §7.5), and says
// whether there are any.
func (s *session) showAside(m transport.Message, st stanza.Stanza) (shown bool) {
	r := s.rooms[m.Room]
	if m.Room == "" || r == nil || !r.joined {
		return false
	}
	nick := ""
	for _, member := range s.members(r) {
		if member.Who == m.Chat {
			nick = member.Nick
			break
		}
	}
	if nick == "" {
		return false
	}
	s.showFirst(r, nick)
	st.From = r.jid.WithResource(nick)
	st.Payloads = append(st.Payloads, wire.New(stanza.MUCUserNamespace, "x"), s.host.occupantID(r.address, m.Sender, nick))
	r.each(func(to jid.JID) {
		st.To, shown = to, true
		s.send(st)
	})
	return shown
}
