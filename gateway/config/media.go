package config

import (
	"net/url"
	"strings"
	"time"

	"gatehouse/gateway/guarded"
)

// Fetch says from where files, address books and the like that people name
// may be fetched, besides from everywhere that is public.
type Fetch struct {
	AllowPrivate []string `toml:"allow_private"` // ranges of loopback and private addresses
}

// Ranges gives the ranges. It is called after the check.
func (f Fetch) Ranges() guarded.Ranges {
	var all guarded.Ranges
	for _, text := range f.AllowPrivate {
		if p, err := guarded.ParseRange(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// Media says where files that belong to messages are kept for people to fetch.
type Media struct {
	PublicURL string        `toml:"public_url"` // where /media of the listener is reached; empty: nothing is hosted
	Upload    bool          `toml:"upload"`     // people's files go to their own server if that takes them
	Dir       string        `toml:"dir"`        // empty: Store.Path + ".media"
	Keep      time.Duration `toml:"keep"`
	MaxFile   int64         `toml:"max_file"` // in megabytes, as the next two
	MaxUser   int64         `toml:"max_user"`
	MaxTotal  int64         `toml:"max_total"`
}

func defaultMedia() Media {
	return Media{Keep: 30 * 24 * time.Hour, MaxFile: 20, MaxUser: 200, MaxTotal: 4000}
}

const maxMegabytes = 1 << 30 // which make an int64 of bytes

func (d *decoder) checkFetch(p path, f Fetch) {
	for i, text := range f.AllowPrivate {
		if _, err := guarded.ParseRange(text); err != nil {
			d.problem(p.child("allow_private").index(i), `%q is no range of addresses: write it as in "192.168.0.0/16"`, text)
		}
	}
}

func (d *decoder) checkMedia(p path, m Media) {
	if m.PublicURL != "" {
		u, err := url.Parse(m.PublicURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(m.PublicURL, "?#") {
			d.problem(p.child("public_url"), `must be the address at which /media of the HTTP listener is reached, as in "https://gw.example.org/media"`)
		}
	}
	if m.Keep < time.Hour {
		d.problem(p.child("keep"), `must be an hour or more: networks and people take their time, as in "720h"`)
	}
	for _, limit := range []struct {
		key   string
		value int64
	}{{"max_file", m.MaxFile}, {"max_user", m.MaxUser}, {"max_total", m.MaxTotal}} {
		if limit.value < 1 || limit.value > maxMegabytes {
			d.problem(p.child(limit.key), "must be 1 or more megabytes, not %d", limit.value)
		}
	}
}

// MediaDir is the folder of the files.
func (c *Config) MediaDir() string {
	if c.Media.Dir == "" {
		return c.Store.Path + ".media"
	}
	return c.Media.Dir
}
