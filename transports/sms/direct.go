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

// A text to a number that somebody here has need not be sent: it is brought to
// them as one that came. That is theirs to choose, as their number may be a
// phone's, too, which then does not get it.

const (
	settingDirect = "direct"

	// They cost nothing, so no quota limits what one user has another read.
	directAtOnce = 30
	directEvery  = 2 * time.Second
)

var directSetting = setting{
	Field: transport.Field{
		Name: settingDirect, Type: transport.Bool, Label: "Get texts of others who use this gateway without SMS",
		Help: "They cost nothing then. If your number is a phone's as well, the phone does not get them.",
	},
	standard: func(*Network, string) []string { return []string{"false"} },
	check:    checkBool,
}

// takesDirect says whether everybody who has a number wants that, and gives the
// trunk that carries it.
func (n *Network) takesDirect(number string) (*trunk, bool) {
	t := n.lines.trunkOf(number)
	if t == nil {
		return nil, false
	}
	users := n.lines.usersOf(number, t)
	for _, user := range users {
		if strings.Join(n.setting(user, settingDirect), "") != "true" {
			return nil, false
		}
	}
	return t, len(users) > 0
}

// sendDirect brings a text to whoever has the number here. False means that it
// is to be sent. It may be done twice: the text is known as the same.
func (n *Network) sendDirect(ctx context.Context, item transport.OutboxItem, o provider.Outgoing) (r result, is bool) {
	if len(item.Media) > 0 || len(o.Group) > 0 {
		return r, false
	}
	t, is := n.takesDirect(o.To)
	if !is {
		return r, false
	}
	if !n.direct.allow(item.User, directEvery, directAtOnce) {
		return result{item: item, hold: directEvery}, true
	}
	in := provider.Inbound{
		ID:   transport.MessageID(fmt.Sprintf("direct %d %d", item.Key, item.Put.UnixMilli())),
		From: o.From, To: o.To, Text: item.Text,
	}
	err := t.Receive(ctx, in)
	switch {
	case errors.Is(err, provider.ErrUnknownNumber):
		return r, false // somebody's no more
	case err != nil:
		return n.notYet(ctx, item, err), true
	}
	arrived := item
	arrived.State, arrived.ID, arrived.Status, arrived.LastError = transport.Sent, in.ID, transport.Delivered, ""
	if err := n.tell(ctx, arrived); err != nil {
		n.log.Error("note that a text was brought", "error", err)
		return result{item: item, hold: storeRetry}, true
	}
	n.giveBackItem(ctx, item)
	arrived.State = transport.Done
	return result{item: arrived}, true
}
