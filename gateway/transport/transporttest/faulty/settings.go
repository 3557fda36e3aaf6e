package faulty

import (
	"context"
	"strings"

	"gatehouse/gateway/transport"
)

// SettingsForm implements transport.Configurable.
func (n *Network) SettingsForm(_ string, at transport.Address, kind transport.Kind, v transport.Values) (transport.Form, bool) {
	if kind == transport.Person {
		return transport.Form{}, false
	}
	nick := transport.Field{Name: "nick", Label: "Nick", Values: []string{"romeo"}}
	if v["nick"] != nil {
		nick.Values = v["nick"]
	}
	if n.Fault == FieldTwice {
		return transport.Form{Fields: []transport.Field{nick, nick}}, true
	}
	return transport.Form{Fields: []transport.Field{nick}}, true
}

// CheckSettings implements transport.Configurable.
func (n *Network) CheckSettings(_ string, _ transport.Address, _ transport.Kind, v transport.Values) (transport.Values, []string) {
	nick := v.Get("nick")
	switch {
	case n.Fault == DefaultRefused && nick == "romeo":
		return transport.Values{}, []string{"That nick is taken."}
	case n.Fault == LinesKept:
	default:
		nick = strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, nick)
	}
	if n.Fault == CheckUnsettled {
		nick += "_"
	}
	return transport.Values{"nick": {nick}}, nil
}

// Commands implements transport.Commander.
func (n *Network) Commands(at transport.Address, kind transport.Kind) []transport.Command {
	if kind == transport.Person && n.Fault != CommandToNowhere {
		return nil
	}
	return []transport.Command{
		{Node: "configure", Name: "Change the settings", Does: transport.DoConfigure},
		{Node: "greet", Name: "Greet somebody", Does: transport.DoPerform},
	}
}

// Perform implements transport.Performer.
func (n *Network) Perform(ctx context.Context, do transport.Performance) (transport.Stage, error) {
	name := transport.Field{Name: "name", Label: "Whom?", Required: true}
	form := &transport.Form{Title: "Greet somebody", Fields: []transport.Field{name}}
	switch {
	case do.Node != "greet" && n.Fault != CommandDoesAll:
		return transport.Stage{}, &transport.Error{Reason: transport.NotFound, Text: "there is no such command"}
	case do.Asked == 0 && n.Fault == CommandAsksTwice:
		form.Fields = append(form.Fields, name)
		return transport.Stage{Form: form}, nil
	case do.Asked == 0:
		return transport.Stage{Form: form}, nil
	case n.Fault == CommandPanics:
		return transport.Stage{Text: do.Answers["name"][0]}, nil
	case n.Fault == CommandWaits:
		<-n.end
	case n.Fault == CommandMute:
		return transport.Stage{}, nil
	}
	return transport.Stage{Text: "Good morrow, " + do.Answers.Get("name") + "!"}, ctx.Err()
}
