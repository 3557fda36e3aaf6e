package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// adminNamespace begins the names of service administration (XEP-0133). It is
// also the node that lists those of our commands which the general list, kept
// as clients of other gateways know it, does not have.
const adminNamespace = "http://jabber.org/protocol/admin"

const (
	maxListed        = 200 // users in one answer
	maxAnnouncements = 4   // that wait to be sent
)

// adminCommands are those in the general list.
func (h *host) adminCommands() []command {
	all := []command{{node: "disconnect-user", name: "Disconnect users", admin: true, start: disconnectUsers}}
	if h.gateway.Reload != nil {
		all = append(all, command{node: "reload", name: "Read the config again", admin: true, start: reload})
	}
	return all
}

// hiddenCommands are those in the administrators' own list.
func (h *host) hiddenCommands() []command {
	all := []command{
		{node: adminNamespace + "#get-online-users-list", word: "users", name: "List the users with a session", admin: true, start: listUsers},
		{node: adminNamespace + "#announce", word: "announce", name: "Send a message to all users", admin: true, start: announce},
		{node: adminNamespace + "#edit-blacklist", word: "blacklist", name: "Edit the list of blocked addresses", admin: true, start: editBlocks},
		{node: "block", word: "block-address", name: "Block an address", admin: true, start: blockOne},
		{node: "unblock", word: "unblock-address", name: "Unblock an address", admin: true, start: unblockOne},
	}
	if !h.UsersPlumb {
		all = append(all, h.plumbCommands()...)
	}
	return all
}

// disconnectUsers ends sessions. The answer goes first: the session that gives
// it may be among them.
func disconnectUsers(s *session) stage {
	return ask(transport.Form{
		Title: "Disconnect users", Instructions: "Whose sessions are to end?",
		Fields: []transport.Field{
			s.host.userField("jids", "The users", transport.Choices),
			{Name: "quit-message", Label: "What the others read", Values: []string{"Disconnected by an administrator"}},
		},
	}, func(s *session, answers transport.Values) stage {
		var ending []*session
		for _, one := range s.host.allSessions() {
			if slices.Contains(answers["jids"], one.user.String()) {
				ending = append(ending, one)
			}
		}
		verb := "have"
		if len(ending) == 1 {
			verb = "has"
		}
		out := done(fmt.Sprintf("%s %s been disconnected.", count(len(ending), "user", "users"), verb))
		out.next = func(context.Context) {
			for _, one := range ending {
				one.end(answers.Get("quit-message"))
			}
		}
		return out
	})
}

// end has the session end, from whichever goroutine it is called. It never
// waits.
func (s *session) end(reason string) {
	if reason == "" {
		reason = farewellEnded
	}
	ordered := s.order(func(context.Context) {
		s.farewell, s.ended = reason, true
		s.stop()
	})
	if !ordered {
		s.stop()
	}
}

func reload(s *session) stage {
	return stage{work: func(context.Context) stage {
		notes, err := s.host.gateway.Reload()
		if err != nil {
			return undone("The config was not read again: " + err.Error())
		}
		return done("Configuration reloaded.").warn(notes...)
	}}
}

// A presentUser is what a session tells of itself.
type presentUser struct {
	clients, rooms int
	links          []transport.LinkInfo
}

func (u presentUser) String() string {
	text := count(u.clients, "client", "clients") + " in " + count(u.rooms, "room", "rooms")
	for _, l := range u.links {
		state := "down"
		if l.Up {
			state = "up"
		}
		text += fmt.Sprintf("; %s is %s", l.Server, state)
	}
	return text
}

// listUsers is XEP-0133's list of online users, with a note for each.
func listUsers(s *session) stage {
	question := func(of *session) any {
		clients := map[string]bool{}
		for _, r := range of.rooms {
			for resource := range r.listeners.all() {
				clients[resource] = true
			}
		}
		return presentUser{clients: len(clients), rooms: len(of.rooms), links: of.linkInfos()}
	}
	return s.host.askSessions(nil, question, func(all map[jid.JID]any) stage {
		return usersStage(s.host.users(), all)
	})
}

