package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	conversations "github.com/twilio/twilio-go/rest/conversations/v1"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	groupPage   = 50  // messages of a conversation, the newest first
	groupsAsked = 100 // conversations of a number that are asked for texts
)

// conversationEvent takes what Twilio calls about conversations
// (https://www.twilio.com/docs/conversations/conversations-webhooks).
func (p *Provider) conversationEvent(ctx context.Context, params url.Values) error {
	sid, message := params.Get("ConversationSid"), params.Get("MessageSid")
	if sid == "" || message == "" {
		return nil
	}
	switch params.Get("EventType") {
	case "onMessageAdded":
		at, _ := time.Parse(time.RFC3339, params.Get("DateCreated"))
		media, lost := p.groupMedia(params.Get("ChatServiceSid"), []byte(params.Get("Media")))
		return p.groupText(ctx, sid, groupText{
			id: message, author: params.Get("Author"), body: params.Get("Body"), at: at, media: media, lost: lost,
		})
	case "onDeliveryUpdated":
		code, _ := strconv.Atoi(params.Get("ErrorCode"))
		r := report(groupID(sid, message), params.Get("Status"), code)
		if r.Status != transport.Failed {
			return nil // all of them are asked for together
		}
		c, err := p.participants(ctx, sid)
		if err != nil {
			return err
		}
		if r.Who = c.numbers[params.Get("ParticipantSid")]; r.Who == "" {
			return nil
		}
		return p.receiver.Report(ctx, r)
	}
	return nil
}

// A groupText is one in a conversation.
type groupText struct {
	id, author, body string
	at               time.Time
	media            []provider.Media
	lost             int
}

func (p *Provider) groupText(ctx context.Context, sid string, t groupText) error {
	c, err := p.participants(ctx, sid)
	if err != nil {
		return err
	}
	in, ok := c.inbound(t)
	if !ok {
		return nil
	}
	return p.receiver.Receive(ctx, in)
}

// inbound makes a text of one in a conversation; false means that it is the
// user's own, or of nobody with a number.
func (c conversation) inbound(t groupText) (provider.Inbound, bool) {
	others := c.others()
	if !slices.Contains(others, t.author) {
		return provider.Inbound{}, false
	}
	return provider.Inbound{
		ID: groupID(c.sid, t.id), From: t.author, To: c.own, Text: t.body, At: t.at, Media: t.media, Lost: t.lost,
		Group: slices.DeleteFunc(others, func(n string) bool { return n == t.author }),
	}, true
}

// findGroup is Find for a group text.
func (p *Provider) findGroup(ctx context.Context, o provider.Outgoing) ([]provider.Sent, error) {
	name := conversationName(o.From, o.Group)
	sid := p.groups.named(name)
	if sid == "" {
		_, service := p.conversationsCall(ctx)
		found, err := service.FetchConversation(name)
		if answer, ok := errors.AsType[*answerError](err); ok && answer.Status == http.StatusNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, askingFailed(fmt.Errorf("fetch a conversation: %w", err))
		}
		sid = value(found.Sid)
	}
	all, err := p.groupMessages(ctx, sid)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		var a messageAttributes
		if json.Unmarshal([]byte(value(m.Attributes)), &a) == nil && a.Ref == o.Ref && value(m.Sid) != "" {
			return []provider.Sent{{ID: groupID(sid, *m.Sid), Status: deliveryOf(&m)}}, nil
		}
	}
	return nil, nil
}

// groupMessages gives the last messages of a conversation, the newest first.
func (p *Provider) groupMessages(ctx context.Context, sid string) ([]conversations.ConversationsV1ConversationMessage, error) {
	_, service := p.conversationsCall(ctx)
	page, err := service.PageConversationMessage(sid, (&conversations.ListConversationMessageParams{}).SetOrder("desc").SetPageSize(groupPage), "", "")
	if err != nil {
		return nil, askingFailed(fmt.Errorf("list the texts of a group: %w", err))
	}
	return page.Messages, nil
}

// groupStatus is Status for a group text.
func (p *Provider) groupStatus(ctx context.Context, id transport.MessageID) (provider.Report, error) {
	sid, message, _ := strings.Cut(string(id), "/")
	_, service := p.conversationsCall(ctx)
	m, err := service.FetchConversationMessage(sid, message)
	if answer, ok := errors.AsType[*answerError](err); ok && answer.Status == http.StatusNotFound {
		return provider.Report{}, provider.ErrUnknownMessage
	}
	if err != nil {
		return provider.Report{}, askingFailed(fmt.Errorf("fetch a group text: %w", err))
	}
	r := provider.Report{ID: id, Status: deliveryOf(m)}
	if r.Status == transport.Failed {
		r.Err = provider.Error(undelivered, nil)
	}
	return r, nil
}

// deliveryOf is how far a group text got with all members.
func deliveryOf(m *conversations.ConversationsV1ConversationMessage) transport.Status {
	if m.Delivery == nil {
		return transport.Accepted
	}
	switch {
	case textOf(*m.Delivery, "failed") == "all", textOf(*m.Delivery, "undelivered") == "all":
		return transport.Failed
	case textOf(*m.Delivery, "delivered") == "all", textOf(*m.Delivery, "read") == "all":
		return transport.Delivered
	}
	return transport.Accepted
}

// groupsReceived gives the texts in a number's conversations that are not
// known, for where a webhook was lost: Twilio calls once.
func (p *Provider) groupsReceived(ctx context.Context, number string, since time.Time, known func(transport.MessageID) bool) (texts []provider.Inbound, err error) {
	_, service := p.conversationsCall(ctx)
	page, err := service.PageParticipantConversation((&conversations.ListParticipantConversationParams{}).
		SetIdentity(identityOf(number)).SetPageSize(groupsAsked), "", "")
	if answer, ok := errors.AsType[*answerError](err); ok && answer.Status == http.StatusNotFound {
		return nil, nil // it never was in one
	}
	if err != nil {
		return nil, askingFailed(fmt.Errorf("list a number's conversations: %w", err))
	}
	for _, one := range page.Conversations {
		sid := value(one.ConversationSid)
		if sid == "" || one.ConversationDateUpdated != nil && one.ConversationDateUpdated.Before(since) {
			continue
		}
		c, err := p.participants(ctx, sid)
		if errors.Is(err, provider.ErrUnknownNumber) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all, err := p.groupMessages(ctx, sid)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			if m.DateCreated == nil || m.DateCreated.Before(since) || known(groupID(sid, value(m.Sid))) {
				continue
			}
			t := groupText{id: value(m.Sid), author: value(m.Author), body: value(m.Body), at: *m.DateCreated}
			if m.Media != nil {
				if list, err := json.Marshal(*m.Media); err == nil {
					t.media, t.lost = p.groupMedia(value(one.ChatServiceSid), list)
				}
			}
			if in, ok := c.inbound(t); ok {
				texts = append(texts, in)
			}
		}
	}
	return texts, nil
}
