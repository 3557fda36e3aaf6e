package component

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// The same problem is logged again after so long.
const repeatAfter = time.Minute

// Run keeps a stream open until ctx ends, however often it is lost. Then it
// takes no more stanzas, sends those it has, and closes the stream in order,
// within five seconds. The error says how many stanzas that matter the server
// may not have. Run is called once.
func (c *Component) Run(ctx context.Context) error {
	var b backoff
	var r reporter
	for ctx.Err() == nil {
		p, upFor := c.connect(ctx)
		if ctx.Err() != nil {
			break
		}
		wait, fighting := b.next(p.cause, upFor, time.Now())
		c.setProblem(p)
		r.report(c.log, p, b.failures[p.cause], wait, fighting)
		sleep(ctx, wait)
	}
	c.out.close()
	if _, kept := c.out.sizes(); kept.count > 0 {
		return fmt.Errorf("close the stream of %s: the server may not have %d of the stanzas", c.domain, kept.count)
	}
	return nil
}

// connect runs one stream to its end, and tells how long it was up.
func (c *Component) connect(ctx context.Context) (*problem, time.Duration) {
	conn, p := c.dial(ctx)
	if p != nil {
		return p, 0
	}
	in, p := c.shake(ctx, conn)
	if p != nil {
		if p.condition != "" {
			_ = conn.SetWriteDeadline(time.Now().Add(farewellLimit))
			_, _ = conn.Write(writeStreamError(p.condition))
		}
		_ = conn.Close()
		return p, 0
	}
	s := newStream(c, conn, in)
	p = s.serve(ctx)
	return p, s.lasted
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A reporter logs a problem when it is a new one, or once a minute.
type reporter struct {
	last  string
	at    time.Time
	quiet int // attempts not logged
}

func (r *reporter) report(log *slog.Logger, p *problem, failures int, wait time.Duration, fighting bool) {
	now := time.Now()
	if !fighting && p.text == r.last && now.Sub(r.at) < repeatAfter {
		r.quiet++
		return
	}
	level := slog.LevelWarn
	if p.cause != lost || failures > 3 {
		level = slog.LevelError
	}
	args := []any{"problem", p.text}
	if p.err != nil {
		args = append(args, "error", p.err)
	}
	if p.check != "" {
		args = append(args, "check", p.check)
	}
	if e, ok := errors.AsType[*streamError](p.err); ok {
		args = append(args, "condition", e.Condition)
	}
	if r.quiet > 0 {
		args = append(args, "more_attempts", r.quiet)
	}
	text := "no stream to the server"
	if fighting {
		text = "no stream to the server: two gateways take the domain from each other, so this one stays away for a while"
	}
	log.Log(context.Background(), level, text, append(args, "next_attempt_in", wait.Round(time.Second/10).String())...)
	*r = reporter{last: p.text, at: now}
}
