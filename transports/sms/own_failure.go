package sms

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// ofOwnAccount says that an item went over an account of its user's own: then
// it is theirs to mend what is wrong with that.
func (n *Network) ofOwnAccount(item transport.OutboxItem) bool {
	t := n.lines.trunkOf(string(item.From))
	return t != nil && t.own.sid != ""
}

var inTheirNames = strings.NewReplacer(
	"The gateway's", "Your", "the gateway's", "your account's", "that the gateway sends from for you ", "", "The gateway", "Your account",
)

// inOwnWords tells the user of such a failure what they can do.
func inOwnWords(why *transport.Error) *transport.Error {
	code, err := strconv.Atoi(why.Code)
	if err != nil || !provider.Lookup(code).Admin {
		return why
	}
	own := *why
	switch why.Reason {
	case transport.NotAuthorized:
		own.Text = saidRevoked
	default:
		own.Text = strings.TrimSuffix(why.Text, " Its operator must correct that.")
		own.Text = inTheirNames.Replace(own.Text) + " Look at your account in Twilio's console."
	}
	return &own
}

const saidRevoked = "Twilio does not take your account's auth token any more, or the account is not active. Register again with the new token."

// trust is whether the provider takes the credentials of an account.
type trust struct {
	mu      sync.Mutex
	state   trustState
	told    time.Time     // when its users were last told that it does not
	changed chan struct{} // a mark that they are to be shown how it is
}

type trustState int

const (
	untried trustState = iota
	trusted
	refusedUs
)

func newTrust() trust { return trust{changed: make(chan struct{}, 1)} }

// learn takes an error of the provider into account, and gives it back.
func (t *trunk) learn(err error) error {
	now := trusted
	switch {
	case errors.Is(err, provider.ErrCredentials):
		now = refusedUs
	case err != nil:
		return t.rest.learn(err)
	}
	t.trust.mu.Lock()
	changed := t.trust.state != now
	t.trust.state = now
	t.trust.mu.Unlock()
	if changed {
		wake(t.trust.changed)
	}
	return t.rest.learn(err)
}

func (t *trunk) isRefused() bool {
	t.trust.mu.Lock()
	defer t.trust.mu.Unlock()
	return t.trust.state == refusedUs
}

// tellTrust shows the users of an own account whether it can be used, until ctx
// ends.
func (t *trunk) tellTrust(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.trust.changed:
		}
		t.trust.mu.Lock()
		lost := t.trust.state == refusedUs
		alert := lost && time.Since(t.trust.told) >= alertEvery
		if alert {
			t.trust.told = time.Now()
		}
		t.trust.mu.Unlock()
		told := map[string]bool{}
		for _, users := range t.network.lines.numbersOf(t) {
			for _, user := range users {
				if !told[user] {
					told[user] = true
					t.network.showTrust(ctx, user, lost, alert)
				}
			}
		}
	}
}

// showTrust shows a user whether their account can be used. Who has no session
// is shown so when they get one.
func (n *Network) showTrust(ctx context.Context, user string, lost, alert bool) {
	var e transport.Event = transport.LinkUp{}
	if lost {
		e = lostTrust()
	}
	if err := n.deliverSoon(ctx, user, e); err != nil {
		n.log.Info("whether an account can be used is not shown", "error", err)
	}
	if alert {
		if err := n.deliverSoon(ctx, user, transport.Notice{Text: saidRevoked}); err != nil {
			n.log.Info("that an account can't be used is not told", "error", err)
		}
	}
}

func lostTrust() transport.LinkDown {
	return transport.LinkDown{Err: &transport.Error{Reason: transport.NotAuthorized, Text: saidRevoked}}
}
