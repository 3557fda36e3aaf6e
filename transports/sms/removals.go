package sms

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Who is taken out of the contacts stays somebody who may write, as with phones:
// clients take people out for many reasons. Users who mean more by it say so.

var _ transport.Removals = (*session)(nil)

const settingBlockRemoved = "block_removed"

var blockRemovedSetting = setting{
	Field: transport.Field{
		Name: settingBlockRemoved, Type: transport.Bool, Label: "Block numbers that you take out of your contacts",
		Help: "They are unblocked when you take them in again.",
	},
	standard: func(*Network, string) []string { return []string{"false"} },
	check:    checkBool,
}

// ContactRemoved implements transport.Removals.
func (s *session) ContactRemoved(ctx context.Context, who transport.Address) error {
	n := s.network
	if strings.Join(n.setting(s.user, settingBlockRemoved), "") != "true" || isGroup(who) {
		return nil
	}
	contact, _ := splitOwn(n.plainAddress(who))
	if _, _, blocked, err := n.blockOf(ctx, s.user, contact); blocked || err != nil {
		return err
	}
	if err := n.addBlock(ctx, s.user, string(contact), block{Since: time.Now().UTC(), Removed: true}); err != nil {
		return err
	}
	s.tellLater(fmt.Sprintf("%s is blocked, as you took it out of your contacts. To unblock it, take it in again or write: unblock %s", contact, contact))
	return nil
}

// ContactBack implements transport.Removals. Whom the user blocked otherwise
// stays so.
func (s *session) ContactBack(ctx context.Context, who transport.Address) error {
	n := s.network
	contact, _ := splitOwn(n.plainAddress(who))
	user := userKey(s.user)
	value, found, err := n.records.Get(ctx, user, kindBlock, string(contact))
	var b block
	if err == nil && found {
		err = json.Unmarshal(value, &b)
	}
	if err == nil && b.Removed {
		err = n.records.Delete(ctx, user, kindBlock, string(contact))
	}
	if err != nil {
		return fmt.Errorf("unblock a number: %w", err)
	}
	return nil
}

// tellLater tells the user something without waiting: what the gateway calls
// must not wait for what it delivers.
func (s *session) tellLater(text string) {
	s.running.Go(func() { s.network.tellUser(s.ctx, s.user, text) })
}
