package sms

import (
	"context"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// copies makes an item for each member of a group of the one for them all. One
// for a person stays as it is, and so does one for a group that the provider
// carries as such: files go to each.
func (n *Network) copies(item transport.OutboxItem) []transport.OutboxItem {
	if !isGroup(item.Chat) {
		return []transport.OutboxItem{item}
	}
	members := membersOf(item.Chat)
	if t := n.lines.trunkOf(string(item.From)); t != nil && len(item.Media) == 0 {
		if g, ok := t.provider.(provider.Groups); ok && g.CarriesGroup(string(item.From), members) {
			return []transport.OutboxItem{item}
		}
	}
	return perPerson([]transport.OutboxItem{item})
}

// perPerson has an item for each whom a text reaches.
func perPerson(items []transport.OutboxItem) (all []transport.OutboxItem) {
	for _, item := range items {
		if !isGroup(item.Chat) {
			all = append(all, item)
			continue
		}
		for _, number := range membersOf(item.Chat) {
			one := item
			one.Room, one.Chat = item.Chat, transport.Address(number)
			all = append(all, one)
		}
	}
	return all
}

// tellMember tells that one of a group did not get a text which is one for all.
func (n *Network) tellMember(ctx context.Context, item transport.OutboxItem, r provider.Report) error {
	if r.Status != transport.Failed {
		return nil
	}
	e := statusOf(item)
	e.Who, e.Status = transport.Address(r.Who), transport.Failed
	if r.Err != nil {
		e.Err = r.Err
	}
	return n.deliver(ctx, item.User, e)
}
