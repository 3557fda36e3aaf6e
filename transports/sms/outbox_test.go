package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

var errTimeout = errors.New("no answer in time")

// wentThrough gives the statuses that were told, in order.
func wentThrough(told []transport.MessageStatus) []transport.Status {
	var statuses []transport.Status
	for _, s := range told {
		statuses = append(statuses, s.Status)
	}
	return statuses
}

func TestSentMessageIsAcceptedAndThenDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		if err := w.network.Report(t.Context(), provider.Report{ID: "SM1", Status: transport.Delivered}); err != nil {
			t.Fatal(err)
		}
		want := []transport.MessageStatus{
			{Request: "r1", Chat: phone, ID: "SM1", Status: transport.Accepted},
			{Request: "r1", Chat: phone, ID: "SM1", Status: transport.Delivered},
		}
		if diff := cmp.Diff(want, w.romeo.statuses("r1")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]provider.Outgoing{{From: romeoNumber, To: string(phone), Text: "hello"}}, w.carrier.taken, cmpopts.IgnoreFields(provider.Outgoing{}, "Ref")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]transport.OutboxState{transport.Done}, w.states()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRepeatedMessageIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEqualMessagesWithoutAnOriginAreSentEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for range 2 {
			if _, err := w.link.Send(t.Context(), transport.Message{Chat: phone, Text: "ok"}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"ok", "ok"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRefusedMessageFailsWithItsCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{err: provider.Error(21610, nil)}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		told := w.romeo.statuses("r1")
		if len(told) != 1 || told[0].Status != transport.Failed {
			t.Fatalf("told %v, want one failure", told)
		}
		why, ok := errors.AsType[*transport.Error](told[0].Err)
		if !ok || why.Reason != transport.Policy || why.Code != "21610" || why.Text == "" {
			t.Errorf("the failure is %#v", told[0].Err)
		}
		if diff := cmp.Diff([]transport.OutboxState{transport.Done}, w.states()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessageThatWasNotTakenIsSentAfterRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &provider.Retry{After: 40 * time.Second, Everyone: true, Err: provider.Error(20429, nil)}
		w := start(t, newDisk(), &carrier{plans: []plan{{err: busy}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(39 * time.Second)
		synctest.Wait()
		if got := w.carrier.texts(); len(got) != 0 {
			t.Fatalf("sent %q before the provider wanted it", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessageThatIsNeverTakenFailsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := plan{err: &provider.Retry{Everyone: true, Err: errors.New("connection refused")}}
		w := start(t, newDisk(), &carrier{plans: slices.Repeat([]plan{down}, 5000)}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(keepTrying - time.Minute)
		synctest.Wait()
		if told := w.romeo.statuses("r1"); len(told) != 0 {
			t.Fatalf("told %v before a day was over", told)
		}
		time.Sleep(retryMost + time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Failed}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessageOfUnknownFateIsNotRepeatedIfTheProviderHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{take: true, err: errTimeout}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		w.mustSend("r2", phone, "and more")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello", "and more"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]transport.Status{transport.Accepted}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessageOfUnknownFateIsRepeatedOnceItIsSurelyAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{err: errTimeout}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		w.mustSend("r2", phone, "and more")
		time.Sleep(absentFor - time.Second)
		synctest.Wait()
		if got := w.carrier.texts(); len(got) != 0 {
			t.Fatalf("sent %q while the first was in doubt", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello", "and more"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEqualTextsOfUnknownFateAreNotTakenForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The second is not taken; the first, equal to it, is.
		w := start(t, newDisk(), &carrier{plans: []plan{{take: true}, {err: errTimeout}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "ok")
		w.mustSend("r2", phone, "ok")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"ok", "ok"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
		for _, item := range w.disk.all() {
			if item.State != transport.Sent {
				t.Errorf("item %d is in state %d", item.Key, item.State)
			}
		}
	})
}

func TestMessageOfUnknownFateFailsIfTheProviderStaysDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{err: errTimeout}}, lost: true}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(keepTrying + 2*time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Failed}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessagesToOneRecipientKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{answer: 100 * time.Millisecond, plans: []plan{
			{err: &provider.Retry{Err: errors.New("queue full")}},
			{take: true}, {err: &provider.Retry{Err: errors.New("queue full")}},
		}}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		var want []string
		for i := range 300 { // more than are fetched at a time
			want = append(want, fmt.Sprint(i))
			w.mustSend(transport.Request(fmt.Sprint(i)), phone, fmt.Sprint(i))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(want, c.texts()); diff != "" {
			t.Error(diff)
		}
		if c.most != 1 {
			t.Errorf("%d sends to one recipient at a time", c.most)
		}
	})
}

func TestManyMessagesToOneRecipientDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{answer: time.Second}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		for i := range 900 {
			w.mustSend(transport.Request(fmt.Sprint(i)), phone, fmt.Sprint(i))
		}
		w.mustSend("other", "+15557654321", "to another")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := c.texts(); !slices.Contains(got, "to another") {
			t.Errorf("sent %q only", got)
		}
	})
}

func TestTenThousandQueuedMessagesStayInTheStore(t *testing.T) {
	d := newDisk()
	now := time.Now()
	for i := range 10000 {
		d.last++
		d.items[d.last] = transport.OutboxItem{
			Key: d.last, User: romeo, From: romeoNumber, Put: now, NotBefore: now,
			Chat: transport.Address(fmt.Sprintf("+1555%07d", i)), Text: "x",
		}
	}
	w := newSender(&Network{outbox: d, log: discard, lines: newLines()})
	if !w.fetch(t.Context()) || len(w.queue) != batch || d.most != batch {
		t.Errorf("%d items were fetched at a time, and %d are in memory", d.most, len(w.queue))
	}
	if !w.fetch(t.Context()) || len(w.queue) != 2*batch || w.queue[batch].Key != batch+1 {
		t.Errorf("%d are in memory after another fetch", len(w.queue))
	}
}

func TestOneUserDoesNotTakeAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{answer: time.Second}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		for i := range 20 {
			to := transport.Address(fmt.Sprintf("+1555123%04d", i))
			w.mustSend(transport.Request(fmt.Sprint(i)), to, "hello")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c.most != perUser || len(c.taken) != 20 {
			t.Errorf("%d sends of one user at a time, %d done", c.most, len(c.taken))
		}
	})
}

func TestStatusIsToldOnceTheUserHasASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		if err := w.link.Close(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if err := w.network.Report(t.Context(), provider.Report{ID: "SM1", Status: transport.Delivered}); err != nil {
			t.Fatalf("the report is kept in the outbox, but: %v", err)
		}
		again := &inbox{}
		w.link = w.open(romeo, again)
		defer w.ends()
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Delivered}, wentThrough(again.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]transport.OutboxState{transport.Done}, w.states()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLostReportIsMadeGoodByAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{status: map[transport.MessageID]provider.Report{
			"SM1": {ID: "SM1", Status: transport.Failed, Err: provider.Error(30005, nil)},
		}}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Accepted, transport.Failed}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMessageWithoutAnyReportIsAskedForSeldomAndThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(4 * 24 * time.Hour)
		synctest.Wait()
		if c.asked == 0 || c.asked > 40 {
			t.Errorf("the provider was asked %d times", c.asked)
		}
		if items := w.disk.all(); len(items) != 0 {
			t.Errorf("the outbox still holds %d items", len(items))
		}
	})
}

