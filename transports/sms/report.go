package sms

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	earlyKept  = time.Minute // how long a report waits for its message's id
	earlyMax   = 1000
	maxResends = 5
)

// rank orders how far a message got. Reports come in any order: one that
// brings nothing new is ignored.
func rank(s transport.Status) int {
	switch s {
	case transport.Delivered, transport.Failed:
		return 1
	case transport.Displayed:
		return 2
	}
	return 0
}

// Report implements provider.Receiver. A report may come before the provider
// has answered the call that sent the message: it is held until the item has
// its id. Nil means that what it says is stored or told.
func (t *trunk) Report(ctx context.Context, r provider.Report) error {
	n := t.network
	if r.ID == "" {
		return nil
	}
	unlock, err := n.ids.lock(ctx, r.ID)
	if err != nil {
		return err
	}
	defer unlock()
	item, ok, err := n.outbox.Find(ctx, r.ID)
	if err == nil && !ok {
		t.early.hold(r)
		return nil
	}
	if err != nil {
		return fmt.Errorf("find message: %w", err)
	}
	if !t.carried(item) {
		n.log.Warn("a provider's report on a text that it did not carry is ignored")
		return nil
	}
	if r.Who != "" {
		return n.tellMember(ctx, item, r)
	}
	return n.advance(ctx, item, r)
}

// carried says that the trunk's word counts for an item: it carries the
// number, or it is the operator's and nobody carries it any more.
func (t *trunk) carried(item transport.OutboxItem) bool {
	by := t.network.lines.trunkOf(string(item.From))
	return by == t || by == nil && t.name == operatorTrunk
}

// advance takes what a report says. The caller has the item's id locked.
func (n *Network) advance(ctx context.Context, item transport.OutboxItem, r provider.Report) error {
	if rank(r.Status) <= rank(item.Status) {
		return nil
	}
	if r.Status == transport.Failed {
		if n.simpler(&item, r.Err) {
			return n.sendAnew(ctx, item, r)
		}
		if r.Retry && item.Attempts < maxResends && time.Since(item.Put) < keepTrying {
			return n.sendAnew(ctx, item, r)
		}
		item.LastError = writeFailure(r.Err)
	}
	item.Status = r.Status
	return n.tell(ctx, item)
}

// sendAnew queues a message again that the provider took and could not
// deliver. It loses its id, so that nothing takes the failed one for it.
func (n *Network) sendAnew(ctx context.Context, item transport.OutboxItem, r provider.Report) error {
	item.State, item.ID = transport.Queued, ""
	item.NotBefore = time.Now().Add(backoff(item.Attempts, retryFirst, retryMost))
	if r.Err != nil {
		item.LastError = "failed, sent anew: " + r.Err.Code
	}
	if err := n.outbox.Update(ctx, item); err != nil {
		return fmt.Errorf("queue message again: %w", err)
	}
	n.wakeScan()
	return nil
}

// statusOf tells how an item stands: of a copy for a member, in their group.
func statusOf(item transport.OutboxItem) transport.MessageStatus {
	one, _ := shareOf(item.Request)
	e := transport.MessageStatus{Request: one.request, Chat: item.Chat, ID: item.ID, Status: item.Status}
	if item.Room != "" {
		e.Chat, e.Who = item.Room, item.Chat
	}
	return e
}

// tell brings an item's final status to its user and closes the item. If
// the user can't be told now, the sender does it later.
func (n *Network) tell(ctx context.Context, item transport.OutboxItem) error {
	one, isShare := shareOf(item.Request)
	e := statusOf(item)
	if item.Status == transport.Failed {
		why := readFailure(item.LastError)
		theirs := n.ofOwnAccount(item)
		if theirs {
			why = inOwnWords(why)
		}
		if e.Err = why; why.Code == optOutCode {
			n.optedOutNow(ctx, item)
		}
		if !theirs {
			n.alertAbout(why)
		}
		if strings.HasPrefix(item.Origin, ownOrigin) {
			n.tellUser(ctx, item.User, fmt.Sprintf("Your text to %s, which was sent later, was not delivered. %s", item.Chat, why.Text))
		}
	}
	item.State = transport.Done
	var err error
	if isShare {
		err = n.tellShare(ctx, item, one, e)
	} else if err = n.settleSoon(ctx, e, item); err == nil {
		n.dropPrepared(ctx, item)
		return nil
	}
	if err != nil && time.Since(item.Put) < keepTelling {
		n.log.Debug("status is told later", "error", err)
		item.State, item.NotBefore = transport.Sent, time.Now().Add(tellAgain)
	}
	if err := n.outbox.Update(ctx, item); err != nil {
		return fmt.Errorf("store status: %w", err)
	}
	if item.State == transport.Done {
		n.dropPrepared(ctx, item)
	}
	return nil
}

// earlyReports hold what was reported of messages whose id nobody knows yet.
type earlyReports struct {
	mu   sync.Mutex
	byID map[transport.MessageID]earlyReport
}

type earlyReport struct {
	provider.Report
	until time.Time
}

func newEarlyReports() *earlyReports {
	return &earlyReports{byID: make(map[transport.MessageID]earlyReport)}
}

// hold keeps the report of the highest rank. When there are too many, those
// whose time is over go, and if there are none, the new one does.
func (e *earlyReports) hold(r provider.Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if was, ok := e.byID[r.ID]; ok && rank(was.Status) >= rank(r.Status) {
		return
	}
	now := time.Now()
	if len(e.byID) >= earlyMax {
		for id, was := range e.byID {
			if now.After(was.until) {
				delete(e.byID, id)
			}
		}
		if len(e.byID) >= earlyMax {
			return
		}
	}
	e.byID[r.ID] = earlyReport{r, now.Add(earlyKept)}
}

// take gives the report that was held, once.
func (e *earlyReports) take(id transport.MessageID) (provider.Report, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.byID[id]
	delete(e.byID, id)
	return r.Report, ok && time.Now().Before(r.until)
}
