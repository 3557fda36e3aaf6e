package gateway

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
)

const (
	maxGrants  = 1000            // servers that let one component at their users' rosters
	rosterTime = 4 * time.Second // for a server to answer about a roster
	grantAgain = time.Minute     // until one server's changes of mind are logged again
)

// grants are what the servers of our users let one component do with rosters
// (XEP-0356). A server speaks for its own users alone, so it does no harm if a
// stranger's server says that it grants us something: that is kept, as its users
// may come later, but no log tells of it, and it makes way for a server of users.
type grants struct {
	mu       sync.Mutex
	byServer map[string]*grant
}

// A grant is one server's.
type grant struct {
	stanza.RosterGrant
	iq stanza.IQGrant // in the name of users

	// Whether the subscription that we ask for with a new item comes about.
	// Some servers take it, others leave it to presence.
	subscribes, known bool

	logged time.Time
}

// crowds count the sessions that the users of each server have.
type crowds map[string]int

func (c crowds) add(server string, n int) {
	if c[server] += n; c[server] == 0 {
		delete(c, server)
	}
}

// hasUsersOf says whether anybody of a server has a session.
func (h *host) hasUsersOf(server string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.servers[server] > 0
}

// takeGrant takes a message in which a server grants us something, or takes it
// away. It never waits.
func (h *host) takeGrant(st *stanza.Received) bool {
	if st.From.Local != "" || st.From.Resource != "" || st.Type == stanza.ErrorType || st.To.Local != "" {
		return false
	}
	g, ok := st.ReadRosterGrant()
	if !ok {
		return false
	}
	server := st.From.Domain
	if !h.noteGrant(server, g, st.ReadIQGrant()) {
		return true
	}
	if g.Get && g.Set {
		for _, s := range h.allSessions() {
			if s.user.Domain == server {
				s.order(func(ctx context.Context) { s.reviewContacts(ctx) })
			}
		}
	}
	return true
}

// noteGrant says whether what a server grants is news to users of ours.
func (h *host) noteGrant(server string, g stanza.RosterGrant, iq stanza.IQGrant) (news bool) {
	ours := h.hasUsersOf(server)
	h.grants.mu.Lock()
	defer h.grants.mu.Unlock()
	is := h.grants.byServer[server]
	switch {
	case is != nil && is.RosterGrant == g && maps.Equal(is.iq, iq), is == nil && !g.Get && !g.Set && len(iq) == 0:
		return false
	case is == nil:
		if len(h.grants.byServer) >= maxGrants && !(ours && h.dropStrangersGrant()) {
			return false
		}
		is = &grant{}
		h.grants.byServer[strings.Clone(server)] = is
	}
	is.RosterGrant, is.iq = g, iq
	if ours && time.Since(is.logged) >= grantAgain {
		is.logged = time.Now()
		h.log.Info("a server says what it lets us do with rosters", "server", server, "get", g.Get, "set", g.Set)
	}
	return ours
}

// dropStrangersGrant makes room. The caller holds the lock.
func (h *host) dropStrangersGrant() bool {
	for server := range h.grants.byServer {
		if !h.hasUsersOf(server) {
			delete(h.grants.byServer, server)
			return true
		}
	}
	return false
}

// forgetGrants is called when the stream is lost: with the next one servers say
// again what they grant.
func (h *host) forgetGrants() {
	h.grants.mu.Lock()
	clear(h.grants.byServer)
	h.grants.mu.Unlock()
}

// grantOf says what the server of a user lets us do with their roster.
func (h *host) grantOf(user jid.JID) (g grant) {
	h.grants.mu.Lock()
	defer h.grants.mu.Unlock()
	if is := h.grants.byServer[user.Domain]; is != nil {
		g = *is
	}
	return g
}

// noteSubscribes notes what a server did with a subscription.
func (h *host) noteSubscribes(user jid.JID, does bool) {
	h.grants.mu.Lock()
	defer h.grants.mu.Unlock()
	if is := h.grants.byServer[user.Domain]; is != nil {
		is.subscribes, is.known = does, true
	}
}

// readRoster asks the user's server for our part of their roster.
func (h *host) readRoster(ctx context.Context, user jid.JID) (map[string]stanza.RosterItem, error) {
	answer, err := h.askRoster(ctx, user, stanza.Get, stanza.Roster{})
	if err != nil {
		return nil, err
	}
	items := map[string]stanza.RosterItem{}
	for _, i := range stanza.ReadRoster(answer.Payload(), h.Domain) {
		items[i.JID.Local] = i
	}
	return items, nil
}

// setRosterItem adds an item, or changes it. Servers take one at a time.
func (h *host) setRosterItem(ctx context.Context, user jid.JID, item stanza.RosterItem) error {
	_, err := h.askRoster(ctx, user, stanza.Set, stanza.Roster{item})
	return err
}

// askRoster asks as the user's own client would (XEP-0356 §4.3). A server that
// does not do what it granted is not asked again until it grants it anew.
func (h *host) askRoster(ctx context.Context, user jid.JID, typ string, query stanza.Roster) (stanza.Received, error) {
	ctx, cancel := context.WithTimeout(ctx, rosterTime)
	defer cancel()
	answer, err := h.Stream.Request(ctx, stanza.Stanza{
		Kind:     stanza.IQ,
		Header:   stanza.Header{From: jid.JID{Domain: h.Domain}, To: user.Bare(), Type: typ},
		Payloads: []payload{query},
	})
	if err != nil && !errors.Is(err, component.ErrDown) && !errors.Is(err, context.Canceled) {
		h.distrust(user.Domain, typ, err)
	}
	return answer, err
}

// distrust takes it that a server does not do what it granted, until it grants
// it anew. (ejabberd before 23.10 fails at each change of a roster.)
func (h *host) distrust(server, typ string, err error) {
	if refused, ok := errors.AsType[*component.RequestError](err); ok && refused.Answer.Condition == stanza.ItemNotFound {
		return // a user who is not there any more
	}
	h.log.Warn("a server does not do with a roster what it granted", "server", server, "type", typ, "err", err)
	h.grants.mu.Lock()
	defer h.grants.mu.Unlock()
	g := h.grants.byServer[server]
	switch {
	case g == nil:
	case typ == stanza.Set:
		g.Set = false
	default:
		delete(h.grants.byServer, server)
	}
}
