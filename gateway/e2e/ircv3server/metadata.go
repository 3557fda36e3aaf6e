package ircv3server

import (
	"maps"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

const metadataCap = "draft/metadata-2"

// A Metadata keeps what people and channels tell of themselves
// (https://ircv3.net/specs/extensions/metadata), with the order of parameters and
// the moments that Ergo has.
type Metadata struct {
	values map[string]map[string]string // by target in lower case
	subs   map[*Client]map[string]bool
}

// Commands are those that it needs.
func (d *Metadata) Commands() map[string]Handler {
	d.values, d.subs = map[string]map[string]string{}, map[*Client]map[string]bool{}
	return map[string]Handler{"METADATA": d.command, "JOIN": d.join}
}

func (d *Metadata) join(c *Client, m ircmsg.Message) {
	c.Default(m)
	if ch := c.Channel(m.Params[0]); ch != nil {
		d.sync(c, ch)
	}
}

// sync tells all of a channel and those in it.
func (d *Metadata) sync(c *Client, ch *Channel) {
	if !c.Caps[metadataCap] {
		return
	}
	targets := []string{ch.Name}
	for _, member := range ch.Members {
		targets = append(targets, member.Nick)
	}
	var all []ircmsg.Message
	for _, target := range targets {
		values := d.values[strings.ToLower(target)]
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if d.subs[c][key] {
				all = append(all, ircmsg.MakeMessage(nil, Name, "METADATA", target, key, "*", values[key]))
			}
		}
	}
	c.Batch("metadata", []string{ch.Name}, all...)
}

func (d *Metadata) command(c *Client, m ircmsg.Message) {
	if len(m.Params) < 2 {
		c.Fail("METADATA", "INVALID_PARAMS", "Not enough parameters")
		return
	}
	target, rest := m.Params[0], m.Params[2:]
	if target == "*" {
		target = c.Nick
	}
	switch strings.ToUpper(m.Params[1]) {
	case "SUB":
		if d.subs[c] == nil {
			d.subs[c] = map[string]bool{}
		}
		for _, key := range rest {
			d.subs[c][key] = true
		}
		c.Numeric("770", rest...)
	case "GET":
		values := d.values[strings.ToLower(target)]
		var all []ircmsg.Message
		for _, key := range rest {
			if value, ok := values[key]; ok {
				all = append(all, ircmsg.MakeMessage(nil, Name, "761", c.Nick, target, key, "*", value))
			} else {
				all = append(all, ircmsg.MakeMessage(nil, Name, "766", c.Nick, target, key, "Key is not set"))
			}
		}
		c.Batch("metadata", []string{target}, all...)
	case "SYNC":
		if ch := c.Channel(target); ch != nil {
			d.sync(c, ch)
		}
	case "SET":
		d.set(c, target, rest)
	default:
		c.Fail("METADATA", "SUBCOMMAND_INVALID", m.Params[1], "Invalid subcommand")
	}
}

func (d *Metadata) set(c *Client, target string, rest []string) {
	told := ircmsg.MakeMessage(nil, Name, "METADATA", target, rest[0], "*")
	key := strings.ToLower(target)
	if d.values[key] == nil {
		d.values[key] = map[string]string{}
	}
	if len(rest) > 1 {
		d.values[key][rest[0]] = rest[1]
		told.Params = append(told.Params, rest[1])
		c.Numeric("761", target, rest[0], "*", rest[1])
	} else {
		delete(d.values[key], rest[0])
		c.Numeric("766", target, rest[0], "Key deleted")
	}
	about := c.peers(c)
	if ch := c.Channel(target); ch != nil {
		about = slices.DeleteFunc(slices.Clone(ch.Members), func(m *Client) bool { return m == c })
	}
	for _, peer := range about {
		if peer.Caps[metadataCap] && d.subs[peer][rest[0]] {
			peer.Send(told)
		}
	}
}
