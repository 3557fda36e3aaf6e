package gateway

import (
	"context"
	"slices"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// A command is something that a user, or an administrator, can have done at
// one of our addresses: as an ad-hoc command (adhoc.go) and in a chat (chat.go).
type command struct {
	node, name string
	word       string // for it in a chat, if not the node
	admin      bool   // for administrators only
	start      func(s *session) stage
}

func (c command) chatWord() string {
	if c.word != "" {
		return c.word
	}
	return c.node
}

// A stage is what a command says next: it asks something, or it ends. Exactly
// one of form, work, step and err is set, or none at the end.
type stage struct {
	form *transport.Form                        // asks,
	more bool                                   // not for the last time,
	fast bool                                   // without showing it in a chat, if nothing has to be filled in
	then func(*session, transport.Values) stage // and goes on from the answers
	work func(context.Context) stage            // what the session must not wait for
	step func(*session, context.Context) stage  // what the session itself has to do
	err  *stanza.Error                          // ends
	told []stanza.CommandNote                   // to people
	list *stanza.Form                           // the result, if it is more than a note
	next func(context.Context)                  // once all is said
}

func ask(f transport.Form, then func(*session, transport.Values) stage) stage {
	return stage{form: &f, then: then}
}

func done(text string) stage {
	return stage{told: []stanza.CommandNote{{Type: "info", Text: text}}}
}

// undone ends a command that could not do what it was to do (XEP-0050 §3.6).
func undone(text string) stage {
	return stage{told: []stanza.CommandNote{{Type: "error", Text: text}}}
}

func failed(e stanza.Error) stage { return stage{err: &e} }

func (s stage) warn(texts ...string) stage {
	for _, t := range texts {
		s.told = append(s.told, stanza.CommandNote{Type: "warn", Text: t})
	}
	return s
}

// drive does what a stage needs before it is told.
func (s *session) drive(ctx context.Context, st *stanza.Received, now stage, tell func(context.Context, stage)) (ok bool) {
	for now.step != nil {
		now = now.step(s, ctx)
	}
	if now.work == nil {
		tell(ctx, now)
		return true
	}
	return s.aside(st, func(ctx context.Context) func(context.Context) {
		result := now.work(ctx)
		return func(ctx context.Context) { s.drive(ctx, st, result, tell) }
	})
}

// follow does what comes after an answer. The stanza is done with: it gets no
// second answer whatever happens.
func (s *session) follow(ctx context.Context, told stage) {
	s.current = nil
	if told.next != nil {
		told.next(ctx)
	}
}

// place gives what the network calls a target, and of which kind it is.
func (t target) place() (transport.Address, transport.Kind) {
	switch t.kind {
	case toPerson:
		return t.address, transport.Person
	case toRoom, toOccupant:
		return t.address, transport.Room
	}
	return t.address, transport.Server
}

// commands gives those of an address: the gateway's own, and the network's.
func (h *host) commands(t target) (all []command) {
	if t.kind == toOccupant {
		return nil
	}
	if t.kind == toGateway {
		all = append(all, pingCommand, helloCommand)
	}
	all = append(all, h.contactCommands(t)...)
	at, kind := t.place()
	configures := false
	if c, ok := h.Network.(transport.Commander); ok {
		for _, named := range c.Commands(at, kind) {
			to, toKind := named.At, transport.Server
			if to == "" {
				to, toKind = at, kind
			}
			if named.Does == transport.DoConfigureAll {
				to, toKind = "", transport.Server
			}
			configures = configures || named.Does == transport.DoConfigure || named.Does == transport.DoConfigureAll
			all = append(all, h.networkCommand(named, to, toKind))
		}
	}
	if !configures && t.kind != toPerson && h.hasSettings(at, kind) {
		all = append(all, command{node: "configure", name: "Change the settings", start: configure(at, kind)})
	}
	if t.kind != toGateway {
		return all
	}
	if h.archives() && h.info.AlwaysOn {
		all = append(all, exportCommand)
	}
	if network, _ := h.registers(); network != nil {
		all = append(all, h.registerCommands()...)
	}
	if h.UsersPlumb {
		all = append(all, h.plumbCommands()...)
	}
	return append(all, h.adminCommands()...)
}

// networkCommand is one that the network named.
func (h *host) networkCommand(named transport.Command, at transport.Address, kind transport.Kind) command {
	c := command{node: named.Node, name: named.Name, word: named.Word, admin: named.Admin}
	switch named.Does {
	case transport.DoPerform:
		c.start = perform(transport.Performance{Node: named.Node, At: at, Kind: kind}, named.Admin)
	case transport.DoShowLinks:
		c.start = showLinks(at)
	case transport.DoDisconnect:
		c.start = disconnectLinks(named.Field)
	default:
		c.start = configure(at, kind)
	}
	return c
}

// commandsFor leaves out what the user may not do. Hidden commands, those of
// the administrators' own list, are not in the list of all.
func (h *host) commandsFor(user jid.JID, t target) []command {
	return slices.DeleteFunc(h.commands(t), func(c command) bool { return c.admin && !h.isAdmin(user) })
}

// findCommand also finds what is in the administrators' own list. False means
// that the address has no such command.
func (h *host) findCommand(t target, node string) (command, bool) {
	all := h.commands(t)
	if t.kind == toGateway {
		all = append(all, h.hiddenCommands()...)
	}
	named := node
	if node == stanza.RegisterNamespace { // as gateways to us ask for it
		named = nodeRegister
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.node == named })
	if i < 0 {
		return command{}, false
	}
	found := all[i]
	found.node = node
	return found, true
}

