package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/component/jid"
)

// describe says how a plumb is, for the list.
func (p *plumb) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ⇄ %s (linked by %s)", p.record.Room, p.record.MUC, p.record.By)
	for _, e := range p.ends {
		fmt.Fprintf(&b, "\n  %s: %s", e.room, e.describe())
	}
	fmt.Fprintf(&b, "\n  %s from the room to the MUC, %d back", count(p.ends[1].spoken, "message", "messages"), p.ends[0].spoken)
	if lost := p.ends[0].lostEver + p.ends[1].lostEver + int(p.missed.Load()); lost > 0 {
		fmt.Fprintf(&b, ", %d left out", lost)
	}
	if p.paused.After(time.Now()) {
		b.WriteString("; paused, as messages went to and fro: is there another bridge?")
	}
	if p.ended != "" {
		b.WriteString("; over: " + p.ended)
	}
	return b.String()
}

// describePlumbs asks all how they are.
func (h *host) describePlumbs(ctx context.Context, all []*plumb) []string {
	ctx, cancel := context.WithTimeout(ctx, linksTime)
	defer cancel()
	lines := make([]string, len(all))
	answers := make([]chan string, len(all))
	for i, p := range all {
		lines[i] = p.record.Room + " ⇄ " + p.record.MUC + ": too busy to say how it is"
		answer := make(chan string, 1)
		select {
		case p.in <- plumbEvent{then: func() { answer <- p.describe() }}:
			answers[i] = answer
		default:
		}
	}
	for i, answer := range answers {
		select {
		case lines[i] = <-answer:
		case <-ctx.Done():
		}
	}
	return lines
}

// tidy is done after everything that happens, and now and then.
func (p *plumb) tidy(now time.Time) {
	for _, e := range p.ends {
		e.tidy(now)
	}
	muc := p.ends[1]
	if p.record.Owner != "" && muc.state == endIn && now.Sub(muc.since) > ownerTime {
		p.ended = p.record.Owner + " was not seen in " + muc.room.String() +
			" as its owner or an administrator of it. Be in it when you link it, and let everybody see addresses there, or make " + muc.self.Bare().String() + " a moderator."
	}
}

// ownerTime is how long the owner of a MUC has to be seen in it.
const ownerTime = time.Minute

// checkOwner looks whether somebody in the MUC is who linked it, and may: an
// administrator of the gateway always may, others if they have a say in it.
func (p *plumb) checkOwner(who occupant) {
	if p.record.Owner == "" || !who.owns || who.bare.String() != p.record.Owner {
		return
	}
	p.record.Owner = ""
	record := p.record
	p.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		if err := p.host.storePlumb(ctx, p.id, record); err != nil {
			p.host.log.Error("a link is not stored", "room", p.record.Room, "err", err)
		}
	})
}

// next is when there is something to do again.
func (p *plumb) next(now time.Time) time.Time {
	at := now.Add(time.Minute)
	for _, e := range p.ends {
		at = earlier(at, e.next())
	}
	return at
}

// recheckPlumbs is for a component whose stream is back.
func (h *host) recheckPlumbs() {
	for _, p := range h.plumbsOf(func(*plumb) bool { return true }) {
		then := func() {
			for _, e := range p.ends {
				e.check(time.Now())
			}
		}
		select {
		case p.in <- plumbEvent{then: then}:
		default: // it is busy, and finds out by itself
		}
	}
}

// alertAbout tells administrators, and who made a link.
func (h *host) alertAbout(by, text string) {
	g := h.gateway
	var to []jid.JID
	if g.Admins != nil {
		to = slices.Clone(g.Admins())
	}
	if j, err := jid.ParsePrepared(by); err == nil && !slices.Contains(to, j) && h.Allows(j) {
		to = append(to, j)
	}
	select {
	case h.alerts <- alert{text, to}:
	default:
		h.log.Warn("an alert was not sent: too many wait")
	}
}
