package component

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const pingNamespace = "urn:xmpp:ping" // XEP-0199

// The canary: so many pings to ourselves, so often. One every minute is also
// what keeps Openfire from ending an idle stream (xmpp.component.idle, which
// white space doesn't reset).
const (
	canarySize  = 8
	canaryEvery = 30 * time.Second
	canaryAgain = 10 * time.Second // while some do not come back
	canaryLimit = 10 * time.Second // from when they are written
	canaryStall = 25 * time.Second // from when they should have been
	cleanRounds = 2                // until a twin counts as gone
)

// A pingText is a ping, or its answer, up to and after the number in its id. The
// address has a resource, because ejabberd's mod_privilege drops iqs to bare
// addresses.
type pingText struct{ before, after []byte }

func pingTexts(domain, token string) (ping, pong pingText) {
	self := jid.JID{Domain: domain, Resource: token}
	text := func(typ string, payload ...wire.Payload) pingText {
		var w wire.Writer
		stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{From: self, To: self, Type: typ, ID: token + ".@"},
			Payloads: payload,
		}.WriteXML(&w)
		before, after, _ := bytes.Cut(w.Bytes(), []byte(".@"))
		return pingText{append(before, '.'), after}
	}
	return text(stanza.Get, wire.New(pingNamespace, "ping")), text(stanza.Result)
}

func (t pingText) appendTo(b []byte, kind byte, n uint64) []byte {
	b = append(b, t.before...)
	b = append(b, kind)
	b = strconv.AppendUint(b, n, 10)
	return append(b, t.after...)
}

// The kinds of pings, in their ids.
const (
	barrierPing = 'b' // with the number of kept stanzas written before it
	canaryPing  = 'c' // with round*canarySize + place
)

// barrier appends the ping behind the first n kept stanzas of the stream.
func (s *stream) barrier(b []byte, n uint64) []byte { return s.ping.appendTo(b, barrierPing, n) }

// ownPing handles a stanza with one of our own domains as its sender, which is
// taken for ours only if it has the token of an open stream: Openfire lets any
// component claim any address. False means that it is not ours.
func (g *Group) ownPing(on *stream, r stanza.Received) bool {
	token, rest, found := strings.Cut(r.ID, ".")
	if !found || r.Kind != stanza.IQ || r.From != r.To || r.From.Resource != token || len(rest) < 2 {
		return false
	}
	of := g.stream(token)
	if of == nil || of.c.domain != r.From.Domain {
		return false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 64)
	if err != nil {
		return false
	}
	if r.Type != stanza.Get {
		// Our own answer, or that of a connection to which the ping strayed. A
		// server that answers in our place proves as much as one that passes
		// the ping on, unless this one has been seen to pass them on.
		if r.Type == stanza.Result && !of.passedOn.Load() {
			of.pingCameBack(rest[0], n, on == of)
		}
		return r.Type == stanza.Result || r.Type == stanza.ErrorType
	}
	of.passedOn.Store(true)
	of.pingCameBack(rest[0], n, on == of)
	// Openfire remembers every request until it is answered.
	of.c.out.hurry(func(b []byte) []byte { return of.pong.appendTo(b, rest[0], n) })
	return true
}

func (s *stream) pingCameBack(kind byte, n uint64, here bool) {
	switch kind {
	case barrierPing:
		s.c.out.confirm(s.number, n)
		select {
		case s.drained <- struct{}{}:
		default:
		}
	case canaryPing:
		if s.canary.cameBack(n, here) {
			s.cameUp()
		}
	}
}

// A canary is one round of pings at a time.
type canary struct {
	mu    sync.Mutex
	round uint64
	back  [canarySize]bool
	here  int // of those back: on their own stream
	away  int // and on another of the group

	all     chan struct{} // holds one: all of the round are back
	flushed chan struct{} // holds one: the round is written
}

func (k *canary) init() {
	k.all = make(chan struct{}, 1)
	k.flushed = make(chan struct{}, 1)
}

func (k *canary) begin() (round uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.round++
	k.back = [canarySize]bool{}
	k.here, k.away = 0, 0
	for _, c := range []chan struct{}{k.all, k.flushed} {
		select {
		case <-c:
		default:
		}
	}
	return k.round
}

func (k *canary) written() {
	select {
	case k.flushed <- struct{}{}:
	default:
	}
}

// cameBack counts a ping of this round. One of an earlier round is too late.
func (k *canary) cameBack(n uint64, here bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	place := n % canarySize
	if n/canarySize != k.round || k.back[place] {
		return false
	}
	k.back[place] = true
	if here {
		k.here++
	} else {
		k.away++
	}
	if k.here+k.away == canarySize {
		select {
		case k.all <- struct{}{}:
		default:
		}
	}
	return true
}

func (k *canary) result() (here, away int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.here, k.away
}
