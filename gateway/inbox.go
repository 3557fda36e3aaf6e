package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// Deliver implements transport.Sink. What a Durable network brings is stored
// first; everything else waits in the session's queue.
func (s *session) Deliver(ctx context.Context, e transport.Event) error {
	if s.closing.Err() != nil {
		return transport.ErrClosed
	}
	if s.host.info.Durable {
		if event, durable := s.storable(e); durable {
			return s.keep(ctx, event)
		}
	}
	select {
	case s.events <- e:
		s.wake()
		return nil
	case <-s.closing.Done():
		return transport.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Settle implements transport.Settler. Nothing else tells that the item is done, so
// the event needs no name to be known by.
func (s *session) Settle(ctx context.Context, e transport.MessageStatus, item transport.OutboxItem) error {
	if s.closing.Err() != nil {
		return transport.ErrClosed
	}
	event, durable := s.storable(e)
	if !durable || !s.host.info.Durable {
		return errors.New("only what is stored settles anything")
	}
	event.Dedupe, event.Settles = "", &item
	return s.keep(ctx, event)
}

// A storedEvent is an event in the inbox. ID is that of the stanza which it
// becomes: after a crash the same stanza may be sent again, and clients know it
// by its id.
type storedEvent struct {
	ID      string
	Message *transport.Message `json:",omitempty"`
	Status  *storedStatus      `json:",omitempty"`

	Reaction *transport.Reaction `json:",omitempty"`
}

// An inboxEvent is an item of the inbox and what is in it.
type inboxEvent struct {
	store.InboxItem
	said *storedEvent // nil: nobody has read it yet
}

func (e *inboxEvent) read() (said storedEvent, err error) {
	if e.said != nil {
		return *e.said, nil
	}
	err = json.Unmarshal(e.Event, &said)
	return said, err
}

type storedStatus struct {
	Request transport.Request
	Chat    transport.Address
	Who     transport.Address `json:",omitempty"`
	Status  transport.Status
	Reason  transport.Reason
	Text    string
	Code    string
}

// storable gives what is stored of an event that must not be lost.
func (s *session) storable(e transport.Event) (item inboxEvent, durable bool) {
	stored := &storedEvent{ID: s.newID()}
	switch e := e.(type) {
	case transport.MessageReceived:
		if e.Sent.IsZero() {
			e.Sent = time.Now()
		}
		stored.Message = &e.Message
		if e.ID != "" {
			item.Dedupe = "message:" + string(e.ID)
		}
	case transport.MessageReacted:
		stored.Reaction = &e.Reaction
		if e.Instead.ID != "" {
			item.Dedupe = "message:" + string(e.Instead.ID)
		}
	case transport.MessageStatus:
		if e.Status == transport.Accepted {
			return item, false
		}
		stored.Status = &storedStatus{Request: e.Request, Chat: e.Chat, Who: e.Who, Status: e.Status}
		if e.Status == transport.Failed {
			err := failure(e)
			stored.Status.Reason, stored.Status.Text, stored.Status.Code = err.Reason, err.Text, err.Code
		}
		if e.Request != "" {
			item.Dedupe = fmt.Sprintf("status:%d:%s", e.Status, e.Request)
			if e.Who != "" {
				item.Dedupe += " " + string(e.Who)
			}
		}
	default:
		return item, false
	}
	var err error
	if item.Event, err = json.Marshal(stored); err != nil {
		panic(err) // plain data always can be written
	}
	item.Component, item.User, item.said = s.host.Domain, s.user.String(), stored
	return item, true
}

func (s *session) keep(ctx context.Context, item inboxEvent) error {
	s.handed.storing()
	key, fresh, err := s.host.gateway.Store.Inbox().Put(ctx, item.InboxItem)
	item.Key, item.Settles = key, nil
	s.handed.stored(item, fresh, err)
	if err != nil {
		return fmt.Errorf("store an event: %w", err)
	}
	if fresh {
		s.give(inboxFilled)
	}
	return nil
}

// drainInbox sends a batch of what is stored. More waits for its turn, so that
// the user's own stanzas get theirs.
func (s *session) drainInbox() {
	if !s.host.info.Durable || s.holding || s.relief != nil {
		return
	}
	inbox := s.host.gateway.Store.Inbox()
	ctx, cancel := context.WithTimeout(s.closing, callTimeout)
	defer cancel()
	var err error
	items, all := s.handed.take(s.cursor)
	if !all {
		var pending []store.InboxItem
		pending, err = inbox.Pending(ctx, s.host.Domain, s.user.String(), s.cursor, inboxBatch)
		for _, item := range pending {
			items = append(items, inboxEvent{InboxItem: item})
		}
		all = len(items) < inboxBatch
	}
	held := false
	if err == nil {
		held, err = s.forward(ctx, items)
	}
	s.handed.whole = all && !held && err == nil
	switch {
	case err != nil && s.closing.Err() == nil:
		s.log().Warn("stored messages wait for another try", "err", err)
		s.retry = time.After(inboxRetry)
	case !held && !all:
		s.signs.give(inboxFilled)
	}
}

// forward sends stored items on and moves the cursor past each that was taken.
// Held means that one must wait for a lookup, or until who wrote it is in the
// roster, and all behind it.
func (s *session) forward(ctx context.Context, items []inboxEvent) (held bool, err error) {
	for i, item := range items {
		stored, err := item.read()
		if err != nil {
			s.log().Error("a stored event can't be read; it stays in the store", "key", item.Key, "err", err)
			s.cursor = item.Key
			continue
		}
		if stored.Message != nil && s.isStranger(stored.Message.Chat) {
			s.hold(items[i:])
			return true, nil
		}
		all, unsure, err := s.storedStanzas(ctx, stored)
		if unsure {
			return true, nil
		}
		if err == nil {
			err = s.sendStored(item.Key, all)
		}
		if err != nil {
			return false, err
		}
		s.cursor = item.Key
	}
	return false, nil
}

func (s *session) storedStanza(stored storedEvent) (st stanza.Stanza, any bool) {
	switch {
	case stored.Message != nil:
		m := *stored.Message
		if time.Since(m.Sent) > lateAfter {
			m.Delayed = true
		}
		st = s.chatMessage(m, stored.ID)
		st.Payloads = append(st.Payloads, stanza.OriginID(stored.ID)) // clients know a repeat by it
		said := m.Text
		if f := fileOf(m); f != nil {
			said = f.URL
		}
		s.memory.add(spoken{chat: m.Chat, id: m.ID, stanzaID: stored.ID, origin: stored.ID, text: said})
		s.archiveReceived(m, &st)
		return st, true
	case stored.Reaction != nil:
		known, _ := s.called(stored.Reaction.Chat, stored.Reaction.To)
		return s.reactionStanza(*stored.Reaction, known, stored.ID), true
	case stored.Status != nil:
		p := stored.Status
		e := transport.MessageStatus{Request: p.Request, Chat: p.Chat, Who: p.Who, Status: p.Status}
		if p.Status == transport.Failed {
			e.Err = &transport.Error{Reason: p.Reason, Text: p.Text, Code: p.Code}
		}
		return s.statusStanza(e, stored.ID)
	}
	return st, false
}
