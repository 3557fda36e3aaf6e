package sms

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/twilio"
)

// Names of what is kept of a registration, and of the fields that ask for it:
// those of XEP-0077, as Cheogram's gateways use them.
const (
	fieldPhone    = "phone"
	fieldSID      = "username"
	fieldToken    = "password"
	fieldVerified = "verified" // when Twilio took the credentials, in seconds
)

// An enrolment is what somebody registered with: a number of the operator's,
// or numbers of an account of their own with Twilio.
type enrolment struct {
	numbers  []string
	sid      string // empty: the number is the operator's
	token    transport.Secret
	verified int64
}

// settings are what the gateway stores of it, encrypted.
func (e enrolment) settings() map[string]string {
	settings := map[string]string{fieldPhone: strings.Join(e.numbers, ", ")}
	if e.sid != "" {
		settings[fieldSID], settings[fieldToken] = e.sid, e.token.Reveal()
		settings[fieldVerified] = strconv.FormatInt(e.verified, 10)
	}
	return settings
}

// enrolmentOf is the way back; false means that nothing is stored.
func enrolmentOf(settings map[string]string) (e enrolment, ok bool) {
	e.sid, e.token = settings[fieldSID], transport.NewSecret(settings[fieldToken])
	e.verified, _ = strconv.ParseInt(settings[fieldVerified], 10, 64)
	for _, number := range strings.Split(settings[fieldPhone], ",") {
		if number = strings.TrimSpace(number); number != "" {
			e.numbers = append(e.numbers, number)
		}
	}
	return e, len(e.numbers) > 0
}

// ownName names the trunk of an account in the addresses of its webhooks. It
// does not tell the account.
func (n *Network) ownName(sid string) string {
	h := hmac.New(sha256.New, n.secret)
	h.Write([]byte("account " + sid))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// ownProvider makes the provider for somebody's own account.
func (n *Network) ownProvider(e enrolment, r provider.Receiver) *twilio.Provider {
	o := n.twilio
	o.AccountSID, o.AuthToken, o.AuthTokenSecondary = e.sid, e.token, transport.Secret{}
	if o.PublicURL != "" {
		o.PublicURL = strings.TrimRight(o.PublicURL, "/") + ownPath + n.ownName(e.sid)
	}
	return twilio.New(o, r, n.log)
}

// ownTrunk gives the trunk of an account. Where two users' tokens for it
// differ, that counts which Twilio took last. The caller is enrolling.
func (n *Network) ownTrunk(e enrolment) *trunk {
	name := n.ownName(e.sid)
	was := n.lines.trunk(name)
	if was != nil && (was.own.token == e.token || was.own.verified >= e.verified) {
		return was
	}
	t := n.newTrunk(name, func(r provider.Receiver) provider.Provider { return n.ownProvider(e, r) })
	t.own = e
	t.hook = func(ctx context.Context, ours []string) error {
		return t.provider.(*twilio.Provider).Hook(ctx, ours, t)
	}
	if was != nil {
		n.lines.replace(was, t)
	} else {
		n.lines.connect(t)
	}
	return t
}

// enrol gives a user what they registered with.
func (n *Network) enrol(a transport.Account) error {
	e, ok := enrolmentOf(a.Settings)
	user := userKey(a.User)
	if !ok || n.isConfigured(user) {
		return nil
	}
	n.enrolling.Lock()
	defer n.enrolling.Unlock()
	t := n.lines.trunk(operatorTrunk)
	if e.sid != "" {
		t = n.ownTrunk(e)
	} else if !slices.ContainsFunc(n.pool, func(p PoolNumber) bool { return p.Number == e.numbers[0] }) {
		n.lines.settle(user, nil, t, false)
		return &transport.Error{
			Reason: transport.NotRegistered,
			Text:   fmt.Sprintf("The number %s is no longer given out here. Register again to get another.", e.numbers[0]),
		}
	}
	before := n.lines.carriedBy(t)
	if taken := n.lines.settle(user, e.numbers, t, e.sid != ""); taken != "" {
		return &transport.Error{
			Reason: transport.NotRegistered,
			Text:   fmt.Sprintf("The number %s is somebody else's by now. Register again to get another.", taken),
		}
	}
	if !slices.Equal(before, n.lines.carriedBy(t)) {
		wake(t.rehook)
	}
	return nil
}

// enrolAll does so for everybody who has registered, before the first text
// comes.
func (n *Network) enrolAll(stored transport.Accounts) error {
	if stored == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	all, err := stored.All(ctx)
	if err != nil {
		return fmt.Errorf("read who has registered: %w", err)
	}
	slices.SortStableFunc(all, func(a, b transport.Account) int {
		one, _ := enrolmentOf(a.Settings)
		other, _ := enrolmentOf(b.Settings)
		return cmp.Compare(one.verified, other.verified)
	})
	for _, a := range all {
		if err := n.enrol(a); err != nil {
			n.log.Warn("somebody who has registered has no number", "user", a.User, "error", err)
		}
	}
	return nil
}

const readTime = 30 * time.Second

// release takes all numbers from a user.
func (n *Network) release(user string) {
	n.enrolling.Lock()
	defer n.enrolling.Unlock()
	numbers := n.lines.given(user)
	var t *trunk
	if len(numbers) > 0 {
		t = n.lines.trunkOf(numbers[0])
	}
	n.lines.settle(user, nil, n.lines.trunk(operatorTrunk), false)
	if t != nil {
		wake(t.rehook)
	}
}

// noNumber tells somebody how to come by one.
func (n *Network) noNumber() error {
	if n.way == registrationClosed {
		return &transport.Error{Reason: transport.NotRegistered, Text: "The operator of this gateway has not given you a phone number."}
	}
	return &transport.Error{Reason: transport.NotRegistered, Text: "You have no phone number here yet: register with this gateway to get one."}
}

// isConfigured says that the operator has given a user their numbers.
func (n *Network) isConfigured(user string) bool { return n.configured[userKey(user)] }
