package sms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	deliverTimeout = 10 * time.Second
	tellTime       = 2 * time.Second // the same for reports, which are told again
	openTimeout    = 4 * time.Second // until a user's session is open
	lateAfter      = time.Minute     // a text this old is shown with its time
	loggedNumbers  = 256             // unknown numbers that are remembered
)

// Receive implements provider.Receiver: nil means that every user of the
// number has the text in store.
func (t *trunk) Receive(ctx context.Context, in provider.Inbound) error {
	return t.receive(ctx, in, func(string) bool { return true })
}

// receive is Receive for those of the number's users whom the text is for.
func (t *trunk) receive(ctx context.Context, in provider.Inbound, isFor func(user string) bool) error {
	n := t.network
	to, ok := e164(in.To, n.region)
	users := n.lines.usersOf(to, t)
	if !ok || len(users) == 0 {
		n.logUnknown(in.To)
		return provider.ErrUnknownNumber
	}
	if !n.hostsFiles() {
		in.Lost, in.Media = in.Lost+len(in.Media), nil
	}
	now := time.Now()
	sent := in.At
	if sent.IsZero() {
		sent = now
	}
	e := transport.MessageReceived{Message: transport.Message{
		ID:      in.ID,
		Chat:    senderAddress(in.From, regionOf(to, n.region)),
		Text:    incomingText(in),
		Sent:    sent,
		Delayed: now.Sub(sent) > lateAfter,
	}}
	word := t.keyword(to, e.Chat, in)
	if word.hide {
		t.stored.add(in.ID)
		return nil
	}
	e.Text += word.note
	var failed []error
	var fetches []*fetch
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for _, user := range users {
		theirs := e
		if !isFor(user) || !n.screen(ctx, user, &theirs.Message) {
			continue
		}
		n.awaitSession(opening, user)
		n.nameSender(ctx, user, to, e.Chat, in.From)
		noted, err := t.receiveFor(ctx, user, to, in, theirs)
		fetches = append(fetches, noted...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	n.mediaIn.start(fetches, len(failed) > 0)
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("store a text to %s: %w", provider.LastDigits(to), err)
	}
	if err := word.remember(ctx, n, to, e.Chat); err != nil {
		return err
	}
	t.stored.add(in.ID)
	return nil
}

// receiveFor stores a text for one user: first what is to be fetched, then what
// was said, then the files that came whole.
func (t *trunk) receiveFor(ctx context.Context, user, to string, in provider.Inbound, e transport.MessageReceived) ([]*fetch, error) {
	fetches, err := t.keepMedia(ctx, user, to, in, e.Message)
	if err == nil && e.Text != "" {
		err = t.network.deliverIn(ctx, user, to, in.Group, e.Message)
	}
	if err == nil {
		err = t.showData(ctx, user, to, in, e.Message)
	}
	return fetches, err
}

// incomingText gives the text to show. What can't be shown is mentioned, and
// so is emptiness: a message without a body is none.
func incomingText(in provider.Inbound) string {
	text := printable(in.Text)
	switch {
	case in.Lost == 1:
		text += "\n[A picture or file came with this text. This gateway does not carry it.]"
	case in.Lost > 1:
		text += fmt.Sprintf("\n[%d pictures or files came with this text. This gateway does not carry them.]", in.Lost)
	case strings.TrimSpace(text) == "" && len(in.Media) > 0:
		return ""
	case strings.TrimSpace(text) == "":
		text = "[An empty text.]"
	}
	return strings.TrimPrefix(text, "\n")
}

// logUnknown says once per number that nobody has it.
func (n *Network) logUnknown(number string) {
	n.mu.Lock()
	known := n.unknown[number] || len(n.unknown) >= loggedNumbers
	if !known {
		n.unknown[number] = true
	}
	n.mu.Unlock()
	if !known {
		n.log.Warn("text refused: no user has its number; add it under [[component.sms.user]]",
			"number", provider.LastDigits(number))
	}
}
