package sms

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// Whom a user has written to is a record each, as long as there is room for
// more, and behind that a line in one of 256 records.

const (
	kindKnown     = "known"
	kindKnownMore = "known more" // by two digits of a hash of the contact
	maxRecent     = 4096         // of those written to, remembered in memory
)

// knows says that a user has written to somebody.
func (n *Network) knows(ctx context.Context, user string, who transport.Address) bool {
	contact, _ := splitOwn(who)
	found, err := n.isKnown(ctx, userKey(user), string(contact))
	if err != nil {
		n.log.Error("whom a user has written to is not known", "error", err)
		return true
	}
	return found
}

func (n *Network) isKnown(ctx context.Context, user, contact string) (bool, error) {
	_, found, err := n.records.Get(ctx, user, kindKnown, contact)
	if found || err != nil {
		return found, err
	}
	shelf, err := n.knownMore(ctx, user, contact)
	return slices.Contains(shelf, contact), err
}

// shelfOf names the record that a contact is a line of.
func shelfOf(contact string) string {
	h := fnv.New32a()
	h.Write([]byte(contact))
	return fmt.Sprintf("%02x", byte(h.Sum32()))
}

func (n *Network) knownMore(ctx context.Context, user, contact string) ([]string, error) {
	value, _, err := n.records.Get(ctx, user, kindKnownMore, shelfOf(contact))
	return strings.Split(string(value), "\n"), err
}

// knowFromNow remembers to whom a user has written. It may be lost.
func (n *Network) knowFromNow(ctx context.Context, items []transport.OutboxItem) {
	items = perPerson(items)
	for i, item := range items {
		if i == 0 || items[i-1].Chat != item.Chat {
			n.knowOne(ctx, item.User, item.Chat)
		}
	}
}

func (n *Network) knowOne(ctx context.Context, user string, who transport.Address) {
	contact, _ := splitOwn(who)
	key := userKey(user) + " " + string(contact)
	n.mu.Lock()
	seen := n.written[key]
	n.mu.Unlock()
	if seen {
		return
	}
	if err := n.noteKnown(ctx, userKey(user), string(contact)); err != nil {
		n.log.Error("that a user has written to somebody is not remembered", "error", err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.written) >= maxRecent {
		for other := range n.written { // any one: the disk has it
			delete(n.written, other)
			break
		}
	}
	n.written[key] = true
}

func (n *Network) noteKnown(ctx context.Context, user, contact string) error {
	known, err := n.isKnown(ctx, user, contact)
	if known || err != nil {
		return err
	}
	err = n.records.Put(ctx, transport.RecordItem{User: user, Kind: kindKnown, Key: contact})
	if !errors.Is(err, transport.ErrTooManyRecords) {
		return err
	}
	// Two that are noted at once must not overwrite one another.
	unlock, err := n.groups.lock(ctx, transport.MessageID(kindKnownMore+" "+user))
	if err != nil {
		return err
	}
	defer unlock()
	shelf, err := n.knownMore(ctx, user, contact)
	if err != nil {
		return err
	}
	value := []byte(strings.Join(append(shelf, contact), "\n"))
	return n.records.Put(ctx, transport.RecordItem{User: user, Kind: kindKnownMore, Key: shelfOf(contact), Value: value})
}
