package smpp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Answers to deliver_sm (SMPP 3.4 §5.1.3).
const (
	stored = data.ESME_ROK
	later  = data.CommandStatusType(0x64) // ESME_RX_T_APPN: bring it again
	never  = data.CommandStatusType(0x65) // ESME_RX_P_APPN
)

const (
	storeTime = 20 * time.Second
	holdFor   = 5 * time.Second  // a part's answer, while others are missing
	keepParts = 10 * time.Minute // a text whose parts do not come
	maxTexts  = 256              // in parts, at a time
	maxDone   = 4096             // parts of whole texts that are remembered
)

func (l *link) answerDelivery(d *pdu.DeliverSM, status data.CommandStatusType) error {
	response := d.GetResponse().(*pdu.DeliverSMResp)
	response.CommandStatus = status
	return l.write(response, d.GetSequenceNumber())
}

// receive takes what the SMSC brings, in its order.
func (l *link) receive(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	l.noteSoon(ctx, l.p.doubles.begin)
	for {
		select {
		case <-ctx.Done():
			l.p.parts.forgetLink(l)
			return
		case <-ticker.C:
			l.p.parts.tick(ctx)
			l.noteSoon(ctx, func(ctx context.Context) error { return l.p.doubles.tick(ctx, l.ask) })
		case sequence := <-l.alive:
			l.noteSoon(ctx, func(ctx context.Context) error { return l.p.doubles.confirm(ctx, sequence) })
		case d := <-l.inbox:
			l.take(ctx, d)
		}
	}
}

func (l *link) take(ctx context.Context, d *pdu.DeliverSM) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	reply := func(status data.CommandStatusType) { l.answerDelivery(d, status) }
	switch d.EsmClass >> 2 & 0xf { // SMPP 3.4 §5.2.12
	case 0:
	case 1:
		reply(l.takeReceipt(ctx, d))
		return
	default: // acknowledgements by phones and news on the way
		reply(stored)
		return
	}
	in, err := l.p.partOf(d)
	if err != nil {
		l.p.log.Warn("text refused", "error", err)
		reply(never)
		return
	}
	if in.total == 1 {
		reply(l.p.store(ctx, in, [][]byte{in.content}, rand.Text()))
		return
	}
	l.p.parts.add(ctx, l, in, reply, func(ctx context.Context, contents [][]byte, id string) data.CommandStatusType {
		return l.p.store(ctx, in, contents, id)
	})
}

func (l *link) takeReceipt(ctx context.Context, d *pdu.DeliverSM) data.CommandStatusType {
	r, final := l.p.receiptOf(d)
	if !final {
		return stored
	}
	if err := l.p.receiver.Report(ctx, r); err != nil {
		l.p.log.Error("take a receipt", "error", err)
		return later
	}
	return stored
}

// store hands over a whole text and says what the SMSC is to be told.
func (p *Provider) store(ctx context.Context, in part, contents [][]byte, id string) data.CommandStatusType {
	received := provider.Inbound{From: in.from, To: in.to}
	var whole []byte
	missing := 0
	for _, content := range contents {
		whole = append(whole, content...)
		if content == nil {
			missing++
		}
	}
	if s, ok := text(whole, in.encoding); ok {
		received.Text = s
	} else {
		received.Lost = 1
	}
	if missing > 0 {
		received.Text += fmt.Sprintf("\n[%d of the %d parts of this text did not arrive.]", missing, len(contents))
	}
	id, err := p.doubles.name(ctx, markOf(in, whole), id)
	if err == nil {
		received.ID = transport.MessageID(id)
		err = p.receiver.Receive(ctx, received)
	}
	switch {
	case errors.Is(err, provider.ErrUnknownNumber):
		return never
	case err != nil:
		p.log.Error("take a text", "error", err)
		return later
	}
	return stored
}

// parts are texts whose parts have not all come. It belongs to the goroutine
// that receives: there is one link at a time.
//
// A part is answered when the whole text is stored. If the others do not come
// soon, the SMSC is asked to bring it again, which costs nothing, because what
// it brought is kept meanwhile. One that it then brings a second time is
// answered at once: the SMSC may wait with the others for that.
type parts struct {
	seed  maphash.Seed
	texts map[textKey]*partial
	done  map[uint64]time.Time // parts of texts that were stored
	order []uint64             // of done, the oldest first
}

