package sms

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

// shallow are records of which a user has few of a kind.
type shallow struct {
	*transporttest.Records
	most int
}

func (r shallow) Put(ctx context.Context, item transport.RecordItem) error {
	_, found, err := r.Get(ctx, item.User, item.Kind, item.Key)
	if err != nil {
		return err
	}
	if all, err := r.OfUser(ctx, item.User, item.Kind); err != nil || !found && item.Kind == kindKnown && len(all) >= r.most {
		return transport.ErrTooManyRecords
	}
	return r.Records.Put(ctx, item)
}

// A shallowOutbox is one that puts its records there.
type shallowOutbox struct {
	transport.Outbox
	records transport.Records
}

func (o shallowOutbox) PutAll(ctx context.Context, batch transport.OutboxBatch) (int, error) {
	for _, r := range batch.Records {
		if err := o.records.Put(ctx, r); err != nil {
			return 0, err
		}
	}
	batch.Records = nil
	return o.Outbox.PutAll(ctx, batch)
}

func TestWhoeverWasWrittenToIsKnownHoweverManyThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{change: func(n *Network) {
			n.records = shallow{n.records.(*transporttest.Records), 5}
			n.outbox = shallowOutbox{n.outbox, n.records}
		}}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		who := func(i int) transport.Address { return transport.Address(fmt.Sprintf("+1555%07d", i)) }
		write := func(to transport.Address) {
			stored, err := w.network.putKnowing(t.Context(), transport.OutboxBatch{Items: []transport.OutboxItem{{User: romeo, Chat: to, Text: "hi"}}})
			if err != nil || stored != 1 {
				t.Errorf("%d texts are stored, %v", stored, err)
			}
		}
		var writing sync.WaitGroup
		for i := range 600 {
			writing.Go(func() { write(who(i)) })
		}
		writing.Wait()
		write("my bank;phone-context=alphanumeric")
		for i := range 600 {
			if !w.network.knows(t.Context(), romeo, who(i)) {
				t.Fatalf("the %d. is a stranger", i)
			}
		}
		if !w.network.knows(t.Context(), romeo, "my bank;phone-context=alphanumeric") || w.network.knows(t.Context(), romeo, who(600)) || w.network.knows(t.Context(), romeo, "bank") || w.network.knows(t.Context(), juliet, who(1)) {
			t.Error("who was written to is a stranger, or the other way round")
		}
	})
}

func TestARuleIsReadOnce(t *testing.T) {
	var b ruleBook
	one, err := b.of("drop matches fre+ money")
	again, _ := b.of("drop matches fre+ money")
	if err != nil || one.pattern != again.pattern {
		t.Errorf("it is compiled again, %v", err)
	}
	if _, err := b.of("drop matches ("); err == nil || len(b.byLine) != 1 {
		t.Errorf("%d rules are kept, %v", len(b.byLine), err)
	}
	for i := range 3 * maxRead {
		if _, err := b.of(fmt.Sprintf("drop contains %d", i)); err != nil || len(b.byLine) > maxRead {
			t.Fatalf("%d rules are kept, %v", len(b.byLine), err)
		}
	}
}
