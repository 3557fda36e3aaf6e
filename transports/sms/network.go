// Package sms is the transport to phones: texts over SMS, through whichever
// provider carries them.
//
// Addresses are numbers in E.164 and the forms that address.go lists. Texts are
// cut into parts as 3GPP TS 23.038 and TS 23.040 say. The network is Durable:
// what comes in is acknowledged to the provider only when the gateway has
// stored it, and what goes out is stored before anything else happens to it.
package sms

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/twilio"
)

// Driver makes SMS networks.
var Driver = transport.Driver{
	Name:    "sms",
	Options: func() transport.Options { return Defaults() },
}

// Network implements transport.Network, Registration, Configurable, Namer, Owned,
// Users, Webhooks, Runner, Staying and Recording.
type Network struct {
	log         *slog.Logger
	name        string
	region      string
	maxSegments int
	long        string   // what becomes of messages that are longer
	maxMembers  int      // of a group, besides the user
	maxWaiting  int      // texts of one user, at most
	sgx         []string // domains of gateways whose users these are
	smart       bool
	prices      Prices
	currency    string
	timezone    string // of users who set none
	history     bool   // what is kept of those who set nothing
	accounts    []transport.Account
	configured  map[string]bool // users whose numbers the config gives, by userKey
	lines       *lines
	outbox      transport.Outbox
	records     transport.Records
	settings    transport.Settings
	files       transport.Files // nil: none are hosted
	http        *http.Client    // guarded
	mediaIn     *mediaIn
	preparing   chan struct{} // holds a token for each message whose files are fetched

	way    string         // in which people register
	allow  []string       // who may
	pool   []PoolNumber   // what they can have
	twilio twilio.Options // for their own accounts
	secret []byte
	tries  tries
	direct tries // texts that need no SMS

	enrolling sync.Mutex // makes one change of who has what at a time

	mu       sync.Mutex // guards sessions, opened and unknown, never held during I/O
	sessions map[string]*session
	opened   chan struct{}   // closed, and made anew, when a session is opened
	unknown  map[string]bool // numbers that were logged already

	ids     *locks // who works on the item with a message id
	groups  *locks // and on a message of several texts
	ledgers *locks // and on what a user has sent
	waiting *locks // and on the texts of a user that wait; before ledgers

	scheduling   chan struct{} // wakes who sends what is due
	balanceAlert float64       // 0: none
	tellAdmins   func(text string)

	quota      Quota            // of users without one of their own
	quotas     map[string]Quota // by userKey
	counted    counted          // for who has a user's ledger
	optOuts    optOuts
	alerts     alerts
	floods     floods
	rules      ruleBook
	floodLimit int

	queue chan struct{} // wakes the sender: there is something to send
	scan  chan struct{} // wakes the sender: look at what is open
}

