package smpp

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

func outgoing(words string) provider.Outgoing {
	return provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: words, Ref: "1.1.1"}
}

func content(p *pdu.SubmitSM) string {
	b, _ := p.Message.GetMessageData()
	return string(b)
}

func TestTextIsHandedOver(t *testing.T) {
	s := startSMSC(t)
	p := s.bound(testOptions(s.address), newReceiver())
	sent, err := p.Send(t.Context(), outgoing("hello @ {€}"))
	if diff := cmp.Diff(provider.Sent{ID: "id-1", Segments: 1}, sent); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	got := next(t, s.got).(*pdu.SubmitSM)
	if got.SourceAddr.Address() != "15005550001" || got.SourceAddr.Ton() != 1 || got.DestAddr.Address() != "15551234567" || got.DestAddr.Npi() != 1 {
		t.Errorf("from %v to %v", got.SourceAddr, got.DestAddr)
	}
	if content(got) != "hello \x00 \x1b(\x1be\x1b)" || got.Message.Encoding().DataCoding() != 0 || got.RegisteredDelivery != 1 || got.EsmClass != 0 {
		t.Errorf("got %q, %+v", content(got), got)
	}
}

func TestLongTextGoesInPartsAndTheLastAsksForAReceipt(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		sizes []int
	}{
		"GSM":                    {strings.Repeat("a", 161), []int{153, 8}},
		"an escape at the seam":  {strings.Repeat("a", 152) + "€" + strings.Repeat("b", 20), []int{152, 22}},
		"UCS-2":                  {strings.Repeat("ж", 71), []int{134, 8}},
		"a surrogate at the end": {strings.Repeat("ж", 66) + "😀" + "жжж", []int{132, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSMSC(t)
			p := s.bound(testOptions(s.address), newReceiver())
			sent, err := p.Send(t.Context(), outgoing(tt.text))
			if diff := cmp.Diff(provider.Sent{ID: "id-2", Segments: 2}, sent); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
			for i, size := range tt.sizes {
				got := next(t, s.got).(*pdu.SubmitSM)
				total, n, _, ok := got.Message.UDH().GetConcatInfo()
				if !ok || int(total) != 2 || int(n) != i+1 || got.EsmClass != 0x40 || len(content(got)) != size || int(got.RegisteredDelivery) != i {
					t.Errorf("part %d: %d of %d, %d octets, receipt %d", i+1, n, total, len(content(got)), got.RegisteredDelivery)
				}
			}
		})
	}
}

func TestAnswerTellsWhatBecameOfTheText(t *testing.T) {
	s := startSMSC(t)
	p := s.bound(testOptions(s.address), newReceiver())
	for name, tt := range map[string]struct {
		status uint32
		want   string
		reason transport.Reason
	}{
		"throttled":         {0x58, providertest.Retry, 0},
		"queue full":        {0x14, providertest.Retry, 0},
		"system error":      {0x08, providertest.Retry, 0},
		"bad recipient":     {0x0b, providertest.Refused, transport.BadAddress},
		"bad sender":        {0x0a, providertest.Refused, transport.NotRegistered},
		"submit failed":     {0x45, providertest.Refused, transport.Rejected},
		"the SMSC's own":    {0x401, providertest.Refused, transport.Rejected},
		"temporary failure": {0x64, providertest.Retry, 0},
	} {
		s.mu.Lock()
		s.submit = func(_ int, p *pdu.SubmitSM) pdu.PDU { return refusal(p, tt.status) }
		s.mu.Unlock()
		_, err := p.Send(t.Context(), outgoing("hello"))
		if err == nil || providertest.KindOf(err) != tt.want {
			t.Errorf("%s: got %v, want it %s", name, err, tt.want)
		}
		if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason != tt.reason {
			t.Errorf("%s: got %+v", name, e)
		}
		next(t, s.got)
	}
}

