package gateway

import (
	"errors"
	"slices"
	"testing"

	"gatehouse/gateway/store"
)

func TestHandedEventsAreTakenOnlyIfTheyAreAll(t *testing.T) {
	put := func(h *handed, keys ...int64) {
		for _, key := range keys {
			h.storing()
			h.stored(inboxEvent{InboxItem: store.InboxItem{Key: key}}, true, nil)
		}
	}
	tests := []struct {
		name string
		do   func(*handed)
		want []int64 // nil: it must be read
	}{
		{"in the order of their keys", func(h *handed) { put(h, 7, 6) }, []int64{6, 7}},
		{"what was sent already is left out", func(h *handed) { put(h, 4, 5, 6) }, []int64{6}},
		{"nothing new", func(h *handed) {}, []int64{}},
		{"before what is stored was read", func(h *handed) { h.whole = false; put(h, 6) }, nil},
		{"one with a lower key is being stored", func(h *handed) { h.storing(); put(h, 7) }, nil},
		{"nobody knows whether one was stored", func(h *handed) {
			put(h, 6)
			h.storing()
			h.stored(inboxEvent{}, false, errors.New("the disk does not answer"))
		}, nil},
		{"one of unknown fate was stored after all, before another", func(h *handed) {
			h.storing()
			h.stored(inboxEvent{}, false, errors.New("the disk does not answer"))
			h.take(5) // it is read too soon
			put(h, 7)
		}, nil},
		{"one of unknown fate, and it was read since", func(h *handed) {
			h.storing()
			h.stored(inboxEvent{}, false, errors.New("the disk does not answer"))
			put(h, 7)
			h.take(5)
			put(h, 8)
		}, []int64{8}},
		{"one was there before", func(h *handed) {
			put(h, 6)
			h.storing()
			h.stored(inboxEvent{InboxItem: store.InboxItem{Key: 3}}, false, nil)
		}, []int64{6}},
		{"too many", func(h *handed) {
			for i := range int64(inboxBatch + 1) {
				put(h, 6+i)
			}
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &handed{whole: true}
			tt.do(h)
			items, sure := h.take(5)
			var keys []int64
			for _, i := range items {
				keys = append(keys, i.Key)
			}
			if sure != (tt.want != nil) || !slices.Equal(keys, tt.want) {
				t.Errorf("got %v, %v; want %v", keys, sure, tt.want)
			}
			if again, _ := h.take(5); len(again) > 0 {
				t.Errorf("taken twice: %v", again)
			}
		})
	}
}
