package irc

import (
	"crypto/tls"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Strict transport security (IRCv3 sts): servers that say so are connected to
// with TLS only.

const (
	stsLimit   = 4096                 // hosts with a policy
	stsLongest = 365 * 24 * time.Hour // more is as long
)

// An stsPolicy is a host's, as a verified server has told it.
type stsPolicy struct {
	port     int // that it was told on
	until    time.Time
	duration time.Duration
}

// stsPolicies hold for all users of a component.
type stsPolicies struct {
	mu      sync.Mutex
	of      map[string]stsPolicy // by host
	changed map[string]bool      // hosts whose policy is not kept as it is; nil without a store
}

// doors leaves of a host's doors those that its policy allows.
func (p *stsPolicies) doors(host string, doors []door) []door {
	p.mu.Lock()
	policy, ok := p.of[host]
	p.mu.Unlock()
	if !ok || time.Now().After(policy.until) {
		return doors
	}
	var secure []door
	for _, d := range doors {
		if d.tls {
			secure = append(secure, d)
		}
	}
	if len(secure) == 0 {
		secure = []door{{policy.port, true}}
	}
	return secure
}

func (p *stsPolicies) set(host string, port int, duration time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(host)
	if duration == 0 {
		delete(p.of, host)
		return
	}
	if p.of == nil {
		p.of = make(map[string]stsPolicy)
	}
	if _, known := p.of[host]; !known && len(p.of) >= stsLimit {
		for other := range p.of { // any one
			delete(p.of, other)
			p.change(other)
			break
		}
	}
	p.of[host] = stsPolicy{port, time.Now().Add(duration), duration}
}

// renew lets a policy last from now on: the connection it was told on ends.
func (p *stsPolicies) renew(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if policy, ok := p.of[host]; ok {
		policy.until = time.Now().Add(policy.duration)
		p.of[host] = policy
		p.change(host)
	}
}

// An stsUpgrade ends a connection without TLS, and names the port with it.
type stsUpgrade struct{ port int }

func (*stsUpgrade) Error() string { return "the server is to be connected to with TLS" }

// heedSTS looks for STS among capabilities. Its error ends the connection.
func (l *link) heedSTS(capabilities []string) error {
	if l.set.socket != "" {
		return nil
	}
	keys := map[string]string{}
	for _, name := range capabilities {
		if value, ok := strings.CutPrefix(name, "sts="); ok {
			for token := range strings.SplitSeq(value, ",") {
				key, v, _ := strings.Cut(token, "=")
				keys[key] = v
			}
		}
	}
	if !l.door.tls {
		if port, err := strconv.Atoi(keys["port"]); err == nil && isIRCPort(port) && l.phase == connecting {
			return &stsUpgrade{port}
		}
		return nil
	}
	// Whoever skips the check of the certificate can be told anything.
	secure, ok := l.conn.(*tls.Conn)
	if !ok || len(secure.ConnectionState().VerifiedChains) == 0 {
		return nil
	}
	if s, err := strconv.ParseUint(keys["duration"], 10, 32); err == nil {
		l.network.sts.set(l.set.host, l.door.port, min(time.Duration(s)*time.Second, stsLongest))
		l.strict = s > 0
	}
	return nil
}
