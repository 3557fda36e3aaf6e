package gateway

import (
	"time"

	"gatehouse/component/stanza"
)

// plumbResync is how long an end that missed something waits at least before it
// asks the room anew who is in it.
const plumbResync = 10 * time.Minute

// deliver queues a stanza for an end. It never waits. A large room sends
// hundreds of presences at a join, and the one that ends them last: for that,
// and whatever else tells the plumb of itself, some room is kept.
func (e *plumbEnd) deliver(st *plumbStanza) {
	if len(e.p.in) < plumbInbox || isOfItself(st) {
		select {
		case e.p.in <- plumbEvent{end: e, st: st}:
			return
		default:
		}
	}
	e.p.missed.Add(1)
	if st.Kind == stanza.Presence {
		e.unseen.Store(true)
	}
}

// isOfItself says that a stanza is about the plumb, or one of its puppets, or
// that the room is no more.
func isOfItself(st *plumbStanza) bool {
	switch st.Kind {
	case stanza.IQ:
		return true
	case stanza.Presence:
		x := st.Child(stanza.MUCUserNamespace, "x")
		return st.Type == stanza.ErrorType || hasStatus(x, "110") || x.Child(stanza.MUCUserNamespace, "destroy") != nil
	}
	return st.Type == stanza.ErrorType
}

// resync has an end that missed who came or went be told anew: to join once
// more brings everybody's presence (XEP-0045 §7.2.3), and the end's own last. It
// stays in meanwhile, and tells nobody of those whom it finds.
func (e *plumbEnd) resync(now time.Time) {
	if e.state != endIn || len(e.p.in) > 0 || now.Before(e.resyncAt) || !e.unseen.Swap(false) {
		return
	}
	e.resyncAt, e.counting = now.Add(plumbResync), now.Add(joinTime)
	clear(e.present)
	e.present[e.nick] = occupant{}
	e.send(e.joiningAs(e.nick))
}
