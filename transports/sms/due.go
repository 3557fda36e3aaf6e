package sms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

const (
	lookAhead = time.Hour   // until the list is read again, at the latest
	waitAgain = time.Minute // after an error
	briefly   = time.Second
	dueUsers  = 8 // whose texts are sent at a time
)

// due are the users whose texts are being sent, each one's in their order.
type due struct {
	n       *Network
	places  chan struct{} // holds a token for each
	mu      sync.Mutex
	busy    map[string]bool
	running sync.WaitGroup
}

// sendScheduled sends what is due, until ctx ends.
func (n *Network) sendScheduled(ctx context.Context) {
	d := &due{n: n, places: make(chan struct{}, dueUsers), busy: map[string]bool{}}
	defer d.running.Wait()
	for ctx.Err() == nil {
		next := time.Now().Add(lookAhead)
		var texts []dueText // of one user
		err := n.eachRecord(ctx, kindScheduled, func(r transport.RecordItem) error {
			var one scheduled
			if err := json.Unmarshal(r.Value, &one); err != nil {
				n.log.Error("a text that waits can't be read, and is dropped", "error", err)
				return n.records.Delete(ctx, r.User, r.Kind, r.Key)
			}
			if one.When.After(time.Now()) {
				if one.When.Before(next) {
					next = one.When
				}
				return nil
			}
			if len(texts) > 0 && texts[0].record.User != r.User {
				d.send(ctx, texts)
				texts = nil
			}
			texts = append(texts, dueText{one, r})
			return nil
		})
		d.send(ctx, texts)
		if err != nil && ctx.Err() == nil {
			n.log.Error("read the texts that wait", "error", err)
			next = time.Now().Add(waitAgain)
		}
		timer := time.NewTimer(max(time.Until(next), time.Millisecond))
		select {
		case <-ctx.Done():
		case <-n.scheduling:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// send sends a user's texts beside those of others, and waits only while too many
// are at it. It leaves a user alone whose texts are being sent, and has the list
// read again later if not all went.
func (d *due) send(ctx context.Context, texts []dueText) {
	if len(texts) == 0 {
		return
	}
	user := texts[0].record.User
	d.mu.Lock()
	busy := d.busy[user]
	d.busy[user] = true
	d.mu.Unlock()
	if busy {
		return // it ends with another look at the list
	}
	free := func(again time.Duration) {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.busy, user)
		time.AfterFunc(again, func() { wake(d.n.scheduling) })
	}
	select {
	case d.places <- struct{}{}:
	case <-ctx.Done():
		return
	}
	d.running.Go(func() {
		defer func() { <-d.places }()
		again := time.Duration(0)
		if !d.n.sendAllDue(ctx, texts) {
			again = waitAgain
		}
		free(again)
	})
}

// sendAllDue sends what is due of a user's, in the order in which it was
// written. It says whether all went.
func (n *Network) sendAllDue(ctx context.Context, due []dueText) (all bool) {
	slices.SortStableFunc(due, func(a, b dueText) int {
		return cmp.Or(a.When.Compare(b.When), a.Written.Compare(b.Written))
	})
	for _, one := range due {
		if err := n.sendDue(ctx, one.record, one.scheduled); err != nil {
			level := slog.LevelError
			if errors.Is(err, transport.ErrOutboxFull) {
				level = slog.LevelInfo
			}
			n.log.Log(ctx, level, "a text whose time has come is tried again", "error", err)
			return false // what was written later does not overtake it
		}
	}
	return true
}

// sendDue puts a text whose time has come into the outbox. If the process dies
// in between, the outbox knows it as the same.
func (n *Network) sendDue(ctx context.Context, r transport.RecordItem, one scheduled) error {
	unlock, err := n.lockScheduled(ctx, r.User)
	if err != nil {
		return err
	}
	defer unlock()
	if _, found, err := n.records.Get(ctx, r.User, r.Kind, r.Key); err != nil || !found {
		return err // it was cancelled
	}
	d, err := n.draftOf(r.User, one)
	if err == nil {
		err = n.putAll(ctx, d, true)
	}
	if errors.Is(err, transport.ErrOutboxFull) {
		return err // there will be room
	}
	why, isFinal := errors.AsType[*transport.Error](err)
	if err != nil && (!isFinal || why.Reason == transport.Internal) {
		return err
	}
	switch {
	case isFinal:
		// The word that it is not sent must not be lost, but nobody waits for ever.
		if err := n.tellNotSent(ctx, r.User, one, why); err != nil && time.Since(one.When) < keepTelling {
			return err
		}
	case strings.HasPrefix(one.Origin, ownOrigin):
		// Before it is told how that ends, unless the sender happens to look now.
		n.tellBriefly(ctx, r.User, fmt.Sprintf("Your text to %s, which was to wait until now, is on its way: %s", one.To, one.Text))
	}
	n.wakeSender()
	return n.records.Delete(ctx, r.User, r.Kind, r.Key)
}

// tellNotSent tells why a text that waited is not sent: on the message, if a
// client sent it.
func (n *Network) tellNotSent(ctx context.Context, user string, one scheduled, why *transport.Error) error {
	var e transport.Event = transport.Notice{Text: fmt.Sprintf("Your text to %s, which was to wait until now, is not sent. %s", one.To, why.Text)}
	if one.Request != "" {
		e = transport.MessageStatus{Request: one.Request, Chat: transport.Address(one.To), Status: transport.Failed, Err: why}
	}
	if err := n.deliverSoon(ctx, user, e); err != nil {
		return fmt.Errorf("tell that a text is not sent: %w", err)
	}
	return nil
}

// tellBriefly does so without waiting long for the user's session: others'
// texts are due, too.
func (n *Network) tellBriefly(ctx context.Context, user, text string) {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	n.tellUser(ctx, user, text)
}
