package simulator

import (
	"context"
	"slices"
	"sync"
	"time"

	"gatehouse/transports/sms/provider"
)

// phonesAtOnce is how many phones are brought texts at the same time.
const phonesAtOnce = 256

// A delivery is a text on its way to a phone.
type delivery struct {
	text  *Text
	code  int // 0: it will arrive
	at    time.Time
	tries int
}

// Deliveries are those that are not due yet, by their time, and those that wait
// for their phone: a phone gets one text after another.
type deliveries struct {
	pending []delivery
	behind  map[string][]delivery // by phone; one that is there is being brought a text
}

func (all *deliveries) add(d delivery) {
	i, _ := slices.BinarySearchFunc(all.pending, d.at, func(other delivery, at time.Time) int {
		if other.at.After(at) {
			return 1
		}
		return -1 // behind those for the same time
	})
	all.pending = slices.Insert(all.pending, i, d)
}

// due takes the first that is due, and says whether its phone is free for it; if
// none is, it says when the next will be.
func (all *deliveries) due(now time.Time) (first delivery, free bool, next time.Time) {
	for len(all.pending) > 0 {
		d := all.pending[0]
		if d.at.After(now) {
			return first, false, d.at
		}
		all.pending = all.pending[1:]
		to := d.text.To
		if behind, busy := all.behind[to]; busy {
			all.behind[to] = append(behind, d)
			continue
		}
		all.behind[to] = nil
		return d, true, d.at
	}
	return first, false, now.Add(time.Hour)
}

// next takes what waits for a phone. If nothing does, the phone is free.
func (all *deliveries) next(to string) (d delivery, any bool) {
	behind := all.behind[to]
	if len(behind) == 0 {
		delete(all.behind, to)
		return d, false
	}
	all.behind[to] = behind[1:]
	return behind[0], true
}

// Run implements provider.Provider: texts arrive, and are reported.
func (p *Provider) Run(ctx context.Context) error {
	defer p.end()
	var bringing sync.WaitGroup
	defer bringing.Wait()
	places := make(chan struct{}, phonesAtOnce)
	for {
		p.mu.Lock()
		d, free, next := p.deliveries.due(time.Now())
		p.mu.Unlock()
		if free {
			select {
			case <-ctx.Done():
				return nil
			case places <- struct{}{}:
			}
			bringing.Go(func() {
				defer func() { <-places }()
				p.bringAll(ctx, d)
			})
			continue
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-p.due:
		}
		timer.Stop()
	}
}

// bringAll brings a phone a text, and those that come to wait for it meanwhile.
func (p *Provider) bringAll(ctx context.Context, d delivery) {
	for any := true; any; {
		p.bring(ctx, d)
		p.mu.Lock()
		d, any = p.deliveries.next(d.text.To)
		p.mu.Unlock()
	}
}

// bring ends a text's way and reports it. What the gateway does not take is
// repeated a few times.
func (p *Provider) bring(ctx context.Context, d delivery) {
	err := p.hand(ctx, d)
	if err == nil || ctx.Err() != nil {
		return
	}
	p.log.Warn("deliver a text", "error", err)
	if d.tries++; d.tries < reportTries {
		d.at = time.Now().Add(time.Duration(d.tries) * time.Second)
		p.mu.Lock()
		p.deliveries.add(d)
		p.mu.Unlock()
		p.wake()
	}
}

func (p *Provider) hand(ctx context.Context, d delivery) error {
	t := d.text
	if d.code == 0 && p.isOwn[t.To] {
		// From one user to another: this phone is the gateway's too.
		in := provider.Inbound{ID: t.ID, From: t.From, To: t.To, Text: t.Text, At: t.At}
		for _, a := range t.Media {
			in.Media = append(in.Media, provider.Media{URL: a.URL})
		}
		if err := p.receiver.Receive(ctx, in); err != nil {
			return err
		}
	}
	p.mu.Lock()
	if t.Status = "delivered"; d.code != 0 {
		t.Status, t.Code = "failed", d.code
	}
	r := p.reportOf(t)
	p.mu.Unlock()
	p.tell(t.To)
	return p.receiver.Report(ctx, r)
}

func (p *Provider) wake() {
	select {
	case p.due <- struct{}{}:
	default:
	}
}
