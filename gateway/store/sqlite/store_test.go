package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/store/storetest"
)

func TestStoreBehavesAsAnyStoreDoes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, path string, now func() time.Time) store.Store {
		s, err := Open(path, Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// openTest opens a store that the test's end closes.
func openTest(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "store.db") }
