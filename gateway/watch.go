package gateway

import (
	"context"
	"slices"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// People in the roster are watched while there is a link for another reason:
// none is opened or kept for them. Without one they are unavailable.

// watch has the network tell when somebody comes and goes.
func (s *session) watch(ctx context.Context, who transport.Address) {
	w, ok := s.link.(transport.Watching)
	if !ok {
		return
	}
	if err := w.Watch(ctx, who); err != nil {
		s.log().Info("somebody in the roster is not watched", "err", err)
	}
}

// watchRoster does the same for all the roster, once there is a link.
func (s *session) watchRoster(ctx context.Context) {
	if _, ok := s.link.(transport.Watching); !ok {
		return
	}
	for contact, sub := range s.roster {
		if !sub.From || contact == "" {
			continue
		}
		if a, kind, err := s.host.resolve(jid.JID{Local: contact, Domain: s.host.Domain}); err == nil && kind == transport.Person {
			s.watch(ctx, a)
		}
	}
}

func (s *session) unwatch(ctx context.Context, who transport.Address) {
	delete(s.seen, who)
	w, ok := s.link.(transport.Watching)
	if !ok {
		return
	}
	if err := w.Unwatch(ctx, who); err != nil {
		s.log().Info("somebody is still watched", "err", err)
	}
}

// receivePresence shows somebody on the network whom the user watches.
func (s *session) receivePresence(e transport.PresenceChanged) {
	from := s.at(e.Who)
	if !s.roster[from.Local].From {
		return
	}
	if s.host.info.Reachable {
		s.send(s.host.contactPresence(s.user, from.Local, stanza.Available))
		return
	}
	if s.seen == nil {
		s.seen = map[transport.Address]transport.Availability{}
	}
	if s.seen[e.Who] = e.Availability; !e.Online {
		delete(s.seen, e.Who)
	}
	s.showPerson(e.Who, e.Availability)
}

// showPerson sends the presence of somebody on the network.
func (s *session) showPerson(who transport.Address, a transport.Availability) {
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: s.at(who), To: s.user}}
	if !a.Online {
		st.Type = stanza.Unavailable
	}
	if a.Show != "" {
		st.Payloads = append(st.Payloads, stanza.Show(a.Show))
	}
	f := s.faceOf(who)
	if f != nil && a.Online && a.Status == "" {
		a.Status = f.Status
	}
	if a.Status != "" {
		st.Payloads = append(st.Payloads, stanza.Status(a.Status))
	}
	if a.Online {
		st.Payloads = append(st.Payloads, s.nickOf(who))
		st.Payloads = append(st.Payloads, s.host.avatarUpdate(f)...)
		s.wish(who, f)
	}
	s.send(st)
}

// nickOf spells the name of a person as they do (XEP-0172 §4.1): an address is
// in lower case.
func (s *session) nickOf(who transport.Address) payload {
	if f := s.faceOf(who); f != nil && f.Name != "" {
		return nickname(f.Name)
	}
	name, _ := s.nameOfContact(who)
	if known, ok := s.link.(transport.Acquaintances); ok {
		if m, ok := known.Acquaintance(who); ok && m.Nick != "" {
			name = m.Nick
		}
	}
	return nickname(name)
}

func nickname(name string) payload {
	return wire.NewText("http://jabber.org/protocol/nick", "nick", name)
}

// showContact sends the presence of one of our addresses, where it has one.
// Asked says that the user's server wants to know, even that there is none.
func (s *session) showContact(contact jid.JID, a transport.Address, kind transport.Kind, asked bool) {
	switch {
	case contact.Local == "":
		s.showGateway()
	case kind == transport.Person && s.host.info.Reachable:
		s.send(s.host.contactPresence(s.user, contact.Local, stanza.Available))
	case kind == transport.Server && (asked || s.links[a]):
		s.showServer(a, "")
	case kind == transport.Person:
		if seen := s.seen[a]; seen.Online || asked && s.host.info.People {
			s.showPerson(a, seen)
		}
	}
}

// showGateway sends the gateway's own presence, which says what the user is
// connected to.
func (s *session) showGateway() {
	st := s.host.contactPresence(s.user, "", stanza.Available)
	var up []string
	for server, is := range s.links {
		if is && server != "" {
			name, _ := s.host.nameOf(server)
			up = append(up, name)
		}
	}
	if len(up) > 0 {
		slices.Sort(up)
		st.Payloads = append([]payload{stanza.Status("Connected to " + strings.Join(up, ", "))}, st.Payloads...)
		if home := s.faceOf(s.host.info.Home); home != nil {
			st.Payloads = append(st.Payloads, s.host.avatarUpdate(home)...)
			s.wish(s.host.info.Home, home)
		}
	}
	s.send(st)
}

// hideContact takes back what showContact showed.
func (s *session) hideContact(contact jid.JID, kind transport.Kind) {
	if kind == transport.Person && s.host.info.Reachable {
		s.send(s.host.contactPresence(s.user, contact.Local, stanza.Unavailable))
		return
	}
	s.tell(contact, stanza.Unavailable, "")
}

// showServer sends whether the link to a server is up, and if not, why.
func (s *session) showServer(a transport.Address, why string) {
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: s.at(a), To: s.user}}
	name, _ := s.host.nameOf(a)
	switch {
	case s.links[a]:
		why = "Connected to " + name
		st.Payloads = s.host.avatarUpdate(s.faceOf(a))
		s.wish(a, s.faceOf(a))
	default:
		st.Type = stanza.Unavailable
	}
	if why != "" {
		st.Payloads = append(st.Payloads, stanza.Status(why))
	}
	s.send(st)
}

// showLink tells those who have the server or the gateway in their roster.
func (s *session) showLink(server transport.Address, why string) {
	if server == "" {
		return
	}
	if s.roster[s.at(server).Local].From {
		s.showServer(server, why)
	}
	if s.roster[""].From {
		s.showGateway()
	}
}
