package sms

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

const (
	parallel   = 8                // sends at a time over a trunk, if its provider says nothing else
	perUser    = 4                // of these, one user's
	lookUps    = 4                // questions to a provider about what was sent, at a time
	batch      = 128              // items fetched at a time
	largest    = 4096             // items fetched when those before can't start
	keepTrying = 24 * time.Hour   // then an item fails
	keepLooked = 36 * time.Hour   // then nobody asks any more how it fares
	keepDone   = 48 * time.Hour   // then a finished item is forgotten
	callTime   = 20 * time.Second // one call of the provider
	drainTime  = 5 * time.Second  // what calls get after the end of Run's context
	scanEvery  = 15 * time.Second
	scanStep   = 250 * time.Millisecond // so that many texts share one
	forgetting = time.Hour

	keepTelling = 7 * 24 * time.Hour // how long a status waits for its user
	tellAgain   = 10 * time.Second

	retryFirst = time.Second
	retryMost  = 10 * time.Minute
	pauseMost  = time.Minute
	storeRetry = 5 * time.Second
)

// A lane is a sender's number and a recipient: its texts go one after another,
// in the order in which they were put. The number and not the user makes it,
// because two users' equal texts from one number could not be told apart.
type lane struct{ from, contact transport.Address }

func laneOf(i transport.OutboxItem) lane {
	contact, _ := splitOwn(i.Chat)
	return lane{i.From, contact}
}

// The sender takes items from the outbox and starts jobs for them. All its
// state belongs to run; jobs report on done.
type sender struct {
	n    *Network
	done chan result
	jobs sync.WaitGroup

	active map[int64]bool     // items with a job
	busy   map[lane]bool      // lanes whose first item is on its way, or in doubt
	held   map[lane]time.Time // lanes whose first item waits for its next try
	doubts map[int64]*doubt   // items of which nobody knows whether they were taken
	users  map[string]int     // sends by user
	paces  map[*trunk]*pace
	wide   bool // all others' items were fetched beside,
	beside bool // and some are in the queue
	turns  turns
	queue  []transport.OutboxItem // fetched and not started, oldest first
	last   int64                  // the key of the last item that was fetched in turn
	more   bool                   // there may be more behind it
	fresh  bool                   // something was put since
	stale  bool                   // something before it may be due

	paused   time.Time // the outbox is not read before
	nextScan time.Time
	scans    []time.Time // that were asked for, within scanEvery
	asksLeft bool        // the last scan found more to ask about than may be asked at a time
	forgotAt time.Time
}

// A jobKind is what a job does.
type jobKind int

const (
	sending  jobKind = iota
	looking          // for an item in doubt
	checking         // how a sent item fares
)

// A result is what a job says at its end.
type result struct {
	kind    jobKind
	item    transport.OutboxItem
	pace    *pace
	hold    time.Duration // its lane waits
	pause   time.Duration // the trunk waits
	worked  bool          // the provider answered as it should
	outage  bool          // it did not
	inDoubt bool          // the item is in the state Sending still
}

func newSender(n *Network) *sender {
	return &sender{
		n: n, done: make(chan result, batch),
		active: make(map[int64]bool), busy: make(map[lane]bool), held: make(map[lane]time.Time),
		doubts: make(map[int64]*doubt), users: make(map[string]int), paces: make(map[*trunk]*pace), turns: newTurns(),
		stale: true,
	}
}

// run sends until ctx ends, and then gives the calls under way a little time:
// one that is cut off leaves a doubt behind.
func (s *sender) run(ctx context.Context) {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for !s.recover(ctx) {
		if !sleep(ctx, storeRetry) {
			return
		}
	}
	for ctx.Err() == nil {
		s.lookAround(ctx, calls)
		s.dispatch(ctx, calls)
		timer := time.NewTimer(s.wait())
		select {
		case <-ctx.Done():
		case r := <-s.done:
			s.finish(r)
			s.finishOthers()
		case <-s.n.queue:
			s.fresh = true
		case <-s.n.scan:
			s.nextScan = time.Time{}
		case <-timer.C:
		}
		timer.Stop()
	}
	defer time.AfterFunc(drainTime, cancel).Stop()
	go func() {
		s.jobs.Wait()
		close(s.done)
	}()
	for range s.done { // what the jobs have to say is in the outbox too
	}
}

// dispatch starts what can be sent now.
func (s *sender) dispatch(ctx, calls context.Context) {
	now := time.Now()
	if now.Before(s.paused) {
		return
	}
	s.paused = time.Time{}
	for l, until := range s.held {
		if !now.Before(until) {
			delete(s.held, l)
			s.stale = true // its first item is due again
		}
	}
	s.turns.came(now)
	if !s.anyTakes(now) {
		return
	}
	if s.fresh && s.more { // it is behind all that were fetched, or beside them
		s.fresh, s.wide, s.stale = false, false, s.stale || s.beside
	}
	for {
		if (s.stale || s.fresh) && !s.fetch(ctx) {
			return
		}
		if !s.startAll(calls, now) {
			return
		}
		switch {
		case s.more && len(s.queue) < largest && !(s.beside && len(s.queue) > batch):
			if !s.fetch(ctx) {
				return
			}
		case s.more && s.widen(ctx, now):
		default:
			return
		}
	}
}

