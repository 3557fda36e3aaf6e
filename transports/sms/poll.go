package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	listedBy     = 3 * time.Minute    // after this a text is surely in the list: what is younger is asked for again each time
	firstReach   = 2 * time.Minute    // how far back is looked for a number's new user
	mostReach    = 6 * 24 * time.Hour // how far back at all: the gateway knows a text again for a week
	lag          = 10 * time.Minute   // between the provider's clock and ours, at most
	openFor      = time.Hour          // a text that was never completed is waited for so long
	listTime     = 5 * time.Minute    // one listing
	pollsMost    = 4                  // numbers that are asked for at a time
	lookAtLine   = 15 * time.Second   // how soon a new number is asked for
	saveEvery    = 5 * time.Minute    // a mark that moves by itself
	failedMost   = 10 * time.Minute
	storedKept   = 10_000
	tellEvery    = 100 // texts of a listing, until a crash does not have them listed again
	failuresMost = 3   // texts of a listing that can't be stored
	markKind     = "inbound"
	seenKept     = 1000 // ids in a mark
)

// A mark is how far a user's number was asked for, as the store has it.
type mark struct {
	Since time.Time             // the user has the number since then, as far as we know
	At    time.Time             // what came before is stored: it is asked for what came since
	Seen  []transport.MessageID `json:",omitempty"` // the last ones
}

// A watch is a number that a provider is asked for, in memory.
type watch struct {
	number   string
	marks    map[string]mark // by user
	saved    time.Time       // the mark in the store
	next     time.Time
	failures int
	listed   bool      // since this process began
	failed   time.Time // a text of this time could not be stored; zero: all could
	seen     []transport.MessageID
}

// poll asks the provider for what came to the trunk's numbers, until ctx ends:
// at once, and then as often as the provider says.
func (t *trunk) poll(ctx context.Context) {
	lister, ok := t.provider.(provider.Lister)
	if !ok || lister.ListEvery() <= 0 {
		return
	}
	every := lister.ListEvery()
	watches := make(map[string]*watch)
	for {
		now := time.Now()
		next := now.Add(min(lookAtLine, every))
		owned := t.network.lines.numbersOf(t)
		turns := make(chan struct{}, pollsMost)
		var polling sync.WaitGroup
		for number := range watches {
			if owned[number] == nil {
				delete(watches, number)
			}
		}
		for number, users := range owned {
			w := watches[number]
			if w == nil {
				w = &watch{number: number, marks: make(map[string]mark)}
				watches[number] = w
			}
			if now.Before(w.next) {
				continue
			}
			turns <- struct{}{}
			polling.Go(func() {
				defer func() { <-turns }()
				t.pollNumber(ctx, lister, w, users)
			})
		}
		polling.Wait()
		for _, w := range watches {
			if w.next.Before(next) {
				next = w.next
			}
		}
		if !sleep(ctx, max(time.Until(next), time.Millisecond)) {
			return
		}
	}
}

// pollNumber asks for one number, and says when next.
func (t *trunk) pollNumber(ctx context.Context, lister provider.Lister, w *watch, users []string) {
	if until := t.rest.until(); time.Now().Before(until) {
		w.next = until
		return
	}
	every := lister.ListEvery()
	more, err := t.ask(ctx, lister, w, users)
	log := t.network.log.With("number", provider.LastDigits(w.number))
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.failures++
		wait := max(backoff(w.failures, every, max(failedMost, every)), every)
		if retry, ok := errors.AsType[*provider.Retry](err); ok {
			wait = max(wait, retry.After)
		}
		if w.failures == 1 {
			log.Warn("the provider can't be asked for texts; it is tried again", "in", wait.Round(time.Millisecond), "error", err)
		}
		w.next = time.Now().Add(wait)
	default:
		if w.failures > 0 {
			log.Info("the provider can be asked for texts again", "failures", w.failures)
		}
		w.failures = 0
		w.next = time.Now()
		if !more {
			// Not all gateways and numbers at the same moment.
			w.next = w.next.Add(every - every/10 + rand.N(every/5+1))
		}
	}
}

// ask does one listing and stores what is new.
func (t *trunk) ask(ctx context.Context, lister provider.Lister, w *watch, users []string) (more bool, err error) {
	defer t.recovered("list", &err)
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	began := time.Now()
	at, err := t.loadMarks(ctx, w, users, began)
	if err != nil {
		return false, err
	}
	first := began.Add(-mostReach)
	l, err := lister.Received(ctx, w.number, later(at, first), t.stored.has)
	if err != nil {
		return false, t.learn(fmt.Errorf("list what came in: %w", err))
	}
	log := t.network.log.With("number", provider.LastDigits(w.number))
	if at.Before(first) {
		log.Warn("nobody asked for this number for long; older texts are left at the provider", "before", first)
	}
	reach := func(to time.Time, saved bool) {
		if sure := began.Add(-listedBy); sure.Before(to) {
			to = sure
		}
		if began.Sub(l.Open) < openFor && l.Open.Before(to) {
			to = l.Open
		}
		if !w.failed.IsZero() && w.failed.Before(to) {
			to = w.failed
		}
		at = later(at, to)
		if err := t.saveMarks(ctx, w, users, at, saved); err != nil {
			log.Error("store how far a number was asked for", "error", err)
		}
	}
	stored, err := t.bringAll(ctx, w, l.Texts, func(last time.Time) { reach(last, true) })
	if !l.More && err == nil {
		reach(began.Add(-lag), false)
	}
	switch {
	case stored == 0 || t.capabilities().NoReports:
	case w.listed:
		log.Info("texts were found that no webhook brought", "texts", stored)
	default: // a webhook may have brought them to the last process
		log.Info("texts were listed that may have come while nobody took them", "texts", stored)
	}
	w.listed = err == nil
	return l.More && err == nil, err
}

