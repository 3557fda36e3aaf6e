package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

const (
	plumbNick     = "bridge"
	maxUserPlumbs = 5 // of one user who is no administrator
)

// plumbCommands link rooms. They are for administrators, unless the operator
// lets everybody.
func (h *host) plumbCommands() []command {
	if !h.info.Rooms || h.gateway.Store == nil {
		return nil
	}
	admin := !h.UsersPlumb
	return []command{
		{node: "plumb", name: "Link a room with a MUC", admin: admin, start: askPlumb},
		{node: "unplumb", name: "Unlink a room from a MUC", admin: admin, start: askUnplumb},
		{node: "plumbs", name: "Show the rooms that are linked", admin: admin, start: showPlumbs},
		{node: "plumb-settings", name: "Set up the gateway's own account in linked rooms", admin: true, start: setPlumber},
	}
}

func askPlumb(*session) stage {
	return ask(transport.Form{
		Title:        "Link a room with a MUC",
		Instructions: "Everybody in the one sees what is said in the other. The gateway joins both.",
		Fields: []transport.Field{
			{Name: "room", Label: "The room here", Required: true},
			{Name: "muc", Label: "The MUC, on any XMPP server", Help: "Its address, as in garden@conference.example.org.", Required: true},
			{Name: "nick", Label: "The gateway's nick in both", Values: []string{plumbNick}},
			{Name: "joins", Label: "Tell who comes and goes", Type: transport.Bool, Values: []string{"false"}},
			{Name: "moderate", Label: "Let the moderators of each take back what is said in the other", Type: transport.Bool, Values: []string{"false"}},
			{Name: "puppets", Label: "How many people may have an occupant of their own in the MUC", Help: "The others are spoken for by one.", Values: []string{"0"}},
			{Name: "room-password", Label: "Password of the room", Type: transport.Hidden},
			{Name: "muc-password", Label: "Password of the MUC", Type: transport.Hidden},
		},
	}, func(s *session, answers transport.Values) stage {
		r, err := s.readPlumb(answers)
		if err != nil {
			return undone(err.Error())
		}
		return stage{work: func(ctx context.Context) stage { return s.host.plumb(ctx, r) }}
	})
}

// readPlumb reads what is to be linked, and sees whether the user may. The error
// is for people.
func (s *session) readPlumb(answers transport.Values) (r plumbRecord, err error) {
	t, ok := s.host.chatTarget(strings.TrimSpace(answers.Get("room")))
	if !ok || t.kind != toRoom {
		return r, fmt.Errorf("%q is no room of %s", answers.Get("room"), s.host.Domain)
	}
	room, err := s.at(t.address).Prepare()
	if err != nil {
		return r, fmt.Errorf("the room's address: %w", err)
	}
	muc, err := jid.ParsePrepared(strings.TrimPrefix(strings.TrimSpace(answers.Get("muc")), "xmpp:"))
	if err != nil || muc.Local == "" || muc.Resource != "" {
		return r, fmt.Errorf("%q is no address of a MUC: write it as in garden@conference.example.org", answers.Get("muc"))
	}
	if muc == room {
		return r, fmt.Errorf("a room can't be linked with itself")
	}
	if other := s.host.gateway.hosts[muc.Domain]; other != nil {
		a, kind, err := other.resolve(muc)
		if err != nil || kind != transport.Room {
			return r, fmt.Errorf("%s is no room", muc)
		}
		muc = other.at(a)
	}
	nick := strings.TrimSpace(answers.Get("nick"))
	if nick == "" {
		nick = plumbNick
	}
	if _, err := muc.WithResource(nick).Prepare(); err != nil {
		return r, fmt.Errorf("%q can't be a nick", nick)
	}
	own, err := strconv.Atoi(strings.TrimSpace(cmp.Or(answers.Get("puppets"), "0")))
	if err != nil || own < 0 || own > maxPuppets {
		return r, fmt.Errorf("puppets is a number up to %d", maxPuppets)
	}
	r = plumbRecord{
		Puppets: own, Moderate: answers.Get("moderate") == "true",
		Room: room.String(), MUC: muc.String(), Nick: nick, By: s.user.String(), Joins: answers.Get("joins") == "true",
		RoomPassword: answers.Get("room-password"), MUCPassword: answers.Get("muc-password"),
	}
	if s.host.isAdmin(s.user) {
		return r, nil
	}
	in := s.rooms[t.address]
	switch {
	case !s.host.UsersPlumb:
		return r, fmt.Errorf("%s", notAdmin().Text)
	case in == nil || !in.joined || in.own.Role != transport.Moderator:
		return r, fmt.Errorf("only who is in %s, as one who moderates it, may link it", room)
	case s.host.gateway.hosts[muc.Domain] != nil:
		return r, fmt.Errorf("only administrators link two rooms of this gateway")
	case len(s.host.plumbsOf(s.mayUnplumb())) >= maxUserPlumbs:
		return r, fmt.Errorf("you have linked %d rooms, which is the most", maxUserPlumbs)
	}
	r.Owner = s.user.String()
	return r, nil
}

