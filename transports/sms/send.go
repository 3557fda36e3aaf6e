package sms

import (
	"context"
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
	if _, err := dialable(m.Chat); err != nil {
		return "", err
	}
	text := outgoingText(m.Text, n.smart)
	if strings.TrimSpace(text) == "" {
		return "", &transport.Error{Reason: transport.BadRequest, Text: "The message has no text."}
	}
	number, err := n.senderOf(s.user, m.Chat)
	if err != nil {
		return "", err
	}
	carrier := n.lines.trunkOf(number)
	if carrier == nil {
		return "", errNoLine
	}
	if err := checkLength(text, n.maxSegments, carrier.capabilities().MaxCharacters); err != nil {
		return "", err
	}
	now := time.Now()
	item := transport.OutboxItem{
		User: s.user, Chat: m.Chat, From: transport.Address(number),
		Origin: m.Origin, Text: text, Request: m.Request,
		State: transport.Queued, Put: now, NotBefore: now,
	}
	_, stored, err := n.outbox.Put(ctx, item)
	if err != nil {
		return "", &transport.Error{Reason: transport.Internal, Text: "The message could not be stored. Try again.", Err: fmt.Errorf("store message: %w", err)}
	}
	if stored {
		n.wakeSender()
	}
	return "", nil
}
