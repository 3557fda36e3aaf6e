package sms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	firstLook = 2 * time.Second  // after a call whose outcome is unknown
	absentFor = 20 * time.Second // a text that is not found for so long was not taken
	clockSkew = 5 * time.Minute  // between the provider's clock and ours
	lookAgain = 20 * time.Second // the longest wait between two looks
	unasked   = 2 * time.Minute  // a text in doubt is given up then, if the provider can't be asked
)

// send is the job for a queued item. The item is marked before the provider
// is called, so a process that dies here leaves a doubt, never a repetition.
func (n *Network) send(ctx context.Context, item transport.OutboxItem) result {
	now := time.Now()
	if now.Sub(item.Put) > keepTrying {
		return n.unsent(ctx, item, errExpired)
	}
	marked := item
	marked.State = transport.Sending
	marked.Attempts++
	marked.NotBefore = now.Add(callTime + firstLook) // it is in doubt from then on
	o, unsendable := outgoing(marked)
	t := n.lines.trunkFor(item.User, o.From)
	if unsendable == nil && t == nil {
		unsendable = errNoLine
	}
	if unsendable == nil && item.Room != "" { // of others it was known before
		unsendable = n.refuseOptedOut(o.From, item.Chat)
	}
	if unsendable != nil {
		return n.unsent(ctx, item, unsendable)
	}
	if r, is := n.sendDirect(ctx, item, o); is {
		return r
	}
	if err := n.attach(ctx, &o, &item, t.capabilities().Media); err != nil {
		return n.notYet(ctx, item, err)
	}
	if !n.update(ctx, marked) {
		// If it was marked all the same, it is found in doubt later.
		return result{item: item, hold: storeRetry}
	}
	item = marked
	call, cancel := context.WithTimeout(ctx, callTime)
	sent, err := t.send(call, o)
	cancel()
	if err == nil {
		return n.taken(ctx, t, item, sent)
	}
	if retry, ok := errors.AsType[*provider.Retry](err); ok {
		return n.putBack(ctx, item, retry)
	}
	if refused, ok := errors.AsType[*transport.Error](err); ok {
		if n.simpler(&item, refused) {
			return n.putBack(ctx, item, &provider.Retry{Err: refused})
		}
		if r, instead := n.sendCopies(ctx, item, refused); instead {
			return r
		}
		level := slog.LevelInfo
		if code, err := strconv.Atoi(refused.Code); err == nil && provider.Lookup(code).Admin {
			level = slog.LevelError
		}
		n.log.Log(ctx, level, "text refused", "to", provider.LastDigits(o.To), "reason", refused.Text, "error", refused.Err)
		r := n.unsent(ctx, item, refused)
		r.worked = true
		return r
	}
	n.log.Warn("nobody knows whether a text was taken; the provider is asked", "to", provider.LastDigits(o.To), "error", err)
	item.LastError, item.NotBefore = err.Error(), time.Now().Add(firstLook)
	n.update(ctx, item)
	return result{item: item, inDoubt: true, outage: true}
}

func outgoing(item transport.OutboxItem) (provider.Outgoing, *transport.Error) {
	ref := fmt.Sprintf("%d.%d.%d", item.Key, item.Attempts, item.Put.UnixMilli())
	if isGroup(item.Chat) {
		return provider.Outgoing{From: string(item.From), Group: membersOf(item.Chat), Text: item.Text, Ref: ref}, nil
	}
	to, err := dialable(item.Chat)
	if err != nil {
		refused, ok := errors.AsType[*transport.Error](err)
		if !ok {
			refused = &transport.Error{Reason: transport.Internal, Err: err}
		}
		return provider.Outgoing{}, refused
	}
	return provider.Outgoing{From: string(item.From), To: to, Text: item.Text, Ref: ref}, nil
}

