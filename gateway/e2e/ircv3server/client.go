package ircv3server

import (
	"net"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// A Client is somebody's connection.
type Client struct {
	*Server
	Nick, Account string
	Caps          map[string]bool // those that were acknowledged

	conn                net.Conn
	named, hello, asked bool // NICK and USER came, CAP is not over
	registered          bool

	label   string
	answers []ircmsg.Message // to the labelled command that is being handled
	batches int
	batch   *multilineBatch // that the client has open
}

// Message makes one that comes from this client, with the time.
func (c *Client) Message(command string, params ...string) ircmsg.Message {
	m := ircmsg.MakeMessage(nil, c.Nick+"!"+strings.ToLower(c.Nick)+"@host.test", command, params...)
	stamp(&m)
	if c.Account != "" {
		m.SetTag("account", c.Account)
	}
	return m
}

func stamp(m *ircmsg.Message) {
	m.SetTag("time", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Numeric answers with a numeric, or with any other command of the server. The
// nick comes first by itself for numerics.
func (c *Client) Numeric(command string, params ...string) {
	if command[0] <= '9' {
		nick := c.Nick
		if nick == "" {
			nick = "*"
		}
		params = append([]string{nick}, params...)
	}
	c.Send(ircmsg.MakeMessage(nil, Name, command, params...))
}

// Fail is a standard reply.
func (c *Client) Fail(command, code string, context ...string) {
	c.Numeric("FAIL", append([]string{command, code}, context...)...)
}

// Batch sends messages as a batch of a type.
func (c *Client) Batch(typ string, params []string, messages ...ircmsg.Message) {
	c.batches++
	ref := "b" + string(rune('0'+c.batches%10)) + c.NextID()
	c.Send(ircmsg.MakeMessage(nil, Name, "BATCH", append([]string{"+" + ref, typ}, params...)...))
	for _, m := range messages {
		m = with(m, "batch", ref)
		c.Send(m)
	}
	c.Send(ircmsg.MakeMessage(nil, Name, "BATCH", "-"+ref))
}

// with gives a copy with one tag more.
func with(m ircmsg.Message, tag, value string) ircmsg.Message {
	all := m.AllTags()
	all[tag] = value
	return ircmsg.MakeMessage(all, m.Source, m.Command, m.Params...)
}

// needs tells which capability a tag needs.
var needs = map[string]string{
	"time": "server-time", "account": "account-tag", "label": "labeled-response", "batch": "batch",
}

// Send sends a message, with those of its tags that the client understands. What
// answers a labelled command gets the label.
func (c *Client) Send(m ircmsg.Message) {
	if c.label != "" {
		c.answers = append(c.answers, m)
		return
	}
	c.write(m)
}

func (c *Client) write(m ircmsg.Message) {
	tags := m.AllTags()
	for name := range tags {
		need := needs[name]
		if need == "" {
			need = "message-tags"
		}
		if !c.Caps[need] && !(need == "batch" && c.Caps["draft/multiline"]) {
			delete(tags, name)
		}
	}
	m = ircmsg.MakeMessage(tags, m.Source, m.Command, m.Params...)
	line, err := m.LineBytes()
	if err != nil && line == nil {
		return
	}
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	c.conn.Write(line)
}

// take handles one command, with its label.
func (c *Client) take(m ircmsg.Message) {
	if _, label := m.GetTag("label"); c.Caps["labeled-response"] {
		c.label = label
	}
	if f := c.o.Commands[strings.ToUpper(m.Command)]; f != nil {
		f(c, m)
	} else {
		c.Default(m)
	}
	c.answer()
}

// answer sends the answers to a labelled command: an ACK, one message or a
// batch (https://ircv3.net/specs/extensions/labeled-response).
func (c *Client) answer() {
	label, answers := c.label, c.answers
	c.label, c.answers = "", nil
	if label == "" {
		return
	}
	switch {
	case len(answers) == 0:
		c.write(with(ircmsg.MakeMessage(nil, Name, "ACK"), "label", label))
	case len(answers) == 1 || oneBatch(answers):
		c.write(with(answers[0], "label", label))
		for _, m := range answers[1:] {
			c.write(m)
		}
	default:
		ref := "l" + c.NextID()
		c.write(with(ircmsg.MakeMessage(nil, Name, "BATCH", "+"+ref, "labeled-response"), "label", label))
		for _, m := range answers {
			c.write(with(m, "batch", ref))
		}
		c.write(ircmsg.MakeMessage(nil, Name, "BATCH", "-"+ref))
	}
}

func oneBatch(answers []ircmsg.Message) bool {
	first, last := answers[0], answers[len(answers)-1]
	return first.Command == "BATCH" && last.Command == "BATCH" && first.Params[0][1:] == last.Params[0][1:]
}
