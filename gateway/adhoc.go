package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const (
	maxCommands = 16               // of one user that are under way: the oldest gives way
	commandTime = 10 * time.Minute // for the next answer
)

// An execution is a command that waits for its next answer (XEP-0050 §3.3).
type execution struct {
	command
	id    string
	from  jid.JID // the client, who alone can go on with it
	to    jid.JID
	since time.Time
	busy  bool // until its work is done
	stage
	past []stage // for going back
}

// sendCommand takes one step of an ad-hoc command.
func (s *session) sendCommand(ctx context.Context, st *stanza.Received) (taken bool) {
	t, err := s.host.target(st.To)
	asked := stanza.ReadCommand(st.Payload())
	switch {
	case err != nil:
		s.fail(st, err)
	case st.Payload().Name != "command":
		s.refuse(st, badRequest("a command is asked for with <command/>"))
	case t.kind == toOccupant:
		s.refuse(st, unsupported("an occupant has no commands"))
	case !slices.Contains([]string{"", "execute", "next", "complete", "prev", "cancel"}, asked.Action):
		s.refuseCommand(st, asked, commandError("malformed-action", "the actions are execute, next, complete, prev and cancel"))
	case asked.SessionID == "":
		s.startCommand(ctx, st, t, asked)
	default:
		s.goOn(ctx, st, asked)
	}
	return true
}

// commandError is one of those of XEP-0050 §4.4.
func commandError(condition, text string) stanza.Error {
	e := badRequest(text)
	e.Detail = wire.New(stanza.CommandsNamespace, condition)
	return e
}

func (s *session) refuseCommand(st *stanza.Received, asked stanza.Command, e stanza.Error) {
	s.send(st.Answer(stanza.ErrorType, stanza.Command{Node: asked.Node, SessionID: asked.SessionID, Failed: &e}, e))
}

func (s *session) startCommand(ctx context.Context, st *stanza.Received, t target, asked stanza.Command) {
	c, found := s.host.findCommand(t, asked.Node)
	switch {
	case !found:
		s.refuseCommand(st, asked, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "there is no such command here"})
	case c.admin && !s.host.isAdmin(s.user):
		s.refuseCommand(st, asked, notAdmin())
	case asked.Action == "prev" || asked.Action == "cancel":
		s.refuseCommand(st, asked, commandError("bad-sessionid", "there is nothing to go back in: start the command"))
	default:
		e := &execution{command: c, id: s.newID(), from: st.From, to: st.To}
		s.advance(ctx, st, e, c.start(s))
	}
}

// goOn takes the next step of a command that was started.
func (s *session) goOn(ctx context.Context, st *stanza.Received, asked stanza.Command) {
	i := slices.IndexFunc(s.commands, func(e *execution) bool {
		return e.id == asked.SessionID && e.node == asked.Node && e.from == st.From && e.to == st.To
	})
	if i < 0 {
		s.refuseCommand(st, asked, commandError("bad-sessionid", "this command is over: start it again"))
		return
	}
	e := s.commands[i]
	switch {
	case e.admin && !s.host.isAdmin(s.user):
		s.endCommand(e)
		s.refuseCommand(st, asked, notAdmin())
	case asked.Action == "cancel":
		s.endCommand(e)
		s.send(st.Result(stanza.Command{Node: e.node, SessionID: e.id, Status: stanza.Canceled}))
	case e.busy:
		s.refuseCommand(st, asked, overloaded("the last step is not yet done"))
	case asked.Action == "prev" && len(e.past) == 0:
		s.refuseCommand(st, asked, commandError("bad-action", "this is the first step"))
	case asked.Action == "prev":
		last := e.past[len(e.past)-1]
		e.past = e.past[:len(e.past)-1]
		s.advance(ctx, st, e, last)
	default:
		s.submit(ctx, st, e, asked)
	}
}

// submit takes the answers to a form. A form of type cancel is read as any
// other (XEP-0050 §3.5.1).
func (s *session) submit(ctx context.Context, st *stanza.Received, e *execution, asked stanza.Command) {
	answers, err := answersOf(*e.form, asked.Form, false)
	if err != nil {
		s.refuseCommand(st, asked, commandError("bad-payload", err.Error()))
		return
	}
	if names := missing(*e.form, answers); len(names) > 0 {
		s.refuseCommand(st, asked, commandError("bad-payload", "this has to be filled in: "+strings.Join(names, ", ")))
		return
	}
	e.past = append(e.past, e.stage)
	s.advance(ctx, st, e, e.then(s, answers))
}

// advance takes a command to its next stage.
func (s *session) advance(ctx context.Context, st *stanza.Received, e *execution, now stage) {
	e.busy = true
	if !s.drive(ctx, st, now, func(ctx context.Context, now stage) { s.answerCommand(ctx, st, e, now) }) {
		e.busy = false
	}
}

// answerCommand answers with the stage that a command has come to.
func (s *session) answerCommand(ctx context.Context, st *stanza.Received, e *execution, now stage) {
	e.busy = false
	answer := stanza.Command{Node: e.node, SessionID: e.id, Notes: now.told, Form: now.list}
	switch {
	case now.err != nil:
		s.endCommand(e)
		s.refuseCommand(st, answer, *now.err)
		return
	case now.form != nil:
		s.keepCommand(e)
		e.stage, e.since = now, time.Now()
		answer.Status, answer.Form = stanza.Executing, dataForm(*now.form)
		if len(e.past) > 0 {
			answer.Actions = append(answer.Actions, "prev")
		}
		if now.more {
			answer.Actions = append(answer.Actions, "next")
		} else {
			answer.Actions = append(answer.Actions, "complete")
		}
	default:
		s.endCommand(e)
		answer.Status = stanza.Completed
	}
	if err := s.send(st.Result(answer)); errors.Is(err, component.ErrTooLarge) {
		s.refuseCommand(st, answer, overloaded("the answer is too large to be sent"))
	}
	s.follow(ctx, now)
}

// keepCommand makes room for a command that waits for an answer.
func (s *session) keepCommand(e *execution) {
	if slices.Contains(s.commands, e) {
		return
	}
	if len(s.commands) >= maxCommands {
		s.commands = slices.Delete(s.commands, 0, 1)
	}
	s.commands = append(s.commands, e)
}

func (s *session) endCommand(e *execution) {
	s.commands = slices.DeleteFunc(s.commands, func(kept *execution) bool { return kept == e })
}

// tidyCommands forgets those that nobody goes on with.
func (s *session) tidyCommands(now time.Time) {
	s.commands = slices.DeleteFunc(s.commands, func(e *execution) bool { return now.Sub(e.since) > commandTime })
}
