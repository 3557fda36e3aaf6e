package smpp

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linxGnu/gosmpp/data"
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
