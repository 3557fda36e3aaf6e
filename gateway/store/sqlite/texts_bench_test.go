package sqlite

import (
	"crypto/md5"
	"fmt"
	"testing"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// BenchmarkTextOut measures what the store does for one text to a phone, from when
// it is written until its receipt is with the user. Many share the commits.
func BenchmarkTextOut(b *testing.B) {
	for _, goroutines := range []int{1, 256} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			s := openTest(b, newPath(b))
			out, records, in := s.Outbox("sms.example.org"), s.Records("sms.example.org"), s.Inbox()
			b.ReportAllocs()
			spread(b, goroutines, func(i int) error { return textOut(b, out, records, in, i) })
		})
	}
}

func textOut(b *testing.B, out transport.Outbox, records transport.Records, in store.Inbox, i int) error {
	user, id := fmt.Sprintf("u%d@example.org", i%500), transport.MessageID(fmt.Sprintf("SM%x", md5.Sum(fmt.Append(nil, i))))
	now := time.Now()
	item := transport.OutboxItem{
		User: user, Chat: "+15551234567", From: "+15557654321", Origin: fmt.Sprint(i), Request: "note", Put: now, NotBefore: now,
		Text: "But, soft! what light through yonder window breaks? It is the east.",
	}
	if _, _, err := records.Get(b.Context(), user, "usage", "2026-11"); err != nil {
		return err
	}
	usage := transport.RecordItem{User: user, Kind: "usage", Key: "2026-11", Value: []byte(`{"US":{"Texts":1,"Parts":1}}`)}
	_, err := out.PutAll(b.Context(), transport.OutboxBatch{Items: []transport.OutboxItem{item}, Most: 1e6, Records: []transport.RecordItem{usage}})
	if err != nil {
		return err
	}
	if item.Key, _, err = out.Put(b.Context(), item); err != nil { // it is known, and this is its key
		return err
	}
	item.State = transport.Sending
	if err := out.Update(b.Context(), item); err != nil {
		return err
	}
	item.State, item.ID = transport.Sent, id
	if err := out.Update(b.Context(), item); err != nil {
		return err
	}
	if _, _, err := out.Find(b.Context(), id); err != nil {
		return err
	}
	key, _, err := in.Put(b.Context(), store.InboxItem{
		Component: "sms.example.org", User: user, Dedupe: fmt.Sprint("status:1:", i), Event: []byte(`{"ID":"1","Status":{"Request":"note","Chat":"+15551234567"}}`),
	})
	if err != nil {
		return err
	}
	item.State = transport.Done
	if err := out.Update(b.Context(), item); err != nil {
		return err
	}
	if _, err := in.Pending(b.Context(), "sms.example.org", user, key-1, 64); err != nil {
		return err
	}
	in.Done(key)
	return nil
}

// BenchmarkTextIn measures what it does for one from a phone.
func BenchmarkTextIn(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			s := openTest(b, newPath(b))
			in, records := s.Inbox(), s.Records("sms.example.org")
			event := []byte(`{"ID":"1","Message":{"Chat":"+15551234567","Text":"But, soft! what light through yonder window breaks? It is the east."}}`)
			b.ReportAllocs()
			spread(b, goroutines, func(i int) error {
				user := fmt.Sprintf("u%d@example.org", i%500)
				if _, err := records.OfUser(b.Context(), user, "block"); err != nil {
					return err
				}
				key, _, err := in.Put(b.Context(), store.InboxItem{Component: "sms.example.org", User: user, Dedupe: fmt.Sprint("message:", i), Event: event})
				if err != nil {
					return err
				}
				_, err = in.Pending(b.Context(), "sms.example.org", user, key-1, 64)
				in.Done(key)
				return err
			})
		})
	}
}
