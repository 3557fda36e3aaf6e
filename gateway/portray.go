package gateway

import (
	"context"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

const (
	portrayPeriod = time.Hour   // after which the user's profile is read again
	portrayPause  = time.Minute // before which it is not
	avatarNode    = "urn:xmpp:avatar:metadata"
	pubsubSpace   = "http://jabber.org/protocol/pubsub"
)

// portray shows the network who the user is, as their own server tells everybody:
// the name of their vCard (XEP-0054), and the avatar that they published with a
// web address (XEP-0084 §4.2.1). It is done where the user wants it, now and
// then, and when a client shows another avatar.
func (s *session) portray(now time.Time, changed bool) {
	p, ok := s.link.(transport.Portraying)
	if !ok || !p.Portrays() {
		return
	}
	fs := s.allFaces()
	since := now.Sub(fs.portrayed)
	if fs.portraying || since < portrayPause || since < portrayPeriod && !changed && !fs.altered {
		fs.altered = fs.altered || changed
		return
	}
	fs.portraying, fs.portrayed, fs.altered = true, now, false
	s.running.Go(func() {
		f := fetched{portrait: &transport.Face{}}
		s.host.guard("the portrait of "+s.bare, func() {
			ctx, cancel := context.WithTimeout(s.closing, callTimeout)
			defer cancel()
			f.came = s.host.readPortrait(ctx, s, f.portrait)
		})
		fs.ended <- f // has a place
		s.wake()
	})
}

// readPortrait asks the user's server. False means that it did not say.
func (h *host) readPortrait(ctx context.Context, s *session, f *transport.Face) bool {
	ask := func(query payload) (*wire.Element, bool) {
		answer, err := h.Stream.Request(ctx, stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{From: s.at(""), To: s.user, Type: stanza.Get},
			Payloads: []payload{query},
		})
		return answer.Payload(), err == nil
	}
	card, told := ask(wire.New("vcard-temp", "vCard"))
	for _, name := range []string{"FN", "NICKNAME"} {
		if text := cleanName(card.Child("vcard-temp", name).Content()); f.Name == "" {
			f.Name = text
		}
	}
	items, any := ask(wire.New(pubsubSpace, "pubsub", wire.New(pubsubSpace, "items").SetAttr("node", avatarNode).SetAttr("max_items", "1")))
	metadata := items.Child(pubsubSpace, "items").Child(pubsubSpace, "item").Child(avatarNode, "metadata")
	for e := range metadata.Children() {
		if link := e.Attr("url"); e.Name == "info" && pictureOf(&transport.Face{Picture: link}) != "" {
			f.Picture = link
			break
		}
	}
	return told || any
}

// endPortrait takes what was read.
func (s *session) endPortrait(f fetched) {
	fs := s.faces
	fs.portraying = false
	p, ok := s.link.(transport.Portraying)
	if !ok || !f.came {
		return
	}
	p.Portray(*f.portrait)
}

// noteAvatar sees whether a client shows another avatar of the user's (XEP-0153).
func (s *session) noteAvatar(st *stanza.Received) {
	photo := st.Child(stanza.AvatarNamespace, "x").Child(stanza.AvatarNamespace, "photo")
	if photo == nil {
		return
	}
	if _, ok := s.link.(transport.Portraying); !ok {
		return
	}
	fs := s.allFaces()
	hash := photo.Content()
	if len(hash) > 64 || hash == fs.ownHash {
		return
	}
	fs.ownHash = string([]byte(hash)) // a part of a stanza would keep all of it
	s.portray(time.Now(), true)
}
