// Package biboumi takes over what biboumi keeps in its SQLite database: what
// people set, the channels that they stay in, who subscribed to whom, and the
// archive. The addresses stay the same, so rosters and bookmarks go on working.
package biboumi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// The tables of biboumi 9. Those of older versions lack some columns.
const (
	globalTable  = "globaloptions_"
	serverTable  = "ircserveroptions_"
	channelTable = "ircchanneloptions_"
	commandTable = "after_connection_commands_"
	rosterTable  = "roster"
	archiveTable = "muclogline_"
)

// A database is biboumi's, which may be at work: it is only read.
type database struct {
	*sql.DB
	tables []string
}

func open(ctx context.Context, path string) (*database, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; name the file that is db_name in biboumi's configuration", path)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file := url.URL{Path: absolute}
	db, err := sql.Open("sqlite3", "file:"+file.EscapedPath()+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	d := &database{DB: db}
	err = d.each(ctx, "SELECT name FROM sqlite_master WHERE type = 'table'", func(r record) error {
		d.tables = append(d.tables, r["name"])
		return nil
	})
	if err == nil && !d.has(globalTable) && !d.has(archiveTable) && !d.has(serverTable) {
		err = errors.New("none of biboumi's tables are in it")
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s is not a database of biboumi in SQLite: %w", path, err)
	}
	return d, nil
}

func (d *database) has(table string) bool { return slices.Contains(d.tables, table) }

// A record is one row by the names of its columns; NULL is "".
type record map[string]string

// number reads a column that holds an integer; 0 if it holds none.
func (r record) number(column string) int64 {
	n, _ := strconv.ParseInt(r[column], 10, 64)
	return n
}

// rows calls f for each row of a table, if there is that table.
func (d *database) rows(ctx context.Context, table string, f func(record) error) error {
	if !d.has(table) {
		return nil
	}
	return d.each(ctx, "SELECT * FROM "+table+" ORDER BY rowid", f)
}

func (d *database) each(ctx context.Context, query string, f func(record) error) error {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r := make(record, len(names))
		for i, name := range names {
			r[name] = values[i].String
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *database) count(ctx context.Context, table string) (n int, err error) {
	if d.has(table) {
		err = d.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	}
	return n, err
}
