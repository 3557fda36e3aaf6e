package gateway

import (
	"context"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// maxMarks is how many rooms wait to be marked as read.
const maxMarks = maxRooms

// sendMarker tells the network how far the user has read. It is the network's
// own affair whom it tells: nobody else in a room hears of it from us.
func (s *session) sendMarker(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	marks, ok := s.link.(transport.Markers)
	if !ok || m.Displayed == "" || !s.carries(p).Has(transport.CarriesMarkers) || len(s.asides) >= maxAsides {
		return
	}
	s.about(ctx, st, p.reference(m.Displayed), false, func(ctx context.Context, known spoken, _ transport.Preference) {
		if known.id == "" && known.at.IsZero() {
			return
		}
		if err := marks.MarkDisplayed(ctx, transport.Marker{Chat: p.chat, Nick: p.nick, ID: known.id, At: known.at}); err != nil {
			s.log().Debug("a marker was not sent", "err", err)
		}
	})
}

// receiveMarked brings the user's other clients to where they have read with
// another client on the network, where their server lets us (XEP-0490). It is
// told to nobody else.
func (s *session) receiveMarked(e transport.DisplayedElsewhere) {
	if !s.host.archives() || !s.host.mayAct(s.user, stanza.Set, stanza.PubSubNamespace) || !s.host.mayAct(s.user, stanza.Get, stanza.PubSubNamespace) {
		return
	}
	if len(s.marks.waiting) >= maxMarks {
		return // the next one says it, too
	}
	s.marks.run(s, waitingErrand{
		failed: func(context.Context) {},
		errand: func(ctx context.Context) func(context.Context) {
			back, err := s.mark(ctx, e)
			if err != nil {
				s.log().Info("how far the user has read was not kept", "err", err)
			}
			return func(ctx context.Context) {
				marks, ok := s.link.(transport.Markers)
				if ok && !back.At.IsZero() {
					marks.MarkDisplayed(ctx, back)
				}
			}
		},
	})
}

// mark publishes how far a room was read, unless the user has read further
// here: then the network is to be told, by what is returned. It waits for the
// disk and the user's server.
func (s *session) mark(ctx context.Context, e transport.DisplayedElsewhere) (back transport.Marker, err error) {
	var there store.Archived
	if !e.At.IsZero() {
		// Most are archived at the time when they came here: rather one too few.
		q := store.ArchiveQuery{Chat: e.Chat, End: e.At}
		if e.Last != "" {
			q = store.ArchiveQuery{Chat: e.Chat, IDs: []string{string(e.Last)}}
		}
		if there, err = s.lastArchived(ctx, q); err != nil && err != store.ErrNotArchived {
			return back, err
		}
		if there.ID == "" { // not kept, or not yet: a room shows it by the same name
			there.ID, there.At = string(e.Last), e.At
		}
	}
	room := s.at(e.Chat).String()
	here, publish := "", stanza.PublishPrivately
	// A node that is not there yet is an error, too.
	if answer, err := s.host.actFor(ctx, s.user, stanza.Get, stanza.Items(stanza.DisplayedNode, room)); err == nil {
		here = stanza.ReadDisplayed(stanza.ReadItem(answer, stanza.DisplayedNode, room), room)
		publish = stanza.Publish // as whoever made the node wanted it to be
	}
	if here == there.ID {
		return back, nil
	}
	if here != "" {
		read, err := s.lastArchived(ctx, store.ArchiveQuery{Chat: e.Chat, IDs: []string{here}})
		switch {
		case err != nil && err != store.ErrNotArchived:
			return back, err
		case read.At.After(there.At):
			return transport.Marker{Chat: e.Chat, ID: transport.MessageID(read.ID), At: read.At}, nil
		}
	}
	if there.ID == "" {
		return back, nil
	}
	_, err = s.host.actFor(ctx, s.user, stanza.Set, publish(stanza.DisplayedNode, room, stanza.DisplayedItem(room, there.ID)))
	return back, err
}

// lastArchived gives the last message that a query finds; none is no error.
func (s *session) lastArchived(ctx context.Context, q store.ArchiveQuery) (m store.Archived, err error) {
	q.Component, q.User, q.Max, q.Last = s.host.Domain, s.bare, 1, true
	err = inTurn(ctx, s.host.readers, func() error {
		page, err := s.host.gateway.Store.Archive().Page(ctx, q)
		if n := len(page.Messages); n > 0 {
			m = page.Messages[n-1]
		}
		return err
	})
	return m, err
}
