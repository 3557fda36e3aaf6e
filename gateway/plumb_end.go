package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const (
	plumbRetryMin  = 3 * time.Second  // a room that can't be joined is tried again,
	plumbRetryMax  = 10 * time.Minute // less and less often
	plumbSteady    = 5 * time.Minute  // in a room for so long, the next loss is the first
	plumbPingAfter = 5 * time.Minute  // of silence (XEP-0410)
	plumbAlarm     = 2                // tries in vain before administrators are told
	plumbNicks     = 5                // that are tried where one is taken
	maxOccupants   = 20_000           // of a room that are remembered
)

// A plumbEnd is a plumb's stay in one room.
type plumbEnd struct {
	p        *plumb
	side     int
	inner    *host // whose room it is; nil: a foreign one
	room     jid.JID
	self     jid.JID // the client that is in it
	password string

	state    endState
	nick     string // as the room knows it
	wanted   string
	nicks    int // that were taken
	since    time.Time
	problem  string // why it is not there
	tries    int    // in vain
	missed   bool   // the other end was told
	alarmed  bool
	retryAt  time.Time
	heard    time.Time // something from the room
	pinging  bool
	unseen   atomic.Bool // somebody's presence found the queue full
	resyncAt time.Time   // not before that it is asked for again
	counting time.Time   // until then those are no news who are in the room
	unheard  int         // pings without an answer
	present  map[string]occupant
	moderate bool // it may
	tellsIDs bool // the room says who is who (XEP-0421)
	subject  string
	hasTopic bool // the subject that comes with the join has come

	outbox
	puppets  puppets
	regulars regulars
	writing  map[string]time.Time // those who are, by nick
	writes   bool                 // the room was told that somebody is, at the other end
}

type endState uint8

const (
	endOut endState = iota
	endJoining
	endIn
)

// An occupant is somebody in a room.
type occupant struct {
	bare jid.JID // of who owns
	owns bool    // owner or admin
}

func newPlumbEnd(p *plumb, side int, room jid.JID, password string) *plumbEnd {
	e := &plumbEnd{
		p: p, side: side, inner: p.gateway.hosts[room.Domain], room: room, password: password, wanted: p.record.Nick,
		present: map[string]occupant{}, writing: map[string]time.Time{}, outbox: newOutbox(), puppets: newPuppets(), regulars: regulars{},
	}
	if e.inner != nil {
		e.self = jid.JID{Local: plumbUser, Domain: room.Domain, Resource: p.id + [...]string{"", "-muc"}[side]}
	} else {
		e.self = p.host.at("").WithResource("plumb-" + p.id)
		e.self.Local = p.ends[0].room.Local // whoever sees the address sees what the MUC is linked with
	}
	return e
}

// send hands a stanza to the room's server or session. It never waits.
func (e *plumbEnd) send(st stanza.Stanza) bool {
	if st.From == (jid.JID{}) {
		st.From = e.self
	}
	if e.inner == nil {
		return e.p.host.Stream.TrySend(st)
	}
	got, err := asReceived(st)
	if err != nil {
		e.p.host.log.Warn("a stanza to a room can't be read", "room", e.room, "err", err)
		return true
	}
	return e.inner.post(&got)
}

// ask sends an iq set or get, and calls then with what came of it.
func (e *plumbEnd) ask(typ string, to jid.JID, query payload, then func(error)) {
	st := stanza.Stanza{Kind: stanza.IQ, Header: stanza.Header{To: to, Type: typ}, Payloads: []payload{query}}
	if e.inner != nil {
		st.ID = component.NewID()
		e.flying[st.ID] = &flight{at: time.Now(), asked: then}
		if !e.send(st) {
			delete(e.flying, st.ID)
			then(component.ErrTimeout)
		}
		return
	}
	st.From = e.self
	e.p.running.Go(func() {
		ctx, cancel := context.WithTimeout(e.p.ctx, callTimeout)
		defer cancel()
		_, err := e.p.host.Stream.Request(ctx, st)
		select {
		case e.p.in <- plumbEvent{then: func() { then(err) }}:
		case <-ctx.Done():
		}
	})
}

