package irc

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/gateway/transport"
)

// Policies outlast a restart: until one expires the host must not be reached
// without TLS (IRCv3 sts, "The duration key").

const (
	stsKind  = "sts" // of records, by host
	stsDelay = time.Second
	stsWait  = 10 * time.Second // for the store
)

// load reads the policies that were kept.
func (p *stsPolicies) load(records transport.Records, log *slog.Logger) {
	if records == nil {
		return
	}
	p.changed = make(map[string]bool)
	ctx, cancel := context.WithTimeout(context.Background(), stsWait)
	defer cancel()
	kept, err := records.OfUser(ctx, "", stsKind)
	if err != nil {
		log.Error("the policies of strict transport security can't be read; servers tell them anew", "err", err)
		return
	}
	p.of = make(map[string]stsPolicy, len(kept))
	for _, r := range kept {
		var port int
		var until, duration int64
		if _, err := fmt.Sscan(string(r.Value), &port, &until, &duration); err != nil || !isIRCPort(port) {
			p.change(r.Key)
			continue
		}
		policy := stsPolicy{port, time.Unix(until, 0), time.Duration(duration) * time.Second}
		if time.Now().After(policy.until) {
			p.change(r.Key)
			continue
		}
		p.of[r.Key] = policy
	}
}

// change notes that a host's policy is to be kept, or no longer. It needs mu.
func (p *stsPolicies) change(host string) {
	if p.changed != nil && len(p.changed) < 2*stsLimit {
		p.changed[host] = true
	}
}

// keep writes what changed, until ctx ends. Links never wait for it.
func (p *stsPolicies) keep(ctx context.Context, records transport.Records, log *slog.Logger) {
	tick := time.NewTicker(stsDelay)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		p.mu.Lock()
		changed := p.changed
		p.changed = make(map[string]bool)
		policies := make(map[string]stsPolicy, len(changed))
		for host := range changed {
			if policy, ok := p.of[host]; ok {
				policies[host] = policy
			}
		}
		p.mu.Unlock()
		if err := keepPolicies(records, changed, policies); err != nil {
			log.Error("the policies of strict transport security can't be kept; trying again", "err", err)
			p.mu.Lock()
			for host := range changed {
				p.change(host)
			}
			p.mu.Unlock()
		}
	}
}

func keepPolicies(records transport.Records, changed map[string]bool, policies map[string]stsPolicy) error {
	ctx, cancel := context.WithTimeout(context.Background(), stsWait)
	defer cancel()
	for host := range changed {
		policy, ok := policies[host]
		if !ok {
			if err := records.Delete(ctx, "", stsKind, host); err != nil {
				return err
			}
			continue
		}
		value := fmt.Sprint(policy.port, policy.until.Unix(), int64(policy.duration/time.Second))
		if err := records.Put(ctx, transport.RecordItem{Kind: stsKind, Key: host, Value: []byte(value)}); err != nil {
			return err
		}
	}
	return nil
}
