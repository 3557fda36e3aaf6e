package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// runSQL runs statements on a file without a store.
func runSQL(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// frozen makes a store of version 1.
func frozen(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/v1.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	runSQL(t, path, string(text))
	return path
}

// schema gives the statements that made a database, without comments and
// layout.
func schema(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []string
	for r.Next() {
		var text string
		if err := r.Scan(&text); err != nil {
			t.Fatal(err)
		}
		var plain strings.Builder
		for line := range strings.Lines(text) {
			code, _, _ := strings.Cut(line, "--")
			plain.WriteString(code + " ")
		}
		all = append(all, strings.Join(strings.Fields(plain.String()), " "))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAStoreOfVersionOneIsStillRead(t *testing.T) {
	path := frozen(t)
	s := openTest(t, path)
	ctx := t.Context()
	const component, romeo = "sms.example.org", "romeo@example.org"

	items, err := s.Inbox().Pending(ctx, component, romeo, 0, 10)
	want := []store.InboxItem{{Key: 7, Component: component, User: romeo, Dedupe: "MessageReceived:SM1", Event: []byte("{}")}}
	if diff := cmp.Diff(want, items); err != nil || diff != "" {
		t.Errorf("inbox: %v (-want +got):\n%s", err, diff)
	}
	sent, found, err := s.Outbox(component).Find(ctx, "SM2")
	wantSent := transport.OutboxItem{
		Key: 9, User: romeo, Chat: "+15551234567", From: "+15557654321", Origin: "o1", Text: "hello", Request: "r1",
		State: transport.Sent, ID: "SM2", Attempts: 1, Put: time.Unix(1714564800, 0), NotBefore: time.Unix(1714564860, 0),
		LastError: "timed out", Status: transport.Delivered,
	}
	if diff := cmp.Diff(wantSent, sent); err != nil || !found || diff != "" {
		t.Errorf("outbox: found %v, %v (-want +got):\n%s", found, err, diff)
	}
	subscription, err := s.Subscriptions().Get(ctx, component, romeo, "+15551234567")
	if err != nil || !subscription.To || subscription.From {
		t.Errorf("subscription: %v, %v", subscription, err)
	}
	account, found, err := s.Accounts().Get(ctx, component, romeo)
	if err != nil || !found || account.Settings["nick"] != "romeo" {
		t.Errorf("account: %v, found %v, %v", account, found, err)
	}
	blocked, err := s.Blocks().Blocked(ctx, component)
	if err != nil || len(blocked) != 1 || blocked[0] != "evil.example" {
		t.Errorf("blocks: %v, %v", blocked, err)
	}
	secret, err := s.Secret(ctx, "occupant-id")
	if err != nil || len(secret) != 32 || secret[31] != 0x1f {
		t.Errorf("secret: %x, %v", secret, err)
	}
}

func TestMigratingAnOldStoreGivesTheSchemaOfANewOne(t *testing.T) {
	old, fresh := frozen(t), newPath(t)
	for _, path := range []string{old, fresh} {
		if s, err := Open(path, Options{}); err != nil {
			t.Fatal(err)
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(schema(t, fresh), schema(t, old)); diff != "" {
		t.Errorf("-new +migrated:\n%s", diff)
	}
}

// migrationsAnd gives the shipped migrations and one more.
func migrationsAnd(t *testing.T, name, text string) fs.FS {
	t.Helper()
	files := fstest.MapFS{name: {Data: []byte(text)}}
	for _, shipped := range migrationNames(t) {
		data, err := fs.ReadFile(embedded, "migrations/"+shipped)
		if err != nil {
			t.Fatal(err)
		}
		files[shipped] = &fstest.MapFile{Data: data}
	}
	return files
}

// migrationNames gives the files of the shipped migrations.
func migrationNames(t *testing.T) []string {
	t.Helper()
	entries, err := fs.ReadDir(embedded, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// another is the name of a migration that comes after the shipped ones and some more.
func another(t *testing.T, more int, what string) (name string, version int) {
	t.Helper()
	version = len(migrationNames(t)) + 1 + more
	return fmt.Sprintf("%04d_%s.sql", version, what), version
}

func version(t *testing.T, path string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

func TestAStoreIsBackedUpAndMigrated(t *testing.T) {
	path := frozen(t)
	more, newest := another(t, 0, "more")
	s, err := open(path, Options{}, migrationsAnd(t, more, "CREATE TABLE more (n INTEGER) STRICT; DELETE FROM blocks;"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := version(t, path); v != newest {
		t.Errorf("version %d", v)
	}
	backup := openTest(t, path+".backup-v1") // itself a whole store
	blocked, err := backup.Blocks().Blocked(t.Context(), "sms.example.org")
	if err != nil || len(blocked) != 1 {
		t.Errorf("backup: %v, %v", blocked, err)
	}
	if info, err := os.Stat(path + ".backup-v1"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup has mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".backup-v1.part"); err == nil {
		t.Error("a part of the backup is left")
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	path := frozen(t)
	bad, newest := another(t, 0, "bad")
	if s, err := Open(path, Options{}); err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	before := schema(t, path)
	_, err := open(path, Options{}, migrationsAnd(t, bad, "CREATE TABLE more (n INTEGER) STRICT; DELETE FROM blocks; SELECT nonsense;"))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("migrate to version %d", newest)) {
		t.Fatalf("error: %v", err)
	}
	if diff := cmp.Diff(before, schema(t, path)); diff != "" || version(t, path) != newest-1 {
		t.Errorf("version %d (-before +after):\n%s", version(t, path), diff)
	}
	s := openTest(t, path)
	if blocked, err := s.Blocks().Blocked(t.Context(), "sms.example.org"); err != nil || len(blocked) != 1 {
		t.Errorf("%v, %v", blocked, err)
	}
}

func TestANewStoreNeedsNoBackup(t *testing.T) {
	path := newPath(t)
	openTest(t, path)
	if _, err := os.Stat(path + ".backup-v0"); err == nil {
		t.Error("a backup of nothing was made")
	}
}

func TestMigrationsThatSkipANumberAreRefused(t *testing.T) {
	gap, _ := another(t, 1, "gap")
	_, err := open(newPath(t), Options{}, migrationsAnd(t, gap, ""))
	if err == nil || !strings.Contains(err.Error(), gap) {
		t.Fatalf("error: %v", err)
	}
}

func TestFilesThatAreNotAStoreOfOursAreRefusedAndLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"newer version": {func(t *testing.T, path string) {
			openTest(t, path)
			runSQL(t, path, "PRAGMA user_version = 99")
		}, "it has version 99, and this program knows versions up to "},
		"another program's database": {func(t *testing.T, path string) {
			runSQL(t, path, "CREATE TABLE prosody (a)")
		}, "it is a database of another program"},
		"no database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("hello"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "file is not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			t.Run("made", func(t *testing.T) { test.make(t, path) })
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(path, Options{})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error: %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file has changed (%v)", err)
			}
		})
	}
}

func TestEveryCommitIsMadeToReachTheDisk(t *testing.T) {
	s := openTest(t, newPath(t))
	ctx := context.Background()
	for pragma, want := range map[string]string{
		"journal_mode": "wal",
		"synchronous":  "2", // FULL
		"foreign_keys": "1",
		"busy_timeout": "5000",
	} {
		got, err := write(ctx, s, func(t *tx) (string, error) {
			rows, err := t.query("PRAGMA "+pragma, nil)
			if err != nil {
				return "", err
			}
			value := make([]driver.Value, 1)
			err = errors.Join(rows.Next(value), rows.Close())
			return fmt.Sprint(value[0]), err
		})
		if err != nil || got != want {
			t.Errorf("%s is %s, %v", pragma, got, err)
		}
	}
}
