package gateway

import (
	"context"
	"maps"

	"gatehouse/gateway/transport"
)

// maxPerformed is how many forms one command of a network may ask.
const maxPerformed = 20

// perform has the network do a command of its own, one stage after another.
func perform(do transport.Performance, forAdmins bool) func(*session) stage {
	return func(s *session) stage {
		do.User, do.Admin = s.user.String(), s.host.isAdmin(s.user)
		s.openLink() // the network may need it; who may not have one is told by the command
		return stage{work: func(ctx context.Context) stage {
			p, ok := s.host.Network.(transport.Performer)
			switch {
			case forAdmins && !do.Admin:
				return failed(notAdmin())
			case !ok:
				return failed(unsupported("this network does not do that"))
			}
			now, err := p.Perform(ctx, do)
			if err != nil {
				return s.failedWith(err)
			}
			if now.Form == nil || do.Asked >= maxPerformed {
				return s.performed(ctx, do, now)
			}
			out := ask(*now.Form, func(s *session, answers transport.Values) stage {
				next := do
				next.Asked++
				next.Answers = maps.Clone(do.Answers)
				if next.Answers == nil {
					next.Answers = transport.Values{}
				}
				maps.Copy(next.Answers, answers)
				return perform(next, forAdmins)(s)
			}).warn(short(now.Warnings)...)
			out.more, out.fast = now.More, now.Quick
			return out
		}}
	}
}

// performed ends a command, and stores what it has set.
func (s *session) performed(ctx context.Context, do transport.Performance, now transport.Stage) stage {
	out := done(now.Text).warn(short(now.Warnings)...)
	if len(now.Set) == 0 {
		return out
	}
	complaints, err := s.setSettings(ctx, do.At, do.Kind, now.Set)
	if err != nil {
		s.log().Error("what a command has set can't be stored", "node", do.Node, "err", err)
		return out.warn("It can't be stored just now: set it again in the settings.")
	}
	out = out.warn(complaints...)
	out.next = func(context.Context) { s.reconfigured(do.At) }
	return out
}
