package sms

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

var errDead = errors.New("the process is dead")

// disk is an outbox that outlives the processes that use it.
type disk struct {
	mu    sync.Mutex
	items map[int64]transport.OutboxItem
	last  int64
	most  int // of the items that one In gave

	records *transporttest.Records
}

func newDisk() *disk {
	return &disk{items: make(map[int64]transport.OutboxItem), records: &transporttest.Records{}}
}

// all gives the items in the order in which they were put.
func (d *disk) all() []transport.OutboxItem {
	d.mu.Lock()
	defer d.mu.Unlock()
	items := slices.Collect(maps.Values(d.items))
	slices.SortFunc(items, func(a, b transport.OutboxItem) int { return cmp.Compare(a.Key, b.Key) })
	return items
}

func (d *disk) Put(_ context.Context, item transport.OutboxItem) (int64, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.put(item)
}

func (d *disk) put(item transport.OutboxItem) (int64, bool, error) {
	for _, was := range d.items {
		if item.Origin != "" && was.User == item.User && was.Chat == item.Chat && was.Origin == item.Origin && was.Text == item.Text && reflect.DeepEqual(was.Media, item.Media) &&
			item.Put.Sub(was.Put) < transport.DuplicateWindow {
			return was.Key, false, nil
		}
	}
	d.last++
	item.Key, item.State = d.last, transport.Queued
	d.items[item.Key] = item
	return item.Key, true, nil
}

func (d *disk) PutAll(ctx context.Context, batch transport.OutboxBatch) (stored int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := maps.Clone(d.items)
	for _, item := range batch.Items {
		if _, fresh, _ := d.put(item); fresh {
			stored++
		}
	}
	if stored == 0 {
		return 0, nil
	}
	if batch.Most > 0 && d.waiting(batch.Items[0].User) > batch.Most {
		d.items = before
		return 0, transport.ErrOutboxFull
	}
	for _, r := range batch.Records {
		if err := d.records.Put(ctx, r); err != nil {
			d.items = before
			return 0, err
		}
	}
	return stored, nil
}

func (d *disk) Waiting(_ context.Context, user string) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting(user), nil
}

func (d *disk) waiting(user string) (n int) {
	for _, item := range d.items {
		if item.User == user && item.State <= transport.Sending {
			n++
		}
	}
	return n
}

func (d *disk) Update(_ context.Context, item transport.OutboxItem) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, ok := d.items[item.Key]
	if !ok {
		return errors.New("no such item")
	}
	was.State, was.From, was.ID, was.Attempts = item.State, item.From, item.ID, item.Attempts
	was.NotBefore, was.LastError, was.Status, was.Fallback = item.NotBefore, item.LastError, item.Status, item.Fallback
	d.items[item.Key] = was
	return nil
}

func (d *disk) In(_ context.Context, state transport.OutboxState, now time.Time, after int64, most int, but ...transport.Address) ([]transport.OutboxItem, error) {
	var found []transport.OutboxItem
	for _, item := range d.all() {
		if item.State == state && item.Key > after && !item.NotBefore.After(now) && !slices.Contains(but, item.From) && len(found) < most {
			found = append(found, item)
		}
	}
	d.mu.Lock()
	d.most = max(d.most, len(found))
	d.mu.Unlock()
	return found, nil
}

func (d *disk) Find(_ context.Context, id transport.MessageID) (transport.OutboxItem, bool, error) {
	for _, item := range d.all() {
		if item.ID == id {
			return item, true, nil
		}
	}
	return transport.OutboxItem{}, false, nil
}

func (d *disk) Forget(_ context.Context, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.items, func(_ int64, item transport.OutboxItem) bool {
		return item.State == transport.Done && item.Put.Before(t)
	})
	return nil
}

// A process counts the steps that can be seen from outside, before and after
// each, and dies at one of them. What it does then has no effect.
type process struct {
	transport.Outbox
	mu    sync.Mutex
	steps int
	die   int // 0: never
	dead  bool
	kill  context.CancelFunc
}

