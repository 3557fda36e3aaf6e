package sms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

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

// sendCopies puts copies for the members in the place of a group text that the
// provider does not take as one, and has not sent to anybody. False means that
// these would be refused, too.
func (n *Network) sendCopies(ctx context.Context, item transport.OutboxItem, why *transport.Error) (r result, instead bool) {
	if code, err := strconv.Atoi(why.Code); !isGroup(item.Chat) || err == nil && provider.Lookup(code).Admin {
		return r, false
	}
	batch := transport.OutboxBatch{Items: perPerson([]transport.OutboxItem{item})}
	for i := range batch.Items {
		one := &batch.Items[i]
		one.State, one.ID, one.Status, one.Attempts, one.LastError, one.NotBefore = transport.Queued, "", 0, 0, "", one.Put
		// After a crash they are known as the same.
		one.Origin = cmp.Or(one.Origin, fmt.Sprintf("copy of %d", item.Key))
		one.Request = shareWith(one.Request, one.Chat)
	}
	if _, err := n.outbox.PutAll(ctx, batch); err != nil {
		n.log.Error("put copies in the place of a group text", "error", err)
		return result{item: item, inDoubt: true, worked: true}, true // it is looked for, and refused again
	}
	n.log.Info("a group text goes to each member, as the provider does not take it as one", "code", why.Code)
	item.State, item.LastError = transport.Done, ""
	if !n.update(ctx, item) {
		return result{item: item, inDoubt: true, worked: true}, true
	}
	n.wakeSender()
	return result{item: item, worked: true}, true
}

// shareWith makes of a share of a group text one of a member's copy.
func shareWith(r transport.Request, member transport.Address) transport.Request {
	s, is := shareOf(r)
	if !is {
		return r
	}
	h := sha256.Sum256([]byte(s.group + " " + string(member)))
	return transport.Request(fmt.Sprintf("%s%s/%d/%d/%s", sharePrefix, hex.EncodeToString(h[:12]), s.i, s.n, s.request))
}
