package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/gateway/store"
)

func modes(t *testing.T, path string) map[string]os.FileMode {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]os.FileMode{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(file, path)] = info.Mode().Perm()
	}
	return all
}

func TestNobodyElseReadsTheStoreWhateverTheUmask(t *testing.T) {
	for name, umask := range map[string]int{"nothing is masked": 0, "almost all is masked": 0o377} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			defer syscall.Umask(syscall.Umask(umask)) // no test here runs in parallel
			s := openTest(t, path)
			if err := s.Blocks().Block(t.Context(), "a", "b"); err != nil {
				t.Fatal(err)
			}
			got := modes(t, path)
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if mode, ok := got[suffix]; !ok || mode != 0o600 {
					t.Errorf("%q has mode %o (exists: %v)", suffix, mode, ok)
				}
			}
			if mode := got[".lock"]; mode&0o077 != 0 {
				t.Errorf("the lock has mode %o", mode)
			}
		})
	}
}

func TestAnOpenFileBecomesPrivate(t *testing.T) {
	path := frozen(t)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	openTest(t, path)
	if mode := modes(t, path)[""]; mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
}

func TestAStoreIsOpenOnce(t *testing.T) {
	path := newPath(t)
	link := filepath.Join(filepath.Dir(path), "link.db")
	first, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, err := Open(name, Options{}); err == nil || !strings.Contains(err.Error(), "another process uses it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, link)
}

func TestAStoreMayHaveAnyFileName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c=d#e%20f&g 😀.db")
	s := openTest(t, path)
	if _, _, err := s.Inbox().Put(t.Context(), store.InboxItem{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := modes(t, path)["-wal"]; !ok {
		t.Errorf("files: %v", modes(t, path))
	}
}

func TestAMissingFolderIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "store.db")
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("error: %v", err)
	}
}