// step says whether the process lives on.
func (p *process) step() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps++
	if p.steps == p.die {
		p.dead = true
		p.kill()
	}
	return !p.dead
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// around does something unless the process is dead, or dies before or after.
func (p *process) around(do func() error) error {
	if !p.step() {
		return errDead
	}
	err := do()
	if !p.step() {
		return errDead
	}
	return err
}

func (p *process) Put(ctx context.Context, item transport.OutboxItem) (key int64, stored bool, err error) {
	err = p.around(func() (err error) {
		key, stored, err = p.Outbox.Put(ctx, item)
		return err
	})
	return key, stored, err
}

func (p *process) PutAll(ctx context.Context, batch transport.OutboxBatch) (stored int, err error) {
	err = p.around(func() (err error) {
		stored, err = p.Outbox.PutAll(ctx, batch)
		return err
	})
	return stored, err
}

func (p *process) Update(ctx context.Context, item transport.OutboxItem) error {
	return p.around(func() error { return p.Outbox.Update(ctx, item) })
}

// carrier is a provider that takes texts, or fails in the ways it was told.
type carrier struct {
	mu      sync.Mutex
	process *process // whose calls count as steps
	plans   []plan   // for the sends to come; then all goes well
	taken   []provider.Outgoing
	ids     []transport.MessageID
	status  map[transport.MessageID]provider.Report
	lost    bool // Find fails
	mute    bool // it can't be asked
	refs    []string
	asked   int
	most    int // sends at a time
	now     int
	answer  time.Duration // how long a send takes
	limit   int
	receive provider.Receiver
	early   bool           // reports delivery before it answers
	optOuts bool           // heeds STOP
	change  func(*Network) // before anything runs

	takes     *provider.MediaLimits
	media     map[string]string // files, by their URL
	mediaErr  error
	hangs     map[string]bool
	fetched   []string
	forgotten []string
}

// A plan is how one send goes.
type plan struct {
	take bool
	err  error
}

func (c *carrier) Send(ctx context.Context, o provider.Outgoing) (sent provider.Sent, err error) {
	c.mu.Lock()
	p := plan{take: true}
	if len(c.plans) > 0 {
		p, c.plans = c.plans[0], c.plans[1:]
	}
	c.now++
	c.refs = append(c.refs, o.Ref)
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	if c.answer > 0 {
		sleep(ctx, c.answer)
	}
	defer func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
	}()
	err = c.process.around(func() error {
		if p.take {
			sent = c.take(o)
		}
		return p.err
	})
	if p.take && c.early && err == nil {
		c.receive.Report(ctx, provider.Report{ID: sent.ID, Status: transport.Delivered})
	}
	return sent, err
}

func (c *carrier) take(o provider.Outgoing) provider.Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := transport.MessageID("SM" + strconv.Itoa(len(c.taken)+1))
	c.taken, c.ids = append(c.taken, o), append(c.ids, id)
	return provider.Sent{ID: id}
}

func (c *carrier) Find(_ context.Context, o provider.Outgoing, _ time.Time) ([]provider.Sent, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs = append(c.refs, o.Ref)
	switch {
	case c.mute:
		return nil, provider.ErrCannotAsk
	case c.lost:
		return nil, errors.New("the provider is down")
	}
	var found []provider.Sent
	for i, was := range c.taken {
		if reflect.DeepEqual(was, o) && c.status[c.ids[i]].Status != transport.Failed {
			found = append(found, provider.Sent{ID: c.ids[i]})
		}
	}
	return found, nil
}

func (c *carrier) Status(_ context.Context, id transport.MessageID) (provider.Report, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if r, ok := c.status[id]; ok {
		return r, nil
	}
	return provider.Report{ID: id}, nil
}

// Receive and Report are what the operator's provider calls.

func (n *Network) Receive(ctx context.Context, in provider.Inbound) error {
	return n.lines.trunk(operatorTrunk).Receive(ctx, in)
}

func (n *Network) Report(ctx context.Context, r provider.Report) error {
	return n.lines.trunk(operatorTrunk).Report(ctx, r)
}

func (c *carrier) Capabilities() provider.Capabilities {
	return provider.Capabilities{MaxCharacters: c.limit, OptOuts: c.optOuts, Media: c.takes}
}
func (c *carrier) Webhooks() http.Handler        { return nil }
func (c *carrier) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (c *carrier) texts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var texts []string
	for _, o := range c.taken {
		texts = append(texts, o.Text)
	}
	return texts
}

