package gateway_test

import (
	"context"
	"fmt"

	"gatehouse/gateway/transport"
)

// What the fake network carries beside text; it shows none of it to anybody.

func (l *link) Carries(transport.Address) transport.Features {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return l.network.carries
}

// note notes a call that is answered by whatever the test says.
func (l *link) note(name string, q transport.Request, args ...any) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, _, _ := l.call(name, args...)
	l.network.wishes = append(l.network.wishes, q)
	return now
}

func (l *link) React(_ context.Context, r transport.Reaction) error {
	return l.note("react", r.Request, r.Chat, r.Nick, r.To, "+", r.Add, "-", r.Remove)
}

func (l *link) Retract(_ context.Context, r transport.Retraction) error {
	return l.note("retract", r.Request, r.Chat, r.Nick, r.ID, r.Reason)
}

func (l *link) Correct(ctx context.Context, of transport.MessageID, m transport.Message) (transport.MessageID, error) {
	if err := l.note("correct", m.Request, of); err != nil {
		return "", err
	}
	return l.Send(ctx, m)
}

func (l *link) SetComposing(_ context.Context, chat transport.Address, nick string, c transport.Composing) error {
	return l.note("composing", "", chat, nick, fmt.Sprint(c))
}

func (l *link) MarkDisplayed(_ context.Context, m transport.Marker) error {
	return l.note("displayed", "", m.Chat, m.ID)
}

const everything = transport.CarriesActions | transport.CarriesReplies | transport.CarriesReactions | transport.CarriesRetractions |
	transport.CarriesModeration | transport.CarriesCorrections | transport.CarriesChatStates | transport.CarriesMarkers

// carry says what a network carries from now on.
func (n *network) carry(f transport.Features) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.carries = f
}

// lastWish is the request of the last call that has one.
func (n *network) lastWish() transport.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wishes[len(n.wishes)-1]
}

// lastText is the last message that was sent.
func (n *network) lastText() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.sent) == 0 {
		return ""
	}
	return n.sent[len(n.sent)-1].Text
}

func (n *network) Preference(string, transport.Address) (transport.Preference, error) {
	n.mu.Lock()
	wait := n.considers
	n.mu.Unlock()
	if wait != nil {
		<-wait
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.prefers, nil
}
