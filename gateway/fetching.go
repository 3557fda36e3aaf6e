package gateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"gatehouse/gateway/transport"
)

// A fetching is what a session asks of the history that the network keeps, and
// knows of it. The session's goroutine owns it.
type fetching struct {
	fetches   map[transport.Request]chan transport.Event // calls of Fetch without an answer
	lastFetch uint64
	known     map[transport.Address]stretches
	catching  errands                         // gaps that are being filled
	sightings map[transport.Address]*sighting // by server
}

// hears says whether the network keeps what is said in a chat, and since when
// the session hears all of it.
func (s *session) hears(chat transport.Address) (since time.Time, kept bool) {
	if h, ok := s.link.(transport.History); ok {
		return h.Hears(chat)
	}
	return time.Time{}, false
}

// onSession has f run on the session's goroutine, which an errand must not wait
// for but until its own end.
func (s *session) onSession(ctx context.Context, f func(context.Context)) error {
	select {
	case s.orders <- f:
		s.wake()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch asks the network for a part of its history. It is called by errands, and
// waits for the answer.
func (s *session) fetch(ctx context.Context, q transport.HistoryQuery) (transport.HistoryFetched, error) {
	answer := make(chan transport.Event, 1) // which has a place for the one answer
	err := s.onSession(ctx, func(ctx context.Context) {
		h, ok := s.link.(transport.History)
		if !ok {
			answer <- transport.Answered{Err: &transport.Error{Reason: transport.Unsupported, Text: "The network keeps no history."}}
			return
		}
		s.lastFetch++
		r := note{kind: noteHistory, id: strconv.FormatUint(s.lastFetch, 10)}.request()
		put(&s.fetches, r, answer)
		if err := h.Fetch(ctx, q, r); err != nil {
			s.endAsking(r, transport.Answered{Err: err})
		}
	})
	if err != nil {
		return transport.HistoryFetched{}, err
	}
	select {
	case e := <-answer:
		switch e := e.(type) {
		case transport.HistoryFetched:
			return e, nil
		case transport.Answered:
			if e.Err != nil {
				return transport.HistoryFetched{}, e.Err
			}
		}
		return transport.HistoryFetched{}, errors.New("history was asked for, and something else was answered")
	case <-ctx.Done():
		return transport.HistoryFetched{}, ctx.Err()
	}
}

// endAsking hands an answer to whoever waits for it, if they still do.
func (s *session) endAsking(r transport.Request, e transport.Event) {
	if answer := s.fetches[r]; answer != nil {
		delete(s.fetches, r)
		answer <- e
	}
}

// failFetches is for the end of the link.
func (s *session) failFetches() {
	for r := range s.fetches {
		s.endAsking(r, transport.Answered{Err: &transport.Error{Reason: transport.Unreachable, Text: s.farewell}})
	}
	clear(s.known)
	s.endSightings()
}

// knownOf gives what is known of a chat's past, up to now if the session hears
// it itself.
func (s *session) knownOf(chat transport.Address, since, now time.Time) stretches {
	known := s.known[chat]
	if !since.IsZero() {
		known = known.add(stretch{since, now})
	}
	return known
}

// learnPast adds to what is known.
func (s *session) learnPast(chat transport.Address, more stretches) {
	if _, ok := s.known[chat]; !ok && len(s.known) >= maxKnownPast {
		for other := range s.known { // any one: it is only asked for again
			delete(s.known, other)
			break
		}
	}
	known := s.known[chat]
	for _, stretch := range more {
		known = known.add(stretch)
	}
	put(&s.known, chat, known)
}
