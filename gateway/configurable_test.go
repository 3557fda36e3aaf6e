package gateway_test

import (
	"fmt"
	"maps"
	"strings"

	"gatehouse/gateway/transport"
)

// What can be set on the fake network, and what its own commands are called.

func (n *network) SettingsForm(_ string, at transport.Address, kind transport.Kind, v transport.Values) (transport.Form, bool) {
	field := func(name string, typ transport.FieldType, preset ...string) transport.Field {
		f := transport.Field{Name: name, Label: "The " + name, Type: typ, Values: preset}
		if v != nil {
			f.Values = v[name]
		}
		return f
	}
	switch {
	case !n.configurable || kind == transport.Person:
		return transport.Form{}, false
	case kind == transport.Room:
		return transport.Form{Title: "Room " + string(at), Fields: []transport.Field{field("charset", transport.Text)}}, true
	case at == "":
		return transport.Form{Title: "All", Fields: []transport.Field{field("length", transport.Text, "20"), field("record", transport.Bool, "true")}}, true
	}
	pick := field("mood", transport.Choice, "calm")
	pick.Options = []transport.Option{{Value: "calm", Label: "Calm"}, {Value: "wild", Label: "Wild"}}
	return transport.Form{Title: "Server " + string(at), Instructions: "Fill it in.", Fields: []transport.Field{
		{Label: "How to get in", Type: transport.Note},
		field("nick", transport.Text), field("ports", transport.Texts, "1597"), field("pass", transport.Hidden), pick,
	}}, true
}

func (n *network) CheckSettings(_ string, _ transport.Address, _ transport.Kind, v transport.Values) (transport.Values, []string) {
	checked := maps.Clone(v)
	if v.Get("nick") == "panic" {
		panic("a nick that nobody expected")
	}
	if strings.Contains(v.Get("nick"), " ") {
		delete(checked, "nick")
		return checked, []string{"A nick has no spaces."}
	}
	return checked, nil
}

func (n *network) Commands(at transport.Address, kind transport.Kind) []transport.Command {
	if kind == transport.Person {
		return n.ofPeople
	}
	switch at {
	case "":
		return n.named
	case "verona":
		return []transport.Command{{Node: "get-verona", Name: "How is it?", Does: transport.DoShowLinks}}
	}
	return nil
}

func (l *link) Reconfigured(at transport.Address) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.call("reconfigured", at)
	if l.network.refused["reconfigured"] != nil {
		panic("a change that nobody expected")
	}
}

func (l *link) Links() []transport.LinkInfo {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return l.network.linkInfos[l.user]
}

func (l *link) Disconnect(server transport.Address, reason string) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, _, _ := l.call("disconnect", server, reason)
	return now
}

// isConnected gives a user links that are up, with rooms on the first.
func (n *network) isConnected(user string, rooms []transport.Address, servers ...transport.Address) {
	n.change(func() {
		if n.linkInfos == nil {
			n.linkInfos = map[string][]transport.LinkInfo{}
		}
		n.linkInfos[user] = nil
		for i, s := range servers {
			info := transport.LinkInfo{Server: s, Up: true, Lines: []string{fmt.Sprintf("Connected to %s.", s)}}
			if i == 0 {
				info.Rooms = rooms
			}
			n.linkInfos[user] = append(n.linkInfos[user], info)
		}
	})
}
