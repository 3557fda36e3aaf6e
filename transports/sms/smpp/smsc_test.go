package smpp

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

var discard = slog.New(slog.DiscardHandler)

const patience = 10 * time.Second

// receiver keeps what it gets, or fails.
type receiver struct {
	mu      sync.Mutex
	err     error
	in      chan provider.Inbound
	reports chan provider.Report
}

func newReceiver() *receiver {
	return &receiver{in: make(chan provider.Inbound, 16), reports: make(chan provider.Report, 16)}
}

func (r *receiver) fails(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *receiver) Receive(_ context.Context, in provider.Inbound) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.in <- in
	}
	return r.err
}

func (r *receiver) Report(_ context.Context, report provider.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.reports <- report
	}
	return r.err
}

// next waits for something.
func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// smsc is a scripted SMSC.
type smsc struct {
	t       *testing.T
	address string
	binds   chan *pdu.BindRequest
	got     chan pdu.PDU // all but binds

	mu     sync.Mutex
	conn   net.Conn
	refuse data.CommandStatusType // of binds
	submit func(n int, s *pdu.SubmitSM) pdu.PDU
	n      int
}

func startSMSC(t *testing.T) *smsc {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startSMSCOn(t, l)
}

func startSMSCOn(t *testing.T, l net.Listener) *smsc {
	s := &smsc{t: t, address: l.Addr().String(), binds: make(chan *pdu.BindRequest, 64), got: make(chan pdu.PDU, 64)}
	s.submit = func(n int, p *pdu.SubmitSM) pdu.PDU { return taken(p, "id-"+string(rune('0'+n))) }
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); s.hangUp(); running.Wait() })
	return s
}

// taken is the answer to a text.
func taken(p *pdu.SubmitSM, id string) pdu.PDU {
	r := p.GetResponse().(*pdu.SubmitSMResp)
	r.MessageID = id
	return r
}

func refusal(p *pdu.SubmitSM, status uint32) pdu.PDU {
	r := p.GetResponse().(*pdu.SubmitSMResp)
	r.CommandStatus = data.CommandStatusType(status)
	return r
}

func (s *smsc) serve(conn net.Conn) {
	defer conn.Close()
	for {
		p, err := pdu.Parse(conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *pdu.BindRequest:
			s.mu.Lock()
			s.conn = conn
			refuse := s.refuse
			s.mu.Unlock()
			r := p.GetResponse().(*pdu.BindResp)
			r.CommandStatus = refuse
			s.send(r)
			s.binds <- p
		case *pdu.SubmitSM:
			s.mu.Lock()
			s.n++
			answer := s.submit(s.n, p)
			s.mu.Unlock()
			s.got <- p
			if answer != nil {
				s.send(answer)
			}
		case *pdu.EnquireLink:
			s.send(p.GetResponse())
		case *pdu.Unbind:
			s.send(p.GetResponse())
			return
		default:
			s.got <- p
		}
	}
}

func (s *smsc) send(p pdu.PDU) {
	b := pdu.NewBuffer(nil)
	p.Marshal(b)
	s.write(b.Bytes())
}

func (s *smsc) write(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Write(b)
	}
}

func (s *smsc) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
}

func testOptions(address string) Options {
	o := Defaults()
	o.Address, o.SystemID, o.Password, o.TLS = address, "gatehouse", transport.NewSecret("secret"), false
	return o
}

// bound starts a provider on the SMSC, and waits until it is bound.
func (s *smsc) bound(o Options, r *receiver) *Provider {
	s.t.Helper()
	p := New(o, r, discard)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	s.t.Cleanup(func() { stop(); running.Wait() })
	next(s.t, s.binds)
	s.await(func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.link != nil })
	return p
}

func (s *smsc) await(done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("it did not come to be")
		}
	}
}

// brings makes a deliver_sm.
func brings(from, words string) *pdu.DeliverSM {
	d := pdu.NewDeliverSM().(*pdu.DeliverSM)
	d.SourceAddr, _ = pdu.NewAddressWithTonNpiAddr(1, 1, from)
	d.DestAddr, _ = pdu.NewAddressWithTonNpiAddr(1, 1, "15005550001")
	d.Message.SetMessageDataWithEncoding([]byte(words), data.GSM7BIT)
	return d
}

// answered waits for the answer to a deliver_sm.
func (s *smsc) answered(d *pdu.DeliverSM) data.CommandStatusType {
	s.t.Helper()
	r, ok := next(s.t, s.got).(*pdu.DeliverSMResp)
	if !ok || r.SequenceNumber != d.SequenceNumber {
		s.t.Fatalf("got %+v as the answer", r)
	}
	return r.CommandStatus
}
