package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// linksTime is how long others' sessions have to say what links they have.
const linksTime = 2 * time.Second

// linkInfos tells of the session's links.
func (s *session) linkInfos() []transport.LinkInfo {
	l, ok := s.link.(transport.Links)
	if !ok {
		return nil
	}
	return l.Links()
}

// showLinks tells what is known of the link to a server, or of all of them.
func showLinks(server transport.Address) func(*session) stage {
	return func(s *session) stage {
		var texts []string
		for _, l := range s.linkInfos() {
			if server == "" || l.Server == server {
				texts = append(texts, s.describeLink(l))
			}
		}
		switch {
		case len(texts) > 0:
			return done(strings.Join(texts, "\n"))
		case server == "":
			return done("You are not connected to anything.")
		}
		return done(fmt.Sprintf("You are not connected to %s.", server))
	}
}

// describeLink adds to what the network says which clients are in which rooms.
func (s *session) describeLink(l transport.LinkInfo) string {
	lines := slices.Clone(l.Lines)
	if len(lines) == 0 {
		state := "not connected"
		if l.Up {
			state = "connected"
		}
		lines = []string{fmt.Sprintf("%s: %s", l.Server, state)}
	}
	for _, a := range l.Rooms {
		var clients []string
		if r := s.rooms[a]; r != nil {
			for resource := range r.listeners.all() {
				clients = append(clients, resource)
			}
		}
		slices.Sort(clients)
		lines = append(lines, fmt.Sprintf("%s from %s: %s", a, count(len(clients), "client", "clients"), strings.Join(clients, ", ")))
	}
	return strings.Join(lines, "\n")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// disconnectLinks ends links. An administrator says first whose.
func disconnectLinks(field string) func(*session) stage {
	if field == "" {
		field = "servers"
	}
	return func(s *session) stage {
		if !s.host.isAdmin(s.user) {
			return chooseLinks(s.user, s.linkInfos(), field)
		}
		form := transport.Form{
			Title: "Disconnect somebody from servers", Instructions: "Whose links are to end?",
			Fields: []transport.Field{s.host.userField("jid", "The user", transport.Choice)},
		}
		whose := ask(form, func(s *session, answers transport.Values) stage {
			who, err := jid.ParsePrepared(answers.Get("jid"))
			if err != nil {
				return undone(fmt.Sprintf("%q is no address.", answers.Get("jid")))
			}
			return s.host.askSessions([]jid.JID{who.Bare()}, func(of *session) any { return of.linkInfos() }, func(all map[jid.JID]any) stage {
				links, _ := all[who.Bare()].([]transport.LinkInfo)
				return chooseLinks(who.Bare(), links, field)
			})
		})
		whose.more = true
		return whose
	}
}

// chooseLinks asks which of somebody's links are to end.
func chooseLinks(who jid.JID, links []transport.LinkInfo, field string) stage {
	if len(links) == 0 {
		return done(who.String() + " is not connected to anything.")
	}
	var servers []transport.Option
	for _, l := range links {
		servers = append(servers, transport.Option{Value: string(l.Server), Label: string(l.Server)})
	}
	return ask(transport.Form{
		Title: "Disconnect from servers", Instructions: "Which links are to end?",
		Fields: []transport.Field{
			{Name: "quit-message", Label: "What the others read", Values: []string{"Disconnected"}},
			{Name: field, Label: "The servers", Type: transport.Choices, Options: servers, Required: true},
		},
	}, func(s *session, answers transport.Values) stage {
		if who != s.user && !s.host.isAdmin(s.user) {
			return failed(notAdmin())
		}
		end := func(of *session) any { return of.disconnect(answers[field], answers.Get("quit-message")) }
		return s.host.askSessions([]jid.JID{who}, end, func(all map[jid.JID]any) stage {
			n, _ := all[who].(int)
			return done(fmt.Sprintf("%s was disconnected from %s.", who, count(n, "server", "servers")))
		})
	})
}

// disconnect ends some of the session's links and counts them.
func (s *session) disconnect(servers []string, reason string) (n int) {
	l, ok := s.link.(transport.Links)
	if !ok {
		return 0
	}
	for _, info := range l.Links() {
		if !slices.Contains(servers, string(info.Server)) {
			continue
		}
		if err := l.Disconnect(info.Server, reason); err != nil {
			s.log().Warn("a link could not be ended", "server", info.Server, "err", err)
			continue
		}
		n++
	}
	return n
}

// userField asks for users: as a choice, unless there are too many for one form.
func (h *host) userField(name, label string, typ transport.FieldType) transport.Field {
	f := transport.Field{Name: name, Label: label, Type: typ, Required: true, Options: h.users()}
	if len(f.Options) <= maxListed {
		return f
	}
	f.Options, f.Help = nil, count(len(f.Options), "user is", "users are")+" too many to choose from."
	if f.Type = transport.Text; typ == transport.Choices {
		f.Type = transport.Texts
	}
	return f
}

// users are those with a session, to choose from.
func (h *host) users() (options []transport.Option) {
	for _, s := range h.allSessions() {
		options = append(options, transport.Option{Value: s.user.String(), Label: s.user.String()})
	}
	slices.SortFunc(options, func(a, b transport.Option) int { return strings.Compare(a.Value, b.Value) })
	return options
}

// askSessions has the sessions of some users answer on their own goroutines,
// for up to linksTime; nil means all. What they say is given to then.
func (h *host) askSessions(users []jid.JID, question func(*session) any, then func(map[jid.JID]any) stage) stage {
	return stage{work: func(ctx context.Context) stage {
		return then(h.collect(ctx, users, question))
	}}
}

func (h *host) collect(ctx context.Context, users []jid.JID, question func(*session) any) map[jid.JID]any {
	type said struct {
		user   jid.JID
		answer any
	}
	ctx, cancel := context.WithTimeout(ctx, linksTime)
	defer cancel()
	sessions := h.allSessions()
	answers := make(chan said, len(sessions))
	asked := 0
	for _, s := range sessions {
		if users != nil && !slices.Contains(users, s.user) {
			continue
		}
		if s.order(func(context.Context) { answers <- said{s.user, question(s)} }) {
			asked++
		}
	}
	all := make(map[jid.JID]any, asked)
	for range asked {
		select {
		case a := <-answers:
			all[a.user] = a.answer
		case <-ctx.Done():
			return all
		}
	}
	return all
}