func TestThrottledPartIsSentAgainAndNotThoseBeforeIt(t *testing.T) {
	s := startSMSC(t)
	s.submit = func(n int, p *pdu.SubmitSM) pdu.PDU {
		if n == 2 {
			return refusal(p, 0x58)
		}
		return taken(p, "ok")
	}
	p := s.bound(testOptions(s.address), newReceiver())
	if _, err := p.Send(t.Context(), outgoing(strings.Repeat("a", 161))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []byte{1, 2, 2} {
		_, n, _, _ := next(t, s.got).(*pdu.SubmitSM).Message.UDH().GetConcatInfo()
		if n != want {
			t.Errorf("part %d came, want %d", n, want)
		}
	}
}

func TestTextWithoutAnAnswerIsInDoubtUntilTheAnswerComes(t *testing.T) {
	s := startSMSC(t)
	s.submit = func(int, *pdu.SubmitSM) pdu.PDU { return nil }
	p := s.bound(testOptions(s.address), newReceiver())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Send(ctx, outgoing("hello")); err == nil || providertest.KindOf(err) != providertest.Unknown {
		t.Fatalf("got %v", err)
	}
	if _, err := p.Find(t.Context(), outgoing("hello"), time.Time{}); !errors.Is(err, provider.ErrCannotAsk) {
		t.Errorf("got %v", err)
	}
	s.send(taken(next(t, s.got).(*pdu.SubmitSM), "late"))
	s.await(func() bool {
		found, err := p.Find(t.Context(), outgoing("hello"), time.Time{})
		return err == nil && len(found) == 1 && found[0].ID == "late"
	})
}

func TestLostConnectionLeavesADoubtAndIsMadeAnew(t *testing.T) {
	s := startSMSC(t)
	s.submit = func(n int, p *pdu.SubmitSM) pdu.PDU {
		if n == 1 {
			s.conn.Close()
			return nil
		}
		return taken(p, "anew")
	}
	p := s.bound(testOptions(s.address), newReceiver())
	if _, err := p.Send(t.Context(), outgoing("hello")); err == nil || providertest.KindOf(err) != providertest.Unknown {
		t.Fatalf("got %v", err)
	}
	s.await(func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.link == nil })
	if _, err := p.Send(t.Context(), outgoing("hello")); err == nil || providertest.KindOf(err) != providertest.Retry {
		t.Errorf("while there is no connection: %v", err)
	}
	next(t, s.binds)
	s.await(func() bool { _, err := p.Send(t.Context(), outgoing("again")); return err == nil })
}

func TestFullWindowHoldsTextsBack(t *testing.T) {
	s := startSMSC(t)
	s.submit = func(int, *pdu.SubmitSM) pdu.PDU { return nil }
	o := testOptions(s.address)
	o.Window = 1
	p := s.bound(o, newReceiver())
	for _, want := range []string{providertest.Unknown, providertest.Retry} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := p.Send(ctx, outgoing("hello")); err == nil || providertest.KindOf(err) != want {
			t.Errorf("got %v, want it %s", err, want)
		}
		cancel()
	}
}

func TestTLSSMSCIsTrustedByItsAuthorityOnly(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	s := startSMSCOn(t, l)
	o := testOptions(s.address)
	o.TLS = true
	if _, err := New(o, newReceiver(), discard).bind(t.Context()); err == nil {
		t.Error("a certificate of a stranger is trusted")
	}
	o.CAFile = ca
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.bound(o, newReceiver()).Send(t.Context(), outgoing("hello")); err != nil {
		t.Error(err)
	}
}

func TestRefusedBindIsTriedAgainOnlyLater(t *testing.T) {
	s := startSMSC(t)
	s.refuse = data.ESME_RINVPASWD
	p := New(testOptions(s.address), newReceiver(), discard)
	_, err := p.bind(t.Context())
	e, ok := errors.AsType[*bindError](err)
	if !ok || !e.credentials() {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error holds the password: %v", err)
	}
	bind := next(t, s.binds)
	if bind.SystemID != "gatehouse" || bind.Password != "secret" || bind.BindingType != pdu.Transceiver {
		t.Errorf("bound as %+v", bind)
	}
}