// newNetwork makes a network whose operator's provider is made by the function
// given.
func newNetwork(o *Options, env transport.Env, providerOf func(provider.Receiver, *slog.Logger) provider.Provider) (*Network, error) {
	if env.Outbox == nil || env.Records == nil {
		return nil, errors.New("sms: the component needs a store, so that no text is lost")
	}
	n := &Network{
		log: env.Log, name: o.Name, region: o.Region,
		maxSegments: o.MaxSegments, long: o.Long, maxMembers: o.MaxMembers, maxWaiting: o.MaxWaiting, sgx: o.SGX, smart: o.SmartEncoding,
		prices: o.Price, currency: o.Currency, timezone: o.Timezone, history: o.History,
		way: o.Registration, allow: o.RegistrationAllow, pool: o.Pool, twilio: o.Twilio, secret: env.Secret,
		configured: make(map[string]bool), lines: newLines(), outbox: env.Outbox, records: env.Records, settings: env.Settings,
		files: env.Files, http: env.HTTP, preparing: make(chan struct{}, preparing),
		sessions: make(map[string]*session), opened: make(chan struct{}), unknown: make(map[string]bool),
		ids: newLocks(), groups: newLocks(), ledgers: newLocks(), waiting: newLocks(),
		quota: o.Quota, quotas: map[string]Quota{}, floodLimit: o.FloodLimit,
		scheduling: make(chan struct{}, 1), balanceAlert: o.BalanceAlert, tellAdmins: env.TellAdmins,
		floods: floods{from: map[string]*flood{}},
		queue:  make(chan struct{}, 1), scan: make(chan struct{}, 1),
	}
	n.mediaIn = newMediaIn(n)
	if n.http == nil {
		n.http = guarded.Client(nil)
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	for user, quota := range o.QuotaOf {
		n.quotas[userKey(user)] = quota
	}
	if err := n.loadOptOuts(); err != nil {
		return nil, err
	}
	operator := n.newTrunk(operatorTrunk, func(r provider.Receiver) provider.Provider { return providerOf(r, n.log) })
	n.lines.connect(operator)
	for _, u := range o.Users {
		key := userKey(u.JID)
		if !n.configured[key] {
			n.configured[key] = true
			n.accounts = append(n.accounts, transport.Account{User: key})
		}
		n.lines.assign(key, u.Number, operator)
	}
	return n, n.enrolAll(env.Accounts)
}

// userKey makes the bare JIDs of the config comparable with the gateway's.
func userKey(jid string) string { return strings.ToLower(jid) }

// Info implements transport.Network.
func (n *Network) Info() transport.Info {
	return transport.Info{
		Name: n.name, Type: "sms", AlwaysOn: true, Durable: true, Reachable: true, Closed: n.way == registrationClosed,
		Media: true, Rooms: true, Groups: true,
		Prompt: prompts["en"], Prompts: prompts,
	}
}

// Users implements transport.Users.
func (n *Network) Users() []transport.Account { return n.accounts }

// Run implements transport.Runner: it does the work of the providers, and
// sends what the outbox holds.
func (n *Network) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { n.runTrunks(ctx) })
	running.Go(func() { n.mediaIn.run(ctx) })
	if t := n.lines.trunk(operatorTrunk); t != nil && t.capabilities().Media != nil && !n.hostsFiles() {
		n.log.Info("pictures and files that come with texts are only mentioned; set media.public_url to have them shown")
	}
	running.Go(func() { n.sendScheduled(ctx) })
	running.Go(func() { n.watchBalance(ctx) })
	running.Go(func() { n.askPrices(ctx) })
	newSender(n).run(ctx)
	running.Wait()
	return nil
}

func (n *Network) add(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions[userKey(s.user)] = s
	close(n.opened)
	n.opened = make(chan struct{})
}

func (n *Network) remove(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sessions[userKey(s.user)] == s {
		delete(n.sessions, userKey(s.user))
	}
}

// sessionOf gives a user's session, nil if there is none.
func (n *Network) sessionOf(user string) *session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[userKey(user)]
}

var errNoSession = errors.New("the user has no session yet")

// deliver gives an event to a user's session. Nil means that it is stored.
func (n *Network) deliver(ctx context.Context, user string, e transport.Event) error {
	return n.inTurn(ctx, user, deliverTimeout, delivery(e))
}

// deliverSoon does so for what is told again if it can't be told now: others'
// reports are not to wait long for who takes none.
func (n *Network) deliverSoon(ctx context.Context, user string, e transport.Event) error {
	return n.inTurn(ctx, user, tellTime, delivery(e))
}

// settleSoon tells how an item ended, as deliverSoon does, and stores that.
func (n *Network) settleSoon(ctx context.Context, e transport.MessageStatus, item transport.OutboxItem) error {
	return n.inTurn(ctx, item.User, tellTime, func(ctx context.Context, to transport.Sink) error {
		return transport.Settle(ctx, to, n.outbox, e, item)
	})
}

func (n *Network) inTurn(ctx context.Context, user string, limit time.Duration, hand handover) error {
	s := n.sessionOf(user)
	if s == nil {
		return errNoSession
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.inTurn(ctx, hand)
}

// awaitSession waits for a session that is about to be opened, as at the start,
// until ctx ends.
func (n *Network) awaitSession(ctx context.Context, user string) {
	for {
		n.mu.Lock()
		s, opened := n.sessions[userKey(user)], n.opened
		n.mu.Unlock()
		if s != nil {
			return
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return
		}
	}
}

func (n *Network) wakeSender() { wake(n.queue) }
func (n *Network) wakeScan()   { wake(n.scan) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake already
	}
}
