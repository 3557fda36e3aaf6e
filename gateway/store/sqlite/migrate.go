package sqlite

import (
	"context"
	"database/sql"
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
func checkOwner(ctx context.Context, conn *sql.Conn) error {
	var id, tables int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if tables > 0 && id != applicationID {
		return errors.New("it is a database of another program: name another file")
	}
	return nil
}

// migrate brings the file to the newest version in one transaction, and so with
// one wait for the disk.
func migrate(ctx context.Context, conn *sql.Conn, path string, migrations fs.FS, log *slog.Logger) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > len(steps):
		return fmt.Errorf("it has version %d, and this program knows versions up to %d: run the newer program, or put a backup of version %[2]d back in its place", version, len(steps))
	case version == len(steps):
		return nil
	case version > 0:
		copied, err := backUp(ctx, conn, path, version)
		if err != nil {
			return fmt.Errorf("back up before migrating: %w", err)
		}
		log.Info("store is migrated", "path", path, "from", version, "to", len(steps), "backup", copied)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i, text := range steps[version:] {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return errors.Join(fmt.Errorf("migrate to version %d: %w", version+i+1, err), tx.Rollback())
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps))); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
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
func backUp(ctx context.Context, conn *sql.Conn, path string, version int) (string, error) {
	target := fmt.Sprintf("%s.backup-v%d", path, version)
	part := target + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	// VACUUM INTO takes an empty file, which has its mode already.
	if err := makePrivate(part); err != nil {
		return "", err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
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