func TestTextComesInOnceItIsStored(t *testing.T) {
	s := startSMSC(t)
	r := newReceiver()
	s.bound(testOptions(s.address), r)
	d := brings("15551234567", "hello \x1be")
	s.send(d)
	want := provider.Inbound{From: "+15551234567", To: "+15005550001", Text: "hello €"}
	if diff := cmp.Diff(want, next(t, r.in), cmpopts.IgnoreFields(provider.Inbound{}, "ID")); diff != "" {
		t.Error(diff)
	}
	if got := s.answered(d); got != stored {
		t.Errorf("answered %v", got)
	}
	for _, tt := range []struct {
		err  error
		want data.CommandStatusType
	}{{errors.New("disk full"), later}, {provider.ErrUnknownNumber, never}} {
		r.fails(tt.err)
		d := brings("15551234567", "hello")
		s.send(d)
		if got := s.answered(d); got != tt.want {
			t.Errorf("%v: answered %v", tt.err, got)
		}
	}
}

// inPart makes a part of a text of three.
func inPart(n byte, words string) *pdu.DeliverSM {
	d := brings("15551234567", words)
	d.EsmClass = 0x40
	d.Message.SetUDH(pdu.UDH{pdu.NewIEConcatMessage(3, n, 7)})
	return d
}

func TestPartsAreAnsweredWhenTheWholeTextIsStored(t *testing.T) {
	s := startSMSC(t)
	r := newReceiver()
	s.bound(testOptions(s.address), r)
	r.fails(errors.New("disk full"))
	first, second, third := inPart(1, "one "), inPart(2, "two "), inPart(3, "three")
	for _, d := range []*pdu.DeliverSM{third, first, second} {
		s.send(d)
	}
	for range 3 {
		if a := next(t, s.got).(*pdu.DeliverSMResp); a.CommandStatus != later {
			t.Errorf("answered %v, and nothing is stored", a.CommandStatus)
		}
	}
	r.fails(nil)
	s.send(second) // what the SMSC brings again makes it whole
	if got := next(t, r.in); got.Text != "one two three" {
		t.Errorf("got %q", got.Text)
	}
	if got := s.answered(second); got != stored {
		t.Errorf("answered %v", got)
	}
	for _, d := range []*pdu.DeliverSM{first, third} {
		s.send(d)
		if got := s.answered(d); got != stored {
			t.Errorf("a part of a stored text, brought again, is answered %v", got)
		}
	}
	if len(r.in) > 0 {
		t.Error("the text was stored twice")
	}
}

func TestReceiptTellsHowATextFared(t *testing.T) {
	const words = "id:0123 sub:001 dlvrd:001 submit date:2511251200 done date:2511251201 stat:UNDELIV err:04B text:hello"
	failed := &transport.Error{Reason: transport.RecipientUnavailable, Code: "04B"}
	for name, tt := range map[string]struct {
		text string
		tlvs []pdu.Field
		ids  string
		want provider.Report
	}{
		"in words":            {words, nil, same, provider.Report{ID: "0123", Status: transport.Failed, Err: failed}},
		"in TLVs":             {words, []pdu.Field{{Tag: pdu.TagReceiptedMessageID, Data: []byte("abc\x00")}, {Tag: pdu.TagMessageStateOption, Data: []byte{2}}}, same, provider.Report{ID: "abc", Status: transport.Delivered}},
		"with a decimal id":   {"id:255 stat:DELIVRD err:000", nil, decimal, provider.Report{ID: "ff", Status: transport.Delivered}},
		"with a hexadecimal":  {"id:000000FF stat:DELIVRD err:000", nil, hex, provider.Report{ID: "255", Status: transport.Delivered}},
		"delivered, in words": {"id:9 stat:DELIVRD err:000", nil, same, provider.Report{ID: "9", Status: transport.Delivered}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSMSC(t)
			r := newReceiver()
			o := testOptions(s.address)
			o.ReceiptIDs = tt.ids
			s.bound(o, r)
			d := brings("15551234567", tt.text)
			d.EsmClass = 4
			for _, f := range tt.tlvs {
				d.RegisterOptionalParam(f)
			}
			s.send(d)
			if diff := cmp.Diff(tt.want, next(t, r.reports), cmpopts.IgnoreFields(transport.Error{}, "Text")); diff != "" {
				t.Error(diff)
			}
			if got := s.answered(d); got != stored {
				t.Errorf("answered %v", got)
			}
			if len(r.in) > 0 {
				t.Error("it was taken for a text")
			}
		})
	}
}

