package gateway

import (
	"context"
	"errors"
	"slices"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	readAtOnce  = 2        // queries of all users together
	maxReads    = maxRooms // queries of one user that wait
	archivePage = 100      // messages of one answer, at most
)

// archiveFeatures are those of an address with an archive (XEP-0313 §8).
var archiveFeatures = []string{stanza.ArchiveNamespace, stanza.ArchiveExtended}

// conversationFeatures are those of a person: of what was said to them or by
// them there is an archive, whose ids are shown.
func (h *host) conversationFeatures() []string {
	if !h.archives() {
		return nil
	}
	return append([]string{stanza.IDsNamespace}, archiveFeatures...)
}

// archiveOf says whose archive is asked: a room's, a person's, or at the gateway
// itself, whose address is "", that of all conversations with one person. Ok is
// false where there is none, which the user is told.
func (s *session) archiveOf(st *stanza.Received) (t target, ok bool) {
	t, err := s.host.target(st.To)
	switch {
	case err != nil:
		s.fail(st, err)
		return t, false
	case !s.host.archives(), t.kind == toServer, t.kind == toOccupant:
		s.refuse(st, unsupported("there is no archive here"))
		return t, false
	}
	return t, true
}

// sendArchiveGet tells which fields a query may have, and how far the archive
// reaches (XEP-0313 §4.1.6, §5).
func (s *session) sendArchiveGet(_ context.Context, st *stanza.Received) (taken bool) {
	t, ok := s.archiveOf(st)
	if !ok {
		return true
	}
	switch st.Payload().Name {
	case "query":
		s.send(st.Result(stanza.ArchiveFields{}))
	case "metadata":
		s.readArchive(st, func(ctx context.Context) (payload, error) {
			var ends stanza.ArchiveEnds
			err := inTurn(ctx, s.host.readers, func() error {
				first, last, any, err := s.host.gateway.Store.Archive().Ends(ctx, s.host.Domain, s.bare, t.address)
				if any {
					ends = stanza.ArchiveEnds{Start: (*stanza.ArchiveEnd)(&first), End: (*stanza.ArchiveEnd)(&last)}
				}
				return err
			})
			return ends, err
		})
	default:
		s.refuse(st, unsupported("what is kept is set in the settings of the room and of the network: record_history"))
	}
	return true
}

// sendArchiveQuery gives a page of what the user saw (XEP-0313 §4). The results
// go out beside the session, which the disk and a slow stream don't hold up.
func (s *session) sendArchiveQuery(_ context.Context, st *stanza.Received) (taken bool) {
	t, ok := s.archiveOf(st)
	if !ok {
		return true
	}
	if st.Payload().Name != "query" {
		s.refuse(st, unsupported("what is kept is set in the settings of the room and of the network: record_history"))
		return true
	}
	q, problem := stanza.ReadArchiveQuery(st.Payload())
	if problem != nil {
		s.refuse(st, *problem)
		return true
	}
	query, any, err := s.storeQuery(t, q)
	if err != nil {
		s.fail(st, err)
		return true
	}
	merge := s.mergeOf(query.Chat, t.kind == toRoom)
	s.readArchive(st, func(ctx context.Context) (payload, error) {
		page := store.ArchivePage{Complete: true, Index: -1}
		if any {
			if page, err = s.archivePage(ctx, query, merge); err != nil {
				return nil, err
			}
		}
		return s.sendPage(ctx, st, q, page)
	})
	return true
}

// readArchive answers an iq with what the archive says. One user has one query
// at work, and others wait: clients ask for all their rooms at once.
func (s *session) readArchive(st *stanza.Received, read func(context.Context) (payload, error)) {
	if len(s.reads.waiting) >= maxReads {
		s.refuse(st, overloaded("wait for the answers to your earlier requests"))
		return
	}
	s.reads.run(s, waitingErrand{
		st: st, failed: func(context.Context) { s.refuse(st, internalError()) },
		errand: func(ctx context.Context) func(context.Context) {
			answer, err := read(ctx)
			late := ctx.Err() != nil
			return func(context.Context) {
				switch {
				case err == nil:
					s.send(st.Result(answer))
				case errors.Is(err, store.ErrNotArchived): // XEP-0313 §4.1.4, §4.3.2
					s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "the archive has no message with that id"})
				case late, errors.Is(err, component.ErrDown):
					s.refuse(st, overloaded("the archive is busy; ask again later"))
				default:
					s.fail(st, err)
				}
			}
		},
	})
}

