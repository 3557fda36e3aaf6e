package ircv3server

import (
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// Default handles the built-in commands.
func (c *Client) Default(m ircmsg.Message) {
	param := func(i int) string {
		if i < len(m.Params) {
			return m.Params[i]
		}
		return ""
	}
	switch m.Command = strings.ToUpper(m.Command); m.Command {
	case "CAP":
		c.capability(strings.ToUpper(param(0)), param(1))
	case "NICK":
		c.nick(param(0))
	case "USER":
		c.hello = true
		c.register()
	case "PING":
		c.Numeric("PONG", Name, param(0))
	case "PONG", "WHO", "AWAY", "MONITOR":
		c.query(m.Command, param(0))
	case "QUIT":
		c.conn.Close()
	case "JOIN":
		for name := range strings.SplitSeq(param(0), ",") {
			c.join(name)
		}
	case "NAMES":
		c.names(param(0))
	case "PART":
		c.leave(param(0), c.Message("PART", m.Params...), c)
	case "KICK":
		if gone := c.Client(param(1)); gone != nil {
			c.leave(param(0), c.Message("KICK", m.Params...), gone)
		}
	case "TOPIC", "MODE":
		c.change(m)
	case "BATCH":
		c.openOrClose(m)
	case "PRIVMSG", "NOTICE", "TAGMSG":
		if in, reference := m.GetTag("batch"); in {
			c.takeLine(m, reference)
		} else {
			c.Relay(m)
		}
	case "WHOIS":
		if about := c.Client(param(0)); about != nil {
			c.Numeric("311", about.Nick, strings.ToLower(about.Nick), "host.test", "*", about.Nick)
		}
		c.Numeric("318", param(0), "End of /WHOIS list")
	default:
		c.Numeric("421", m.Command, "Unknown command")
	}
}

func (c *Client) capability(verb, list string) {
	switch verb {
	case "LS":
		c.asked = true
		c.Numeric("CAP", c.star(), "LS", strings.Join(c.o.Caps, " "))
	case "REQ":
		c.asked = !c.registered
		for name := range strings.FieldsSeq(list) {
			offered := slices.ContainsFunc(c.o.Caps, func(have string) bool {
				have, _, _ = strings.Cut(have, "=")
				return have == strings.TrimPrefix(name, "-")
			})
			if !offered {
				c.Numeric("CAP", c.star(), "NAK", list)
				return
			}
		}
		for name := range strings.FieldsSeq(list) {
			c.Caps[strings.TrimPrefix(name, "-")] = name[0] != '-'
		}
		c.Numeric("CAP", c.star(), "ACK", list)
	case "END":
		c.asked = false
		c.register()
	}
}

func (c *Client) star() string {
	if c.Nick == "" {
		return "*"
	}
	return c.Nick
}

func (c *Client) nick(nick string) {
	if other := c.Client(nick); other != nil && other != c {
		c.Numeric("433", nick, "Nickname is already in use")
		return
	}
	if c.registered {
		change := c.Message("NICK", nick)
		c.Send(change)
		for _, peer := range c.peers(c) {
			peer.Send(change)
		}
	}
	c.Nick, c.named = nick, true
	c.register()
}

func (c *Client) register() {
	if c.registered || !c.named || !c.hello || c.asked {
		return
	}
	c.registered = true
	c.Numeric("001", "Welcome to the test network")
	c.Numeric("005", append(slices.Clone(c.o.ISupport), "PREFIX=(ov)@+", "CHANTYPES=#", "CHANMODES=b,k,l,imnst", "are supported by this server")...)
	c.Numeric("422", "No MOTD")
}

func (c *Client) query(command, about string) {
	switch {
	case command == "WHO":
		c.Numeric("315", about, "End of /WHO list")
	case command == "AWAY" && about == "":
		c.Numeric("305", "You are no longer marked as being away")
	case command == "AWAY":
		c.Numeric("306", "You have been marked as being away")
	}
}

func (c *Client) join(name string) {
	ch := c.Channel(name)
	if ch == nil {
		ch = &Channel{Name: name}
		c.channels[strings.ToLower(name)] = ch
	}
	if slices.Contains(ch.Members, c) {
		return
	}
	ch.Members = append(ch.Members, c)
	for _, member := range ch.Members {
		m := c.Message("JOIN", ch.Name)
		if member.Caps["extended-join"] {
			account := c.Account
			if account == "" {
				account = "*"
			}
			m = c.Message("JOIN", ch.Name, account, c.Nick)
		}
		member.Send(m)
	}
	if ch.Topic != "" {
		c.Numeric("332", ch.Name, ch.Topic)
	}
	if !c.Caps["draft/no-implicit-names"] {
		c.names(ch.Name)
	}
}

func (c *Client) names(name string) {
	if ch := c.Channel(name); ch != nil {
		var names []string
		for i, m := range ch.Members {
			prefix := ""
			if i == 0 {
				prefix = "@"
			}
			names = append(names, prefix+m.Nick)
		}
		c.Numeric("353", "=", ch.Name, strings.Join(names, " "))
	}
	c.Numeric("366", name, "End of /NAMES list")
}

func (c *Client) leave(name string, m ircmsg.Message, gone *Client) {
	ch := c.Channel(name)
	if ch == nil || !slices.Contains(ch.Members, gone) {
		c.Numeric("442", name, "You're not on that channel")
		return
	}
	ch.Send(m)
	ch.drop(gone)
	if len(ch.Members) == 0 {
		delete(c.channels, strings.ToLower(name))
	}
}

func (c *Client) change(m ircmsg.Message) {
	ch := (*Channel)(nil)
	if len(m.Params) > 0 {
		ch = c.Channel(m.Params[0])
	}
	switch {
	case ch == nil:
	case len(m.Params) > 1 && (m.Command == "TOPIC" || m.Params[1] != "b"):
		if m.Command == "TOPIC" {
			ch.Topic = m.Params[1]
		}
		ch.Send(c.Message(m.Command, m.Params...))
	case m.Command == "MODE" && len(m.Params) > 1:
		c.Numeric("368", ch.Name, "End of channel ban list")
	case m.Command == "MODE":
		c.Numeric("324", ch.Name, "+nt")
	}
}

// Relay brings a message to a channel or to somebody, with a msgid and its
// client-only tags, and back to whom it is from where echo-message is on.
func (c *Client) Relay(m ircmsg.Message) {
	out := c.Message(m.Command, m.Params...)
	for name, value := range m.ClientOnlyTags() {
		out.SetTag(name, value)
	}
	out.SetTag("msgid", c.NextID())
	c.Spread(m.Params[0], out)
}

// Spread brings a message as it is where Relay would.
func (c *Client) Spread(target string, m ircmsg.Message) {
	for _, member := range c.recipients(target) {
		if member == c || m.Command != "TAGMSG" || member.Caps["message-tags"] {
			member.Send(m)
		}
	}
}
