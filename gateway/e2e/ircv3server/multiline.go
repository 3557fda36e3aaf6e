package ircv3server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

const (
	multiline = "draft/multiline"
	concat    = "draft/multiline-concat"
)

// A multilineBatch is what a client is sending as one message.
type multilineBatch struct {
	reference, target, label string
	opening                  ircmsg.Message
	lines                    []ircmsg.Message
	bytes                    int
}

// limit gives a number in the value of the capability.
func (s *Server) limit(key string) int {
	for _, have := range s.o.Caps {
		if value, ok := strings.CutPrefix(have, multiline+"="); ok {
			for token := range strings.SplitSeq(value, ",") {
				if name, n, _ := strings.Cut(token, "="); name == key {
					number, _ := strconv.Atoi(n)
					return number
				}
			}
		}
	}
	return 0
}

// openOrClose handles BATCH. The label of the opening is kept for the end.
func (c *Client) openOrClose(m ircmsg.Message) {
	reference := m.Params[0]
	switch b := c.batch; {
	case b == nil && reference[0] == '+' && len(m.Params) == 3 && m.Params[1] == multiline:
		c.batch = &multilineBatch{reference: reference[1:], target: m.Params[2], label: c.label, opening: m}
		c.label = ""
	case b != nil && reference == "-"+b.reference && len(b.lines) > 0:
		c.batch, c.label = nil, b.label
		c.relayBatch(b)
	default:
		c.batch = nil
		c.Fail("BATCH", "MULTILINE_INVALID", "Invalid multiline batch")
	}
}

// takeLine takes a line of a batch.
func (c *Client) takeLine(m ircmsg.Message, reference string) {
	b := c.batch
	if b == nil || b.reference != reference || len(m.AllTags()) > 2 {
		c.batch = nil
		c.Fail("BATCH", "MULTILINE_INVALID", "Incorrect batch tag sent")
		return
	}
	b.lines = append(b.lines, m)
	b.bytes += len(m.Params[1]) + 1
	bytes, lines := c.limit("max-bytes"), c.limit("max-lines")
	switch {
	case m.Params[0] != b.target:
		c.Fail("BATCH", "MULTILINE_INVALID_TARGET", b.target, m.Params[0], "Invalid multiline target")
	case b.bytes-1 > bytes:
		c.Fail("BATCH", "MULTILINE_MAX_BYTES", strconv.Itoa(bytes), "Multiline batch max-bytes exceeded")
	case lines > 0 && len(b.lines) > lines:
		c.Fail("BATCH", "MULTILINE_MAX_LINES", strconv.Itoa(lines), "Multiline batch max-lines exceeded")
	default:
		return
	}
	c.batch = nil
}

// relayBatch brings a batch to those who take batches, and its lines to the
// others.
func (c *Client) relayBatch(b *multilineBatch) {
	whole := c.Message("BATCH", "+"+b.reference, multiline, b.target)
	for name, value := range b.opening.ClientOnlyTags() {
		whole.SetTag(name, value)
	}
	whole.SetTag("msgid", c.NextID())
	for _, to := range c.recipients(b.target) {
		if !to.Caps[multiline] {
			tags := whole.AllTags()
			for _, line := range b.lines {
				if line.Params[1] != "" {
					to.Send(ircmsg.MakeMessage(tags, whole.Source, "PRIVMSG", line.Params...))
					tags = nil
				}
			}
			continue
		}
		to.Send(whole)
		for _, line := range b.lines {
			one := with(ircmsg.MakeMessage(nil, whole.Source, "PRIVMSG", line.Params...), "batch", b.reference)
			if line.HasTag(concat) {
				one.SetTag(concat, "")
			}
			to.Send(one)
		}
		to.Send(ircmsg.MakeMessage(nil, whole.Source, "BATCH", "-"+b.reference))
	}
}

// recipients are those whom a message goes to, its author too where they want
// to see it.
func (c *Client) recipients(target string) (to []*Client) {
	if ch := c.Channel(target); ch != nil {
		to = slices.DeleteFunc(slices.Clone(ch.Members), func(m *Client) bool { return m == c })
	} else if somebody := c.Client(target); somebody != nil {
		to = []*Client{somebody}
	} else {
		c.Numeric("401", target, "No such nick/channel")
		return nil
	}
	if c.Caps["echo-message"] {
		to = append(to, c)
	}
	return to
}
