// Package sqlite keeps the gateway's store in one SQLite file, in WAL mode
// (https://www.sqlite.org/wal.html) with synchronous=FULL: what is acknowledged
// survives the end of the process and the loss of power.
//
// One goroutine writes, many requests per commit; reads have connections of
// their own. One process uses a file at a time.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// Options may be left zero.
type Options struct {
	Log *slog.Logger
	Now func() time.Time

	// What is older than HistoryAge leaves the archive; zero: nothing does. Of
	// each conversation a user keeps the HistoryLength newest messages; zero:
	// all.
	HistoryAge    time.Duration
	HistoryLength int

	// KeyFile holds the key that users' passwords are encrypted with; empty:
	// path.key. It is made with the store.
	KeyFile string
}

// A Store is a store.Store in a file.
type Store struct {
	path    string
	lock    *os.File
	now     func() time.Time
	log     *slog.Logger
	keep    retention
	seal    *seal
	writer  *writer
	readers *sql.DB
	queries sync.Map      // text of a query → *sql.Stmt of readers
	reading chan struct{} // holds a token for each read
	closed  sync.Once
	failed  error // what Close met
}

var _ store.Store = (*Store)(nil)

//go:embed migrations/*.sql
var embedded embed.FS

// readConnections is how many reads run at once.
const readConnections = 4

// Open opens the file, or makes it with mode 0600. An older file is migrated
// after a copy of it was put beside it, path.backup-vN. A file of a newer
// version, one of another program, and one that another process uses are
// refused.
func Open(path string, o Options) (*Store, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(path, o, migrations)
}

func open(path string, o Options, migrations fs.FS) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	file, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: its folder can't be used: %w; make it, or change the key store.path", path, err)
	}
	path = file
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, lock: lock, now: o.Now, log: o.Log, keep: retention{age: o.HistoryAge, length: o.HistoryLength}}
	if o.KeyFile == "" {
		o.KeyFile = path + ".key"
	}
	if err := s.connect(migrations, o.KeyFile); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), lock.Close())
	}
	return s, nil
}

func (s *Store) connect(migrations fs.FS, keyFile string) error {
	if err := makePrivate(s.path); err != nil {
		return err
	}
	c, err := connect(dsn(s.path, ""))
	if err != nil {
		return err
	}
	if err := prepare(c, s.path, migrations, s.log); err != nil {
		return errors.Join(err, c.close())
	}
	if s.seal, err = openSeal(c, keyFile); err != nil {
		return errors.Join(err, c.close())
	}
	s.readers, err = sql.Open("sqlite3", dsn(s.path, "&_query_only=1"))
	if err != nil {
		return errors.Join(err, c.close())
	}
	s.reading = make(chan struct{}, readConnections)
	s.readers.SetMaxOpenConns(readConnections)
	s.readers.SetMaxIdleConns(readConnections)
	s.writer = startWriter(c, s)
	return nil
}

// prepare makes sure that the file is ours and of this version, and that every
// commit reaches the disk.
func prepare(c *connection, path string, migrations fs.FS, log *slog.Logger) error {
	if err := checkOwner(c); err != nil {
		return err
	}
	var mode string
	if _, err := c.row("PRAGMA journal_mode = WAL", nil, &mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("write-ahead logging is not possible there (journal mode %s): use a local disk", mode)
	}
	if err := c.script("PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	return migrate(c, path, migrations, log)
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closed.Do(func() {
		s.writer.stop()
		s.queries.Range(func(_, statement any) bool {
			s.failed = errors.Join(s.failed, statement.(*sql.Stmt).Close())
			return true
		})
		// The writer closes last, so that it is the one to end the WAL.
		s.failed = errors.Join(s.failed, s.readers.Close(), s.writer.tx.close(), s.lock.Close())
	})
	return s.failed
}

// Inbox implements store.Store.
func (s *Store) Inbox() store.Inbox { return inbox{s} }

// Outbox implements store.Store.
func (s *Store) Outbox(component string) transport.Outbox { return outbox{s, component} }

// Subscriptions implements store.Store.
func (s *Store) Subscriptions() store.Subscriptions { return subscriptions{s} }

// Accounts implements store.Store.
func (s *Store) Accounts() store.Accounts { return accounts{s} }

// Blocks implements store.Store.
func (s *Store) Blocks() store.Blocks { return blocks{s} }

// Settings implements store.Store.
func (s *Store) Settings() store.Settings { return settings{s} }

// Rooms implements store.Store.
func (s *Store) Rooms() store.Rooms { return rejoined{s} }

// query prepares a read once and keeps it.
func (s *Store) query(ctx context.Context, text string) (*sql.Stmt, error) {
	if s.writer.isStopping() {
		return nil, store.ErrClosed
	}
	if statement, ok := s.queries.Load(text); ok {
		return statement.(*sql.Stmt), nil
	}
	statement, err := s.readers.PrepareContext(ctx, text)
	if err != nil {
		return nil, s.readError(err)
	}
	if first, ok := s.queries.LoadOrStore(text, statement); ok {
		return first.(*sql.Stmt), statement.Close()
	}
	return statement, nil
}

func (s *Store) readError(err error) error {
	if s.writer.isStopping() {
		return store.ErrClosed
	}
	return fmt.Errorf("read store %s: %w", s.path, err)
}

// rows runs a read and scans every row. It ends with ctx.
func rows[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	return read(ctx, ctx, s, scan, text, args)
}

// few does so for a read that is short: it waits for its turn until ctx ends, and
// then needs nobody who watches ctx.
func few[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	return read(ctx, context.WithoutCancel(ctx), s, scan, text, args)
}

func read[T any](ctx, run context.Context, s *Store, scan func(scanner) (T, error), text string, args []any) ([]T, error) {
	query, err := s.query(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, s.readError(err)
	}
	select {
	case s.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, s.readError(ctx.Err())
	}
	defer func() { <-s.reading }()
	r, err := query.QueryContext(run, args...)
	if err != nil {
		return nil, s.readError(err)
	}
	defer r.Close()
	var all []T
	for r.Next() {
		one, err := scan(r)
		if err != nil {
			return nil, s.readError(err)
		}
		all = append(all, one)
	}
	if err := r.Err(); err != nil {
		return nil, s.readError(err)
	}
	return all, nil
}

// row runs a read of at most one row. False means that there was none.
func row[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any) (T, bool, error) {
	all, err := few(ctx, s, scan, text, args...)
	if err != nil || len(all) == 0 {
		var none T
		return none, false, err
	}
	return all[0], true, nil
}

// A scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(...any) error }

func scanString(r scanner) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}
