package sms

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/android"
	"gatehouse/transports/sms/gammu"
	"gatehouse/transports/sms/kannel"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/simulator"
	"gatehouse/transports/sms/smpp"
	"gatehouse/transports/sms/twilio"
)

// Options are an SMS network's part of the config:
//
//	[component.sms]
//	name = "SMS"
//	provider = "simulator"
//	region = "US"
//
//	[[component.sms.user]]
//	jid = "romeo@example.org"
//	number = "+15005550001"
type Options struct {
	Name          string  `toml:"name"`           // in service discovery
	Provider      string  `toml:"provider"`       // one of the providers below
	Region        string  `toml:"region"`         // numbers in national form are read as of here: "US", "DE"
	MaxSegments   int     `toml:"max_segments"`   // of one text
	Long          string  `toml:"long"`           // what becomes of longer messages: "split", "refuse"
	SmartEncoding bool    `toml:"smart_encoding"` // typographic marks become plain where that saves parts
	Price         Prices  `toml:"price"`          // of one part, by the first digits of the number
	Currency      string  `toml:"currency"`       // of the prices
	Timezone      string  `toml:"timezone"`       // of users who set none
	History       bool    `toml:"history"`        // texts are kept to be read again, for users who set nothing
	MaxMembers    int     `toml:"max_members"`    // the most people that a group text goes to
	MaxWaiting    int     `toml:"max_waiting"`    // texts of one user that wait to be sent, at most
	BalanceAlert  float64 `toml:"balance_alert"`  // administrators are told when the provider's account has less; 0: never
	FloodLimit    int     `toml:"flood_limit"`    // texts of one sender to one user in a minute; 0: any number
	Users         []User  `toml:"user"`

	SGX []string `toml:"sgx"` // domains of gateways whose users have numbers here

	Quota   Quota            `toml:"quota"`
	QuotaOf map[string]Quota `toml:"quota_of"` // instead of it, by user

	Registration      string       `toml:"registration"`       // how others come by a number: see registrationWays
	RegistrationAllow []string     `toml:"registration_allow"` // who may; empty: whoever may use the component
	Pool              []PoolNumber `toml:"number"`             // what they can have

	Simulator simulator.Options `toml:"simulator"`
	Twilio    twilio.Options    `toml:"twilio"`
	Kannel    kannel.Options    `toml:"kannel"`
	SMPP      smpp.Options      `toml:"smpp"`
	Gammu     gammu.Options     `toml:"gammu"`
	Android   android.Options   `toml:"android"`

	SignalWire twilio.SignalWire `toml:"signalwire"`
}

// A User has a number: their texts are sent from it, and what comes to it is
// theirs. Several users may share one, and one user may have several, in a
// table each: the first is what they send from unless they choose another.
type User struct {
	JID    string `toml:"jid"`
	Number string `toml:"number"` // E.164
}

// Defaults are the options of a network that needs nobody outside.
func Defaults() *Options {
	return &Options{
		Name: "SMS", Provider: "simulator", Region: "US",
		MaxSegments: 10, Long: longSplit, SmartEncoding: true, Currency: "USD", Timezone: "UTC", FloodLimit: 120, MaxMembers: 10, MaxWaiting: 1000, Registration: registrationClosed,
		Simulator: simulator.Defaults(),
		Twilio:    twilio.Defaults(),
		Kannel:    kannel.Defaults(),
		SMPP:      smpp.Defaults(),
		Gammu:     gammu.Defaults(),
		Android:   android.Defaults(),

		SignalWire: twilio.SignalWireDefaults(),
	}
}

// A maker checks a provider's options and makes it.
type maker struct {
	check func(*Options) error
	make  func(*Options, provider.Receiver, *slog.Logger) provider.Provider
}

// The providers, by their name in the config, which is also that of their
// table of options.
var providers = map[string]maker{
	"simulator": {
		func(o *Options) error { return o.Simulator.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return simulator.New(o.Simulator, o.ownNumbers(), r, log)
		},
	},
	"twilio": {
		func(o *Options) error { return o.Twilio.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return twilio.New(o.Twilio, r, log)
		},
	},
	"kannel": {
		func(o *Options) error { return o.Kannel.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return kannel.New(o.Kannel, r, log)
		},
	},
	"smpp": {
		func(o *Options) error { return o.SMPP.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return smpp.New(o.SMPP, r, log)
		},
	},
	"gammu": {
		func(o *Options) error { return o.Gammu.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return gammu.New(o.Gammu, r, log)
		},
	},
	"android": {
		func(o *Options) error { return o.Android.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return android.New(o.Android, r, log)
		},
	},
	"signalwire": {
		func(o *Options) error { return o.SignalWire.Check() },
		func(o *Options, r provider.Receiver, log *slog.Logger) provider.Provider {
			return twilio.NewSignalWire(o.SignalWire, r, log)
		},
	},
}