func usersStage(users []transport.Option, told map[jid.JID]any) stage {
	lines := []string{count(len(users), "user", "users") + " with a session:"}
	var addresses []string
	for i, u := range users {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("… and %d more", len(users)-maxListed))
			break
		}
		addresses = append(addresses, u.Value)
		line := u.Value + ": too busy to answer"
		if who, err := jid.ParsePrepared(u.Value); err == nil && told[who] != nil {
			line = fmt.Sprintf("%s: %s", u.Value, told[who])
		}
		lines = append(lines, line)
	}
	out := done(strings.Join(lines, "\n"))
	list := stanza.ResultForm(adminNamespace, stanza.Field{
		Var: "onlineuserjids", Type: stanza.JIDMultiField, Label: "The users with a session", Values: addresses,
	})
	out.list = &list
	return out
}

// An announcement goes to everybody who uses a component.
type announcement struct {
	subject, text string
	to            []jid.JID
}

func announce(s *session) stage {
	return ask(transport.Form{
		Title: "Send a message to all users", Instructions: "It goes to everybody who has a session, an account or the gateway in their contacts.",
		Fields: []transport.Field{
			{Name: "subject", Label: "Subject"},
			{Name: "announcement", Label: "Message", Type: transport.Texts, Required: true},
		},
	}, func(s *session, answers transport.Values) stage {
		return stage{work: func(ctx context.Context) stage {
			to, err := s.host.everybody(ctx)
			if err != nil {
				return s.failedWith(err)
			}
			select {
			case s.host.announcements <- announcement{answers.Get("subject"), strings.Join(answers["announcement"], "\n"), to}:
				return done("The message goes to " + count(len(to), "user", "users") + ".")
			default:
				return undone("Earlier messages are still being sent: try again in a minute.")
			}
		}}
	})
}

// everybody gives all users that the component knows and serves.
func (h *host) everybody(ctx context.Context) (all []jid.JID, err error) {
	subscribers, err := h.gateway.Store.Subscriptions().Users(ctx, h.Domain)
	if err != nil {
		return nil, err
	}
	accounts, err := h.gateway.Store.Accounts().All(ctx, h.Domain)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		subscribers = append(subscribers, a.User)
	}
	seen := map[jid.JID]bool{}
	add := func(j jid.JID) {
		if !seen[j] && h.Allows(j) {
			seen[j] = true
			all = append(all, j)
		}
	}
	for _, s := range h.allSessions() {
		add(s.user)
	}
	for _, u := range subscribers {
		if j, err := jid.ParsePrepared(u); err == nil {
			add(j.Bare())
		}
	}
	return all, nil
}

// announceAll sends announcements until ctx ends, at a pace that the server can
// follow.
func (h *host) announceAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-h.announcements:
			for i, user := range a.to {
				pace(ctx, i, greetPulse)
				st := stanza.Stanza{
					Kind:   stanza.Message,
					Header: stanza.Header{From: h.at(""), To: user, ID: component.NewID()},
				}
				if a.subject != "" {
					st.Payloads = append(st.Payloads, stanza.Subject(a.subject))
				}
				st.Payloads = append(st.Payloads, stanza.Body(a.text))
				h.sendPaced(ctx, st)
			}
		}
	}
}

func (h *host) sendPaced(ctx context.Context, st stanza.Stanza) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := h.Stream.Send(ctx, st); err != nil {
		h.gateway.dropped.Add(1)
	}
}

