package transporttest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"gatehouse/gateway/transport"
)

// Records are a transport.Records in memory. The zero value is empty.
type Records struct {
	mu    sync.Mutex
	items []transport.RecordItem // by user, kind and key
	err   error
}

// Fail makes every call return an error, until it is called with nil.
func (r *Records) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *Records) find(user, kind, key string) (int, bool) {
	return slices.BinarySearchFunc(r.items, transport.RecordItem{User: user, Kind: kind, Key: key}, compareRecords)
}

func compareRecords(a, b transport.RecordItem) int {
	return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
}

// Get implements transport.Records.
func (r *Records) Get(ctx context.Context, user, kind, key string) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmp.Or(r.err, ctx.Err()); err != nil {
		return nil, false, err
	}
	i, found := r.find(user, kind, key)
	if !found {
		return nil, false, nil
	}
	return slices.Clone(r.items[i].Value), true, nil
}

// Put implements transport.Records.
func (r *Records) Put(ctx context.Context, item transport.RecordItem) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmp.Or(r.err, ctx.Err()); err != nil {
		return err
	}
	if len(item.Value) > transport.MaxRecordBytes {
		return transport.ErrRecordTooLong
	}
	item.Value = slices.Clone(item.Value)
	i, found := r.find(item.User, item.Kind, item.Key)
	if found {
		r.items[i] = item
		return nil
	}
	count := 0
	for _, was := range r.items {
		if was.User == item.User && was.Kind == item.Kind {
			count++
		}
	}
	if count >= transport.MaxRecords {
		return transport.ErrTooManyRecords
	}
	r.items = slices.Insert(r.items, i, item)
	return nil
}

// Delete implements transport.Records.
func (r *Records) Delete(ctx context.Context, user, kind, key string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmp.Or(r.err, ctx.Err()); err != nil {
		return err
	}
	if i, found := r.find(user, kind, key); found {
		r.items = slices.Delete(r.items, i, i+1)
	}
	return nil
}

// OfUser implements transport.Records.
func (r *Records) OfUser(ctx context.Context, user, kind string) (found []transport.RecordItem, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, item := range r.items {
		if item.User == user && item.Kind == kind {
			item.Value = slices.Clone(item.Value)
			found = append(found, item)
		}
	}
	return found, cmp.Or(r.err, ctx.Err())
}

// OfKind implements transport.Records.
func (r *Records) OfKind(ctx context.Context, kind string, after transport.RecordItem, most int) (found []transport.RecordItem, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, item := range r.items {
		if item.Kind == kind && cmp.Or(cmp.Compare(item.User, after.User), cmp.Compare(item.Key, after.Key)) > 0 && len(found) < most {
			item.Value = slices.Clone(item.Value)
			found = append(found, item)
		}
	}
	return found, cmp.Or(r.err, ctx.Err())
}
