package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/component"
	"gatehouse/component/stanza"
)

const (
	plumbAhead    = 8                // messages, or lines of a room of ours, that it has still to show before it gets more
	plumbLine     = 400              // bytes that are taken for one line
	plumbWaiting  = 128              // messages that wait for that
	plumbFlying   = 512              // stanzas that may still fail
	plumbPatience = 2 * time.Minute  // before a message that waits, or that was not shown, is given up
	plumbHold     = 3 * time.Second  // before a network that has lost its connection is tried again
	writingTime   = 30 * time.Second // somebody writes no more (XEP-0085 §5.1)
	maxWriting    = 50
)

// A flight is something on its way into a room.
type flight struct {
	st       stanza.Stanza
	origin   *plumbEnd // whose people it is from; nil: the plumb's own
	crossing *crossing // of a message
	body     string    // of a message that the room shows; empty: it may not
	tries    int       // in vain
	number   int       // in the order in which they were to be said
	began    time.Time
	at       time.Time // when it was sent
	failed   func(stanza.Error)
	asked    func(error) // an iq
}

// An outbox is what one end of a plumb has still to say.
type outbox struct {
	waiting []*flight
	flying  map[string]*flight // by id
	ahead   int                // what of them the room has not shown: plumbAhead
	last    int                // number of one
	hold    time.Time          // until then all waits

	spoken             int // messages ever,
	lostEver, lostSoon int // and those that were left out; since the last time that was said
}

func newOutbox() outbox { return outbox{flying: map[string]*flight{}} }

// push has something said in the room. When it is too much, the newest is left
// out.
func (e *plumbEnd) push(origin *plumbEnd, f *flight) {
	e.last++
	f.origin, f.number, f.began = origin, e.last, time.Now()
	if len(e.waiting) >= plumbWaiting {
		e.lose(f)
		return
	}
	e.waiting = append(e.waiting, f)
	e.flush(time.Now())
}

// lose counts a message that is not said.
func (e *plumbEnd) lose(f *flight) {
	if f.crossing != nil {
		e.p.crossings.drop(f.crossing)
	}
	if f.body != "" && f.origin != nil {
		e.lostEver++
		e.lostSoon++
	}
}

// lostWords say how many were left out since the last time.
func (e *plumbEnd) lostWords() string {
	n := e.lostSoon
	e.lostSoon = 0
	switch n {
	case 0:
		return ""
	case 1:
		return " One message was not passed on."
	}
	return fmt.Sprintf(" %d messages were not passed on.", n)
}

// flush says what waits, as long as the room keeps up.
func (e *plumbEnd) flush(now time.Time) {
	for len(e.waiting) > 0 && e.state == endIn && !now.Before(e.hold) && e.ahead < plumbAhead && len(e.flying) < plumbFlying {
		f := e.waiting[0]
		if e.ahead > 0 && e.ahead+e.weight(f) > plumbAhead {
			return
		}
		if !e.send(f.st) {
			return
		}
		e.waiting = e.waiting[1:]
		f.at = now
		e.flying[f.st.ID] = f
		if f.body != "" {
			e.ahead += e.weight(f)
			e.writes = false // a message ends that
		}
	}
	if len(e.waiting) == 0 {
		e.waiting = nil
		if e.lostSoon > 0 && e.state == endIn && e.ahead < plumbAhead {
			e.p.other(e).announce(e.room.String() + " could not follow." + e.lostWords())
		}
	}
}

// weight is what a message takes of the pace of the network's link, which all
// links of a component share: none has more than plumbAhead before the others'.
func (e *plumbEnd) weight(f *flight) int {
	if e.inner == nil {
		return 1
	}
	return 1 + strings.Count(f.body, "\n") + len(f.body)/plumbLine
}

// postpone has something said again, in its turn.
func (e *plumbEnd) postpone(f *flight) {
	f.tries++
	i := slices.IndexFunc(e.waiting, func(other *flight) bool { return other.number > f.number })
	if i < 0 {
		i = len(e.waiting)
	}
	e.waiting = slices.Insert(e.waiting, i, f)
}

// land takes something out of the air.
func (e *plumbEnd) land(id string) *flight {
	f := e.flying[id]
	if f != nil {
		delete(e.flying, id)
		if f.body != "" {
			e.ahead -= e.weight(f)
		}
	}
	return f
}

// landOldest takes out the oldest message with a text.
func (e *plumbEnd) landOldest(st *stanza.Received) *flight {
	body, _ := st.ReadBody()
	var oldest *flight
	for _, f := range e.flying {
		if body != "" && f.body == body && (oldest == nil || f.at.Before(oldest.at)) {
			oldest = f
		}
	}
	if oldest == nil {
		return nil
	}
	return e.land(oldest.st.ID)
}