// mayUnplumb says which plumbs the user sees and may end.
func (s *session) mayUnplumb() func(*plumb) bool {
	user := s.user.String()
	if s.host.isAdmin(s.user) {
		return func(*plumb) bool { return true }
	}
	return func(p *plumb) bool { return p.record.By == user }
}

// plumb stores a link and sets it to work.
func (h *host) plumb(ctx context.Context, r plumbRecord) stage {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	p, err := h.gateway.newPlumb(h, hex.EncodeToString(b[:]), r)
	if err != nil {
		return undone("Not linked: " + err.Error() + ".")
	}
	if err := h.storePlumb(ctx, p.id, r); err != nil {
		h.log.Error("a link is not stored", "room", r.Room, "err", err)
		return failed(internalError())
	}
	if err := h.gateway.startPlumb(p); err != nil {
		if late := h.forgetPlumb(ctx, p); late != nil {
			h.log.Error("a link that was not made is still stored", "room", r.Room, "err", late)
		}
		return undone("Not linked: " + err.Error() + ".")
	}
	h.log.Info("two rooms are linked", "room", r.Room, "muc", r.MUC, "by", r.By)
	return done(fmt.Sprintf("%s and %s are linked. How it goes is in the list of linked rooms (plumbs).", r.Room, r.MUC))
}

func askUnplumb(s *session) stage {
	all := s.host.plumbsOf(s.mayUnplumb())
	if len(all) == 0 {
		return done("No rooms are linked.")
	}
	field := transport.Field{Name: "link", Label: "Which link is to end?", Type: transport.Choice, Required: true}
	for _, p := range all {
		field.Options = append(field.Options, transport.Option{Value: p.id, Label: p.record.Room + " ⇄ " + p.record.MUC})
	}
	return ask(transport.Form{Title: "Unlink a room from a MUC", Fields: []transport.Field{field}}, func(s *session, answers transport.Values) stage {
		chosen := answers.Get("link")
		may := s.mayUnplumb()
		found := s.host.plumbsOf(func(p *plumb) bool { return p.id == chosen && may(p) })
		if len(found) == 0 {
			return undone("They are not linked any more.")
		}
		return stage{work: func(ctx context.Context) stage {
			p := found[0]
			p.end() // first, as it may just store that its owner was seen
			if err := s.host.forgetPlumb(ctx, p); err != nil {
				return s.failedWith(err)
			}
			s.host.gateway.dropPlumb(p)
			s.host.log.Info("two rooms are no longer linked", "room", p.record.Room, "muc", p.record.MUC, "by", s.user.String())
			return done(p.record.Room + " and " + p.record.MUC + " are no longer linked.")
		}}
	})
}

func showPlumbs(s *session) stage {
	all := s.host.plumbsOf(s.mayUnplumb())
	if len(all) == 0 {
		return done("No rooms are linked.")
	}
	return stage{work: func(ctx context.Context) stage {
		lines := s.host.describePlumbs(ctx, all)
		return done(count(len(all), "link", "links") + ":\n" + strings.Join(lines, "\n"))
	}}
}

// setPlumber asks for the settings of the user that is in linked rooms, as
// others have them: a password for a server, say.
func setPlumber(*session) stage {
	return ask(transport.Form{
		Title: "The gateway's own account in linked rooms", Instructions: "What is to be set up?",
		Fields: []transport.Field{{Name: "address", Label: "A server or a room; empty: everything"}},
	}, func(s *session, answers transport.Values) stage {
		t := target{kind: toGateway}
		if text := strings.TrimSpace(answers.Get("address")); text != "" {
			var ok bool
			if t, ok = s.host.chatTarget(text); !ok || t.kind == toPerson {
				return undone(fmt.Sprintf("%q is neither a server nor a room.", text))
			}
		}
		at, kind := t.place()
		// Only to read and write what is stored: it never runs.
		of := &session{host: s.host, user: jid.JID{Local: plumbUser, Domain: s.host.Domain}, setting: s.setting}
		return stage{work: func(ctx context.Context) stage {
			form, err := of.settingsForm(ctx, at, kind)
			if err != nil {
				return s.failedWith(err)
			}
			return ask(form, func(s *session, answers transport.Values) stage {
				return stage{work: func(ctx context.Context) stage {
					complaints, err := of.setSettings(ctx, at, kind, answers)
					if err != nil {
						return s.failedWith(err)
					}
					for _, running := range s.host.allSessions() {
						if running.plumbs() {
							running.order(func(context.Context) { running.reconfigured(at) })
						}
					}
					return done("Configuration successfully applied.").warn(complaints...)
				}}
			})
		}}
	})
}
