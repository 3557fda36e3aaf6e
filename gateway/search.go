package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const maxFound = 100 // people that one search gives

// searches says that the user can look for people (XEP-0055).
func (s *session) searches() bool { return s.host.keepsContacts() && s.isServed() }

// sendSearch looks among the user's own contacts and in their own history: for
// a part of a name, or of a number.
func (s *session) sendSearch(_ context.Context, st *stanza.Received) (taken bool) {
	if st.To.Local != "" || !s.searches() {
		return false
	}
	if st.Type == stanza.Get {
		s.send(st.Result(stanza.Search{Instructions: "Look for people by a part of their name or number. Nothing at all finds everybody whom you know."}))
		return true
	}
	text, form := stanza.ReadSearch(st.Payload())
	known := map[transport.Address]bool{}
	for a := range s.contacts {
		known[a] = true
	}
	for local := range s.roster {
		if a, kind, err := s.host.resolve(s.host.contactJID(local)); err == nil && kind == transport.Person {
			known[a] = true
		}
	}
	s.aside(st, func(ctx context.Context) func(context.Context) {
		chats, err := s.host.gateway.Store.Archive().Chats(ctx, s.host.Domain, s.user.String())
		return func(context.Context) {
			if err != nil {
				s.fail(st, err)
				return
			}
			for _, a := range chats {
				if s.isPerson(a) {
					known[a] = true
				}
			}
			s.send(st.Result(stanza.Found{Form: form, People: s.find(known, text)}))
		}
	})
	return true
}

// find gives those whose name or number has the text in it, by name.
func (s *session) find(known map[transport.Address]bool, text string) (found []stanza.FoundPerson) {
	wanted, digits := strings.ToLower(text), digitsOf(text)
	for a := range known {
		name, _ := s.nameOfContact(a)
		number := s.host.phoneOf(a)
		byName := strings.Contains(strings.ToLower(name), wanted) || strings.Contains(strings.ToLower(string(a)), wanted)
		if byName || digits != "" && strings.Contains(digitsOf(number), digits) {
			found = append(found, stanza.FoundPerson{JID: s.at(a), Name: name, Number: number})
		}
	}
	slices.SortFunc(found, func(a, b stanza.FoundPerson) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.JID.Local, b.JID.Local))
	})
	return found[:min(len(found), maxFound)]
}

// digitsOf leaves only digits of what may be a number as people write them. It
// is empty if it is none, or too short to say anything.
func digitsOf(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsLetter(r):
			return ""
		}
	}
	if b.Len() < 3 {
		return ""
	}
	return strings.TrimPrefix(b.String(), "00")
}

// phoneOf gives the number of an address, if it has one.
func (h *host) phoneOf(a transport.Address) string {
	p, ok := h.Network.(transport.Phones)
	if !ok {
		return ""
	}
	number, _ := p.Phone(a)
	return number
}
