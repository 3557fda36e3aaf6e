package smpp

import (
	"testing"

	"github.com/linxGnu/gosmpp/pdu"
)

// Whatever an SMSC sends, it is read or refused, and nothing else happens.
func FuzzDelivery(f *testing.F) {
	receipt := brings("15551234567", "id:1 stat:DELIVRD err:000")
	receipt.EsmClass = 4
	payload := brings("15551234567", "")
	payload.EsmClass = classUDH
	payload.RegisterOptionalParam(pdu.Field{Tag: pdu.TagMessagePayload, Data: []byte("\x05\x00\x03\x07\x02\x01words")})
	for _, d := range []*pdu.DeliverSM{brings("15551234567", "hello"), inPart(1, "one"), receipt, payload} {
		b := pdu.NewBuffer(nil)
		d.Marshal(b)
		f.Add(b.Bytes())
	}
	p := New(testOptions("smpp.example.net:2775"), nil, discard)
	f.Fuzz(func(t *testing.T, frame []byte) {
		d, ok := parse(frame).(*pdu.DeliverSM)
		if !ok {
			return
		}
		p.receiptOf(d)
		in, err := p.partOf(d)
		if err != nil {
			return
		}
		if in.sequence < 1 || in.sequence > in.total || in.total > 255 {
			t.Errorf("it is part %d of %d", in.sequence, in.total)
		}
		text(in.content, in.encoding)
	})
}
