package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// An ownCommand is something that a user, or an administrator, can have done
// here. The gateway shows it as an ad-hoc command and in its chat.
type ownCommand struct {
	node, word, name string
	admin            bool
	ofPeople         bool // a phone's own, too: its field number is then known

	// ask gives the form; nil: it asks nothing. An error ends the command.
	ask func(ctx context.Context, n *Network, do transport.Performance) (transport.Form, error)
	// do takes the answers, and gives the text that ends the command.
	do func(ctx context.Context, n *Network, do transport.Performance) (string, error)
}

// ownCommands are all there are, in the order in which they are shown.
func ownCommands() []ownCommand {
	return slices.Concat(textCommands, scheduleCommands, blockCommands, optOutCommands, usageCommands, balanceCommands)
}

// numberField is what commands about one phone ask for.
const numberField = "number"

// Commands implements transport.Commander.
func (n *Network) Commands(_ transport.Address, kind transport.Kind) (all []transport.Command) {
	for _, c := range ownCommands() {
		if c.isAt(kind) {
			all = append(all, transport.Command{Node: c.node, Word: c.word, Name: c.name, Admin: c.admin, Does: transport.DoPerform})
		}
	}
	return all
}

func (c ownCommand) isAt(kind transport.Kind) bool {
	return kind == transport.Server || kind == transport.Person && c.ofPeople
}

// Perform implements transport.Performer.
func (n *Network) Perform(ctx context.Context, do transport.Performance) (transport.Stage, error) {
	for _, c := range ownCommands() {
		if c.node != do.Node || !c.isAt(do.Kind) {
			continue
		}
		if c.admin && !do.Admin {
			return transport.Stage{}, &transport.Error{Reason: transport.Forbidden, Text: "Only an administrator of this gateway may do that."}
		}
		return n.perform(ctx, c, do)
	}
	return transport.Stage{}, &transport.Error{Reason: transport.NotFound, Text: "There is no such command."}
}

func (n *Network) perform(ctx context.Context, c ownCommand, do transport.Performance) (transport.Stage, error) {
	if c.ask != nil && do.Asked == 0 {
		form, err := c.ask(ctx, n, do)
		if err != nil {
			return transport.Stage{}, err
		}
		if do.Kind == transport.Person {
			form.Fields = slices.DeleteFunc(form.Fields, func(f transport.Field) bool { return f.Name == numberField })
		}
		if len(form.Fields) > 0 {
			quick := !slices.ContainsFunc(form.Fields, func(f transport.Field) bool { return f.Required })
			return transport.Stage{Form: &form, Quick: quick}, nil
		}
	}
	if do.Kind == transport.Person {
		answers := transport.Values{numberField: {string(do.At)}}
		for name, values := range do.Answers {
			if name != numberField {
				answers[name] = values
			}
		}
		do.Answers = answers
	}
	text, err := c.do(ctx, n, do)
	if err != nil {
		return transport.Stage{}, err
	}
	return transport.Stage{Text: text}, nil
}

// phoneOf reads an answer as an address, in any way in which people write
// numbers.
func (n *Network) phoneOf(do transport.Performance) (transport.Address, error) {
	return n.phone(do.User, do.Answers.Get(numberField))
}

// phone reads a number as its user dials it.
func (n *Network) phone(user, text string) (transport.Address, error) {
	a, _, err := n.Read(user, strings.TrimSpace(text))
	if moved, ok := errors.AsType[*transport.Error](err); ok && moved.Reason == transport.Moved {
		return moved.Redirect, nil
	}
	return a, err
}

// refused is an answer to a command that could not be done.
func refused(reason transport.Reason, format string, args ...any) error {
	return &transport.Error{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// forms without anything special about them.
func asks(title, instructions string, fields ...transport.Field) func(context.Context, *Network, transport.Performance) (transport.Form, error) {
	return func(context.Context, *Network, transport.Performance) (transport.Form, error) {
		return transport.Form{Title: title, Instructions: instructions, Fields: slices.Clone(fields)}, nil
	}
}
