//go:build !race

package sqlite

import (
	"errors"
	"fmt"
	"testing"
)

// What a statement allocates beside its values is what the driver calls its rows:
// more would be a defect.
func TestAStatementAllocatesLittle(t *testing.T) {
	c := connectTest(t)
	var key, done int64
	component, user, dedupe := any("sms.example.org"), any("romeo@example.org"), any("message:1")
	event := any([]byte("{}"))
	for _, tt := range []struct {
		name string
		run  func() error
		most float64
	}{
		{"exec", func() error { return c.exec(markDone, 1, 2) }, 1},
		{"change", func() error { _, err := c.change(markDone, 1, 2); return err }, 2},
		{"insert", func() error { _, err := c.insert(putInbox, component, user, "", event); return err }, 2},
		{"row", func() error { _, err := c.row(findInbox, []any{component, user, dedupe}, &key, &done); return err }, 1},
	} {
		var failed error
		n := testing.AllocsPerRun(100, func() { failed = errors.Join(failed, tt.run()) })
		if n > tt.most || failed != nil {
			t.Errorf("%s: %v allocations, more than %v, %v", tt.name, n, tt.most, failed)
		}
	}
}

// What the archive allocates for a message, in its queue and in its writer.
func TestAMessageOfTheArchiveAllocatesLittle(t *testing.T) {
	const messages = 500
	for _, tt := range []struct {
		name  string
		fresh bool
		most  float64
	}{
		{"of a name of its own", true, 7},
		{"of a name that others may know", false, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openTest(t, newPath(t))
			ids := make([]string, 0, 16*messages)
			for i := range cap(ids) {
				ids = append(ids, fmt.Sprintf("id%09d", i))
			}
			m := saidTo("romeo", "")
			m.Fresh = tt.fresh
			n := testing.AllocsPerRun(10, func() {
				for range messages {
					m.ID, ids = ids[0], ids[1:]
					s.Archive().Add(m)
				}
				if err := (archive{s}).flush(t.Context(), m.Component, m.User); err != nil {
					t.Fatal(err)
				}
			}) / messages
			if n > tt.most {
				t.Errorf("%.1f allocations, more than %v", n, tt.most)
			}
		})
	}
}
