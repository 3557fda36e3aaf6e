package twilio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/twilio/twilio-go/client"
	conversations "github.com/twilio/twilio-go/rest/conversations/v1"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Group texts that phones show as such exist in Conversations alone
// (https://www.twilio.com/docs/conversations/group-texting): the members are
// participants with an address, the user is one with an identity and a
// projected address, which is their number.
const (
	groupFanout        = "fanout"
	groupConversations = "conversations"

	conversationsBase = "https://conversations.twilio.com"
	pathConversations = "/twilio/conversations"

	mostParticipants   = 10
	conversationsKnown = 1000
	identityPrefix     = "gatehouse-"

	groupExists    = 50438 // the same people have a conversation already
	uniqueNameUsed = 50353
)

var _ provider.Groups = (*Provider)(nil)

// A conversation is what is known of one.
type conversation struct {
	sid     string
	own     string            // the projected address
	numbers map[string]string // of the others, by participant
}

func (c conversation) others() []string {
	var others []string
	for _, number := range c.numbers {
		others = append(others, number)
	}
	slices.Sort(others)
	return others
}

// knownConversations are those that were looked up.
type knownConversations struct {
	mu     sync.Mutex
	byName map[string]string // sids
	bySID  map[string]conversation
}

func newKnownConversations() *knownConversations {
	return &knownConversations{byName: map[string]string{}, bySID: map[string]conversation{}}
}

func (k *knownConversations) named(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byName[name]
}

func (k *knownConversations) name(name, sid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byName) >= conversationsKnown {
		clear(k.byName)
	}
	k.byName[name] = sid
}

func (k *knownConversations) get(sid string) (conversation, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.bySID[sid]
	return c, ok
}

func (k *knownConversations) put(c conversation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.bySID) >= conversationsKnown {
		clear(k.bySID)
	}
	k.bySID[c.sid] = c
}

// tollFree are the area codes of +1 that no group text can be sent from or to.
var tollFree = regexp.MustCompile(`^\+1(800|833|844|855|866|877|888)`)

// CarriesGroup implements provider.Groups: long codes of +1, at most ten of them.
func (p *Provider) CarriesGroup(from string, to []string) bool {
	if p.options.Group != groupConversations || p.polls() || len(to)+1 > mostParticipants {
		return false
	}
	for _, number := range append([]string{from}, to...) {
		if len(number) != len("+15551234567") || !strings.HasPrefix(number, "+1") || tollFree.MatchString(number) {
			return false
		}
	}
	return true
}

func (p *Provider) conversationsCall(ctx context.Context) (*call, *conversations.ApiService) {
	c := p.call(ctx)
	c.loose = false // the dates have another form here
	if p.options.APIBase == apiBase {
		c.base = conversationsBase
	}
	return c, conversations.NewApiService(&client.RequestHandler{Client: c})
}

// identityOf is the user's in a conversation.
func identityOf(number string) string { return identityPrefix + strings.TrimPrefix(number, "+") }

// conversationName finds the conversation of a number and some others again.
func conversationName(from string, group []string) string {
	sorted := slices.Sorted(slices.Values(group))
	h := sha256.Sum256([]byte(from + " " + strings.Join(sorted, ",")))
	return identityPrefix + hex.EncodeToString(h[:16])
}

// sendGroup is Send for a group text. The message bears the text's Ref, so that
// one in doubt is found for sure.
func (p *Provider) sendGroup(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	sid, err := p.openConversation(ctx, o)
	if err != nil {
		return provider.Sent{}, err
	}
	attributes, err := json.Marshal(messageAttributes{Ref: o.Ref})
	if err != nil {
		return provider.Sent{}, err
	}
	c, service := p.conversationsCall(ctx)
	m, err := service.CreateConversationMessage(sid, (&conversations.CreateConversationMessageParams{}).
		SetAuthor(identityOf(o.From)).SetBody(o.Text).SetAttributes(string(attributes)))
	if err != nil {
		return provider.Sent{}, outcome(c, err)
	}
	if value(m.Sid) == "" {
		return provider.Sent{}, errors.New("the API's answer has no message id")
	}
	return provider.Sent{ID: groupID(sid, *m.Sid)}, nil
}

type messageAttributes struct {
	Ref string `json:"ref"`
}

// groupID names a message and the conversation that it is in.
func groupID(conversation, message string) transport.MessageID {
	return transport.MessageID(conversation + "/" + message)
}