func TestWhatCannotBeReadDoesNotEndTheConnection(t *testing.T) {
	s := startSMSC(t)
	r := newReceiver()
	s.bound(testOptions(s.address), r)
	frame := func(id uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(16+len(body)))
		b = binary.BigEndian.AppendUint32(b, id)
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 0), 99)
		return append(b, body...)
	}
	s.write(frame(uint32(data.DELIVER_SM), "garbage"))
	if a, ok := next(t, s.got).(*pdu.DeliverSMResp); !ok || a.CommandStatus != never {
		t.Errorf("got %+v", a)
	}
	s.write(frame(0x77, "garbage"))
	if a, ok := next(t, s.got).(*pdu.GenericNack); !ok || a.CommandStatus != data.ESME_RINVCMDID {
		t.Errorf("got %+v", a)
	}
	// A TLV whose length reads as negative.
	good := pdu.NewBuffer(nil)
	brings("15551234567", "x").Marshal(good)
	s.write(frame(uint32(data.DELIVER_SM), string(good.Bytes()[16:])+"\x04\x24\xff\xff"))
	if a, ok := next(t, s.got).(*pdu.DeliverSMResp); !ok || a.SequenceNumber != 99 {
		t.Errorf("got %+v", a)
	}
	s.send(pdu.NewEnquireLink())
	if a, ok := next(t, s.got).(*pdu.EnquireLinkResp); !ok {
		t.Errorf("got %+v", a)
	}
}

func TestWrongOptionIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
		key  string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"no address", func(o *Options) { o.Address = "" }, "smpp.address"},
		{"no port", func(o *Options) { o.Address = "smpp.example.net" }, "smpp.address"},
		{"no name", func(o *Options) { o.SystemID = "" }, "smpp.system_id"},
		{"long name", func(o *Options) { o.SystemID = strings.Repeat("x", 16) }, "smpp.system_id"},
		{"no password", func(o *Options) { o.Password = transport.Secret{} }, "smpp.password"},
		{"long password", func(o *Options) { o.Password = transport.NewSecret("123456789") }, "smpp.password"},
		{"long type", func(o *Options) { o.SystemType = strings.Repeat("x", 13) }, "smpp.system_type"},
		{"no window", func(o *Options) { o.Window = 0 }, "smpp.window"},
		{"no such authority", func(o *Options) { o.TLS, o.CAFile = true, "/nowhere/ca.pem" }, "smpp.ca_file"},
		{"strange numbers", func(o *Options) { o.PlainNumbers = "x" }, "smpp.plain_numbers"},
		{"strange ids", func(o *Options) { o.ReceiptIDs = "octal" }, "smpp.receipt_ids"},
	}
	for _, tt := range tests {
		o := testOptions("smpp.example.net:2775")
		tt.set(&o)
		err := o.Check()
		e, ok := errors.AsType[*transport.OptionError](err)
		if ok != (tt.key != "") || ok && (e.Key != tt.key || e.Problem == "") {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}