var outcomes = map[string][]plan{
	"taken":                       nil,
	"taken, but no answer":        {{take: true, err: errTimeout}},
	"not taken, and no answer":    {{err: errTimeout}},
	"refused for now, then taken": {{err: &provider.Retry{Everyone: true, Err: errTimeout}}},
}

func TestEveryMessageIsSentOnceWhereverTheProcessDies(t *testing.T) {
	for name, plans := range outcomes {
		t.Run(name, func(t *testing.T) {
			for dieAt := 1; ; dieAt++ {
				died := false
				synctest.Test(t, func(t *testing.T) { died = dieAndRestart(t, plans, dieAt) })
				if !died {
					if dieAt < 10 {
						t.Errorf("only %d steps were tried", dieAt)
					}
					return
				}
			}
		})
	}
}

// dieAndRestart lets a process die at a step, starts another, and checks
// that what was stored is sent once. It says whether the first one died.
func dieAndRestart(t *testing.T, plans []plan, dieAt int) bool {
	d, c := newDisk(), &carrier{plans: slices.Clone(plans)}
	first := start(t, d, c, dieAt)
	for _, text := range []string{"one", "two", "two"} {
		r := transport.Request(fmt.Sprint(text, len(d.all())))
		if err := first.sends(r, phone, text); err != nil && !errors.Is(err, errDead) {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	for range 180 {
		if first.process.isDead() {
			break // the next one starts at once
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
	first.ends()
	died := first.process.isDead()

	stored := d.all()
	second := start(t, d, c, 0)
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	var want []string
	for _, item := range stored {
		want = append(want, item.Text)
	}
	if diff := cmp.Diff(want, c.texts()); diff != "" {
		t.Errorf("died at step %d: %s", dieAt, diff)
	}
	for _, item := range d.all() {
		if item.State != transport.Sent {
			t.Errorf("died at step %d: item %d ended in state %d", dieAt, item.Key, item.State)
		}
	}
	second.ends()
	return died
}

func TestStoreThatFailsNowAndThenSendsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newDisk(), &carrier{}
		w := startOn(t, d, &flakyOutbox{Outbox: d}, c, 0)
		defer w.ends()
		for i := range 20 {
			w.mustSend(transport.Request(fmt.Sprint(i)), phone, fmt.Sprint(i))
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := c.texts(); len(got) != 20 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 20 {
			t.Errorf("20 messages were sent as %q", got)
		}
	})
}

// flakyOutbox fails every third update: before it is written and after, in turn.
type flakyOutbox struct {
	transport.Outbox
	calls atomic.Int64
}

func (f *flakyOutbox) Update(ctx context.Context, item transport.OutboxItem) error {
	switch f.calls.Add(1) % 6 {
	case 2:
		return errors.New("disk full")
	case 5:
		f.Outbox.Update(ctx, item)
		return errors.New("disk full")
	}
	return f.Outbox.Update(ctx, item)
}

func TestDoubtThatCannotBeAskedAboutEndsWithoutARepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{take: true, err: errTimeout}}, mute: true}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		w.mustSend("r2", phone, "the next one")
		time.Sleep(unasked + 2*lookAgain + pauseMost)
		synctest.Wait()
		told := w.romeo.statuses("r1")
		if diff := cmp.Diff([]transport.Status{transport.Failed}, wentThrough(told)); diff != "" {
			t.Fatal(diff)
		}
		if !strings.Contains(told[0].Err.Error(), "may or may not arrive") {
			t.Errorf("it failed with %v", told[0].Err)
		}
		// It does not hold up those behind it for longer, and was not repeated.
		if diff := cmp.Diff([]string{"hello", "the next one"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRefStaysWhileATextIsInDoubtAndChangesWhenItIsSentAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{plans: []plan{{err: errTimeout}, {take: true, err: errTimeout}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		w.carrier.mu.Lock()
		defer w.carrier.mu.Unlock()
		refs := w.carrier.refs
		if len(refs) < 4 || refs[0] != refs[1] || refs[0] == refs[len(refs)-1] || refs[len(refs)-1] != refs[len(refs)-2] {
			t.Errorf("the refs were %q", refs)
		}
	})
}