// answer answers what somebody in the room asks of the plumb as a client. It may
// be called by the stream's reader.
func (e *plumbEnd) answer(st *stanza.Received) {
	if st.Type != stanza.Get && st.Type != stanza.Set {
		return
	}
	switch q := st.Payload(); {
	case st.Type == stanza.Get && q.Space == "urn:xmpp:ping":
		e.send(st.Result())
	case st.Type == stanza.Get && q.Space == stanza.DiscoInfoNamespace && q.Attr("node") == "":
		e.send(st.Result(stanza.DiscoInfo{
			Identities: []stanza.Identity{{Category: "client", Type: "bot", Name: "Link with " + e.p.other(e).room.String()}},
			Features:   []string{stanza.DiscoInfoNamespace, "urn:xmpp:ping"},
		}))
	default:
		e.send(st.Answer(stanza.ErrorType, unknown()))
	}
}

// join asks to come in.
func (e *plumbEnd) join(now time.Time) {
	e.state, e.since, e.retryAt = endJoining, now, now.Add(joinTime)
	clear(e.present)
	e.hasTopic = false
	if !e.send(e.joiningAs(e.wanted)) {
		e.out(now, "the XMPP server can't be reached")
	}
}

func (e *plumbEnd) joiningAs(nick string) stanza.Stanza {
	return stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{To: e.room.WithResource(nick), ID: component.NewID()}, Payloads: []payload{e.joining()}}
}

// leave takes leave of the room.
func (e *plumbEnd) leave(why string) {
	if e.state == endOut {
		return
	}
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{To: e.room.WithResource(e.nick), Type: stanza.Unavailable}}
	if e.nick == "" {
		st.To.Resource = e.wanted
	}
	if why != "" {
		st.Payloads = []payload{stanza.Status(why)}
	}
	e.dropPuppets(why)
	e.send(st)
	e.state = endOut
}

// forget is for a plumb that begins anew.
func (e *plumbEnd) forget() {
	e.state, e.nick, e.pinging, e.outbox, e.puppets = endOut, "", false, newOutbox(), newPuppets()
}

// out notes that the end is not in its room, and when it tries again.
func (e *plumbEnd) out(now time.Time, why string) {
	if e.state == endIn && now.Sub(e.since) > plumbSteady {
		e.tries = 0
	}
	was := e.state
	e.state, e.problem, e.nick, e.pinging, e.moderate = endOut, why, "", false, false
	wait := min(plumbRetryMin<<min(e.tries, 10), plumbRetryMax)
	e.tries++
	e.retryAt = now.Add(jitter(wait))
	clear(e.writing)
	e.dropPuppets("")
	e.p.host.log.Info("a linked room is lost", "room", e.room, "why", why, "retry", e.retryAt.Sub(now))
	if was == endIn {
		e.missed = true
		e.p.other(e).announce(fmt.Sprintf("%s can't be reached just now (%s): what is said here is not seen there until it is back.", e.room, why))
	}
	if e.tries == plumbAlarm && !e.alarmed {
		e.alarmed = true
		e.p.host.alertAbout(e.p.record.By, fmt.Sprintf("The link of %s and %s is broken: %s: %s. It is tried again by itself.", e.p.record.Room, e.p.record.MUC, e.room, why))
	}
}

// in notes that it is.
func (e *plumbEnd) in(now time.Time, nick string) {
	e.state, e.nick, e.since, e.retryAt, e.problem, e.nicks, e.heard, e.unheard = endIn, nick, now, time.Time{}, "", 0, now, 0
	e.bringPuppets(now)
	e.p.other(e).bringPuppets(now)
	if e.missed {
		e.missed = false
		e.p.other(e).announce(fmt.Sprintf("%s is back.%s", e.room, e.lostWords()))
	}
	if e.alarmed {
		e.alarmed = false
		e.p.host.alertAbout(e.p.record.By, fmt.Sprintf("The link of %s and %s works again.", e.p.record.Room, e.p.record.MUC))
	}
}

