package config

import (
	"errors"
	"time"

	"gatehouse/gateway/transport"
)

// drivers are two invented transports with all kinds of options.
var drivers = []transport.Driver{
	{Name: "pigeon", Options: func() transport.Options {
		return &pigeonOptions{Birds: 2, Rest: time.Hour, Bread: bread{Kind: "rye"}}
	}},
	{Name: "drum", Options: func() transport.Options { return &drumOptions{} }},
}

type pigeonOptions struct {
	Name  string           `toml:"name"`
	Birds int              `toml:"birds"`
	Small uint8            `toml:"small"`
	Share float64          `toml:"share"`
	Fast  *bool            `toml:"fast"`
	Rest  time.Duration    `toml:"rest"`
	Since time.Time        `toml:"since"`
	Key   transport.Secret `toml:"key"`
	Bread bread            `toml:"bread"`
	Lofts map[string]loft  `toml:"loft"`
	Owner []owner          `toml:"owner"`
	Tags  map[string]int   `toml:"tags"`
	Needs string           `toml:"needs"`
}

type bread struct {
	Kind  string `toml:"kind"`
	Crumb bool   `toml:"crumb"`
}

type loft struct {
	Address string           `toml:"address"`
	Open    bool             `toml:"open"`
	Key     transport.Secret `toml:"key"`
}

func (l *loft) SetDefaults() { l.Open = true }

type owner struct {
	JID   string   `toml:"jid"`
	Birds []string `toml:"birds"`
}

func (o *pigeonOptions) Check() error {
	var all []error
	for name, l := range o.Lofts {
		if l.Address == "" {
			all = append(all, &transport.OptionError{Key: "loft." + name + ".address", Problem: "is missing"})
		}
	}
	if o.Needs == "everything" {
		all = append(all, errors.New("everything is too much"))
	}
	return errors.Join(all...)
}

func (o *pigeonOptions) New(transport.Env) (transport.Network, error) {
	return nil, errors.ErrUnsupported
}

type drumOptions struct {
	Loud bool `toml:"loud"`
}

func (o *drumOptions) Check() error { return nil }
func (o *drumOptions) New(transport.Env) (transport.Network, error) {
	return nil, errors.ErrUnsupported
}
