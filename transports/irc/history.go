package irc

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	historyCap  = "draft/chathistory"
	playbackCap = "draft/event-playback"

	historyPage  = 100 // lines of one answer, at most
	historyLimit = 16  // questions of one link that wait for each other
	historyEnds  = 32
	historyTime  = 30 * time.Second
)

var _ transport.History = (*session)(nil)

// A historyAsk is a CHATHISTORY (IRCv3 chathistory), which one batch answers, or
// a FAIL.
type historyAsk struct {
	query   transport.HistoryQuery
	request transport.Request
	target  string // of the server: ""
	label   uint64 // 0: there are none
	byTime  bool   // ids are of no use for this one
	byID    bool   // an id is in the question
	until   time.Time
	playback
}

// histories are a link's questions about the past, the first of which the server
// has: one at a time, so that nobody is flooded.
type histories struct {
	past []*historyAsk
	ends []transport.MessageID // of the last answers: the server knows these ids
	late []string              // targets of answers that were given up, folded
}

// keepsHistory says that the server can be asked for what was said. Without
// batches an answer can't be told from news, without times not be put in its
// place.
func (l *link) keepsHistory() bool {
	return l.phase == online && l.caps.on.has(historyCap) && l.caps.on.has("batch") && l.caps.on.has("server-time")
}

// Hears implements transport.History.
func (s *session) Hears(chat transport.Address) (since time.Time, kept bool) {
	if _, ok := s.network.anybodyOn(string(chat)); ok {
		return time.Time{}, false
	}
	name, srv, err := s.network.split(chat)
	if err != nil {
		return time.Time{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil || !l.keepsHistory() || isServices(name) {
		return time.Time{}, false
	}
	if !l.isChannel(name) {
		return l.upSince, true
	}
	if ch := l.channel(name); ch != nil && ch.state == joined {
		since = ch.heardSince
	}
	return since, true
}

// Fetch implements transport.History by CHATHISTORY.
func (s *session) Fetch(_ context.Context, q transport.HistoryQuery, r transport.Request) error {
	name, srv, err := s.network.split(q.Chat)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l, err := s.online(srv)
		switch {
		case err != nil:
			return err
		case !l.keepsHistory():
			return refuse(transport.Unsupported, "%s keeps no history.", srv.name)
		case len(l.past) >= historyLimit:
			return refuse(transport.RateLimited, "%d questions about the past are still waiting for an answer from %s.", historyLimit, srv.name)
		}
		a := &historyAsk{query: q, request: r, target: name, until: time.Now().Add(historyTime)}
		if ch := l.channel(name); ch != nil {
			a.target = ch.name
		}
		if l.past = append(l.past, a); len(l.past) == 1 {
			l.askPast()
		}
		l.arm()
		return nil
	})
}

// askPast sends the first question. It waits behind what people write.
func (l *link) askPast() {
	for len(l.past) > 0 {
		a := l.past[0]
		a.playback = playback{}
		b, err := line(l.is.lineLen, "CHATHISTORY", l.historyParams(a)...)
		if err != nil || l.later.n >= laterLength {
			l.endPast(transport.Answered{Request: a.request, Err: refuse(transport.RateLimited, "%s can't be asked that just now.", l.server.name)})
			continue
		}
		a.label = l.newLabels(1)
		l.later.push(labelled(b, a.label))
		l.wake()
		return
	}
}

// historyParams are the subcommand, the target, the marks and the limit.
func (l *link) historyParams(a *historyAsk) []string {
	q := a.query
	a.byID = false
	after, before := l.reference(a, q.After, -time.Millisecond), l.reference(a, q.Before, time.Millisecond)
	limit := historyPage
	if q.Max > 0 {
		limit = min(limit, q.Max)
	}
	if l.is.chathistory > 0 {
		limit = min(limit, l.is.chathistory)
	}
	most := strconv.Itoa(limit)
	if after == "*" && (!q.Newest || a.target == "") && q.Around.IsZero() {
		after = stamp(time.Unix(0, 0)) // from the beginning on, which has no other name
	}
	switch around := l.reference(a, q.Around, 0); {
	case a.target == "":
		if before == "*" {
			before = stamp(time.Now().Add(time.Minute))
		}
		if q.Newest {
			after, before = before, after
		}
		return []string{"TARGETS", after, before, most}
	case around != "*":
		return []string{"AROUND", a.target, around, most}
	case after != "*" && before != "*":
		// Which comes first says where the page begins (IRCv3 chathistory, BETWEEN).
		if q.Newest {
			after, before = before, after
		}
		return []string{"BETWEEN", a.target, after, before, most}
	case before != "*":
		return []string{"BEFORE", a.target, before, most}
	case after != "*" && !q.Newest:
		return []string{"AFTER", a.target, after, most}
	}
	return []string{"LATEST", a.target, after, most}
}

