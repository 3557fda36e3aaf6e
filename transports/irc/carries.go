package irc

import "gatehouse/gateway/transport"

const redactionCap = "draft/message-redaction"

var (
	_ transport.Carrier     = (*session)(nil)
	_ transport.Reactions   = (*session)(nil)
	_ transport.Retractions = (*session)(nil)
	_ transport.ChatStates  = (*session)(nil)
)

// Carries implements transport.Carrier: what the server acknowledged, and does
// not deny.
func (s *session) Carries(chat transport.Address) transport.Features {
	const always = transport.CarriesActions
	if _, ok := s.network.anybodyOn(string(chat)); ok {
		return always
	}
	name, srv, err := s.network.split(chat)
	if err != nil || name == "" {
		return always
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil || l.phase != online {
		return always
	}
	features := always
	about := l.passesOn(tagReply) || l.passesOn(tagOldReply)
	if about {
		features |= transport.CarriesReplies
	}
	if about && l.passesOn(tagReact) && l.passesOn(tagUnreact) {
		features |= transport.CarriesReactions
	}
	if l.relays(name) {
		features |= transport.CarriesNames
	}
	if ch := l.channel(name); ch != nil && l.caps.on.has(renameCap) && l.isOperator(ch) {
		features |= transport.CarriesRenaming
	}
	if l.caps.on.has(markerCap) {
		features |= transport.CarriesMarkers
	}
	if l.passesOn(tagTyping) {
		features |= transport.CarriesChatStates
	}
	if l.caps.on.has(redactionCap) && l.caps.on.has("message-tags") {
		if l.echoes() { // else nobody knows the names of their own messages
			features |= transport.CarriesRetractions
		}
		if srv.isChannel(name) {
			features |= transport.CarriesModeration
		}
	}
	return features
}
