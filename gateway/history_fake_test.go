package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/gateway/transport"
)

// A pastServer is the history that the fake network keeps. The network's mutex
// guards it.
type pastServer struct {
	said  map[transport.Address][]transport.HistoryItem // the oldest first
	since map[transport.Address]time.Time               // when the session began to hear a chat
	page  int
	err   error
}

// keeps begins to keep history.
func (n *network) keeps() *pastServer {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.past = &pastServer{
		said: map[transport.Address][]transport.HistoryItem{}, since: map[transport.Address]time.Time{}, page: 100,
	}
	return n.past
}

func pastMark(i transport.HistoryItem) transport.Mark {
	m := transport.Mark{At: i.At}
	if e, ok := i.Event.(transport.MessageReceived); ok {
		m.ID = e.ID
	}
	return m
}

func (l *link) Hears(chat transport.Address) (time.Time, bool) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	p := l.network.past
	if p == nil {
		return time.Time{}, false
	}
	return p.since[chat], true
}

func (l *link) Fetch(_ context.Context, q transport.HistoryQuery, r transport.Request) error {
	return l.ask("fetch", r, func(n *network) {
		if n.past.err != nil {
			l.tell(transport.Answered{Request: r, Err: n.past.err})
			return
		}
		e := n.past.answer(q)
		e.Request = r
		l.tell(e)
	}, q.Chat, shortMark(q.After), shortMark(q.Before), shortMark(q.Around), q.Newest)
}

func shortMark(m transport.Mark) string {
	if m.ID != "" || m.At.IsZero() {
		return string(m.ID) + "*"
	}
	return m.At.UTC().Format("15:04:05.000")
}

// answer is what a server answers: its own marks are exact.
func (p *pastServer) answer(q transport.HistoryQuery) transport.HistoryFetched {
	e := transport.HistoryFetched{Chat: q.Chat}
	if q.Chat == "verona" {
		for chat, said := range p.said {
			if last := said[len(said)-1].At; last.After(q.After.At) {
				e.Chats = append(e.Chats, transport.HistoryChat{Chat: chat, Last: last})
			}
		}
		return e
	}
	all := p.said[q.Chat]
	place := func(m transport.Mark) int { // of the first that does not come before it
		if m.ID != "" {
			return slices.IndexFunc(all, func(i transport.HistoryItem) bool { return pastMark(i).ID == m.ID })
		}
		i := slices.IndexFunc(all, func(i transport.HistoryItem) bool { return !i.At.Before(m.At) })
		if i < 0 {
			i = len(all)
		}
		return i
	}
	from, to := 0, len(all)
	if !q.After.IsZero() {
		from = place(q.After)
		if from >= 0 && from < to && (q.After.ID != "" || all[from].At.Equal(q.After.At)) {
			from++
		}
	}
	if !q.Before.IsZero() {
		to = place(q.Before)
	}
	if !q.Around.IsZero() {
		if i := place(q.Around); i < 0 {
			from, to = 0, 0
		} else {
			from, to = max(0, i-1), min(len(all), i+2)
		}
	}
	part := all[max(0, min(from, to)):max(0, to)]
	page := p.page
	if q.Max > 0 {
		page = min(page, max(q.Max, 3))
	}
	if len(part) > page && q.Newest {
		part = part[len(part)-page:]
	}
	part = part[:min(len(part), page)]
	if e.Complete = len(part) == 0; !e.Complete {
		e.Items, e.Oldest, e.Newest = slices.Clone(part), pastMark(part[0]), pastMark(part[len(part)-1])
	}
	return e
}

// recall adds to what was said in the garden: each thing a second after the
// other, the last one second before now, with names unless nameless.
func (p *pastServer) recall(chat transport.Address, before time.Time, prefix string, count int) {
	for i := range count {
		name := fmt.Sprint(prefix, i)
		nick := "juliet"
		if chat != inGarden {
			nick = ""
		}
		p.said[chat] = append(p.said[chat], transport.HistoryItem{
			At: before.Add(time.Duration(i-count) * time.Second),
			Event: transport.MessageReceived{Message: transport.Message{
				ID: transport.MessageID(name), Chat: chat, Nick: nick, Text: name, Delayed: true,
			}},
		})
	}
}
