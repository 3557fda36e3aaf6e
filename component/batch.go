package component

import "time"

// A batch is what one write call carries.
type batch struct {
	xml    []byte
	urgent bool // it begins with pings
	sent   int  // stanzas written for the first time
	resent int
	wait   time.Duration // if empty: when to look again; zero means only when woken
}

// take fills b with what can be written now. barrier appends the ping that
// stands behind the first n entries kept on this stream.
func (o *outbox) take(b *batch, now time.Time, barrier func(b []byte, n uint64) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*b = batch{xml: append(b.xml[:0], o.urgent...), urgent: len(o.urgent) > 0}
	o.urgent = o.urgent[:0]
	if o.phase == flowing || o.phase == closing {
		o.takeQueued(b, now, barrier)
	}
	if len(b.xml) == 0 {
		o.idle = true
		switch {
		case o.written > o.covered:
			b.wait = max(1, barrierDelay-now.Sub(o.since))
		case o.covered > o.confirmed:
			b.wait = max(1, barrierRetry-now.Sub(o.asked))
		}
	}
}

func (o *outbox) takeQueued(b *batch, now time.Time, barrier func(b []byte, n uint64) []byte) {
	cover := func() {
		b.xml = barrier(b.xml, o.written)
		o.covered, o.asked, o.prompt = o.written, now, false
	}
	for len(b.xml) < batchSize && o.queue.len() > 0 {
		alone := o.queue.peek().suspicion >= sendAlone
		if alone && o.journal.len() > 0 {
			break // its barrier will wake us
		}
		e := o.queue.pop()
		b.xml = append(b.xml, e.xml...)
		o.queued.remove(e)
		if e.written {
			b.resent++
		} else {
			b.sent++
		}
		e.written = true
		if !e.keep {
			e.free()
			continue
		}
		o.journal.push(e)
		o.prompt = o.prompt || e.confirmed != nil
		if o.written == o.covered {
			o.since = now
		}
		o.written++
		if alone {
			cover()
			break
		}
		if o.written-o.covered >= barrierEvery {
			cover()
		}
	}
	due := o.flush && o.queue.len() == 0 || o.prompt && o.covered == o.confirmed || now.Sub(o.since) >= barrierDelay
	overdue := now.Sub(o.asked) >= barrierRetry
	if o.written > o.covered && due || o.covered > o.confirmed && overdue {
		cover()
	}
	o.signalRoom()
}
