package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	contactKind    = "contact" // of the records
	maxContactName = 128       // bytes
)

// A contact is what is remembered of somebody whom the user knows on a network
// where people are always reachable. The names are in the order in which they
// count.
type contact struct {
	Set     string            `json:",omitempty"` // the user gave it to them by a command,
	Roster  string            `json:",omitempty"` // or in their roster
	Books   map[string]string `json:",omitempty"` // they have in address books, by bookSources
	Network string            `json:",omitempty"` // the network told

	Shown string  `json:",omitempty"` // the name that we put into the roster
	Known knowing `json:",omitempty"`
	Gone  bool    `json:",omitempty"` // the user took them out of the roster, or did not want them in it
}

// A knowing is how the user's roster came to know a contact.
type knowing int

const (
	unknownYet knowing = iota
	byAsking           // a subscription was asked for
	byOffer            // a client got them as a suggestion
	inRoster           // they are in it
)

// name is what to call them; empty if there is nothing but their address.
func (c contact) name() string {
	if c.Set != "" {
		return c.Set
	}
	if c.Roster != "" {
		return c.Roster
	}
	return c.given()
}

// given is the name that did not come from the roster.
func (c contact) given() string {
	if c.Set != "" {
		return c.Set
	}
	for _, source := range bookSources {
		if c.Books[source] != "" {
			return c.Books[source]
		}
	}
	return c.Network
}

// keepsContacts says that people of the network are contacts like any other:
// always there, and with names of the user's own.
func (h *host) keepsContacts() bool { return h.info.Reachable }

// writeContact stores a contact, or removes one of whom nothing is known.
func (h *host) writeContact(ctx context.Context, name contactName, c contact) error {
	records := h.gateway.Store.Records(h.Domain)
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if string(value) == "{}" {
		return records.Delete(ctx, name.user, contactKind, name.contact)
	}
	return records.Put(ctx, transport.RecordItem{User: name.user, Kind: contactKind, Key: name.contact, Value: value})
}

// loadContacts reads whom the user knows.
func (s *session) loadContacts(ctx context.Context) {
	if !s.host.keepsContacts() {
		return
	}
	s.contacts = map[transport.Address]contact{}
	items, err := s.host.gateway.Store.Records(s.host.Domain).OfUser(ctx, s.user.String(), contactKind)
	if err != nil {
		s.log().Error("the user's contacts can't be read", "err", err)
	}
	for _, i := range items {
		var c contact
		if err := json.Unmarshal(i.Value, &c); err != nil {
			s.log().Error("a contact can't be read", "err", err)
			continue
		}
		s.contacts[transport.Address(i.Key)] = c
	}
	s.host.keptPeople.each(s.user.String(), func(name contactName, c contact) {
		s.contacts[transport.Address(name.contact)] = c
	})
}

// changeContact changes what is remembered of somebody, and has it stored. It
// never waits. False means that there are too many contacts.
func (s *session) changeContact(a transport.Address, change func(*contact)) bool {
	c, known := s.contacts[a]
	if s.contacts == nil || !known && len(s.contacts) >= maxContacts {
		return false
	}
	was, err := json.Marshal(c)
	change(&c)
	is, err2 := json.Marshal(c)
	if err != nil || err2 != nil || string(was) == string(is) {
		return true
	}
	s.contacts[a] = c
	if string(is) == "{}" {
		delete(s.contacts, a)
	}
	s.host.keptPeople.put(contactName{s.user.String(), string(a)}, c)
	if naming, ok := s.link.(transport.Naming); ok {
		naming.Called(a, c.name())
	}
	return true
}

// tellNames tells a link that was just opened what the user calls people.
func (s *session) tellNames() {
	naming, ok := s.link.(transport.Naming)
	if !ok {
		return
	}
	for a, c := range s.contacts {
		if name := c.name(); name != "" {
			naming.Called(a, name)
		}
	}
}

// cleanName makes one line of a name, of a length that servers take.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	for len(name) > maxContactName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// contactName is what the user calls somebody; named is false if that is only
// their address.
func (s *session) nameOfContact(a transport.Address) (name string, named bool) {
	if name = s.contacts[a].name(); name != "" {
		return name, true
	}
	name, _ = s.host.nameOf(a)
	return name, name != string(a)
}

// givenName is the name that we would put into the roster; it may be empty.
func (s *session) givenName(a transport.Address) string {
	if name := s.contacts[a].given(); name != "" {
		return name
	}
	if name, _ := s.host.nameOf(a); name != string(a) {
		return name
	}
	return ""
}

// receiveContact takes what the network calls somebody.
func (s *session) receiveContact(e transport.ContactChanged) {
	if !s.host.keepsContacts() {
		return
	}
	s.changeContact(e.Who, func(c *contact) { c.Network = cleanName(e.Name) })
	s.renamed(e.Who)
}

// contactRemoved is called when the user took somebody out of their roster.
func (s *session) contactRemoved(ctx context.Context, a transport.Address) {
	if !s.host.keepsContacts() {
		return
	}
	s.changeContact(a, func(c *contact) { c.Gone, c.Known, c.Shown, c.Roster = true, unknownYet, "", "" })
	s.log().Debug("a contact is gone from the roster")
	if r, ok := s.link.(transport.Removals); ok {
		if err := r.ContactRemoved(ctx, a); err != nil {
			s.log().Warn("the network was not told that a contact is removed", "err", err)
		}
	}
}

// contactBack is called when somebody is in the user's roster. It matters if
// the user had taken them out.
func (s *session) contactBack(ctx context.Context, a transport.Address) {
	if !s.contacts[a].Gone {
		return
	}
	s.changeContact(a, func(c *contact) { c.Gone = false })
	if r, ok := s.link.(transport.Removals); ok {
		if err := r.ContactBack(ctx, a); err != nil {
			s.log().Warn("the network was not told that a contact is back", "err", err)
		}
	}
}

// forgetContacts is called when all that is stored of the user is gone.
func (s *session) forgetContacts() {
	for a := range s.contacts {
		s.host.keptPeople.put(contactName{s.user.String(), string(a)}, contact{})
	}
	clear(s.contacts)
	clear(s.toBring)
	s.book, s.rosterGroup = addressBook{}, ""
}

// receiveRosterPush takes a change in the user's roster, from a server that
// tells (XEP-0356 §4.4). It comes in the user's own name.
func (s *session) receiveRosterPush(ctx context.Context, st *stanza.Received) (taken bool) {
	if !s.host.keepsContacts() || st.To.Local != "" || st.From.Resource != "" || !s.host.grantOf(s.user).Get {
		return false
	}
	for _, i := range stanza.ReadRoster(st.Payload(), s.host.Domain) {
		if a, kind, err := s.host.resolve(i.JID); err == nil && kind == transport.Person {
			there := i.Subscription != "remove"
			if there {
				s.contactBack(ctx, a)
			}
			s.noteRosterItem(a, i, there)
		}
	}
	s.send(st.Result())
	return true
}

// noteRosterItem notes what the user calls somebody.
func (s *session) noteRosterItem(a transport.Address, i stanza.RosterItem, there bool) {
	s.changeContact(a, func(c *contact) {
		if !there {
			c.Roster = ""
			return
		}
		c.Known, c.Gone = inRoster, false
		if name := cleanName(i.Name); name == c.Shown {
			c.Roster = ""
		} else {
			c.Roster = name
		}
	})
}
