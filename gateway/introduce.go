package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	bringBatch   = 100             // contacts that are brought into the roster in one go
	bringAtOnce  = 8               // questions to a server about them at once
	maxClients   = 32              // of one user that are known
	offerClients = 4               // of them that get suggestions
	offerTime    = 3 * time.Second // for a client to answer
)

// A contact comes into the user's roster before they are heard of: there are
// servers and clients that keep strangers out. Where the user's server lets us
// (XEP-0356) we put them there; else a client may get them as a suggestion
// (XEP-0144); else the contact asks for a subscription, with its name (XEP-0172).
// What a person made in their roster is never changed: items are only added,
// and named where they have no name, or still have the one from us.

// An arrival is a contact on its way into the roster.
type arrival struct {
	address transport.Address
	jid     jid.JID
	name    string // to be shown; may be empty
	was     contact
	groups  []string // if it is new there
	mayAsk  bool     // a subscription may be asked for, which the user has to answer

	known knowing           // how it went
	named bool              // we gave it the name
	item  stanza.RosterItem // as it is in the roster now, if it is
	gone  bool              // it was there, and the user took it out
}

// bring has contacts brought into the roster, and their names there made right.
// It never waits.
func (s *session) bring(mayAsk bool, who ...transport.Address) {
	for _, a := range who {
		if !s.contacts[a].Gone && len(s.toBring) < maxContacts {
			put(&s.toBring, a, s.toBring[a] || mayAsk)
		}
	}
	s.bringNext()
}

// reviewContacts is called when the user's server lets us at the roster.
func (s *session) reviewContacts(context.Context) {
	var late []transport.Address
	for a, c := range s.contacts {
		if c.Known != inRoster || c.Roster == "" && c.Shown != s.givenName(a) {
			late = append(late, a)
		}
	}
	s.bring(false, late...)
}

func (s *session) bringNext() {
	if s.bringing || len(s.toBring) == 0 {
		return
	}
	s.bringing = true
	var batch []*arrival
	for _, a := range slices.Sorted(maps.Keys(s.toBring)) {
		if len(batch) == bringBatch {
			break
		}
		batch = append(batch, &arrival{address: a, jid: s.at(a), name: s.givenName(a), was: s.contacts[a], groups: s.groups(), mayAsk: s.toBring[a]})
		delete(s.toBring, a)
	}
	clients := maps.Clone(s.online)
	s.rosters.run(s, waitingErrand{
		errand: func(ctx context.Context) func(context.Context) {
			err := s.host.bringIn(ctx, s.user, clients, batch)
			return func(ctx context.Context) { s.brought(ctx, batch, clients, err) }
		},
		failed: func(ctx context.Context) { s.brought(ctx, batch, nil, nil) },
	})
}

// bringIn does what waits for the user's server and clients.
func (h *host) bringIn(ctx context.Context, user jid.JID, clients map[string]client, batch []*arrival) error {
	if g := h.grantOf(user); g.Get && g.Set {
		err := h.putInRoster(ctx, user, g, batch)
		if err == nil || errors.Is(err, component.ErrDown) {
			return err
		}
		h.log.Info("contacts could not be put into a roster", "user", user.String(), "err", err)
	}
	h.offer(ctx, user, clients, batch)
	return nil
}

// putInRoster reads the roster first: what the user made there stays as it is.
func (h *host) putInRoster(ctx context.Context, user jid.JID, g grant, batch []*arrival) error {
	roster, err := h.readRoster(ctx, user)
	if err != nil {
		return err
	}
	places := make(chan struct{}, bringAtOnce)
	errs := make([]error, len(batch))
	var added []*arrival
	var all sync.WaitGroup
	for i, a := range batch {
		item, there := roster[a.jid.Local]
		if !there && a.was.Known == inRoster {
			a.gone = true
			continue
		}
		a.item = item
		change := stanza.RosterItem{JID: a.jid, Name: a.name, Groups: item.Groups}
		switch {
		case !there:
			change.Subscription, change.Groups = "both", a.groups
			added = append(added, a)
		case a.name == "" || a.name == item.Name || item.Name != "" && item.Name != a.was.Shown:
			a.known = inRoster
			continue
		}
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if errs[i] = h.setRosterItem(ctx, user, change); errs[i] == nil {
				a.known, a.named, a.item.Name = inRoster, true, a.name
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return h.seeSubscriptions(ctx, user, g, added)
}

// seeSubscriptions learns whether the contacts that were added are subscribed
// to: it is asked once for each server.
func (h *host) seeSubscriptions(ctx context.Context, user jid.JID, g grant, added []*arrival) error {
	if len(added) == 0 {
		return nil
	}
	if !g.known {
		roster, err := h.readRoster(ctx, user)
		if err != nil {
			return err
		}
		g.subscribes = roster[added[0].jid.Local].Subscription == "both"
		h.noteSubscribes(user, g.subscribes)
	}
	for _, a := range added {
		if g.subscribes {
			a.item.Subscription = "both"
		}
	}
	return nil
}

// A client is one of the user's, as far as it has shown itself.
type client struct {
	caps   string // what it announces of itself
	offers offers
}

// An offers says whether a client takes suggestions.
type offers int

const (
	notAsked offers = iota
	takesNone
	takesSome
)

// offer suggests contacts to those clients that take suggestions.
func (h *host) offer(ctx context.Context, user jid.JID, clients map[string]client, batch []*arrival) {
	var items stanza.RosterExchange
	var offered []*arrival
	for _, a := range batch {
		if a.known == unknownYet && a.was.Known != byOffer {
			items = append(items, stanza.RosterItem{JID: a.jid, Name: a.name, Groups: a.groups})
			offered = append(offered, a)
		}
	}
	if len(items) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, offerTime)
	defer cancel()
	tried := 0
	for _, resource := range slices.Sorted(maps.Keys(clients)) {
		to := user.WithResource(resource)
		c := clients[resource]
		if c.offers == notAsked {
			c.offers = h.askOffers(ctx, to)
			clients[resource] = c
		}
		if c.offers != takesSome {
			continue
		}
		if tried++; tried > offerClients {
			return
		}
		_, err := h.Stream.Request(ctx, stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{From: jid.JID{Domain: h.Domain}, To: to, Type: stanza.Set},
			Payloads: []payload{items},
		})
		if _, refused := errors.AsType[*component.RequestError](err); refused || errors.Is(err, component.ErrDown) {
			continue
		}
		// A client may answer when its user has.
		for _, a := range offered {
			a.known = byOffer
		}
	}
}

