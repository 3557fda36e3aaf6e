package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxThoughts = 256 // messages whose reactions a session remembers, each way
	maxDoubts   = 32  // reactions of which the network has not said that it takes them
	maxReaction = 200 // bytes of one
)

// A thought is what somebody thinks of a message.
type thought struct {
	chat transport.Address
	id   string // as clients call it
	nick string // in a room: whose
	own  bool
}

// thoughts are the reactions that a session knows of.
type thoughts map[thought][]string

func (t thoughts) set(key thought, emoji []string) {
	if len(emoji) == 0 {
		delete(t, key)
		return
	}
	if _, ok := t[key]; !ok && len(t) >= maxThoughts {
		for other := range t { // any one: what is forgotten is only not taken back
			delete(t, other)
			break
		}
	}
	// A part of a stanza would keep all of it.
	key.id, key.nick = strings.Clone(key.id), strings.Clone(key.nick)
	t[key] = cloned(emoji)
}

// sendReactions sends what has changed in what the user thinks of a message
// (XEP-0444 §3.2: a client sends all of it).
func (s *session) sendReactions(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	if len(m.Reactions.ID) > maxID || slices.ContainsFunc(m.Reactions.Emoji, func(e string) bool { return len(e) > maxReaction }) {
		s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: "A reaction is an emoji; this is too long to be one."})
		return
	}
	if len(m.Reactions.Emoji) > stanza.MaxReactions { // XEP-0444 §3.3
		s.refuse(st, stanza.Error{
			Class: stanza.Modify, Condition: stanza.NotAcceptable,
			Text: fmt.Sprintf("Nobody has more than %d reactions to one message here; take one back first.", stanza.MaxReactions),
		})
		return
	}
	features := s.carries(p)
	r, ok := s.link.(transport.Reactions)
	carried := ok && features.Has(transport.CarriesReactions)
	s.about(ctx, st, p.reference(m.Reactions.ID), !carried, func(ctx context.Context, known spoken, wish transport.Preference) {
		key := thought{chat: p.with, id: m.Reactions.ID, nick: strings.ReplaceAll(p.as, "\u200b", ""), own: true}
		w := words{wish: wish, whose: known.nick, own: known.own, about: known.text}
		w.add, w.remove = changes(s.thoughts[key], m.Reactions.Emoji)
		id := s.namedThere(known, p, m.Reactions.ID)
		if carried && id != "" {
			add, remove := s.thoughts.unshared(key, w.add, w.remove)
			if len(add)+len(remove) == 0 {
				s.thoughts.set(key, m.Reactions.Emoji)
				return
			}
			request := s.noteOf(st, p.kind).request()
			err := r.React(ctx, transport.Reaction{
				Chat: p.chat, Nick: p.nick, To: id, Add: add, Remove: remove, Request: request,
			})
			if err != nil {
				s.fail(st, err)
				return
			}
			s.doubts(doubt{request: request, key: key, add: w.add, remove: w.remove, keep: func() { s.archiveOwnDeed(st, p, m.Reactions) }})
			s.thoughts.set(key, m.Reactions.Emoji)
			return
		}
		instead := insteadOf(aReaction, p.room != nil, w)
		if instead.refuse != nil {
			s.refuse(st, *instead.refuse)
			return
		}
		s.thoughts.set(key, m.Reactions.Emoji)
		if instead.text != "" {
			s.sendText(ctx, st, p, outgoing{text: instead.text, extras: []payload{m.Reactions, stanza.Store}, changed: true})
		}
	})
}

// A doubt is what the user does to a message, and the network may still refuse.
type doubt struct {
	request     transport.Request
	key         thought // of a reaction
	add, remove []string
	keep        func() // archives it, once it is done
}

// doubts keeps the last of them.
func (s *session) doubts(d doubt) {
	if len(s.doubtful) >= maxDoubts {
		s.doubtful[0].keep()
		s.doubtful = slices.Delete(s.doubtful, 0, 1)
	}
	d.key.id, d.add, d.remove = strings.Clone(d.key.id), cloned(d.add), cloned(d.remove)
	s.doubtful = append(s.doubtful, d)
}

// settleDoubt ends a doubt. What was refused is taken back (XEP-0444 §3.3), and
// nothing of what came after it.
func (s *session) settleDoubt(r transport.Request, refused bool) {
	i := slices.IndexFunc(s.doubtful, func(d doubt) bool { return d.request == r })
	if r == "" || i < 0 {
		return
	}
	d := s.doubtful[i]
	s.doubtful = slices.Delete(s.doubtful, i, i+1)
	if !refused {
		d.keep()
		return
	}
	if d.key.chat == "" {
		return // no reaction
	}
	now := slices.DeleteFunc(slices.Clone(s.thoughts[d.key]), func(emoji string) bool { return slices.Contains(d.add, emoji) })
	for _, emoji := range d.remove {
		if !slices.Contains(now, emoji) {
			now = append(now, emoji)
		}
	}
	s.thoughts.set(d.key, now)
}

// cloned copies what a part of a stanza would keep all of.
func cloned(texts []string) []string {
	kept := make([]string, len(texts))
	for i, text := range texts {
		kept[i] = strings.Clone(text)
	}
	return kept
}

// changes says what is new in a set, and what is not in it any more.
func changes(was, is []string) (add, remove []string) {
	for _, emoji := range is {
		if !slices.Contains(was, emoji) {
			add = append(add, emoji)
		}
	}
	for _, emoji := range was {
		if !slices.Contains(is, emoji) {
			remove = append(remove, emoji)
		}
	}
	return add, remove
}
