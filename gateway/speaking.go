package gateway

import (
	"slices"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// A session of a plumb speaks for many (plumb.go): each message says for whom,
// by a nick (XEP-0172) that no other session heeds.

// voiceOf says for whom a message is spoken; empty: for the user.
func (s *session) voiceOf(st *stanza.Received) string {
	if !s.plumbs() {
		return ""
	}
	const longest = 256
	name := st.Child("http://jabber.org/protocol/nick", "nick").Content()
	return strings.ToValidUTF8(name[:min(len(name), longest)], "")
}

// speakAs gives the name that the network says a text under, or puts it into
// the text.
func (s *session) speakAs(p place, text string) (as, said string) {
	if s.carries(p).Has(transport.CarriesNames) {
		return p.as, text
	}
	return "", insteadOf(aName, p.room != nil, words{text: text, nick: p.as}).text
}

// whoseFor corrects whose words a reply is about: what was spoken for others is
// theirs.
func (p place) whoseFor(w *words, m stanza.Meaning) {
	if p.as == "" {
		return
	}
	if whose := resourceOf(m.Reply.To); whose != "" {
		w.whose, w.own = whose, whose == p.as
	}
}

// unshared takes out of a change of reactions what the network has of one
// speaker because of somebody else for whom it speaks.
func (t thoughts) unshared(key thought, add, remove []string) (added, removed []string) {
	others := map[string]bool{}
	for other, emoji := range t {
		if other.chat == key.chat && other.id == key.id && other.own && other.nick != "" && other.nick != key.nick {
			for _, e := range emoji {
				others[e] = true
			}
		}
	}
	shared := func(e string) bool { return others[e] }
	return slices.DeleteFunc(slices.Clone(add), shared), slices.DeleteFunc(slices.Clone(remove), shared)
}
