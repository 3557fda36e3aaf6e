package echo

import (
	"context"
	"fmt"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// Commands and Perform are what a network with commands of its own adds: here
// one that asks for a text and says how long it is.

func (n *network) Commands(at transport.Address, kind transport.Kind) []transport.Command {
	if kind != transport.Server {
		return nil
	}
	return []transport.Command{{Node: "measure", Name: "Say how long a text is", Does: transport.DoPerform}}
}

func (n *network) Perform(_ context.Context, do transport.Performance) (transport.Stage, error) {
	switch {
	case do.Node != "measure":
		return transport.Stage{}, &transport.Error{Reason: transport.NotFound, Text: "There is no such command"}
	case do.Asked == 0:
		return transport.Stage{Form: &transport.Form{
			Title:  "Measure a text",
			Fields: []transport.Field{{Name: "text", Label: "The text", Required: true}},
		}}, nil
	}
	return transport.Stage{Text: fmt.Sprintf("It has %d characters.", utf8.RuneCountInString(do.Answers.Get("text")))}, nil
}
