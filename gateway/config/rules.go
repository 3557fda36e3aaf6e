package config

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/component/jid"
)

// Rules are a list of who is meant. One rule is enough.
type Rules []Rule

// A Rule means one account ("juliet@example.org"), everybody on one domain
// ("example.org"), everybody on the domains below one ("*.example.org"), or
// everybody ("*").
type Rule struct {
	who      jid.JID // prepared and bare; zero: everybody
	anywhere bool    // below the domain, or with a zero JID everywhere
}

// Allows tells whether a rule means the address. The address is prepared; its
// resource does not matter.
func (r Rules) Allows(j jid.JID) bool { return r.match(j) }

// Accounts gives those that mean one account.
func (r Rules) Accounts() (accounts []jid.JID) {
	for _, rule := range r {
		if rule.isAccount() {
			accounts = append(accounts, rule.who)
		}
	}
	return accounts
}

func (r Rules) match(j jid.JID) bool {
	for _, rule := range r {
		if rule.match(j) {
			return true
		}
	}
	return false
}

func (r Rule) match(j jid.JID) bool {
	switch {
	case r.isEverybody():
		return true
	case r.anywhere:
		return strings.HasSuffix(j.Domain, "."+r.who.Domain)
	case r.who.Local == "":
		return r.who.Domain != "" && j.Domain == r.who.Domain
	}
	return j.Bare() == r.who
}

func (r Rule) isEverybody() bool { return r.anywhere && r.who.IsZero() }

func (r Rule) isAccount() bool { return r.who.Local != "" }

// ParseRule reads one rule.
func ParseRule(s string) (Rule, error) {
	if s == "*" {
		return Rule{anywhere: true}, nil
	}
	domain, below := strings.CutPrefix(s, "*.")
	j, err := jid.ParsePrepared(domain)
	switch {
	case err != nil:
		return Rule{}, fmt.Errorf("%q is no address: %w", s, err)
	case !j.IsBare():
		return Rule{}, fmt.Errorf("%q has a resource: write %q", s, j.Bare())
	case below && j.Local != "":
		return Rule{}, errors.New(`"*." goes before a domain, as in "*.example.org"`)
	}
	return Rule{who: j, anywhere: below}, nil
}

// String gives the rule as it is written in the config.
func (r Rule) String() string {
	switch {
	case r.isEverybody():
		return "*"
	case r.anywhere:
		return "*." + r.who.Domain
	}
	return r.who.String()
}

// MarshalText implements encoding.TextMarshaler.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rule) UnmarshalText(text []byte) error {
	rule, err := ParseRule(string(text))
	if err == nil {
		*r = rule
	}
	return err
}
