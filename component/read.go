package component

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// read takes stanzas from the stream until it ends. It waits for the socket and
// for nothing else: what it must answer itself is dropped if the queue is full.
func (s *stream) read() *problem {
	for {
		e, err := s.in.Next()
		switch {
		case err != nil:
			large, ok := errors.AsType[*wire.TooLargeError](err)
			if !ok {
				return readProblem(err)
			}
			s.c.count.received.Add(1)
			s.received.Add(1)
			s.refuseLarge(large.Element)
		case isStreamError(e):
			return readStreamError(e).problem(s.stage())
		default:
			s.take(e)
		}
	}
}

// take handles one element, which is not kept.
func (s *stream) take(e *wire.Element) {
	if !isStanza(e) {
		s.c.count.ignored.Add(1)
		return
	}
	r, e := wire.CloneWith[stanza.Received](e)
	var err error
	if *r, err = stanza.Parse(e); err != nil {
		s.received.Add(1)
		s.c.count.received.Add(1)
		s.refuseMalformed(*r, err)
		return
	}
	g := s.c.group
	if g.Component(r.From.Domain) != nil {
		if !g.ownPing(s, *r) {
			s.c.count.ignored.Add(1)
			s.complainOfSender(*r)
		}
		return
	}
	s.received.Add(1)
	s.c.count.received.Add(1)
	if r.From.Domain == "" || r.To.Domain == "" {
		s.c.count.ignored.Add(1) // no server lets that through (XEP-0114 §3)
		return
	}
	of := g.Component(r.To.Domain)
	if of == nil {
		s.refuseForeign(*r)
		return
	}
	if r.Kind == stanza.IQ {
		switch r.Type {
		case stanza.Result, stanza.ErrorType:
			if !g.answered(*r) {
				s.c.count.ignored.Add(1) // late, twice, or from somebody else
			}
			return
		}
		if !isRequest(*r) {
			of.refuseWith(*r, stanza.Error{Class: stanza.Modify, Condition: stanza.BadRequest})
			return
		}
	}
	of.handle(r)
}

// complainOfSender logs a stanza with our own domain as its sender that is not
// ours, or is of a stream that has ended.
func (s *stream) complainOfSender(r stanza.Received) {
	if r.Kind == stanza.IQ && r.From == r.To && r.From.Resource != "" {
		s.c.complain("own ping", slog.LevelWarn, "a ping came that another connection with our domain has sent to itself",
			"domain", r.From.Domain, "check", "is a second gateway running?")
		return
	}
	s.c.complain("own sender", slog.LevelWarn, "stanza dropped: its sender has our own domain, and it is not from us",
		"sender_domain", r.From.Domain)
}

func isStanza(e *wire.Element) bool {
	if e.Space != stanza.Namespace {
		return false
	}
	switch e.Name {
	case "message", "presence", "iq":
		return true
	}
	return false
}

// isRequest tells whether an iq get or set is as RFC 6120 §8.2.3 wants it.
// Prosody forwards those that are not.
func isRequest(r stanza.Received) bool {
	if r.Type != stanza.Get && r.Type != stanza.Set || r.ID == "" {
		return false
	}
	children := 0
	for range r.Children() {
		children++
	}
	return children == 1
}

// handle hands a stanza over. A panic costs that stanza alone.
func (c *Component) handle(r *stanza.Received) {
	defer func() {
		if cause := recover(); cause != nil {
			c.count.panics.Add(1)
			c.log.Error("panic while handling a stanza", "kind", r.Kind.String(), "type", r.Type,
				"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	}()
	c.group.handle(r)
}

func (c *Component) refuseWith(r stanza.Received, e stanza.Error) {
	c.count.malformed.Add(1)
	if answer, ok := r.Refuse(e); ok {
		c.TrySend(answer)
	}
}

// refuseLarge answers a stanza that was skipped, if it says whose it was.
func (s *stream) refuseLarge(e *wire.Element) {
	s.c.complain("large", slog.LevelWarn, "stanza over the size limit dropped", "kind", e.Name)
	r, err := stanza.Parse(e)
	if !isStanza(e) || err != nil || s.c.group.Component(r.From.Domain) != nil || r.From.Domain == "" {
		return
	}
	if of := s.c.group.Component(r.To.Domain); of != nil {
		of.refuseWith(r, stanza.Error{Class: stanza.Modify, Condition: stanza.PolicyViolation, Text: "This is too large."})
	}
}

// refuseMalformed answers a stanza with an address that no server should let
// through, if at least the sender's is good. The answer comes from our domain:
// the address meant can't be written.
func (s *stream) refuseMalformed(r stanza.Received, err error) {
	s.c.count.malformed.Add(1)
	var address *stanza.AddressError
	if !errors.As(err, &address) || address.Attr != "to" || address.Value == "" || r.From.Domain == "" || s.c.group.Component(r.From.Domain) != nil {
		return
	}
	r.To = jid.JID{Domain: s.c.domain}
	if answer, ok := r.Refuse(stanza.Error{Class: stanza.Modify, Condition: stanza.JIDMalformed}); ok {
		s.c.TrySend(answer)
	}
}

// refuseForeign answers a stanza for a domain of nobody here. Only a server that
// gave this stream the domain's stanzas brings one, and that server (ejabberd)
// also takes the domain as a sender, so that the answer can come from the
// address that was meant.
func (s *stream) refuseForeign(r stanza.Received) {
	s.c.complain("foreign "+r.To.Domain, slog.LevelError, "stanza for another domain on this stream",
		"domain", r.To.Domain,
		"check", "ejabberd: the components need a listen entry each, or global_routes: false in the one they share")
	answer, ok := r.Refuse(stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound})
	if !ok {
		return
	}
	s.c.count.malformed.Add(1)
	if e, err := s.c.entryFrom(r.To.Domain, answer); err == nil {
		if room, err := s.c.out.put(e, false); room != nil || err != nil {
			e.free()
		}
	}
}