func editBlocks(s *session) stage {
	return stage{work: func(ctx context.Context) stage {
		blocked, err := s.host.gateway.Store.Blocks().Blocked(ctx, s.host.Domain)
		if err != nil {
			return s.failedWith(err)
		}
		if len(blocked) > maxFieldValues {
			return undone(fmt.Sprintf("%d addresses are blocked, too many for a form: use block and unblock.", len(blocked)))
		}
		return ask(transport.Form{
			Title: "Blocked addresses", Instructions: "One account or one domain on a line.",
			Fields: []transport.Field{{Name: "blacklistjids", Label: "Nobody here may use this gateway", Type: transport.Texts, Values: blocked}},
		}, func(s *session, answers transport.Values) stage {
			return s.host.setBlocks(blocked, answers["blacklistjids"])
		})
	}}
}

func blockOne(*session) stage {
	return askAddress("Block an address", func(s *session, address string) stage {
		return s.host.setBlocks(nil, []string{address})
	})
}

func unblockOne(*session) stage {
	return askAddress("Unblock an address", func(s *session, address string) stage {
		return s.host.setBlocks([]string{address}, nil)
	})
}

func askAddress(title string, then func(*session, string) stage) stage {
	return ask(transport.Form{
		Title: title, Instructions: "An account, or a domain with all its accounts.",
		Fields: []transport.Field{{Name: "jid", Label: "The address", Required: true}},
	}, func(s *session, answers transport.Values) stage { return then(s, answers.Get("jid")) })
}

// setBlocks makes one list of blocked addresses into another. Sessions of
// those who are now blocked end.
func (h *host) setBlocks(was, wanted []string) stage {
	var added, gone []string
	for _, w := range wanted {
		address, err := jid.ParsePrepared(strings.TrimSpace(w))
		switch {
		case err != nil || !address.IsBare():
			return undone(fmt.Sprintf("%q is neither an account nor a domain.", w))
		case h.isAdmin(address):
			return undone(address.String() + " is an administrator.")
		}
		if !slices.Contains(was, address.String()) {
			added = append(added, address.String())
		}
	}
	for _, w := range was {
		address, err := jid.ParsePrepared(strings.TrimSpace(w))
		if err != nil {
			return undone(fmt.Sprintf("%q is no address.", w))
		}
		if !slices.Contains(wanted, w) {
			gone = append(gone, address.String())
		}
	}
	return stage{work: func(ctx context.Context) stage {
		blocks := h.gateway.Store.Blocks()
		var err error
		for _, a := range added {
			err = errors.Join(err, blocks.Block(ctx, h.Domain, a))
		}
		for _, a := range gone {
			err = errors.Join(err, blocks.Unblock(ctx, h.Domain, a))
		}
		if err = errors.Join(err, h.loadBlocks(ctx)); err != nil {
			h.log.Error("the list of blocked addresses was not changed", "err", err)
			return failed(internalError())
		}
		h.log.Info("blocked addresses changed", "blocked", added, "unblocked", gone)
		out := done(fmt.Sprintf("%d blocked, %d unblocked.", len(added), len(gone)))
		out.next = func(context.Context) {
			for _, s := range h.allSessions() {
				if !h.Allows(s.user) {
					s.end(farewellBanned)
				}
			}
		}
		return out
	}}
}

// loadBlocks reads which addresses are blocked.
func (h *host) loadBlocks(ctx context.Context) error {
	list, err := h.gateway.Store.Blocks().Blocked(ctx, h.Domain)
	if err != nil {
		return fmt.Errorf("read who is blocked from %s: %w", h.Domain, err)
	}
	blocked := make(map[string]bool, len(list))
	for _, a := range list {
		blocked[a] = true
	}
	h.blocked.Store(&blocked)
	return nil
}

// Allows tells whether the gateway serves the address. It never waits. An
// administrator is not shut out with their domain: nobody could undo it.
func (h *host) Allows(j jid.JID) bool {
	if h.isPlumber(j) {
		return true
	}
	blocked := h.blocked.Load()
	if blocked != nil && len(*blocked) > 0 && ((*blocked)[j.Bare().String()] || (*blocked)[j.Domain]) && !h.isAdmin(j) {
		return false
	}
	return h.Host.Allows(j)
}
