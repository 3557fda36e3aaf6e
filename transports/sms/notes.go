package sms

import (
	"context"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// kindNotes are what the providers note, by the trunk's name and their own key.
const kindNotes = "notes"

var _ provider.Notebook = (*trunk)(nil)

func (t *trunk) note(key string) string { return t.name + " " + key }

// Note implements provider.Notebook.
func (t *trunk) Note(ctx context.Context, key string, value []byte) error {
	return t.network.records.Put(ctx, transport.RecordItem{Kind: kindNotes, Key: t.note(key), Value: value})
}

// Noted implements provider.Notebook.
func (t *trunk) Noted(ctx context.Context, key string) ([]byte, bool, error) {
	return t.network.records.Get(ctx, "", kindNotes, t.note(key))
}

// Forget implements provider.Notebook.
func (t *trunk) Forget(ctx context.Context, key string) error {
	return t.network.records.Delete(ctx, "", kindNotes, t.note(key))
}