// inbox is a sink that keeps what it gets.
type inbox struct {
	mu     sync.Mutex
	events []transport.Event
	full   chan struct{} // if not nil: Deliver waits for it
	err    error
}

func (i *inbox) Deliver(ctx context.Context, e transport.Event) error {
	if i.full != nil {
		select {
		case <-i.full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	i.events = append(i.events, e)
	return nil
}

func (i *inbox) all() []transport.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.events)
}

// received gives the texts that came in.
func (i *inbox) received() []transport.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	var messages []transport.Message
	for _, e := range i.events {
		if m, ok := e.(transport.MessageReceived); ok {
			messages = append(messages, m.Message)
		}
	}
	return messages
}

// statuses gives what was told of a message.
func (i *inbox) statuses(r transport.Request) []transport.MessageStatus {
	i.mu.Lock()
	defer i.mu.Unlock()
	var told []transport.MessageStatus
	for _, e := range i.events {
		if s, ok := e.(transport.MessageStatus); ok && s.Request == r {
			told = append(told, s)
		}
	}
	return told
}

const (
	romeo        = "romeo@example.org"
	juliet       = "juliet@example.org"
	nurse        = "nurse@example.org"
	romeoNumber  = "+15005550001"
	sharedNumber = "+15005550002"
	phone        = transport.Address("+15551234567")
)

// world is one process over a disk and a carrier.
type world struct {
	t       *testing.T
	disk    *disk
	carrier *carrier
	process *process
	network *Network
	romeo   *inbox
	host    *host
	link    transport.Session
	got     int // texts that came, and went, so far
	stop    context.CancelFunc
	running sync.WaitGroup
}

// start begins a process. Romeo has a session; Juliet and the nurse share a
// number.
func start(t *testing.T, d *disk, c *carrier, dieAt int) *world {
	t.Helper()
	return startOn(t, d, d, c, dieAt)
}

// startOn puts something between the process and the disk.
func startOn(t *testing.T, d *disk, between transport.Outbox, c *carrier, dieAt int) *world {
	t.Helper()
	o := Defaults()
	o.Users = []User{{romeo, romeoNumber}, {juliet, sharedNumber}, {nurse, sharedNumber}}
	ctx, stop := context.WithCancel(context.Background())
	w := &world{t: t, disk: d, carrier: c, romeo: &inbox{}, host: &host{}, stop: stop}
	w.process = &process{Outbox: between, die: dieAt, kill: stop}
	n, err := newNetwork(o, transport.Env{Outbox: w.process, Records: d.records, Settings: preferences{}, Files: w.host}, func(r provider.Receiver, _ *slog.Logger) provider.Provider {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.process, c.receive = w.process, r
		return c
	})
	if err != nil {
		t.Fatal(err)
	}
	w.network = n
	if c.change != nil {
		c.change(n)
	}
	w.link = w.open(romeo, w.romeo)
	w.running.Go(func() { n.Run(ctx) })
	return w
}

func (w *world) open(user string, i *inbox) transport.Session {
	w.t.Helper()
	s, err := w.network.Open(transport.Account{User: user}, i)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// ends stops the process and waits for it.
func (w *world) ends() {
	w.stop()
	w.running.Wait()
	if err := w.link.Close(context.Background(), ""); err != nil {
		w.t.Error(err)
	}
}

func (w *world) sends(r transport.Request, to transport.Address, text string) error {
	_, err := w.link.Send(context.Background(), transport.Message{Request: r, Chat: to, Origin: string(r), Text: text})
	return err
}

// mustSend fails the test if the message is not stored.
func (w *world) mustSend(r transport.Request, to transport.Address, text string) {
	w.t.Helper()
	if err := w.sends(r, to, text); err != nil {
		w.t.Fatal(err)
	}
}

// states gives where the items stand.
func (w *world) states() []transport.OutboxState {
	var states []transport.OutboxState
	for _, item := range w.disk.all() {
		states = append(states, item.State)
	}
	return states
}
