package smpp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"gatehouse/transports/sms/provider"
)

const (
	enquireEvery = 30 * time.Second
	silence      = 75 * time.Second // without any PDU, the connection is taken for dead
	writeTime    = 10 * time.Second
	goodbye      = time.Second // for the answer to unbind
	lastAnswers  = 3 * time.Second
	largestPDU   = 64 << 10
	inboxLength  = 64
)

// A link is one bound connection.
type link struct {
	p       *Provider
	conn    net.Conn
	window  chan struct{}       // one token for each submit_sm without an answer
	inbox   chan *pdu.DeliverSM // what the SMSC brings, in order
	alive   chan int32          // what the SMSC answered, by sequence number
	closed  chan struct{}
	closing sync.Once

	writing sync.Mutex
	mu      sync.Mutex
	last    int32 // sequence number
	waiting map[int32]*waiting
}

// waiting is a submit_sm without an answer.
type waiting struct {
	ref    string // of the text, with its last part
	answer chan answer
}

type answer struct {
	status data.CommandStatusType
	id     string
}

// A bindError is an SMSC's refusal.
type bindError struct{ status data.CommandStatusType }

func (e *bindError) Error() string {
	return fmt.Sprintf("the SMSC refused the bind with status 0x%08x", uint32(e.status))
}

// credentials says that trying again soon is no use.
func (e *bindError) credentials() bool {
	return e.status == data.ESME_RBINDFAIL || e.status == data.ESME_RINVPASWD || e.status == data.ESME_RINVSYSID
}

// bind connects and binds as a transceiver (SMPP 3.4 §4.1.5).
func (p *Provider) bind(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, bindTime)
	defer cancel()
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	l := &link{
		p: p, conn: conn,
		window: make(chan struct{}, p.options.Window), inbox: make(chan *pdu.DeliverSM, inboxLength), alive: make(chan int32, 4),
		closed: make(chan struct{}), waiting: make(map[int32]*waiting),
	}
	if err := l.introduce(); err != nil {
		conn.Close()
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return l, nil
}

func (p *Provider) dial(ctx context.Context) (net.Conn, error) {
	config, err := p.options.tlsConfig()
	if err != nil {
		return nil, fmt.Errorf("ca_file %w", err)
	}
	var conn net.Conn
	if config != nil {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.options.Address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", p.options.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func (l *link) introduce() error {
	request := pdu.NewBindTransceiver().(*pdu.BindRequest)
	request.SystemID, request.Password = l.p.options.SystemID, l.p.options.Password.Reveal()
	request.SystemType = l.p.options.SystemType
	if err := l.write(request, l.next()); err != nil {
		return err
	}
	for {
		_, got, err := read(l.conn)
		if err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		if header := got.GetHeader(); header.CommandID == data.BIND_TRANSCEIVER_RESP || header.CommandID == data.GENERIC_NACK {
			if header.CommandStatus != data.ESME_ROK || header.CommandID == data.GENERIC_NACK {
				return &bindError{header.CommandStatus}
			}
			return nil
		}
	}
}

// read gives the next PDU. One that can't be read is nil with its header.
func read(r io.Reader) (pdu.Header, pdu.PDU, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return pdu.Header{}, nil, fmt.Errorf("read: %w", err)
	}
	header := pdu.ParseHeader(head)
	if header.CommandLength < 16 || header.CommandLength > largestPDU {
		return header, nil, errors.New("read: the SMSC sends no SMPP")
	}
	frame := append(head[:], make([]byte, header.CommandLength-16)...)
	if _, err := io.ReadFull(r, frame[16:]); err != nil {
		return header, nil, fmt.Errorf("read: %w", err)
	}
	return header, parse(frame), nil
}

// parse gives nil for what is no PDU. Lengths below zero make gosmpp panic.
func parse(frame []byte) (got pdu.PDU) {
	defer func() {
		if recover() != nil {
			got = nil
		}
	}()
	got, err := pdu.Parse(bytes.NewReader(frame))
	if err != nil {
		return nil
	}
	return got
}

func (l *link) next() int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = l.last%0x7fffffff + 1 // SMPP 3.4 §3.2
	return l.last
}

func (l *link) write(p pdu.PDU, sequence int32) error {
	p.SetSequenceNumber(sequence)
	b := pdu.NewBuffer(nil)
	p.Marshal(b)
	l.writing.Lock()
	defer l.writing.Unlock()
	l.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := l.conn.Write(b.Bytes()); err != nil {
		l.close()
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (l *link) close() {
	l.closing.Do(func() {
		close(l.closed)
		l.conn.Close()
	})
}

func (l *link) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// serve reads until the connection or ctx ends, and waits for its goroutines.
func (l *link) serve(ctx context.Context) error {
	working, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { l.receive(working) })
	running.Go(func() { l.enquire(working) })
	running.Go(func() {
		select {
		case <-ctx.Done():
			l.awaitAnswers()
			l.write(pdu.NewUnbind(), l.next())
			timer := time.NewTimer(goodbye)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-l.closed:
			}
			l.close()
		case <-l.closed:
		}
	})
	err := l.readAll()
	l.close()
	stop()
	running.Wait()
	return err
}

