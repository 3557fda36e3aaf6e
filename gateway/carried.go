package gateway

import (
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// carriedFeatures are those of an address that has them only where, and as long
// as, the network carries them.
var carriedFeatures = []struct {
	needs transport.Features
	name  string
}{
	{transport.CarriesReplies, stanza.RepliesNamespace},
	{transport.CarriesReactions, stanza.ReactionsNamespace},
	{transport.CarriesRetractions, stanza.RetractionNamespace},
	{transport.CarriesModeration, stanza.ModerationNamespace},
	{transport.CarriesCorrections, stanza.CorrectionNamespace},
	{transport.CarriesChatStates, stanza.ChatStatesNamespace},
	{transport.CarriesMarkers, stanza.MarkersNamespace},
}

// carriedIn gives those of a chat, as the user's link knows them. The session
// is nil for strangers.
func (s *session) carriedIn(t target) (names []string) {
	if s == nil {
		return nil
	}
	has := s.carries(place{chat: t.address, nick: t.occupant})
	for _, f := range carriedFeatures {
		// A moderator moderates a room, and nobody in it.
		if has.Has(f.needs) && (t.kind == toRoom || f.needs != transport.CarriesModeration) {
			names = append(names, f.name)
			if f.needs == transport.CarriesRetractions && s.host.archives() {
				names = append(names, stanza.RetractionTombstone)
			}
		}
	}
	return names
}