// reflected takes what the room shows of our own.
func (e *plumbEnd) reflected(st *stanza.Received) {
	if topic, is := st.ReadSubject(); is {
		e.subject = strings.Clone(topic)
	}
	f := e.land(st.ID)
	if f == nil {
		f = e.landOldest(st) // of a room that gives messages its own ids
	}
	if f == nil {
		return
	}
	if f.body != "" && f.origin != nil {
		e.spoken++
	}
	if f.crossing != nil {
		e.p.crossings.rename(f.crossing, e.side, namesOf(st, e.room))
	}
	e.flush(time.Now())
}

// failed takes the error that came for something of ours. Under other names it
// may have to be said in another way, which the session chooses.
func (e *plumbEnd) failed(id string, err stanza.Error) {
	f := e.land(id)
	switch {
	case f == nil:
		return
	case e.inner == nil && isGone(err.Condition):
		e.check(time.Now()) // it may be the whole room
	}
	switch {
	case err.Condition == stanza.NotAcceptable && e.inner == nil && e.state == endIn && f.body != "":
		e.out(time.Now(), "the room says that it is not in it any more") // XEP-0045 §7.4
		e.postpone(f)
		return
	case f.body != "" && f.tries == 0 && e.inner != nil && err.Condition == stanza.FeatureNotImplemented:
		e.postpone(f)
	case e.isShaken(f, err.Condition):
		e.postpone(f)
		e.hold = time.Now().Add(plumbHold)
	case f.failed != nil:
		f.failed(err)
	default:
		e.lose(f)
		if f.origin != nil && f.body != "" {
			e.lostSoon--
			why := err.Text
			if why == "" {
				why = string(err.Condition)
			}
			e.p.say(f.origin, "failure", "A message did not reach "+e.room.String()+": "+firstWords(why, 200))
		}
	}
	e.flush(time.Now())
}

// isShaken says that a message to a room of ours failed as the network has lost
// its connection, or is not back in the room yet.
func (e *plumbEnd) isShaken(f *flight, why stanza.Condition) bool {
	if f.body == "" || e.inner == nil || time.Since(f.began) > plumbPatience {
		return false
	}
	return why == stanza.RemoteServerTimeout || why == stanza.ResourceConstraint || why == stanza.NotAcceptable && f.tries > 0 && f.tries < 20
}

// drop gives up all that waits.
func (e *plumbEnd) drop() {
	for _, f := range e.waiting {
		e.lose(f)
	}
	e.waiting = nil
}

// tidyOutbox gives up what has waited for too long.
func (e *plumbEnd) tidyOutbox(now time.Time) {
	for len(e.waiting) > 0 && now.Sub(e.waiting[0].began) > plumbPatience {
		e.lose(e.waiting[0])
		e.waiting = e.waiting[1:]
	}
	for _, id := range slices.Collect(maps.Keys(e.flying)) {
		f := e.flying[id]
		if now.Sub(f.at) <= plumbPatience {
			continue
		}
		e.land(id)
		switch {
		case f.asked != nil:
			f.asked(errNobody)
		case f.body != "":
			e.lose(f)
		}
	}
}

// startsWriting notes that somebody in this room writes.
func (e *plumbEnd) startsWriting(nick string, now time.Time) {
	if len(e.writing) < maxWriting {
		e.writing[nick] = now
	}
	if u := e.p.other(e).puppetFor(nick, now); u != nil {
		e.p.other(e).showWritingOf(u, stanza.Composing)
		return
	}
	e.showWriting()
}

func (e *plumbEnd) stopsWriting(nick string) {
	if _, is := e.writing[nick]; is {
		e.writesNoMore(nick)
		e.showWriting()
	}
}

func (e *plumbEnd) writesNoMore(nick string) {
	delete(e.writing, nick)
	if u := e.p.other(e).puppets.byName[nick]; u != nil && u.state == endIn {
		e.p.other(e).showWritingOf(u, stanza.Active)
	}
}

// stopsWritingBut is for any message of theirs that does not say otherwise.
func (e *plumbEnd) stopsWritingBut(nick string, state stanza.ChatState) {
	if state != stanza.Composing {
		e.stopsWriting(nick)
	}
}

func (e *plumbEnd) tidyWriting(now time.Time) {
	before := len(e.writing)
	for nick, since := range e.writing {
		if now.Sub(since) > writingTime {
			e.writesNoMore(nick)
		}
	}
	if len(e.writing) != before {
		e.showWriting()
	}
}

// showWriting tells the other end whether anybody writes here.
func (e *plumbEnd) showWriting() {
	o := e.p.other(e)
	some := false
	for nick := range e.writing {
		u := o.puppets.byName[nick]
		some = some || u == nil || u.state != endIn
	}
	if some == o.writes || o.state != endIn || len(o.waiting) > 0 {
		return
	}
	state := stanza.Active
	if some {
		state = stanza.Composing
	}
	if o.send(o.groupchat(component.NewID(), state, stanza.NoStore)) {
		o.writes = some
	}
}