// bringAll stores texts in their order, and tells now and then how far it is.
// One that can't be stored does not stop the next ones, a few such do.
func (t *trunk) bringAll(ctx context.Context, w *watch, texts []provider.Inbound, reached func(time.Time)) (stored int, err error) {
	told := 0
	w.failed = time.Time{}
	failures := 0
	for _, in := range texts {
		if t.stored.has(in.ID) {
			continue // it was listed twice, or brought meanwhile
		}
		if failure := t.bring(ctx, w, in); failure != nil {
			if failures++; failures == 1 {
				w.failed, err = in.At, failure
			}
			if failures == failuresMost {
				break
			}
			continue
		}
		stored++
		w.seen = append(w.seen, in.ID)
		if stored-told == tellEvery {
			told = stored
			w.seen = slices.Delete(w.seen, 0, max(len(w.seen)-seenKept, 0))
			reached(in.At)
		}
	}
	w.seen = slices.Delete(w.seen, 0, max(len(w.seen)-seenKept, 0))
	if stored > told {
		reached(texts[len(texts)-1].At)
	}
	return stored, err
}

func (t *trunk) bring(ctx context.Context, w *watch, in provider.Inbound) (err error) {
	defer t.recovered("receive", &err)
	return t.receive(ctx, in, func(user string) bool { return !in.At.Before(w.marks[user].Since) })
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// loadMarks gives the oldest mark of a number's users. A user who has none got
// the number just now: what came to it long before is not theirs.
func (t *trunk) loadMarks(ctx context.Context, w *watch, users []string, now time.Time) (at time.Time, err error) {
	for user := range w.marks {
		if !slices.Contains(users, user) {
			delete(w.marks, user)
		}
	}
	for _, user := range users {
		m, ok := w.marks[user]
		if !ok {
			if m, err = t.network.loadMark(ctx, user, w.number, now); err != nil {
				return at, err
			}
			w.marks[user] = m
			w.seen = m.Seen
			for _, id := range m.Seen {
				t.stored.add(id)
			}
		}
		if at.IsZero() || m.At.Before(at) {
			at = m.At
		}
	}
	return at, nil
}

func (n *Network) loadMark(ctx context.Context, user, number string, now time.Time) (mark, error) {
	fresh := mark{Since: now.Add(-firstReach), At: now.Add(-firstReach)}
	text, found, err := n.records.Get(ctx, user, markKind, number)
	if err != nil {
		return mark{}, fmt.Errorf("read how far a number was asked for: %w", err)
	}
	var m mark
	if found && json.Unmarshal(text, &m) == nil && !m.At.IsZero() {
		return m, nil
	}
	return fresh, n.saveMark(ctx, user, number, fresh)
}

func (n *Network) saveMark(ctx context.Context, user, number string, m mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return n.records.Put(ctx, transport.RecordItem{User: user, Kind: markKind, Key: number, Value: text})
}

// saveMarks moves the marks of a number's users. One that moves with the clock
// only is stored now and then.
func (t *trunk) saveMarks(ctx context.Context, w *watch, users []string, at time.Time, now bool) error {
	for _, user := range users {
		m := w.marks[user]
		m.At, m.Seen = later(m.At, at), nil
		w.marks[user] = m
	}
	if !now && at.Sub(w.saved) < saveEvery {
		return nil
	}
	for _, user := range users {
		m := w.marks[user]
		m.Seen = w.seen
		if err := t.network.saveMark(ctx, user, w.number, m); err != nil {
			return err
		}
	}
	w.saved = at
	return nil
}

// ids remember the last messages, so many at least and twice as many at most.
type ids struct {
	mu         sync.Mutex
	keep       int
	young, old map[transport.MessageID]struct{}
}

func newIDs(keep int) *ids {
	return &ids{keep: keep, young: make(map[transport.MessageID]struct{})}
}

func (s *ids) has(id transport.MessageID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, young := s.young[id]
	_, old := s.old[id]
	return young || old
}

func (s *ids) add(id transport.MessageID) {
	if id == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= s.keep {
		s.old, s.young = s.young, make(map[transport.MessageID]struct{})
	}
	s.young[id] = struct{}{}
}