// askOffers asks a client whether it takes suggestions (XEP-0144 §5).
func (h *host) askOffers(ctx context.Context, to jid.JID) offers {
	answer, err := h.Stream.Request(ctx, stanza.Stanza{
		Kind:     stanza.IQ,
		Header:   stanza.Header{From: jid.JID{Domain: h.Domain}, To: to, Type: stanza.Get},
		Payloads: []payload{stanza.DiscoInfo{}},
	})
	if err != nil {
		return takesNone
	}
	for e := range answer.Payload().Children() {
		if e.Name == "feature" && e.Attr("var") == stanza.RosterExchangeNamespace {
			return takesSome
		}
	}
	return takesNone
}

// noteOnline notes which clients the user has.
func (s *session) noteOnline(st *stanza.Received) {
	if !s.host.keepsContacts() || st.From.Resource == "" {
		return
	}
	if st.Type == stanza.Unavailable {
		delete(s.online, st.From.Resource)
		return
	}
	caps := st.Child(stanza.CapsNamespace, "c")
	now := client{caps: caps.Attr("node") + "#" + caps.Attr("ver")}
	was, known := s.online[st.From.Resource]
	if known && was.caps == now.caps || !known && len(s.online) >= maxClients {
		return
	}
	put(&s.online, st.From.Resource, now)
}

// brought takes what became of contacts.
func (s *session) brought(ctx context.Context, batch []*arrival, clients map[string]client, err error) {
	s.bringing = false
	for resource, c := range clients {
		if is, here := s.online[resource]; here && is.caps == c.caps {
			s.online[resource] = c
		}
	}
	for _, a := range batch {
		if err == nil {
			s.settle(ctx, a)
		}
	}
	s.bringNext()
	switch {
	case !s.holding || s.bringing:
	case err != nil:
		s.holding, s.retry = false, time.After(inboxRetry)
	default:
		s.holding = false
		s.signs.give(inboxFilled)
	}
}

// settle makes what is remembered of a contact what is in the roster.
func (s *session) settle(ctx context.Context, a *arrival) {
	local := a.jid.Local
	switch {
	case a.gone:
		s.changeContact(a.address, func(c *contact) { c.Gone, c.Known, c.Shown, c.Roster = true, unknownYet, "", "" })
		return
	case a.known == inRoster:
		s.changeContact(a.address, func(c *contact) {
			if a.named {
				c.Shown = a.name
			}
		})
		s.noteRosterItem(a.address, a.item, true)
	}
	switch {
	case a.item.Subscription == "both" || a.item.Subscription == "to":
		if sub := s.roster[local]; !sub.From {
			sub.From, sub.To = true, a.item.Subscription == "both"
			s.remember(local, sub)
			s.watch(ctx, a.address)
			s.showContact(a.jid, a.address, transport.Person, false)
		}
		return
	case a.known == byOffer:
		s.changeContact(a.address, func(c *contact) { c.Known = byOffer })
	case a.mayAsk && !s.asked[local] && !s.roster[local].To:
		s.askBack(a.jid, a.address, transport.Person)
	}
	if a.mayAsk {
		s.changeContact(a.address, func(c *contact) { c.Known = max(c.Known, byAsking) })
	}
}

// isStranger says that somebody is to be brought into the roster before they are
// heard of.
func (s *session) isStranger(who transport.Address) bool {
	if !s.host.keepsContacts() || s.contacts == nil {
		return false
	}
	c, known := s.contacts[who]
	if c.Known != unknownYet || c.Gone || s.roster[s.at(who).Local].From || !known && len(s.contacts) >= maxContacts {
		return false
	}
	return s.isPerson(who)
}

// hold has stored messages wait until those who wrote them are in the roster.
func (s *session) hold(items []inboxEvent) {
	var strangers []transport.Address
	for _, i := range items {
		if stored, err := i.read(); err == nil && stored.Message != nil && s.isStranger(stored.Message.Chat) {
			strangers = append(strangers, stored.Message.Chat)
		}
	}
	s.holding = true
	s.bring(true, strangers...)
}
