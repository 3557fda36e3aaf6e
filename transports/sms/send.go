package sms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Send implements transport.Session: it stores the message and returns. The
// sender does the rest, and MessageStatus events tell how it went.
func (s *session) Send(ctx context.Context, m transport.Message) (transport.MessageID, error) {
	n := s.network
	if s.ctx.Err() != nil {
		return "", &transport.Error{Reason: transport.Unreachable, Text: "The link is closed.", Err: transport.ErrClosed}
	}
	to, err := s.recipient(m)
	if err != nil {
		return "", err
	}
	d, err := n.draft(s.user, to, m, time.Now())
	if err != nil {
		return "", err
	}
	if waits, err := s.waitForMorning(ctx, to, m); waits || err != nil {
		return "", err
	}
	return "", n.putAll(ctx, d, false)
}

// A draft is a message that can be sent.
type draft struct {
	texts   []string // that it is sent as
	limited bool     // the quota of the user holds
	item    transport.OutboxItem
}

// draft makes one, or says why it can't be sent.
func (n *Network) draft(user string, to transport.Address, m transport.Message, put time.Time) (d draft, err error) {
	text := outgoingText(m.Text, n.smart)
	if strings.TrimSpace(text) == "" && len(m.Media) == 0 {
		return d, refused(transport.BadRequest, "The message has no text.")
	}
	number, err := n.senderOf(user, m.Chat)
	if err != nil {
		return d, err
	}
	carrier := n.lines.trunkOf(number)
	if carrier == nil {
		return d, errNoLine
	}
	if err := n.refuseOptedOut(number, to); err != nil {
		return d, err
	}
	texts, media, err := n.parts(strings.TrimSpace(text), m.Media, carrier.capabilities())
	d.texts, d.limited = texts, carrier.name == operatorTrunk
	d.item = transport.OutboxItem{
		User: user, Chat: to, From: transport.Address(number), Origin: m.Origin, Request: m.Request, Put: put, Media: media,
	}
	return d, err
}

// putAll stores the texts that a message is sent as, all or none, and counts
// them. Due says that the message is one of the user's that wait for their time,
// which the caller has locked; the caller then wakes the sender.
func (n *Network) putAll(ctx context.Context, d draft, due bool) error {
	item, texts := d.item, d.texts
	item.State, item.NotBefore = transport.Queued, item.Put
	var items []transport.OutboxItem
	for _, one := range n.copies(item) {
		request := sharesOf(one, texts)
		for i, text := range texts {
			one.Text, one.Request, one.Media = text, request(i), nil
			if i == len(texts)-1 {
				one.Media = item.Media
			}
			items = append(items, one)
		}
	}
	c, err := n.chargeOf(item.User, time.Now(), items)
	if err != nil {
		return err
	}
	stored, err := n.putWithin(ctx, item.User, due, func(most int) (stored int, err error) {
		err = n.take(ctx, c, d.limited, func(usage transport.RecordItem) error {
			stored, err = n.putKnowing(ctx, transport.OutboxBatch{Items: items, Most: most, Records: []transport.RecordItem{usage}})
			return err
		})
		return stored, err
	})
	if err != nil {
		if _, ok := errors.AsType[*transport.Error](err); ok {
			return err
		}
		return &transport.Error{Reason: transport.Internal, Text: "The message could not be stored. Try again.", Err: fmt.Errorf("store message: %w", err)}
	}
	if stored > 0 && !due {
		n.wakeSender()
	}
	return nil
}

// recipient gives whom a message is for: a person, a group, or one member of it.
func (s *session) recipient(m transport.Message) (transport.Address, error) {
	if isGroup(m.Chat) {
		if m.Nick != "" {
			return s.memberCalled(m.Chat, m.Nick)
		}
		return m.Chat, s.checkGroup(m.Chat)
	}
	if err := s.network.refuseSGX(s.user, m.Chat); err != nil {
		return "", err
	}
	to := s.network.plainAddress(m.Chat)
	_, err := dialable(to)
	return to, err
}
