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

// strangers gives a record for each person whom a user writes to and of whom there
// is none.
func (n *Network) strangers(ctx context.Context, items []transport.OutboxItem) (records []transport.RecordItem) {
	for _, item := range perPerson(items) {
		contact, _ := splitOwn(item.Chat)
		r := transport.RecordItem{User: userKey(item.User), Kind: kindKnown, Key: string(contact)}
		if slices.ContainsFunc(records, func(other transport.RecordItem) bool { return other.Key == r.Key }) {
			continue
		}
		_, found, err := n.records.Get(ctx, r.User, r.Kind, r.Key)
		if err != nil {
			n.log.Error("whom a user has written to is not known", "error", err)
		}
		if !found {
			records = append(records, r)
		}
	}
	return records
}

// putKnowing stores a batch and, in the same commit, to whom a user has written
// with it, if there is room for a record each. If there is not, that may be lost.
func (n *Network) putKnowing(ctx context.Context, batch transport.OutboxBatch) (stored int, err error) {
	records, strangers := batch.Records, n.strangers(ctx, batch.Items)
	batch.Records = slices.Concat(records, strangers)
	stored, err = n.outbox.PutAll(ctx, batch)
	if len(strangers) == 0 || !errors.Is(err, transport.ErrTooManyRecords) {
		return stored, err
	}
	batch.Records = records
	if stored, err = n.outbox.PutAll(ctx, batch); err != nil {
		return stored, err
	}
	for _, r := range strangers {
		if err := n.noteKnown(ctx, r.User, r.Key); err != nil {
			n.log.Error("that a user has written to somebody is not remembered", "error", err)
		}
	}
	return stored, nil
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
