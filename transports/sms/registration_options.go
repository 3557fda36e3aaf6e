package sms

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// Ways in which people come by a number of their own, beside those that the
// config gives out.
const (
	registrationClosed = "closed"
	registrationPool   = "pool" // they take one of the operator's
	registrationOwn    = "own"  // they bring an account with Twilio
	registrationBoth   = "both"
)

var registrationWays = []string{registrationClosed, registrationPool, registrationOwn, registrationBoth}

// A PoolNumber is one of the operator's that somebody may take.
type PoolNumber struct {
	Number string   `toml:"number"` // E.164
	Label  string   `toml:"label"`  // shown beside it
	Allow  []string `toml:"allow"`  // who may take it; empty: whoever may register
}

func (o *Options) checkRegistration() error {
	if !slices.Contains(registrationWays, o.Registration) {
		return &transport.OptionError{Key: "registration", Problem: fmt.Sprintf("%q is none; use one of: %s", o.Registration, strings.Join(registrationWays, ", "))}
	}
	if err := checkAllow("registration_allow", o.RegistrationAllow); err != nil {
		return err
	}
	if err := o.checkPool(); err != nil {
		return err
	}
	if o.Registration == registrationOwn || o.Registration == registrationBoth {
		theirs := o.Twilio
		theirs.AccountSID, theirs.AuthToken = "AC00000000000000000000000000000000", transport.NewSecret("theirs")
		return theirs.Check()
	}
	return nil
}

func (o *Options) checkPool() error {
	gives := o.Registration == registrationPool || o.Registration == registrationBoth
	if gives && len(o.Pool) == 0 {
		return &transport.OptionError{Key: "number", Problem: `there is none to be taken; add tables [[component.sms.number]], or write registration = "own" or "closed"`}
	}
	seen := make(map[string]bool)
	for _, u := range o.Users {
		seen[u.Number] = true
	}
	for i, p := range o.Pool {
		where := fmt.Sprintf("number[%d]", i)
		if err := o.checkNumber(where+".number", p.Number); err != nil {
			return err
		}
		if seen[p.Number] {
			return &transport.OptionError{Key: where + ".number", Problem: p.Number + " is a user's, or there twice"}
		}
		seen[p.Number] = true
		if err := checkAllow(where+".allow", p.Allow); err != nil {
			return err
		}
	}
	return nil
}

// checkNumber wants a number in E.164.
func (o *Options) checkNumber(key, number string) error {
	n, ok := e164(number, o.Region)
	switch {
	case ok && n == number:
		return nil
	case ok:
		return &transport.OptionError{Key: key, Problem: fmt.Sprintf("%q is not in E.164; write %q", number, n)}
	}
	return &transport.OptionError{Key: key, Problem: fmt.Sprintf("%q is not a phone number in E.164; write it like \"+15551234567\"", number)}
}

func checkAllow(key string, rules []string) error {
	for _, r := range rules {
		if r == "" || strings.ContainsAny(r, "/ ") || strings.HasPrefix(r, "@") || strings.HasSuffix(r, "@") {
			return &transport.OptionError{Key: key, Problem: fmt.Sprintf("%q is no rule; write an address, a domain, \"*.example.org\" or \"*\"", r)}
		}
	}
	return nil
}

// allowed says that one of the rules means a user, or that there is none: an
// address, a domain, "*.example.org" for those below it, or "*".
func allowed(rules []string, user string) bool {
	_, domain, _ := strings.Cut(user, "@")
	return len(rules) == 0 || slices.ContainsFunc(rules, func(rule string) bool {
		rule = strings.ToLower(rule)
		below, isBelow := strings.CutPrefix(rule, "*.")
		switch {
		case rule == "*":
			return true
		case isBelow:
			return strings.HasSuffix(domain, "."+below)
		case strings.Contains(rule, "@"):
			return rule == user
		}
		return rule == domain
	})
}