// openConversation finds the group's conversation, or makes it. Whatever fails
// here, nothing was sent.
func (p *Provider) openConversation(ctx context.Context, o provider.Outgoing) (sid string, err error) {
	name := conversationName(o.From, o.Group)
	if sid = p.groups.named(name); sid != "" {
		return sid, nil
	}
	c, service := p.conversationsCall(ctx)
	found, err := service.FetchConversation(name)
	switch answer, _ := errors.AsType[*answerError](err); {
	case err == nil:
		sid = value(found.Sid)
	case answer != nil && answer.Status == http.StatusNotFound:
		sid, err = p.makeConversation(ctx, name, o)
	default:
		err = notSent(c, err)
	}
	if err != nil {
		return "", err
	}
	if err := p.hookConversation(ctx, sid); err != nil {
		return "", err
	}
	p.groups.name(name, sid)
	return sid, nil
}

// notSent makes of a failure before the message was sent one that may be tried
// again.
func notSent(c *call, err error) error {
	failure := outcome(c, err)
	if _, refused := errors.AsType[*transport.Error](failure); refused {
		return failure
	}
	if retry, ok := errors.AsType[*provider.Retry](failure); ok {
		return retry
	}
	return &provider.Retry{Err: err}
}

func (p *Provider) makeConversation(ctx context.Context, name string, o provider.Outgoing) (string, error) {
	type binding struct {
		Address   string `json:"address,omitempty"`
		Projected string `json:"projected_address,omitempty"`
	}
	type participant struct {
		Identity string  `json:"identity,omitempty"`
		Binding  binding `json:"messaging_binding"`
	}
	all := []participant{{identityOf(o.From), binding{Projected: o.From}}}
	for _, number := range o.Group {
		all = append(all, participant{Binding: binding{Address: number}})
	}
	var written []string
	for _, one := range all {
		text, err := json.Marshal(one)
		if err != nil {
			return "", err
		}
		written = append(written, string(text))
	}
	c, service := p.conversationsCall(ctx)
	made, err := service.CreateConversationWithParticipants((&conversations.CreateConversationWithParticipantsParams{}).
		SetUniqueName(name).SetParticipant(written))
	if answer, ok := errors.AsType[*answerError](err); ok {
		switch {
		case answer.Code == groupExists && answer.Conversation != "":
			return answer.Conversation, nil // made by somebody else, or by a phone
		case answer.Code == uniqueNameUsed:
			return "", &provider.Retry{Err: err} // it is found next time
		}
	}
	if err != nil {
		return "", notSent(c, err)
	}
	return value(made.Sid), nil
}

// hookConversation has Twilio call us about a conversation, unless it does.
func (p *Provider) hookConversation(ctx context.Context, sid string) error {
	c, service := p.conversationsCall(ctx)
	hooks, err := service.PageConversationScopedWebhook(sid, (&conversations.ListConversationScopedWebhookParams{}).SetPageSize(50), "", "")
	if err != nil {
		return notSent(c, err)
	}
	target := p.public + pathConversations
	for _, hook := range hooks.Webhooks {
		if hook.Configuration != nil && textOf(*hook.Configuration, "url") == target {
			return nil
		}
	}
	c, service = p.conversationsCall(ctx)
	_, err = service.CreateConversationScopedWebhook(sid, (&conversations.CreateConversationScopedWebhookParams{}).
		SetTarget("webhook").SetConfigurationUrl(target).SetConfigurationMethod(http.MethodPost).
		SetConfigurationFilters([]string{"onMessageAdded", "onDeliveryUpdated"}))
	if err != nil {
		return notSent(c, err)
	}
	return nil
}

// textOf gives a text out of an object that twilio-go leaves as it is.
func textOf(object any, key string) string {
	fields, _ := object.(map[string]any)
	text, _ := fields[key].(string)
	return text
}

// participants gives who is in a conversation.
func (p *Provider) participants(ctx context.Context, sid string) (conversation, error) {
	if c, ok := p.groups.get(sid); ok {
		return c, nil
	}
	c, service := p.conversationsCall(ctx)
	page, err := service.PageConversationParticipant(sid, (&conversations.ListConversationParticipantParams{}).SetPageSize(50), "", "")
	if answer, ok := errors.AsType[*answerError](err); ok && answer.Status == http.StatusNotFound {
		return conversation{}, provider.ErrUnknownNumber
	}
	if err != nil {
		return conversation{}, fmt.Errorf("list who is in a conversation: %w", notSent(c, err))
	}
	found := conversation{sid: sid, numbers: map[string]string{}}
	for _, one := range page.Participants {
		if one.MessagingBinding == nil {
			continue
		}
		if own := textOf(*one.MessagingBinding, "projected_address"); own != "" {
			found.own = own
		} else if number := textOf(*one.MessagingBinding, "address"); number != "" {
			found.numbers[value(one.Sid)] = number
		}
	}
	if found.own == "" {
		return conversation{}, provider.ErrUnknownNumber
	}
	p.groups.put(found)
	return found, nil
}