type textKey struct {
	from, to   string
	ref, total int
}

type partial struct {
	id    string
	store func(context.Context, [][]byte, string) data.CommandStatusType
	since time.Time
	have  map[int]*held
}

type held struct {
	content []byte
	link    *link
	reply   func(data.CommandStatusType) // nil: it has its answer
	since   time.Time
	again   bool // it was put off once
	taken   bool // it was answered as stored, and is not
}

func newParts() *parts {
	return &parts{seed: maphash.MakeSeed(), texts: make(map[textKey]*partial), done: make(map[uint64]time.Time)}
}

func (ps *parts) add(ctx context.Context, l *link, in part, reply func(data.CommandStatusType), store func(context.Context, [][]byte, string) data.CommandStatusType) {
	now := time.Now()
	key := textKey{in.from, in.to, in.ref, in.total}
	mark := ps.mark(key, in.sequence, in.content)
	if at, ok := ps.done[mark]; ok && now.Sub(at) < keepParts {
		reply(stored)
		return
	}
	t := ps.texts[key]
	if t != nil {
		if was := t.have[in.sequence]; was != nil && string(was.content) != string(in.content) {
			ps.drop(ctx, key) // the sender uses the number again
			t = nil
		}
	}
	if t == nil {
		if len(ps.texts) >= maxTexts {
			ps.dropOldest(ctx)
		}
		t = &partial{id: rand.Text(), store: store, since: now, have: make(map[int]*held)}
		ps.texts[key] = t
	}
	was := t.have[in.sequence]
	h := &held{content: in.content, link: l, reply: reply, since: now}
	t.have[in.sequence] = h
	if len(t.have) < in.total {
		if was != nil && was.again {
			h.answer(stored)
			h.taken = true
		}
		return
	}
	contents := make([][]byte, in.total)
	for i := range contents {
		contents[i] = t.have[i+1].content
	}
	status := store(ctx, contents, t.id)
	for i := range in.total {
		h := t.have[i+1]
		h.answer(status)
		h.again = true
		if status != later {
			ps.remember(ps.mark(key, i+1, h.content), now)
		}
	}
	if status != later {
		delete(ps.texts, key)
	}
}

func (h *held) answer(status data.CommandStatusType) {
	if h.reply != nil {
		h.reply(status)
		h.reply = nil
	}
}

func (ps *parts) mark(k textKey, sequence int, content []byte) uint64 {
	return maphash.String(ps.seed, fmt.Sprintf("%q %q %d %d %d %q", k.from, k.to, k.ref, k.total, sequence, content))
}

func (ps *parts) remember(mark uint64, now time.Time) {
	ps.done[mark], ps.order = now, append(ps.order, mark)
	if len(ps.order) > maxDone {
		delete(ps.done, ps.order[0])
		ps.order = ps.order[1:]
	}
}

// drop lets go of a text whose other parts did not come. If the SMSC was told
// that some are stored, they are, with a word about the rest.
func (ps *parts) drop(ctx context.Context, key textKey) {
	t := ps.texts[key]
	delete(ps.texts, key)
	var contents [][]byte
	taken := false
	for i := range key.total {
		h := t.have[i+1]
		if h == nil {
			contents = append(contents, nil)
			continue
		}
		contents = append(contents, h.content)
		taken = taken || h.taken
		h.answer(later)
	}
	if taken {
		t.store(ctx, contents, t.id)
	}
}

func (ps *parts) dropOldest(ctx context.Context) {
	var oldest textKey
	var since time.Time
	for key, t := range ps.texts {
		if since.IsZero() || t.since.Before(since) {
			oldest, since = key, t.since
		}
	}
	ps.drop(ctx, oldest)
}

// tick puts off what waits for its answer too long, and forgets old texts.
func (ps *parts) tick(ctx context.Context) {
	now := time.Now()
	for key, t := range ps.texts {
		if now.Sub(t.since) > keepParts {
			ps.drop(ctx, key)
			continue
		}
		for _, h := range t.have {
			if h.reply != nil && now.Sub(h.since) > holdFor {
				h.answer(later)
				h.again = true
			}
		}
	}
}

// forgetLink lets go of a connection that has ended: nobody hears its answers.
func (ps *parts) forgetLink(l *link) {
	for _, t := range ps.texts {
		for _, h := range t.have {
			if h.link == l {
				h.reply, h.again = nil, true
			}
		}
	}
}
