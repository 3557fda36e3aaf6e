package config

import (
	"fmt"
	"reflect"
	"slices"

	"gatehouse/component/jid"
)

// Component finds a component by its domain.
func (c *Config) Component(domain string) (Component, bool) {
	i := slices.IndexFunc(c.Components, func(cc Component) bool { return cc.Domain == domain })
	if i < 0 {
		return Component{}, false
	}
	return c.Components[i], true
}

// Serves tells whether somebody may use a component. Administrators may use
// all of them.
func (c *Config) Serves(domain string, j jid.JID) bool {
	cc, ok := c.Component(domain)
	return ok && !c.IsBlocked(j) && (cc.Allow.Allows(j) || c.IsAdmin(j))
}

// NeedsRestart tells, a line each, what differs in another config beyond what
// can be changed while the gateway runs: admins, block, log.level, and each
// component's allow.
func (c *Config) NeedsRestart(other *Config) (lines []string) {
	differ := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			lines = append(lines, name+" changed: that holds after a restart")
		}
	}
	differ("log.format", c.Log.Format, other.Log.Format)
	differ("[store]", c.Store, other.Store)
	differ("[http]", c.HTTP, other.HTTP)
	differ("[fetch]", c.Fetch, other.Fetch)
	differ("[media]", c.Media, other.Media)
	differ("[contact]", c.Contact, other.Contact)
	for _, was := range c.Components {
		now, ok := other.Component(was.Domain)
		if !ok {
			lines = append(lines, fmt.Sprintf("component %s is gone: that holds after a restart, until then it serves nobody", was.Domain))
			continue
		}
		differ("component "+was.Domain, was.fixed(), now.fixed())
	}
	for _, now := range other.Components {
		if _, ok := c.Component(now.Domain); !ok {
			lines = append(lines, fmt.Sprintf("component %s is new: that holds after a restart", now.Domain))
		}
	}
	return lines
}

// fixed is what a restart alone can change. TLSConfig is made of the rest.
func (c Component) fixed() Component {
	c.Allow, c.TLSConfig = nil, nil
	return c
}