// ownNumbers gives every user's number once, and those that can be taken.
func (o *Options) ownNumbers() []string {
	var numbers []string
	for _, u := range o.Users {
		if !slices.Contains(numbers, u.Number) {
			numbers = append(numbers, u.Number)
		}
	}
	for _, p := range o.Pool {
		numbers = append(numbers, p.Number)
	}
	return numbers
}

// Check implements transport.Options.
func (o *Options) Check() error {
	if o.Name == "" {
		return &transport.OptionError{Key: "name", Problem: "is empty; give the network a name to show"}
	}
	if !knownRegion(o.Region) {
		return &transport.OptionError{Key: "region", Problem: fmt.Sprintf("%q is no region; use a country's two capital letters, like \"US\"", o.Region)}
	}
	if o.MaxSegments < 1 || o.MaxSegments > 255 {
		return &transport.OptionError{Key: "max_segments", Problem: "must be from 1 to 255"}
	}
	if o.Long != longSplit && o.Long != longRefuse {
		return &transport.OptionError{Key: "long", Problem: fmt.Sprintf("%q is neither %q nor %q", o.Long, longSplit, longRefuse)}
	}
	if _, err := zoneOf(o.Timezone); err != nil {
		return &transport.OptionError{Key: "timezone", Problem: fmt.Sprintf("%q is no time zone; write one like \"Europe/Berlin\"", o.Timezone)}
	}
	if o.MaxMembers < 2 || o.MaxMembers > mostMembers {
		return &transport.OptionError{Key: "max_members", Problem: fmt.Sprintf("must be from 2 to %d", mostMembers)}
	}
	if o.MaxWaiting < 1 || o.MaxWaiting > mostWaiting {
		return &transport.OptionError{Key: "max_waiting", Problem: fmt.Sprintf("must be from 1 to %d", mostWaiting)}
	}
	if err := o.Price.check(); err != nil {
		return err
	}
	if !(o.BalanceAlert >= 0) {
		return &transport.OptionError{Key: "balance_alert", Problem: "must be 0 or more; 0 is no alert"}
	}
	if o.FloodLimit < 0 {
		return &transport.OptionError{Key: "flood_limit", Problem: "must be 0 or more; 0 is no limit"}
	}
	if err := o.Quota.check("quota", o.Price); err != nil {
		return err
	}
	for user, quota := range o.QuotaOf {
		if err := quota.check(fmt.Sprintf("quota_of.%q", user), o.Price); err != nil {
			return err
		}
	}
	if err := o.checkUsers(); err != nil {
		return err
	}
	if err := o.checkRegistration(); err != nil {
		return err
	}
	p, ok := providers[o.Provider]
	if !ok {
		return &transport.OptionError{Key: "provider", Problem: fmt.Sprintf("%q is none; use one of: %s", o.Provider, strings.Join(providerNames(), ", "))}
	}
	return p.check(o)
}

func (o *Options) checkUsers() error {
	seen := make(map[User]bool)
	for i, u := range o.Users {
		where := fmt.Sprintf("user[%d]", i)
		local, domain, ok := strings.Cut(u.JID, "@")
		switch {
		case !ok || local == "" || domain == "" || strings.ContainsAny(domain, "/@ "):
			return &transport.OptionError{Key: where + ".jid", Problem: fmt.Sprintf("%q is not a bare JID; write it like \"romeo@example.org\"", u.JID)}
		case seen[User{userKey(u.JID), u.Number}]:
			return &transport.OptionError{Key: where + ".jid", Problem: fmt.Sprintf("%s is there twice with the same number", u.JID)}
		}
		seen[User{userKey(u.JID), u.Number}] = true
		if err := o.checkNumber(where+".number", u.Number); err != nil {
			return err
		}
	}
	return nil
}

func providerNames() []string {
	var names []string
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// New implements transport.Options.
func (o *Options) New(env transport.Env) (transport.Network, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	return newNetwork(o, env, func(r provider.Receiver, log *slog.Logger) provider.Provider {
		return providers[o.Provider].make(o, r, log)
	})
}
