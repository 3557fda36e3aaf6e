package transporttest

import (
	"context"
	"errors"
	"strings"

	"gatehouse/gateway/transport"
)

// performed gives the commands of a place that the network does itself.
func (r *trial) performed(p place) (all []transport.Command) {
	for _, c := range r.Network.(transport.Commander).Commands(p.at, p.kind) {
		if c.Does == transport.DoPerform {
			all = append(all, c)
		}
	}
	return all
}

// performsItself says that there is such a command.
func performsItself(s Subject) bool {
	if !isCommander(s) {
		return false
	}
	r := &trial{Subject: s}
	for _, p := range s.places() {
		if len(r.performed(p)) > 0 {
			return true
		}
	}
	return false
}

// performancesAreSafe: a command asks or ends, with whole forms, whatever is
// answered, and gives up when it has to.
func performancesAreSafe(r *trial) {
	network, ok := r.Network.(transport.Performer)
	if !ok {
		r.t.Fatal("the network names commands that it does itself, and is no Performer")
	}
	for _, p := range r.places() {
		for _, c := range r.performed(p) {
			do := transport.Performance{Node: c.Node, At: p.at, Kind: p.kind, User: r.Account.User, Admin: c.Admin}
			first, ok := r.perform(network, do)
			if !ok || first.Form == nil {
				continue
			}
			for _, text := range HostileTexts {
				do.Asked, do.Answers = 1, transport.Values{}
				for _, f := range first.Form.Fields {
					do.Answers[f.Name] = []string{strings.ToValidUTF8(text, "")}
				}
				r.perform(network, do)
			}
			do.Answers = transport.Values{}
			r.perform(network, do)
		}
	}
	if _, err := network.Perform(context.Background(), transport.Performance{Node: "no-such-command", Kind: transport.Server, User: r.Account.User}); err == nil {
		r.t.Error("a command that there is not was done")
	}
}

// perform takes one step. Ok means that there is a stage.
func (r *trial) perform(network transport.Performer, do transport.Performance) (now transport.Stage, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), callDeadline)
	defer cancel()
	var err error
	if !r.try(callDeadline+atOnce, do.Node, func() { now, err = network.Perform(ctx, do) }) {
		return now, false
	}
	if err != nil {
		if _, typed := errors.AsType[*transport.Error](err); !typed && !errors.Is(err, context.DeadlineExceeded) {
			r.t.Errorf("%s: the error %q (%T) neither is nor wraps a *transport.Error", do.Node, err, err)
		}
		return now, false
	}
	if now.Form == nil {
		if strings.TrimSpace(now.Text) == "" {
			r.t.Errorf("%s ends without a word", do.Node)
		}
		return now, true
	}
	for _, problem := range formProblems(*now.Form) {
		r.t.Errorf("%s: %s", do.Node, problem)
	}
	return now, true
}
