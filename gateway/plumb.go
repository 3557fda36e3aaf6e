package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// Plumbing links a room of a network with a MUC on any XMPP server, so that all
// who are in the one and all who are in the other talk together.
//
// A plumb has two ends, and is the client of a room at each: a MUC client of
// XEP-0045 and no more, which joins, hears, speaks, pings itself (XEP-0410) and
// comes back. At a foreign MUC its stanzas go out on the component's stream,
// from the address of the room that it is linked with. At a room of ours they
// go to a session, of a user whom nobody is (plumbUser), and what the session
// sends to that user comes back here instead of going to the server. So rooms
// of any network can be plumbed, with two of ours too, and what a network can
// carry, what is said in place of the rest, ids, echoes, pace and return after
// a lost link are the session's as for anybody.
//
// What somebody says at one end is said at the other, in order, as them: under
// their own name where the network takes several from one speaker
// (transport.CarriesNames), else as "<juliet> text". The names that each side
// has for a message are kept (crossings), so that replies, reactions,
// retractions and corrections find it. What one speaker can't say for many, as
// which of them reacts, is merged. What the plumb itself says, whoever's words
// they are, it never takes up: it knows its own nick, ids and echoes. A text
// that goes to and fro all the same (another bridge) pauses it.
//
// One goroutine owns a plumb. It never waits for either side: each end has a
// queue with a bound, sends a few messages ahead of what the room has shown,
// and leaves out the newest when it is full, which is said once, with a number.

const (
	plumbUser  = "bridge"        // whose sessions are in our rooms
	plumbKind  = "gateway plumb" // of records
	maxPlumbs  = 200             // of one component
	plumbInbox = 256             // stanzas that wait for one plumb,
	plumbSpare = 256             // and for which more there is room: what the plumb's own stay hangs on
)

// A plumbRecord is a plumb as it is stored.
type plumbRecord struct {
	Room, MUC                 string // addresses
	Nick                      string // of the plumb, at both ends
	RoomPassword, MUCPassword string `json:"-"`          // which are kept as settings are: encrypted
	Puppets                   int    `json:",omitempty"` // occupants of the MUC for people of the room, at most
	Joins                     bool   `json:",omitempty"` // who comes and goes is told
	Moderate                  bool   `json:",omitempty"` // who moderates one end does so at the other
	By                        string // who linked them
	Owner                     string `json:",omitempty"` // who must own the MUC: a user who is no administrator
}

// plumbing are all plumbs at work.
type plumbing struct {
	any atomic.Bool // there are some: asked for each stanza

	life   context.Context // of the gateway, since it runs
	work   func(*plumb)
	mu     sync.RWMutex
	ends   map[jid.JID]*plumbEnd // by what stanzas to it are addressed to
	plumbs map[string]*plumb
	closed bool
	atWork sync.WaitGroup
}

// A plumb is one link. Its goroutine owns what is below the queues.
type plumb struct {
	gateway *Gateway
	host    *host // of the room
	id      string
	record  plumbRecord
	ctx     context.Context // while it is to work
	stop    context.CancelFunc
	done    chan struct{}
	in      chan plumbEvent
	missed  atomic.Int64 // stanzas that found the queue full

	running sync.WaitGroup // questions under way

	ends      [2]*plumbEnd // the room, the MUC
	crossings crossings
	loops     loopWatch
	paused    time.Time // until when nothing is passed on
	told      map[string]time.Time
	comings   comings
	ended     string // why it is over, to be unplumbed
}

// A plumbEvent is what a plumb's goroutine is to take.
type plumbEvent struct {
	end  *plumbEnd
	st   *plumbStanza
	then func()
}