func (e *plumbEnd) describe() string {
	switch {
	case e.state == endIn:
		return fmt.Sprintf("joined as %s, with %s there", e.nick, count(max(len(e.present)-1, 0), "other", "others"))
	case e.state == endJoining && e.problem == "":
		return "joining"
	case e.problem == "":
		return "not joined yet"
	}
	return fmt.Sprintf("not joined: %s (tried %s)", e.problem, count(e.tries, "time", "times"))
}

// receive takes what the room says.
func (e *plumbEnd) receive(st *stanza.Received) {
	if u := e.puppets.bySelf[st.To.Resource]; u != nil {
		e.receiveAs(u, st)
		return
	}
	if st.To.Resource != e.self.Resource {
		return // to a puppet that is no more
	}
	e.heard, e.unheard = time.Now(), 0
	switch st.Kind {
	case stanza.Presence:
		e.receivePresence(st)
	case stanza.Message:
		e.receiveMessage(st)
	case stanza.IQ:
		e.answer(st)
		if f := e.land(st.ID); f != nil && f.asked != nil {
			var err error
			if st.Type == stanza.ErrorType {
				err = &component.RequestError{Answer: st.ReadError()}
			}
			f.asked(err)
		}
	}
}

// ping asks the room whether we are in it (XEP-0410 §3).
func (e *plumbEnd) ping(now time.Time) {
	nick := e.nick
	e.pinging, e.heard = true, now
	e.ask(stanza.Get, e.room.WithResource(nick), wire.New("urn:xmpp:ping", "ping"), func(err error) {
		e.pinging = false
		if e.state != endIn || e.nick != nick {
			return
		}
		now := time.Now()
		refusal, answered := errors.AsType[*component.RequestError](err)
		undecided := []stanza.Condition{stanza.RemoteServerNotFound, stanza.RemoteServerTimeout, stanza.ResourceConstraint}
		there := []stanza.Condition{stanza.ServiceUnavailable, stanza.FeatureNotImplemented, stanza.ItemNotFound}
		switch {
		case err == nil, answered && slices.Contains(there, refusal.Answer.Condition):
			e.unheard = 0
		case !answered, slices.Contains(undecided, refusal.Answer.Condition):
			if e.unheard++; e.unheard >= 2 {
				e.out(now, "the room does not answer")
			}
		default:
			e.out(now, "the room says that it is not in it any more")
		}
	})
}

// check is for a stream that is back: rooms may have been lost without a word.
func (e *plumbEnd) check(now time.Time) {
	switch {
	case e.inner != nil:
	case e.state == endIn:
		e.heard = now.Add(-plumbPingAfter)
	case e.state == endOut:
		e.retryAt = now
	}
}

func (e *plumbEnd) tidy(now time.Time) {
	switch {
	case e.state == endIn && !e.pinging && now.Sub(e.heard) >= plumbPingAfter:
		e.ping(now)
	case e.state == endJoining && !now.Before(e.retryAt):
		e.out(now, "the room did not answer the join")
	case e.state == endOut && !now.Before(e.retryAt):
		e.join(now)
	}
	e.resync(now)
	e.tidyWriting(now)
	e.tidyOutbox(now)
	e.flush(now)
}

// next is when the end has to do something by itself.
func (e *plumbEnd) next() time.Time {
	at := e.retryAt
	if e.state == endIn {
		at = e.heard.Add(plumbPingAfter)
		if e.pinging {
			at = at.Add(plumbPingAfter)
		}
	}
	if len(e.waiting) > 0 || len(e.flying) > 0 || len(e.writing) > 0 {
		at = earlier(at, time.Now().Add(time.Second))
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
