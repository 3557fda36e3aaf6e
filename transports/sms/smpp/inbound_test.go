package smpp

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// desk adds parts and keeps the answers to them, and the texts that are whole.
type desk struct {
	*parts
	answers []string
	texts   []string
	status  data.CommandStatusType
}

func (d *desk) gets(ref, sequence int, words string) {
	in := part{from: "+15551234567", to: "+15005550001", content: []byte(words), encoding: data.GSM7BIT, ref: ref, total: 2, sequence: sequence}
	reply := func(status data.CommandStatusType) {
		d.answers = append(d.answers, fmt.Sprintf("%s %v", words, map[data.CommandStatusType]string{stored: "stored", later: "later"}[status]))
	}
	d.add(context.Background(), nil, in, reply, func(_ context.Context, contents [][]byte, _ string) data.CommandStatusType {
		if d.status == stored {
			d.texts = append(d.texts, fmt.Sprintf("%s", contents))
		}
		return d.status
	})
}

func (d *desk) passes(t time.Duration) {
	time.Sleep(t)
	d.tick(context.Background())
}

func (d *desk) has(t *testing.T, answers, texts []string) {
	t.Helper()
	if diff := cmp.Diff(answers, d.answers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(texts, d.texts); diff != "" {
		t.Error(diff)
	}
}

func TestPartThatWaitsTooLongIsBroughtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{parts: newParts()}
		d.gets(1, 1, "a")
		d.passes(holdFor + time.Second)
		d.gets(1, 2, "b") // meanwhile, the other came
		d.gets(1, 1, "a")
		d.has(t, []string{"a later", "b stored", "a stored"}, []string{"[a b]"})
	})
}

func TestSMSCThatBringsOnePartAtATimeIsNotKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{parts: newParts()}
		d.gets(1, 1, "a")
		d.passes(holdFor + time.Second)
		d.gets(1, 1, "a")
		d.gets(1, 2, "b")
		d.has(t, []string{"a later", "a stored", "b stored"}, []string{"[a b]"})
	})
}

func TestPartThatWasAnsweredIsNotLostWhenTheOthersDoNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{parts: newParts()}
		d.gets(1, 2, "b")
		d.passes(holdFor + time.Second)
		d.gets(1, 2, "b")
		d.gets(2, 1, "x") // the SMSC has this one still
		d.passes(keepParts + time.Second)
		d.has(t, []string{"b later", "b stored", "x later"}, []string{"[ b]"})
		if len(d.parts.texts) > 0 {
			t.Error("they are kept for ever")
		}
	})
}

func TestNumberOfATextInPartsIsUsedAgain(t *testing.T) {
	d := &desk{parts: newParts()}
	for _, words := range []string{"a", "c"} {
		d.gets(1, 1, words)
	}
	d.gets(1, 2, "d")
	d.has(t, []string{"a later", "c stored", "d stored"}, []string{"[c d]"})
}

func TestTextsInPartsAreBounded(t *testing.T) {
	d := &desk{parts: newParts()}
	for i := range 3 * maxTexts {
		d.gets(i, 1, fmt.Sprint(i))
	}
	if len(d.parts.texts) > maxTexts {
		t.Errorf("%d are kept", len(d.parts.texts))
	}
	for i := range 2 * maxDone {
		d.gets(i, 1, fmt.Sprint(i))
		d.gets(i, 2, fmt.Sprint(i))
	}
	if len(d.done) > maxDone || len(d.order) > maxDone {
		t.Errorf("%d are remembered", len(d.done))
	}
}

func TestPartIsKnownByItsHeaderOrItsTLVs(t *testing.T) {
	tlv := func(tag pdu.Tag, b ...byte) func(*pdu.DeliverSM) {
		return func(d *pdu.DeliverSM) { d.RegisterOptionalParam(pdu.Field{Tag: tag, Data: b}) }
	}
	udh := func(d *pdu.DeliverSM) { d.EsmClass = classUDH }
	header := func(id byte, b ...byte) func(*pdu.DeliverSM) {
		return func(d *pdu.DeliverSM) { udh(d); d.Message.SetUDH(pdu.UDH{{ID: id, Data: b}}) }
	}
	for name, tt := range map[string]struct {
		text            string
		with            []func(*pdu.DeliverSM)
		total, sequence int // 0: it is refused
		want            string
	}{
		"whole":                     {"hello", nil, 1, 1, "hello"},
		"8-bit reference":           {"hello", []func(*pdu.DeliverSM){header(0, 7, 3, 2)}, 3, 2, "hello"},
		"16-bit reference":          {"hello", []func(*pdu.DeliverSM){header(8, 1, 7, 3, 2)}, 3, 2, "hello"},
		"another element":           {"hello", []func(*pdu.DeliverSM){header(0x24, 1)}, 1, 1, "hello"},
		"TLVs":                      {"hello", []func(*pdu.DeliverSM){tlv(pdu.TagSarMsgRefNum, 0, 7), tlv(pdu.TagSarTotalSegments, 2), tlv(pdu.TagSarSegmentSeqnum, 1)}, 2, 1, "hello"},
		"payload":                   {"", []func(*pdu.DeliverSM){tlv(pdu.TagMessagePayload, []byte("hello")...)}, 1, 1, "hello"},
		"payload with a header":     {"", []func(*pdu.DeliverSM){udh, tlv(pdu.TagMessagePayload, []byte("\x05\x00\x03\x07\x02\x02hello")...)}, 2, 2, "hello"},
		"payload with a broken one": {"", []func(*pdu.DeliverSM){udh, tlv(pdu.TagMessagePayload, []byte("\x20\x00")...)}, 0, 0, ""},
		"the fourth of three":       {"hello", []func(*pdu.DeliverSM){header(0, 7, 3, 4)}, 0, 0, ""},
		"none of none":              {"hello", []func(*pdu.DeliverSM){header(0, 7, 0, 0)}, 0, 0, ""},
	} {
		d := brings("15551234567", tt.text)
		for _, with := range tt.with {
			with(d)
		}
		b := pdu.NewBuffer(nil)
		d.Marshal(b)
		got, ok := parse(b.Bytes()).(*pdu.DeliverSM)
		if !ok {
			t.Errorf("%s: it can't be read", name)
			continue
		}
		in, err := New(testOptions("smpp.example.net:2775"), nil, discard).partOf(got)
		switch {
		case (err != nil) != (tt.total == 0):
			t.Errorf("%s: %v", name, err)
		case err == nil && (in.total != tt.total || in.sequence != tt.sequence || string(in.content) != tt.want):
			t.Errorf("%s: part %d of %d, %q", name, in.sequence, in.total, in.content)
		}
	}
}
