package stanza

import "gatehouse/component/wire"

// CommandsNamespace is that of ad-hoc commands, and the node that lists them
// (XEP-0050 §2.2).
const CommandsNamespace = "http://jabber.org/protocol/commands"

// States of a command (XEP-0050 §4.1).
const (
	Executing = "executing"
	Completed = "completed"
	Canceled  = "canceled"
)

// A Command is one stage of an ad-hoc command, or what is asked of one.
type Command struct {
	Node, SessionID string
	Action          string   // asked for; "" is execute
	Status          string   // in answers
	Actions         []string // that may come next; the last is the default
	Form            *Form
	Notes           []CommandNote

	// Failed repeats the error of the iq that the command stands in. Clients
	// and tests of other gateways look for it here.
	Failed *Error
}

// A CommandNote tells people how a command went: type is "info", "warn" or
// "error" (XEP-0050 §4.3).
type CommandNote struct{ Type, Text string }

// WriteXML implements wire.Payload.
func (c Command) WriteXML(w *wire.Writer) {
	w.Start(CommandsNamespace, "command")
	w.Attr("node", c.Node)
	if c.SessionID != "" {
		w.Attr("sessionid", c.SessionID)
	}
	if c.Status != "" {
		w.Attr("status", c.Status)
	}
	if len(c.Actions) > 0 {
		w.Start(CommandsNamespace, "actions")
		w.Attr("execute", c.Actions[len(c.Actions)-1])
		for _, a := range c.Actions {
			w.Start(CommandsNamespace, a)
			w.End()
		}
		w.End()
	}
	for _, n := range c.Notes {
		w.Start(CommandsNamespace, "note")
		w.Attr("type", n.Type)
		w.Text(n.Text)
		w.End()
	}
	if c.Form != nil {
		c.Form.WriteXML(w)
	}
	if c.Failed != nil {
		w.Start(CommandsNamespace, "error")
		w.Attr("type", string(c.Failed.Class))
		w.Start(StanzasNamespace, string(c.Failed.Condition))
		w.End()
		w.End()
	}
	w.End()
}

// ReadCommand reads what is asked of a command.
func ReadCommand(e *wire.Element) Command {
	c := Command{Node: e.Attr("node"), SessionID: e.Attr("sessionid"), Action: e.Attr("action")}
	if f, ok := ReadForm(e); ok {
		c.Form = &f
	}
	return c
}