// isAdmin is asked again at every step.
func (h *host) isAdmin(user jid.JID) bool {
	return h.gateway.IsAdmin != nil && h.gateway.IsAdmin(user.Bare())
}

func notAdmin() stanza.Error {
	return stanza.Error{Class: stanza.Cancel, Condition: stanza.Forbidden, Text: "only an administrator of this gateway may do that"}
}

var pingCommand = command{node: "ping", name: "See whether the gateway answers", start: func(*session) stage { return done("Pong") }}

var helloCommand = command{node: "hello", name: "Be greeted", start: func(*session) stage {
	return ask(transport.Form{
		Title: "Configure your name.", Instructions: "Please provide your name.",
		Fields: []transport.Field{{Name: "name", Label: "Your name", Required: true}},
	}, func(_ *session, answers transport.Values) stage {
		return done("Hello " + strings.Join(answers["name"], " ") + "!")
	})
}}

// commandFeatures are those of an address that has commands.
func (h *host) commandFeatures(t target) []string {
	if len(h.commands(t)) == 0 {
		return nil
	}
	return []string{stanza.CommandsNamespace}
}

// commandItems lists commands (XEP-0050 §2.2), or those for administrators. Ok
// is false for any other node.
func (h *host) commandItems(st *stanza.Received, t target, node string) (items stanza.DiscoItems, ok bool) {
	var list []command
	switch {
	case node == stanza.CommandsNamespace:
		list = h.commandsFor(st.From, t)
	case node == adminNamespace && t.kind == toGateway && h.isAdmin(st.From):
		list = h.hiddenCommands()
	default:
		return items, false
	}
	items.Node = node
	for _, c := range list {
		items.Items = append(items.Items, stanza.Item{JID: st.To.String(), Node: c.node, Name: c.name})
	}
	return items, true
}

// commandInfo describes a command, or a list of them (XEP-0050 §2.2). Ok is
// false if the node is neither.
func (h *host) commandInfo(st *stanza.Received, t target, node string) (info stanza.DiscoInfo, e *stanza.Error, ok bool) {
	info = stanza.DiscoInfo{Node: node, Features: []string{stanza.CommandsNamespace, stanza.FormNamespace}}
	switch {
	case node == stanza.CommandsNamespace && t.kind != toOccupant,
		node == adminNamespace && t.kind == toGateway && h.isAdmin(st.From):
		info.Identities = []stanza.Identity{{Category: "automation", Type: "command-list", Name: "Commands"}}
		return info, nil, true
	}
	c, found := h.findCommand(t, node)
	if !found {
		return info, nil, false
	}
	if c.admin && !h.isAdmin(st.From) {
		no := notAdmin()
		return info, &no, true
	}
	info.Identities = []stanza.Identity{{Category: "automation", Type: "command-node", Name: c.name}}
	return info, nil, true
}