func (g *Gateway) newPlumb(h *host, id string, r plumbRecord) (*plumb, error) {
	room, err := jid.ParsePrepared(r.Room)
	if err != nil {
		return nil, fmt.Errorf("the room's address: %w", err)
	}
	muc, err := jid.ParsePrepared(r.MUC)
	if err != nil {
		return nil, fmt.Errorf("the MUC's address: %w", err)
	}
	p := &plumb{
		gateway: g, host: h, id: id, record: r, done: make(chan struct{}),
		in: make(chan plumbEvent, plumbInbox+plumbSpare), told: map[string]time.Time{}, crossings: newCrossings(),
	}
	p.ends[0] = newPlumbEnd(p, 0, room, r.RoomPassword)
	p.ends[1] = newPlumbEnd(p, 1, muc, r.MUCPassword)
	return p, nil
}

// start sets a plumb to work. The error is for people.
func (g *Gateway) startPlumb(p *plumb) error {
	all := &g.plumbing
	all.mu.Lock()
	defer all.mu.Unlock()
	mine := 0
	for _, other := range all.plumbs {
		if other.links(p.ends[0].room, p.ends[1].room) {
			return fmt.Errorf("%s and %s are linked already", p.ends[0].room, p.ends[1].room)
		}
		if other.host == p.host {
			mine++
		}
	}
	switch {
	case all.closed, all.life.Err() != nil:
		return fmt.Errorf("the gateway is stopping")
	case mine >= maxPlumbs:
		return fmt.Errorf("there are %d links already, which is the most", mine)
	}
	if all.plumbs == nil {
		all.plumbs, all.ends = map[string]*plumb{}, map[jid.JID]*plumbEnd{}
	}
	all.plumbs[p.id] = p
	for _, e := range p.ends {
		all.ends[e.self] = e
	}
	all.any.Store(true)
	p.ctx, p.stop = context.WithCancel(all.life)
	all.atWork.Go(func() { all.work(p) })
	return nil
}

// links says that two rooms are the ends of the plumb, in whichever order.
func (p *plumb) links(a, b jid.JID) bool {
	return p.ends[0].room == a && p.ends[1].room == b || p.ends[0].room == b && p.ends[1].room == a
}

// end takes a plumb out of work, and waits until it has left its rooms and
// stores nothing more. It is still in the list.
func (p *plumb) end() {
	p.stop()
	<-p.done
}

func (g *Gateway) dropPlumb(p *plumb) {
	all := &g.plumbing
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.plumbs, p.id)
	for _, e := range p.ends {
		delete(all.ends, e.self)
	}
	all.any.Store(len(all.plumbs) > 0)
}

// plumbsOf gives the plumbs of a component, by their rooms.
func (h *host) plumbsOf(mine func(*plumb) bool) (found []*plumb) {
	all := &h.gateway.plumbing
	all.mu.RLock()
	defer all.mu.RUnlock()
	for _, p := range all.plumbs {
		if p.host == h && mine(p) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *plumb) int {
		return strings.Compare(a.record.Room+" "+a.record.MUC, b.record.Room+" "+b.record.MUC)
	})
	return found
}

// runPlumbs brings back what was linked before.
func (g *Gateway) runPlumbs(ctx context.Context) {
	for _, h := range g.hosts {
		for !g.loadPlumbs(ctx, h) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(recordRetry):
			}
		}
	}
}

// closePlumbs waits until all have left their rooms. The gateway is stopping.
func (g *Gateway) closePlumbs() {
	all := &g.plumbing
	all.mu.Lock()
	all.closed = true
	all.mu.Unlock()
	all.atWork.Wait()
}

func (g *Gateway) loadPlumbs(ctx context.Context, h *host) bool {
	if g.Store == nil || !h.info.Rooms {
		return true
	}
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	items, err := g.Store.Records(h.Domain).OfUser(asking, "", plumbKind)
	if err != nil {
		h.log.Error("the rooms that are linked can't be read", "err", err)
		return false
	}
	all, err := g.Store.Settings().All(asking, h.Domain, "")
	if err != nil {
		h.log.Error("the passwords of linked rooms can't be read", "err", err)
		return false
	}
	for _, i := range items {
		var r plumbRecord
		err := json.Unmarshal(i.Value, &r)
		secrets := all[plumbSecrets(i.Key)]
		r.RoomPassword, r.MUCPassword = secrets.Get("room"), secrets.Get("muc")
		var p *plumb
		if err == nil {
			p, err = g.newPlumb(h, i.Key, r)
		}
		if err == nil {
			err = g.startPlumb(p)
		}
		if err != nil {
			h.log.Error("two rooms can't be linked again", "room", r.Room, "muc", r.MUC, "err", err)
		}
	}
	return true
}