// fetch reads the queued items behind those that were read before; if something
// may be due that is not, it begins anew. Items are read as they are put, so all
// that the store has by now are due by now, but those put back.
func (s *sender) fetch(ctx context.Context) bool {
	if s.stale || s.beside {
		s.queue, s.last, s.wide, s.beside = nil, 0, false, false
	}
	most := max(batch, min(len(s.queue), largest-len(s.queue)))
	items, err := s.n.outbox.In(ctx, transport.Queued, time.Now(), s.last, most)
	if err != nil {
		if ctx.Err() == nil {
			s.n.log.Error("read the outbox", "error", err)
		}
		s.stale, s.paused = true, time.Now().Add(storeRetry)
		return false
	}
	s.more, s.stale, s.fresh = len(items) >= most, false, false
	if len(items) > 0 {
		s.last = items[len(items)-1].Key
	}
	items = slices.DeleteFunc(items, func(i transport.OutboxItem) bool { return s.active[i.Key] })
	s.queue = append(s.queue, items...)
	return true
}

// startAll starts what can be sent of the queue. It says whether anything more
// would be.
func (s *sender) startAll(calls context.Context, now time.Time) bool {
	takes := true
	for i := 0; takes && i < len(s.queue); {
		if s.queue[i].State != transport.Queued || !s.startable(now, s.queue[i]) {
			i++
			continue
		}
		first := &s.queue[s.fairest(now, i)]
		s.start(calls, now, *first)
		first.State = transport.Sending
		takes = s.anyTakes(now)
	}
	s.queue = slices.DeleteFunc(s.queue, func(i transport.OutboxItem) bool { return i.State != transport.Queued })
	return takes
}

// startable says that an item's lane and number are free, that its user has not
// too many sends under way, and that its trunk takes it.
func (s *sender) startable(now time.Time, i transport.OutboxItem) bool {
	_, held := s.held[laneOf(i)]
	_, slow := s.turns.free[string(i.From)]
	return !held && !slow && !s.busy[laneOf(i)] && s.users[i.User] < perUser && s.paceOf(string(i.From)).takes(now)
}

func (s *sender) start(calls context.Context, now time.Time, item transport.OutboxItem) {
	s.turns.take(now, s.n.lines.trunkOf(string(item.From)), item)
	s.active[item.Key], s.busy[laneOf(item)] = true, true
	s.users[item.User]++
	p := s.paceOf(string(item.From))
	p.sends++
	s.job(sending, p, func() result { return s.n.send(calls, item) })
}

func (s *sender) job(kind jobKind, p *pace, do func() result) {
	s.jobs.Go(func() {
		r := do()
		r.kind, r.pace = kind, p
		s.done <- r
	})
}

// finish takes a job's result into account.
func (s *sender) finish(r result) {
	now := time.Now()
	key, l := r.item.Key, laneOf(r.item)
	delete(s.active, key)
	if r.item.State == transport.Sent {
		s.scanBy(later(r.item.NotBefore, now.Add(time.Second)))
	}
	switch r.kind {
	case checking:
		r.pace.asks--
		r.pace.learn(r, now)
		if s.asksLeft {
			s.nextScan = now
		}
		return // it holds up no lane
	case looking:
		r.pace.asks--
	case sending:
		r.pace.sends--
		if s.users[r.item.User]--; s.users[r.item.User] == 0 {
			delete(s.users, r.item.User)
		}
	}
	if r.inDoubt {
		s.doubtOf(r.item)
		s.scanBy(now.Add(time.Second))
	} else {
		delete(s.doubts, key)
		delete(s.busy, l)
		if r.item.State == transport.Queued {
			s.stale = true
		}
		if r.hold > 0 {
			s.held[l] = now.Add(r.hold)
		}
	}
	r.pace.learn(r, now)
}

// finishOthers takes the results that are there already: what ends together, as
// after a commit, is looked after together.
func (s *sender) finishOthers() {
	for range batch {
		select {
		case r := <-s.done:
			s.finish(r)
		default:
			return
		}
	}
}

// scanBy has a scan made at a time, whatever scans come before it.
func (s *sender) scanBy(t time.Time) {
	t = t.Add(scanStep - 1).Truncate(scanStep)
	if t.Before(time.Now().Add(scanEvery)) && !slices.Contains(s.scans, t) { // or one comes anyway
		s.scans = append(s.scans, t)
	}
	if t.Before(s.nextScan) {
		s.nextScan = t
	}
}

// scanned notes that a scan is made now, and when the next one is.
func (s *sender) scanned(now time.Time) {
	s.nextScan = now.Add(scanEvery)
	s.scans = slices.DeleteFunc(s.scans, func(t time.Time) bool { return !t.After(now) })
	for _, t := range s.scans {
		if t.Before(s.nextScan) {
			s.nextScan = t
		}
	}
}

// wait is how long nothing is due.
func (s *sender) wait() time.Duration {
	now := time.Now()
	next := s.nextScan
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	sooner(s.paused)
	if s.paused.IsZero() {
		for _, p := range s.paces {
			sooner(p.paused)
		}
		for _, until := range s.held {
			sooner(until)
		}
		for _, until := range s.turns.free {
			sooner(until)
		}
	}
	return max(next.Sub(now), time.Millisecond)
}

// backoff doubles from the first wait to the longest, and gives between half
// of it and all of it, so that many do not try at once.
func backoff(tries int, first, most time.Duration) time.Duration {
	d := most
	if n := max(tries-1, 0); n < 20 {
		d = min(first<<n, most)
	}
	return d/2 + rand.N(d/2)
}

// sleep says whether all of the time passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
