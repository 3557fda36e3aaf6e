package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
)

// resolve gives the one name of the file, so that all its names have one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if file, err := filepath.EvalSymlinks(path); err == nil {
		return file, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(path)), nil
}

// lockFile takes path.lock, which the kernel gives back when the process ends.
// The database itself can't be used: closing any descriptor of it would drop
// SQLite's own locks (https://www.sqlite.org/howtocorrupt.html §2.2).
func lockFile(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another process uses it: stop that one, or give this one a store of its own")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock store %s: %w", path, err), lock.Close())
	}
	return lock, nil
}

// makePrivate makes the file, and lets nobody else read it whatever the umask
// is. SQLite gives the same mode to the files that it puts beside.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case err == nil:
		if err := file.Close(); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func dsn(path, more string) string {
	file := url.URL{Path: path}
	return "file:" + file.EscapedPath() + "?mode=rw&_busy_timeout=5000&_foreign_keys=1" + more
}
