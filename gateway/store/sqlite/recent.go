package sqlite

import (
	"context"
	"maps"
	"strings"
	"sync"
)

const (
	mostRecent  = 8192 // values that are kept
	recentBytes = 1024 // of the longest one
)

// Recent are values that are read far more often than they change, as they were
// read or written last. They are those of the file: whoever changes one says so
// inside the transaction, and it is taken up before anybody is told of the commit.
type recent struct {
	mu      sync.Mutex
	values  map[cell]*any
	changes uint64 // counts what was touched
}

// A cell names one value: the kind is that of the values, and part of their names.
type cell struct{ kind, component, user, name, key string }

// A touch is a cell that a transaction changes; its value is nil if it is not to
// be kept. Without a kind it is all that a user has.
type touch struct {
	cell
	value any
}

// get gives a value, or the state to say with put.
func (r *recent) get(c cell) (value any, known bool, state uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.values[c]; kept != nil {
		return *kept, true, r.changes
	}
	return nil, false, r.changes
}

// put keeps what was read since get, unless something changed meanwhile.
func (r *recent) put(c cell, value any, state uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == state {
		r.keep(c, value)
	}
}

// keep has the lock.
func (r *recent) keep(c cell, value any) {
	if kept := r.values[c]; kept != nil {
		*kept = value
		return
	}
	if len(r.values) >= mostRecent {
		for other := range r.values { // any one: it is read again
			delete(r.values, other)
			break
		}
	}
	if r.values == nil {
		r.values = make(map[cell]*any)
	}
	// The names may be parts of longer texts.
	c = cell{c.kind, strings.Clone(c.component), strings.Clone(c.user), strings.Clone(c.name), strings.Clone(c.key)}
	r.values[c] = &value
}

// committed takes up what a transaction touched, which may have failed.
func (r *recent) committed(all []touch, ok bool) {
	if len(all) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range all {
		switch {
		case t.kind == "":
			maps.DeleteFunc(r.values, func(c cell, _ *any) bool {
				return c.component == t.component && (c.user == t.user || c.kind == itemKind) // those may be the user's
			})
		case ok && t.value != nil:
			r.keep(t.cell, t.value)
		default:
			delete(r.values, t.cell)
		}
	}
	r.changes++
}

// changeKept is change for what recent may keep, in those cells.
func changeKept(ctx context.Context, s *Store, cells []cell, text string, args ...any) error {
	_, err := write(ctx, s, func(t *tx) (struct{}, error) {
		for _, c := range cells {
			t.touch(c, nil)
		}
		return struct{}{}, t.exec(text, args...)
	})
	return err
}