// taken notes that the provider has the text, tells the user, and takes the
// reports that came early.
func (n *Network) taken(ctx context.Context, t *trunk, item transport.OutboxItem, sent provider.Sent) result {
	unlock, err := n.ids.lock(ctx, sent.ID)
	if err != nil {
		return result{item: item, inDoubt: true}
	}
	defer unlock()
	item.State, item.ID, item.Status, item.LastError = transport.Sent, sent.ID, transport.Accepted, ""
	item.NotBefore = time.Now().Add(t.firstCheck())
	if err := n.outbox.Update(ctx, item); err != nil {
		n.log.Error("note that a text was taken", "error", err)
		item.State, item.ID = transport.Sending, ""
		return result{item: item, inDoubt: true, worked: true}
	}
	n.awaitPrice(ctx, item)
	if err := n.deliver(ctx, item.User, statusOf(item)); err != nil {
		n.log.Debug("a text's acceptance is not told", "error", err) // what follows says more
	}
	r := provider.Report{ID: sent.ID, Status: sent.Status}
	if early, ok := t.early.take(sent.ID); ok && rank(early.Status) > rank(r.Status) {
		r = early
	}
	if err := n.advance(ctx, item, r); err != nil {
		n.log.Error("take a report", "error", err)
	}
	return result{item: item, worked: true}
}

// failed ends an item and tells its user why.
func (n *Network) failed(ctx context.Context, item transport.OutboxItem, why *transport.Error) result {
	item.Status, item.LastError = transport.Failed, writeFailure(why)
	if err := n.tell(ctx, item); err != nil {
		n.log.Error("end a message", "error", err)
		return result{item: item, inDoubt: item.State == transport.Sending, hold: storeRetry}
	}
	item.State = transport.Done
	return result{item: item}
}

// unsent does so for one that the provider surely has not taken: it does not count.
func (n *Network) unsent(ctx context.Context, item transport.OutboxItem, why *transport.Error) result {
	r := n.failed(ctx, item, why)
	if r.item.State == transport.Done {
		n.giveBackItem(ctx, item)
	}
	return r
}

// putBack queues an item again that was surely not taken.
func (n *Network) putBack(ctx context.Context, item transport.OutboxItem, retry *provider.Retry) result {
	wait := max(retry.After, backoff(item.Attempts, retryFirst, retryMost))
	r := result{item: item, hold: wait, outage: retry.Everyone, worked: !retry.Everyone}
	if retry.Everyone {
		r.pause = retry.After
	}
	n.log.Info("a text is sent later", "in", wait.Round(time.Second), "error", retry.Err)
	item.State, item.NotBefore, item.LastError = transport.Queued, time.Now().Add(wait), retry.Error()
	if !n.update(ctx, item) {
		r.inDoubt = true // the store has it as being sent
		return r
	}
	r.item = item
	return r
}

// notYet queues an item again that was not handed over.
func (n *Network) notYet(ctx context.Context, item transport.OutboxItem, err error) result {
	retry, ok := errors.AsType[*provider.Retry](err)
	if !ok {
		retry = &provider.Retry{Err: err}
	}
	r := n.putBack(ctx, item, retry)
	r.inDoubt, r.worked = false, false // it never was marked as being sent
	return r
}

