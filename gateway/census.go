package gateway

import (
	"context"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// countFirst asks the network who is in a room before it is told who is what
// there (XEP-0045 §9.5), where that is not known of all.
func (s *session) countFirst(ctx context.Context, st *stanza.Received, t target, wanted []stanza.MUCItem) (taken bool) {
	census, can := s.link.(transport.Census)
	if !can || t.kind != toRoom || s.roomOf(st, t.address) == nil || len(wanted) != 1 ||
		wanted[0].Affiliation == affiliationNames[transport.Outcast] || (wanted[0].Role == "") == (wanted[0].Affiliation == "") {
		return false
	}
	request, ok := s.keepIQ(st, 1, func(transport.Event) payload {
		list, refused := s.host.answerAffiliations(s, st, t)
		if refused != nil { // they have left meanwhile
			return stanza.MUCAdmin{}
		}
		return list
	})
	if !ok {
		return true
	}
	if err := census.Count(ctx, t.address, request); err != nil {
		s.answerKept(request, nil, err)
	}
	return true
}