// reference names a place as the server takes it (MSGREFTYPES), or is "*". In
// place of a message that can't be named stands a time, which others share: wide
// makes sure that they are not lost.
func (l *link) reference(a *historyAsk, m transport.Mark, wide time.Duration) string {
	id := string(m.ID)
	usable := id != "" && len(id) <= idBytes && !strings.ContainsAny(id, " \r\n\x00") && a.target != ""
	if usable && l.is.refersByID() && (!a.byTime || m.At.IsZero()) {
		a.byID = true
		return "msgid=" + id
	}
	if m.At.IsZero() {
		return "*"
	}
	if id == "" {
		wide = 0
	}
	return stamp(m.At.Add(wide))
}

// stamp is a time as CHATHISTORY has it, to the millisecond.
func stamp(at time.Time) string { return "timestamp=" + at.UTC().Format(serverTime) }

// A server that says nothing takes both kinds of references (IRCv3 chathistory,
// MSGREFTYPES).
func (is *isupport) refersByID() bool {
	return len(is.msgRefTypes) == 0 || slices.Contains(is.msgRefTypes, "msgid")
}

// endPast tells the outcome of the first question, and asks the next.
func (l *link) endPast(e transport.Event) {
	l.past = slices.Delete(l.past, 0, 1)
	l.emit(e)
}

// pastAnswered is called at the end of an answer.
func (l *link) pastAnswered() {
	a := l.past[0]
	q := a.query
	if a.lines == 0 && !l.isEnd(q.After.ID) && !l.isEnd(q.Before.ID) && a.goesByTime() {
		// A server that does not know an id any more may find nothing before or
		// behind it.
		a.byTime = true
		l.askPast()
		return
	}
	l.ends = append(l.ends[max(0, len(l.ends)-historyEnds+2):], a.oldest.ID, a.newest.ID)
	e := transport.HistoryFetched{
		Request: a.request, Chat: q.Chat, Items: a.items, Chats: a.chats,
		Complete: a.lines == 0, Oldest: a.oldest, Newest: a.newest,
	}
	slices.SortStableFunc(e.Items, func(x, y transport.HistoryItem) int { return x.At.Compare(y.At) })
	l.endPast(e)
	l.askPast()
}

// isEnd says that an answer of the server's went up to that message.
func (l *link) isEnd(id transport.MessageID) bool { return id != "" && slices.Contains(l.ends, id) }

// goesByTime says that a question that named an id can be asked by time.
func (a *historyAsk) goesByTime() bool {
	q := a.query
	return a.byID && !a.byTime && !(q.After.At.IsZero() && q.Before.At.IsZero() && q.Around.At.IsZero())
}

// pastFailed is called for the first question. One that names an id which the
// server does not take is asked again by time.
func (l *link) pastFailed(err *transport.Error) {
	a := l.past[0]
	if err.Reason != transport.NotFound && a.goesByTime() {
		a.byTime = true
		l.askPast()
		return
	}
	l.endPast(transport.Answered{Request: a.request, Err: err})
	l.askPast()
}

// failHistories is for a link that is lost.
func (l *link) failHistories(err *transport.Error) {
	for len(l.past) > 0 {
		l.endPast(transport.Answered{Request: l.past[0].request, Err: err})
	}
}

// nextPast is when we stop to wait for an answer; zero if nothing was asked.
func (h *histories) nextPast() time.Time {
	if len(h.past) == 0 {
		return time.Time{}
	}
	return h.past[0].until
}

func (l *link) historiesMissed(now time.Time) {
	for len(l.past) > 0 && !now.Before(l.past[0].until) {
		if a := l.past[0]; len(l.late) < historyLimit {
			l.late = append(l.late, l.is.fold(a.target))
		}
		l.endPast(transport.Answered{
			Request: l.past[0].request, Err: refuse(transport.Unreachable, "%s does not say what was said.", l.server.name),
		})
		if len(l.past) > 0 && l.past[0].until.Before(now.Add(historyTime/2)) {
			l.past[0].until = now.Add(historyTime / 2)
		}
		l.askPast()
	}
}