// inTurn does something once there is a place for it.
func inTurn(ctx context.Context, places chan struct{}, do func() error) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// storeQuery says what is asked of the store. Any is false if nothing can be
// found.
func (s *session) storeQuery(t target, q stanza.ArchiveQuery) (out store.ArchiveQuery, any bool, err error) {
	if len(q.IDs) > archivePage {
		return out, false, &transport.Error{Reason: transport.BadRequest, Text: "too many ids at once"}
	}
	out = store.ArchiveQuery{
		Component: s.host.Domain, User: s.bare, Chat: t.address,
		Start: q.Start, End: q.End, AfterID: q.AfterID, BeforeID: q.BeforeID, IDs: q.IDs,
		Max: archivePage, After: q.Page.After, Before: q.Page.Before, Last: q.Page.Last,
		Index: max(q.Page.Index, 0), Counted: true,
	}
	if q.Page.Max >= 0 {
		out.Max = min(q.Page.Max, archivePage)
	}
	if q.With == "" {
		return out, true, nil
	}
	with, err := jid.ParsePrepared(q.With)
	if err != nil {
		return out, false, &transport.Error{Reason: transport.BadAddress, Text: "the address in the field with is none", Err: err}
	}
	return out, s.narrow(&out, t, with), nil
}

// narrow keeps what is from or to an address (XEP-0313 §4.1.1).
func (s *session) narrow(q *store.ArchiveQuery, t target, with jid.JID) (any bool) {
	if with.Domain != s.host.Domain {
		return t.kind == toPerson && with == s.user // to whom or from whom all of it is
	}
	a, kind, err := s.host.resolve(with)
	switch {
	case err != nil:
		return false
	case t.kind == toGateway:
		q.Chat = a
		return kind == transport.Person && with.Resource == ""
	case t.kind == toRoom:
		q.Nick = with.Resource
		return a == q.Chat
	}
	return a == q.Chat && with.Resource == ""
}

// sendPage sends the messages of a page, and makes the answer that ends them.
func (s *session) sendPage(ctx context.Context, st *stanza.Received, q stanza.ArchiveQuery, page store.ArchivePage) (payload, error) {
	fin := stanza.ArchiveFin{Complete: page.Complete, Page: stanza.Page{Index: page.Index, Count: page.Count}}
	if n := len(page.Messages); n > 0 {
		fin.First, fin.Last = page.Messages[0].ID, page.Messages[n-1].ID
	}
	buryCorrections(page.Messages)
	if q.Flip {
		slices.Reverse(page.Messages)
	}
	for _, m := range page.Messages {
		result := stanza.ArchiveResult{QueryID: q.ID, ID: m.ID, At: m.At, Message: s.archived(m)}
		send := func() error {
			return s.host.Stream.Send(ctx, stanza.Stanza{
				Kind:     stanza.Message,
				Header:   stanza.Header{From: st.To, To: st.From, ID: s.newID()},
				Payloads: []payload{result},
			})
		}
		err := send()
		if errors.Is(err, component.ErrTooLarge) { // or no client would ever get past it
			result.Message = beginning(result.Message)
			err = send()
		}
		if err != nil {
			return nil, err
		}
	}
	return fin, nil
}

// archived is a message as it was shown, or sent. What was said in a room is to
// nobody in particular (XEP-0313 §7.1.2).
func (s *session) archived(m store.Archived) stanza.Stanza {
	chat := s.at(m.Chat)
	if m.Nick != "" {
		return saidOf(m).stanza(chat, jid.JID{})
	}
	m, extras := buried(m)
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: chat, To: s.user, Type: stanza.Chat, ID: m.StanzaID},
		Payloads: append(extras, stanza.StanzaID{ID: m.ID, By: chat}),
	}
	if m.Text != "" {
		st.Payloads = append(bodyOf(m.Text, readFile(m.File)), st.Payloads...)
	}
	if m.Sent {
		st.From, st.To = s.user, chat
	}
	if m.Origin != "" {
		st.Payloads = append(st.Payloads, stanza.OriginID(m.Origin))
	}
	return st
}
