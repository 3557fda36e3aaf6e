package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	recordBatch = 64               // written at once, which share a commit
	recordRetry = 10 * time.Second // after the disk refused
	recordTime  = 2 * time.Second  // for what is left when the gateway stops
)

// A behind writes what sessions have changed without their waiting for the
// disk. The last wish for a key counts, so there are never more than there are
// keys.
type behind[K owned, V any] struct {
	what  string // for the log: "a user's rooms"
	write func(context.Context, K, V) error
	log   *slog.Logger
	more  chan struct{} // a mark that there are wishes
	turn  chan struct{} // taken while some are written

	mu      sync.Mutex
	wishes  map[K]V
	writing map[K]V // that are on their way to the disk
}

// owned is the key of something that a user has.
type owned interface {
	comparable
	owner() string
}

func newBehind[K owned, V any](what string, log *slog.Logger, write func(context.Context, K, V) error) *behind[K, V] {
	return &behind[K, V]{
		what: what, write: write, log: log,
		more: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		wishes: map[K]V{}, writing: map[K]V{},
	}
}

// put has a value written. It never waits.
func (b *behind[K, V]) put(key K, value V) {
	b.mu.Lock()
	b.wishes[key] = value
	b.mu.Unlock()
	signal(b.more)
}

// each calls f for what the store may not have yet of a user.
func (b *behind[K, V]) each(user string, f func(K, V)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, some := range [...]map[K]V{b.writing, b.wishes} { // the newest last
		for key, value := range some {
			if key.owner() == user {
				f(key, value)
			}
		}
	}
}

// drop gives up a user's wishes. Once it returns without an error, nothing that
// was put before is written any more.
func (b *behind[K, V]) drop(ctx context.Context, user string) error {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-b.turn }()
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.wishes {
		if key.owner() == user {
			delete(b.wishes, key)
		}
	}
	return nil
}

// run writes until ctx ends, and then the rest.
func (b *behind[K, V]) run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if !b.writeAll(ctx) {
			again = time.After(recordRetry)
		}
		select {
		case <-b.more:
		case <-again:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.Background(), recordTime)
			defer cancel()
			b.writeAll(last)
			return
		}
	}
}

// writeAll says whether all was written.
func (b *behind[K, V]) writeAll(ctx context.Context) bool {
	for {
		some, sound := b.writeSome(ctx)
		if !some || !sound {
			return sound
		}
	}
}

func (b *behind[K, V]) writeSome(ctx context.Context) (some, sound bool) {
	b.turn <- struct{}{} // those who take it only drop wishes
	defer func() { <-b.turn }()
	b.mu.Lock()
	for key, value := range b.wishes {
		if len(b.writing) == recordBatch {
			break
		}
		b.writing[key] = value
		delete(b.wishes, key)
	}
	batch := b.writing
	b.mu.Unlock()
	var failed sync.Map
	var writes sync.WaitGroup
	for key, value := range batch {
		writes.Go(func() {
			if err := b.write(ctx, key, value); err != nil {
				failed.Store(key, err)
			}
		})
	}
	writes.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing = map[K]V{}
	sound = true
	for key, value := range batch {
		err, refused := failed.Load(key)
		if !refused {
			continue
		}
		if sound = false; ctx.Err() == nil {
			b.log.Error(b.what+" can't be stored", "user", key.owner(), "err", err)
		}
		if _, newer := b.wishes[key]; !newer {
			b.wishes[key] = value
		}
	}
	return len(batch) > 0, sound
}