// plumbSecrets is where the passwords of a plumb are among settings, of nobody.
func plumbSecrets(id string) transport.Address { return transport.Address(plumbKind + " " + id) }

func (h *host) storePlumb(ctx context.Context, id string, r plumbRecord) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if r.RoomPassword != "" || r.MUCPassword != "" {
		secrets := transport.Values{"room": {r.RoomPassword}, "muc": {r.MUCPassword}}
		if err := h.gateway.Store.Settings().Set(ctx, h.Domain, "", plumbSecrets(id), secrets, "room", "muc"); err != nil {
			return err
		}
	}
	return h.gateway.Store.Records(h.Domain).Put(ctx, transport.RecordItem{Kind: plumbKind, Key: id, Value: value})
}

func (h *host) forgetPlumb(ctx context.Context, p *plumb) error {
	if err := h.gateway.Store.Records(h.Domain).Delete(ctx, "", plumbKind, p.id); err != nil {
		return err
	}
	return h.gateway.Store.Settings().Delete(ctx, h.Domain, "", plumbSecrets(p.id))
}

// isPlumber says that an address is that of our sessions in plumbed rooms,
// which no server's stanza comes from.
func (h *host) isPlumber(j jid.JID) bool { return j.Local == plumbUser && j.Domain == h.Domain }

// plumbs says that the session is one of those.
func (s *session) plumbs() bool { return s.host.isPlumber(s.user) }

// supervise runs a plumb until ctx ends. After a panic it begins anew.
func (p *plumb) supervise() {
	ctx := p.ctx
	defer close(p.done)
	for {
		sound := p.host.guard("link of "+p.record.Room, func() { p.run(ctx) })
		p.host.guard("end of the link of "+p.record.Room, p.leave)
		p.running.Wait()
		if ctx.Err() != nil {
			return
		}
		if sound {
			p.unplumb()
			p.gateway.dropPlumb(p)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(reopenTime):
		}
		for _, e := range p.ends {
			e.forget()
		}
	}
}

// unplumb is for a plumb that ended itself.
func (p *plumb) unplumb() {
	p.host.log.Warn("two rooms are no longer linked", "room", p.record.Room, "muc", p.record.MUC, "why", p.ended)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := p.host.forgetPlumb(ctx, p); err != nil {
		p.host.log.Error("a link that has ended is still stored", "room", p.record.Room, "err", err)
	}
	p.host.alertAbout(p.record.By, fmt.Sprintf("%s and %s are no longer linked: %s", p.record.Room, p.record.MUC, p.ended))
}

// run works until ctx ends, or the plumb itself.
func (p *plumb) run(ctx context.Context) {
	for _, e := range p.ends {
		e.join(time.Now())
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for p.ended == "" {
		select {
		case <-ctx.Done():
			return
		case e := <-p.in:
			p.take(e)
		case <-timer.C:
		}
		now := time.Now()
		p.tidy(now)
		timer.Reset(max(p.next(now).Sub(now), 10*time.Millisecond))
	}
}

func (p *plumb) take(e plumbEvent) {
	if e.then != nil {
		e.then()
		return
	}
	e.end.receive(e.st)
}

// leave takes leave of both rooms.
func (p *plumb) leave() {
	for _, e := range p.ends {
		e.leave("")
	}
}

func (p *plumb) other(e *plumbEnd) *plumbEnd { return p.ends[1-e.side] }

// jitter spreads what many would do at the same time.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