// lookUp is the job for an item in doubt: it asks the provider for it.
func (n *Network) lookUp(ctx context.Context, item transport.OutboxItem, d doubt) result {
	o, refused := outgoing(item)
	if refused != nil {
		return n.failed(ctx, item, refused)
	}
	if _, err := n.attachPrepared(ctx, &o, item); err != nil {
		item.NotBefore = time.Now().Add(storeRetry)
		return result{item: item, inDoubt: true}
	}
	var found []provider.Sent
	err := provider.ErrCannotAsk
	t := n.lines.trunkOf(o.From)
	if t != nil {
		call, cancel := context.WithTimeout(ctx, callTime)
		found, err = t.find(call, o, item.Put.Add(-clockSkew))
		cancel()
	}
	r := result{item: item, inDoubt: true}
	now := time.Now()
	if err != nil {
		silent := errors.Is(err, provider.ErrCannotAsk)
		r.obey(err)
		if !silent {
			n.log.Warn("ask the provider for a text", "to", provider.LastDigits(o.To), "error", err)
		}
		if now.Sub(item.Put) > keepTrying || silent && now.Sub(d.since) > unasked {
			n.log.Warn("a text is given up, because nobody knows whether it was taken", "to", provider.LastDigits(o.To))
			return n.failed(ctx, item, errUncertain)
		}
		item.NotBefore = now.Add(backoff(d.tries, firstLook, pauseMost))
		n.update(ctx, item)
		return r
	}
	for _, sent := range found {
		free, err := n.unclaimed(ctx, item, sent.ID)
		if err != nil {
			n.log.Error("find a message", "error", err)
			return r
		}
		if free {
			return n.taken(ctx, t, item, sent)
		}
	}
	if now.Sub(d.since) < absentFor {
		item.NotBefore = now.Add(backoff(d.tries, firstLook, lookAgain))
		n.update(ctx, item)
		return r
	}
	n.log.Info("a text was not taken and is sent again", "to", provider.LastDigits(o.To))
	back := item
	back.State, back.NotBefore = transport.Queued, now
	if n.update(ctx, back) {
		return result{item: back}
	}
	return r
}

// unclaimed says that no other item has the id. Only one item of a lane is
// under way at a time, so nobody else can be about to take it.
func (n *Network) unclaimed(ctx context.Context, item transport.OutboxItem, id transport.MessageID) (bool, error) {
	owner, ok, err := n.outbox.Find(ctx, id)
	if err != nil {
		return false, fmt.Errorf("find the item of a message id: %w", err)
	}
	return !ok || owner.Key == item.Key, nil
}

// check is the job for a sent item that was due: it tells what could not be
// told, or asks the provider how the text fares, because reports can be lost.
func (n *Network) check(ctx context.Context, item transport.OutboxItem) result {
	r := result{item: item}
	if item.ID == "" { // refused before it had an id, and its user does not know
		if err := n.tell(ctx, item); err != nil {
			n.log.Error("tell a status", "error", err)
		}
		return r
	}
	var report provider.Report
	t := n.lines.trunkOf(string(item.From))
	if t != nil && rank(item.Status) == 0 {
		call, cancel := context.WithTimeout(ctx, callTime)
		var err error
		report, err = t.status(call, item.ID)
		cancel()
		if err != nil && !errors.Is(err, provider.ErrUnknownMessage) && !errors.Is(err, provider.ErrCannotAsk) {
			n.log.Debug("ask how a text fares", "error", err)
		}
		r.obey(err)
	}
	unlock, err := n.ids.lock(ctx, item.ID)
	if err != nil {
		return r
	}
	defer unlock()
	// A report may have come meanwhile.
	item, ok, err := n.outbox.Find(ctx, item.ID)
	switch {
	case err != nil:
		n.log.Error("find a message", "error", err)
		return r
	case !ok || item.State != transport.Sent:
		return r
	case rank(item.Status) > 0:
		err = n.tell(ctx, item)
	case rank(report.Status) > 0:
		err = n.advance(ctx, item, report)
	case time.Since(item.Put) > keepLooked:
		item.State = transport.Done // nobody will hear more of it
		err = n.outbox.Update(ctx, item)
	default:
		item.NotBefore = time.Now().Add(max(t.nextCheck(time.Since(item.Put)), r.pause))
		err = n.outbox.Update(ctx, item)
	}
	if err != nil {
		n.log.Error("take a status", "error", err)
	}
	r.item = item
	return r
}

// obey takes into account that the provider was asked for too much.
func (r *result) obey(err error) {
	if retry, ok := errors.AsType[*provider.Retry](err); ok {
		r.pause, r.outage = retry.After, true
	}
}

// update writes an item whose change may be lost: what is then done twice
// does no harm. It says whether the store has it.
func (n *Network) update(ctx context.Context, item transport.OutboxItem) bool {
	err := n.outbox.Update(ctx, item)
	if err != nil {
		n.log.Error("update a message in the outbox", "error", err)
	}
	return err == nil
}
