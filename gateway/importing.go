package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	sameTime = 10 * time.Second // between when the network and we say that something was said
	maxAlike = 1000             // messages of the archive that an answer is held against
)

// A pastItem is one of an answer, and how the archive has it.
type pastItem struct {
	transport.HistoryItem
	kept store.Archived
}

// An answered is what the network said, and to what.
type answered struct {
	transport.HistoryFetched
	room bool
	q    transport.HistoryQuery
}

// importPast puts what the network answered into the archive, where its time
// says, and gives what was not there before. It waits for the disk.
func (s *session) importPast(ctx context.Context, a answered) ([]pastItem, error) {
	items := s.pastItems(ctx, a.room, a.HistoryFetched)
	if len(items) == 0 {
		return nil, nil
	}
	have, err := s.alike(ctx, items)
	if err != nil {
		return nil, err
	}
	putInOrder(items, have, a.q)
	news, err := s.unheard(ctx, unarchived(items, have))
	if err != nil || len(news) == 0 {
		return nil, err
	}
	kept := make([]store.Archived, len(news))
	for i, item := range news {
		kept[i] = item.kept
		kept[i].Retracts = retractsIn(kept[i].Beside)
	}
	_, err = s.host.gateway.Store.Archive().Import(ctx, kept)
	return news, err
}

// pastItems says how the archive has what the network answered. It waits for the
// disk.
func (s *session) pastItems(ctx context.Context, room bool, e transport.HistoryFetched) []pastItem {
	done := deeds{
		s: s, chat: e.Chat, room: room,
		said: map[transport.MessageID]transport.Message{}, thought: map[thought][]string{},
	}
	var items []pastItem
	for _, item := range e.Items {
		kept := store.Archived{
			Component: s.host.Domain, User: s.bare, Chat: e.Chat, Private: !room, Sent: item.Own && !room, At: item.At, Late: true,
		}
		var nick, sender string
		if m, is := item.Event.(transport.MessageReceived); is {
			if m.ID != "" {
				done.said[m.ID] = m.Message
			}
			var extras []payload
			kept.Text, extras = s.pastReply(m.Message, room, done.said)
			kept.Beside = writeBeside(extras)
			nick, sender, kept.ID = m.Nick, m.Sender, string(foreign(m.ID))
			if kept.ID == "" {
				kept.ID = madeID(e.Chat, item, nick, m.Text)
			}
		} else {
			by, identity, what, beside, any := done.of(ctx, item)
			if !any {
				continue
			}
			nick, sender, kept.ID, kept.Beside = by, identity, madeID(e.Chat, item, by, what), writeBeside([]payload{beside})
		}
		if room {
			kept.Nick, kept.Occupant = nick, string(s.host.occupantID(e.Chat, sender, nick))
		}
		kept.StanzaID = kept.ID
		items = append(items, pastItem{item, kept})
	}
	return items
}

// madeID names something of the past that the network does not: alike each time
// that it is told.
func madeID(chat transport.Address, item transport.HistoryItem, nick, what string) string {
	h := sha256.New()
	for _, part := range []string{string(chat), strconv.FormatInt(item.At.UnixMilli(), 10), strconv.FormatBool(item.Own), nick, what} {
		h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		h.Write([]byte(":" + part))
	}
	return ownNames + "past-" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// pastReply makes the payloads of a reply, and the body with a quotation of what
// is in the same answer.
func (s *session) pastReply(m transport.Message, room bool, texts map[transport.MessageID]transport.Message) (body string, extras []payload) {
	if m.ReplyTo == nil {
		return m.Text, nil
	}
	reply := stanza.Reply{ID: string(m.ReplyTo.ID)}
	about, ok := texts[m.ReplyTo.ID]
	if !ok {
		return m.Text, []payload{reply}
	}
	if room {
		reply.To = s.at(m.Chat).WithResource(about.Nick).String()
	}
	body, fallback := quotation(firstWords(about.Text, quoteLength), m.Text)
	return body, []payload{reply, fallback}
}

// unarchived leaves out what the archive has: under its name, or what it has no
// name for, said by the same about the same time in the same words.
func unarchived(items []pastItem, have []store.Archived) (news []pastItem) {
	named := make(map[string]bool, len(items))
	for _, item := range items {
		named[item.kept.ID] = true
	}
	here := make(map[string]bool, len(have))
	for _, h := range have {
		here[h.ID] = true
	}
	taken := make([]bool, len(have))
	for _, item := range items {
		if here[item.kept.ID] {
			continue
		}
		double := false
		for i, h := range have {
			if !taken[i] && !named[h.ID] && (isOwnName(h.ID) || isOwnName(item.kept.ID)) && isSame(h, item.kept) {
				taken[i], double = true, true
				break
			}
		}
		if !double {
			here[item.kept.ID] = true
			news = append(news, item)
		}
	}
	return news
}

// unheard leaves out what the archive has elsewhere in time, as the network's
// clock is wrong: what an answer shares with what was heard live lies at its ends.
func (s *session) unheard(ctx context.Context, news []pastItem) ([]pastItem, error) {
	for len(news) > 0 {
		known, err := s.isArchived(ctx, news[0].kept)
		if err != nil {
			return nil, err
		}
		if !known {
			break
		}
		news = news[1:]
	}
	for n := len(news) - 1; n > 0; n-- {
		known, err := s.isArchived(ctx, news[n].kept)
		if err != nil {
			return nil, err
		}
		if !known {
			break
		}
		news = news[:n]
	}
	return news, nil
}

func (s *session) isArchived(ctx context.Context, m store.Archived) (bool, error) {
	_, err := s.localPage(ctx, store.ArchiveQuery{Component: m.Component, User: m.User, Chat: m.Chat, IDs: []string{m.ID}, Max: 1})
	if errors.Is(err, store.ErrNotArchived) {
		return false, nil
	}
	return err == nil, err
}

func isOwnName(id string) bool { return foreign(transport.MessageID(id)) == "" }

// isSame says that what is called by different names was said once.
func isSame(a, b store.Archived) bool {
	if a.Nick != b.Nick || a.Sent != b.Sent || a.At.Sub(b.At).Abs() > sameTime {
		return false
	}
	return a.Text == b.Text && a.Text != "" || a.Text == "" && b.Text == "" && sameDeed(a, b)
}

// alike reads what the archive has from the time of an answer.
func (s *session) alike(ctx context.Context, items []pastItem) (have []store.Archived, err error) {
	first, last := items[0].At, items[len(items)-1].At
	q := store.ArchiveQuery{
		Component: s.host.Domain, User: s.bare, Chat: items[0].kept.Chat, Max: archivePage,
		Start: first.Add(-sameTime), End: last.Add(sameTime),
	}
	for len(have) < maxAlike {
		page, err := s.localPage(ctx, q)
		if err != nil {
			return nil, err
		}
		have = append(have, page.Messages...)
		if page.Complete || len(page.Messages) == 0 {
			break
		}
		q.After = page.Messages[len(page.Messages)-1].ID
	}
	return have, nil
}
