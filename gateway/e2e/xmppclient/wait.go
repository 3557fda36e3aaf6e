package xmppclient

import (
	"context"
	"fmt"
	"strings"
)

// Wait returns the first stanza that matches and that no wait has returned
// before, whether it has arrived already or is still to come. Others stay for
// later waits, so the order of waiting does not matter.
func (c *Client) Wait(ctx context.Context, match func(Stanza) bool) (Stanza, error) {
	for {
		c.mu.Lock()
		for i, e := range c.log {
			if !e.consumed && match(e.stanza) {
				c.log[i].consumed = true
				c.mu.Unlock()
				return e.stanza, nil
			}
		}
		arrived, ended := c.arrived, c.err
		c.mu.Unlock()
		if ended != nil {
			return Stanza{}, fmt.Errorf("wait as %s: the stream ended: %w; %s", c.jid, ended, c.left())
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Stanza{}, fmt.Errorf("wait as %s: %w; %s", c.jid, context.Cause(ctx), c.left())
		}
	}
}

// Next returns the first stanza that no wait has returned before.
func (c *Client) Next(ctx context.Context) (Stanza, error) {
	return c.Wait(ctx, func(Stanza) bool { return true })
}

// Unread returns the stanzas so far that match and that no wait has returned.
// After Sync, an empty answer means that nothing of the kind has come.
func (c *Client) Unread(match func(Stanza) bool) []Stanza {
	c.mu.Lock()
	defer c.mu.Unlock()
	var unread []Stanza
	for _, e := range c.log {
		if !e.consumed && match(e.stanza) {
			unread = append(unread, e.stanza)
		}
	}
	return unread
}

// All returns every stanza received so far.
func (c *Client) All() []Stanza {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Stanza, len(c.log))
	for i, e := range c.log {
		all[i] = e.stanza
	}
	return all
}

// Sync pings an entity, the own server if to is empty, and returns once it has
// answered, with an error or not: all that it sent to us earlier has arrived.
func (c *Client) Sync(ctx context.Context, to string) error {
	_, err := c.IQ(ctx, to, "get", `<ping xmlns="`+nsPing+`"/>`)
	return err
}

// left lists what came and was not waited for, for failure messages.
func (c *Client) left() string {
	unread := c.Unread(func(Stanza) bool { return true })
	if len(unread) == 0 {
		return "nothing else has come"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "what has come instead (%d):", len(unread))
	for _, s := range unread {
		b.WriteString("\n  " + s.String())
	}
	return b.String()
}

// IQ sends an iq of type get or set and returns its result or error stanza;
// an error stanza is no Go error. An empty to is the own account.
func (c *Client) IQ(ctx context.Context, to, typ, payload string) (Stanza, error) {
	id := NewID()
	if err := c.Send(`<iq` + attribute("to", to) + attribute("id", id) + attribute("type", typ) + `>` + payload + `</iq>`); err != nil {
		return Stanza{}, err
	}
	return c.Wait(ctx, func(s Stanza) bool {
		return s.Kind() == "iq" && s.ID() == id && (s.Type() == "result" || s.Type() == "error") &&
			(to == "" || s.From() == to)
	})
}

// SendMessage sends a message; extra is XML for more payloads.
func (c *Client) SendMessage(to, typ, id, body, extra string) error {
	if body != "" {
		body = "<body>" + Escape(body) + "</body>"
	}
	return c.Send(`<message` + attribute("to", to) + attribute("type", typ) + attribute("id", id) + `>` +
		body + extra + `</message>`)
}

// SendPresence sends presence; payload is XML.
func (c *Client) SendPresence(to, typ, payload string) error {
	return c.Send(`<presence` + attribute("to", to) + attribute("type", typ) + `>` + payload + `</presence>`)
}

// JoinRoom enters a room (XEP-0045 §7.2) and returns the presence that says
// so, or the error presence, which is no Go error. extra is XML inside of the
// join's x element, such as a password.
func (c *Client) JoinRoom(ctx context.Context, room, nick, extra string) (Stanza, error) {
	if err := c.SendPresence(room+"/"+nick, "", `<x xmlns="`+nsMUC+`">`+extra+`</x>`); err != nil {
		return Stanza{}, err
	}
	return c.Wait(ctx, func(s Stanza) bool {
		from, _, _ := strings.Cut(s.From(), "/")
		return s.Kind() == "presence" && from == room &&
			(s.Type() == "error" || s.Type() == "" && s.HasStatus("110"))
	})
}

// LeaveRoom leaves a room and returns the presence that says so.
func (c *Client) LeaveRoom(ctx context.Context, room, nick string) (Stanza, error) {
	if err := c.SendPresence(room+"/"+nick, "unavailable", ""); err != nil {
		return Stanza{}, err
	}
	return c.Wait(ctx, func(s Stanza) bool {
		from, _, _ := strings.Cut(s.From(), "/")
		return s.Kind() == "presence" && from == room && s.Type() == "unavailable" && s.HasStatus("110")
	})
}

func attribute(name, value string) string {
	if value == "" {
		return ""
	}
	return " " + name + `="` + Escape(value) + `"`
}
