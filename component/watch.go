package component

import "time"

// watch sends the canary until the stream ends, and judges what comes back.
func (s *stream) watch() {
	twin := false // some of our stanzas go elsewhere
	clean := 0
	for {
		before := s.received.Load()
		if !s.canaryRound() {
			return
		}
		here, away := s.canary.result()
		next := canaryEvery
		switch back := here + away; {
		case back == canarySize:
			clean++
			if away > 0 {
				s.sayShared(away)
			}
		case back == 0 && s.received.Load() == before:
			s.fail(s.deaf())
			return
		default:
			clean = 0
			if !twin {
				s.sayTwin(canarySize - back)
			}
			twin = true
		}
		if twin && clean >= cleanRounds {
			twin = false
			s.c.log.Info("all our stanzas come back again: no other connection takes a share any more")
		}
		s.c.setCanary(verdict(twin, away))
		if twin {
			next = canaryAgain
		}
		if !s.sleep(next) {
			return
		}
	}
}

func verdict(twin bool, away int) CanaryState {
	switch {
	case twin:
		return CanaryTwin
	case away > 0:
		return CanaryShared
	}
	return CanaryHealthy
}

// canaryRound sends one round and waits until all are back or time is up. False
// means that the stream has ended.
func (s *stream) canaryRound() bool {
	round := s.canary.begin()
	s.c.out.hurry(func(b []byte) []byte {
		for i := range uint64(canarySize) {
			b = s.ping.appendTo(b, canaryPing, round*canarySize+i)
		}
		return b
	})
	end := time.Now().Add(canaryStall)
	limit := time.NewTimer(canaryStall)
	defer limit.Stop()
	for {
		select {
		case <-s.canary.all:
			return true
		case <-s.canary.flushed:
			limit.Reset(min(canaryLimit, time.Until(end)))
		case <-limit.C:
			return true
		case <-s.ended:
			return false
		}
	}
}

func (s *stream) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ended:
		return false
	}
}

// deaf explains a stream on which nothing of ours comes back.
func (s *stream) deaf() *problem {
	if s.stage() == streamUp {
		return &problem{cause: silent, reset: true, text: "the server no longer answers"}
	}
	return &problem{
		cause: silent, reset: true,
		text: "the server accepted the handshake, but no stanza reaches us",
		check: "another connection may hold the domain's only place (ejabberd: domain_balancing with component_number; " +
			"remove it for this domain)",
	}
}

func (s *stream) sayTwin(missing int) {
	s.c.log.Error("some stanzas for us go to another connection, which the server gives a share of them",
		"missing", missing, "of", canarySize,
		"check", "is a second gateway running with this domain, or an old connection half open? "+
			"ejabberd spreads stanzas at random over all connections of a domain (ejabberdctl connected_users does not "+
			"show them, ss -tnp does); with several components, each needs a listen entry of its own or global_routes: false")
}

// sayShared is said once for each component.
func (s *stream) sayShared(away int) {
	s.c.mu.Lock()
	said := s.c.state.sharedSaid
	s.c.state.sharedSaid = true
	s.c.mu.Unlock()
	if !said {
		s.c.log.Warn("stanzas for this domain also come in on the stream of another of our components; nothing is lost",
			"strayed", away, "of", canarySize,
			"check", "ejabberd: set global_routes: false in the listen entry that they share")
	}
}
