package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// applicationID is what the first migration writes into the file.
const applicationID = 0x47544853

// checkOwner refuses databases of other programs.
func checkOwner(c *connection) error {
	var id, tables int
	if _, err := c.row("SELECT count(*) FROM sqlite_schema", nil, &tables); err != nil {
		return err
	}
	if _, err := c.row("PRAGMA application_id", nil, &id); err != nil {
		return err
	}
	if tables > 0 && id != applicationID {
		return errors.New("it is a database of another program: name another file")
	}
	return nil
}

// migrate brings the file to the newest version in one transaction, and so with
// one wait for the disk.
func migrate(c *connection, path string, migrations fs.FS, log *slog.Logger) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	var version int
	if _, err := c.row("PRAGMA user_version", nil, &version); err != nil {
		return err
	}
	switch {
	case version > len(steps):
		return fmt.Errorf("it has version %d, and this program knows versions up to %d: run the newer program, or put a backup of version %[2]d back in its place", version, len(steps))
	case version == len(steps):
		return nil
	case version > 0:
		copied, err := backUp(c, path, version)
		if err != nil {
			return fmt.Errorf("back up before migrating: %w", err)
		}
		log.Info("store is migrated", "path", path, "from", version, "to", len(steps), "backup", copied)
	}
	return c.transact(func() error {
		for i, text := range steps[version:] {
			if err := c.script(text); err != nil {
				return fmt.Errorf("migrate to version %d: %w", version+i+1, err)
			}
		}
		return c.script(fmt.Sprintf("PRAGMA user_version = %d", len(steps)))
	})
}

// readMigrations gives the files NNNN_what.sql, which count from 0001 without
// a gap.
func readMigrations(files fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var steps []string
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		if n, err := strconv.Atoi(number); err != nil || n != len(steps)+1 {
			return nil, fmt.Errorf("migration %s does not follow number %d", e.Name(), len(steps))
		}
		text, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(text))
	}
	return steps, nil
}

// backUp writes path.backup-vN whole or not at all.
func backUp(c *connection, path string, version int) (string, error) {
	target := fmt.Sprintf("%s.backup-v%d", path, version)
	part := target + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	// VACUUM INTO takes an empty file, which has its mode already.
	if err := makePrivate(part); err != nil {
		return "", err
	}
	if err := c.script("VACUUM INTO ?", part); err != nil {
		return "", errors.Join(err, os.Remove(part))
	}
	if err := syncFile(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, target); err != nil {
		return "", err
	}
	return target, syncFile(filepath.Dir(target))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