// awaitAnswers gives the SMSC a little time to answer what it has: a text
// without an answer is a text in doubt.
func (l *link) awaitAnswers() {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(lastAnswers); len(l.window) > 0 && time.Now().Before(end) && !l.isClosed(); {
		<-ticker.C
	}
}

// enquire shows both sides that the connection is alive.
func (l *link) enquire(ctx context.Context) {
	ticker := time.NewTicker(enquireEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if l.write(pdu.NewEnquireLink(), l.next()) != nil {
				return
			}
		}
	}
}

var errUnbound = errors.New("the SMSC ended the connection")

func (l *link) readAll() error {
	for {
		l.conn.SetReadDeadline(time.Now().Add(silence))
		header, got, err := read(l.conn)
		if err != nil {
			return err
		}
		switch got := got.(type) {
		case *pdu.EnquireLink:
			err = l.write(got.GetResponse(), header.SequenceNumber)
		case *pdu.EnquireLinkResp:
			select {
			case l.alive <- header.SequenceNumber:
			default: // it is asked again
			}
		case *pdu.SubmitSMResp:
			l.settle(header, got.MessageID)
		case *pdu.GenericNack:
			l.settle(header, "")
		case *pdu.Unbind:
			l.write(got.GetResponse(), header.SequenceNumber)
			return errUnbound
		case *pdu.UnbindResp:
			return errUnbound
		case *pdu.DeliverSM:
			select {
			case l.inbox <- got:
			default: // the SMSC brings it again
				err = l.answerDelivery(got, later)
			}
		case nil:
			err = l.answerUnreadable(header)
		default:
			if got.CanResponse() {
				err = l.refuse(header, data.ESME_RINVCMDID)
			}
		}
		if err != nil {
			return err
		}
	}
}

// answerUnreadable answers what can't be read. A refused submit_sm may come
// without a body.
func (l *link) answerUnreadable(header pdu.Header) error {
	switch id := header.CommandID; {
	case id == data.SUBMIT_SM_RESP:
		l.settle(header, "")
		return nil
	case uint32(id)&0x80000000 != 0: // an answer
		return nil
	case id == data.DELIVER_SM:
		response := pdu.NewDeliverSMResp().(*pdu.DeliverSMResp)
		response.CommandStatus = never
		return l.write(response, header.SequenceNumber)
	}
	return l.refuse(header, data.ESME_RINVCMDID)
}

func (l *link) refuse(header pdu.Header, status data.CommandStatusType) error {
	nack := pdu.NewGenericNack().(*pdu.GenericNack)
	nack.CommandStatus = status
	return l.write(nack, header.SequenceNumber)
}

// submit sends one submit_sm and waits for its answer.
func (l *link) submit(ctx context.Context, p *pdu.SubmitSM, ref string) (id string, err error) {
	select {
	case l.window <- struct{}{}:
	case <-l.closed:
		return "", &provider.Retry{Everyone: true, Err: errNotBound}
	case <-ctx.Done():
		return "", &provider.Retry{Everyone: true, Err: errors.New("the SMSC leaves too many texts without an answer")}
	}
	sequence := l.next()
	w := &waiting{ref: ref, answer: make(chan answer, 1)}
	l.mu.Lock()
	l.waiting[sequence] = w
	l.mu.Unlock()
	if l.isClosed() {
		return "", &provider.Retry{Everyone: true, Err: errNotBound}
	}
	if err := l.write(p, sequence); err != nil {
		return "", err
	}
	select {
	case a := <-w.answer:
		return a.id, outcome(a.status)
	case <-l.closed:
		select {
		case a := <-w.answer:
			return a.id, outcome(a.status)
		default:
		}
		return "", fmt.Errorf("wait for submit_sm_resp: %w", errUnbound)
	case <-ctx.Done():
		return "", fmt.Errorf("wait for submit_sm_resp: %w", ctx.Err())
	}
}

// settle gives an answer to who waits for it, or keeps it if nobody does.
func (l *link) settle(header pdu.Header, id string) {
	l.mu.Lock()
	w := l.waiting[header.SequenceNumber]
	delete(l.waiting, header.SequenceNumber)
	l.mu.Unlock()
	if w == nil {
		return
	}
	<-l.window
	status := header.CommandStatus
	if status == data.ESME_ROK && (header.CommandID == data.GENERIC_NACK || id == "") {
		return // it says neither; the text stays in doubt
	}
	if status == data.ESME_ROK && w.ref != "" {
		l.p.note(w.ref, id)
	}
	w.answer <- answer{status, id}
}
