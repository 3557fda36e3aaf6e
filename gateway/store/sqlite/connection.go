package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/mattn/go-sqlite3"
)

// A connection runs statements by the driver itself, each prepared once. One
// goroutine at a time uses it, and nothing of a call's arguments is kept.
//
// A statement that is run as a query is bound and stepped in one call of C; as
// what the driver calls exec it takes one for each argument, and two more.
//
// SQLite plans a statement again for each value that its plan may depend on
// (https://www.sqlite.org/c3ref/prepare.html), which takes longer than to run
// it. In those that run often, unlikely() tells what it would look for, and a
// limit is no bare parameter.
type connection struct {
	conn       *sqlite3.SQLiteConn
	statements map[string]*sqlite3.SQLiteStmt
	args       []driver.NamedValue // of the statement that runs
	values     []driver.Value      // of its row
}

func connect(dsn string) (*connection, error) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn.(*sqlite3.SQLiteConn), statements: map[string]*sqlite3.SQLiteStmt{}}, nil
}

func (c *connection) close() (err error) {
	for _, s := range c.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.conn.Close())
}

// script runs statements that are used once.
func (c *connection) script(text string, args ...driver.Value) error {
	_, err := c.conn.Exec(text, args)
	return err
}

// exec runs a statement that gives no rows.
func (c *connection) exec(text string, args ...any) error {
	rows, err := c.query(text, args)
	if err != nil {
		return err
	}
	if rows.Next(nil) == io.EOF { // it ran to its end, and holds nothing
		return nil
	}
	return rows.Close()
}

// change is exec for who asks how many rows were written.
func (c *connection) change(text string, args ...any) (rows int64, err error) {
	if err := c.exec(text, args...); err != nil {
		return 0, err
	}
	_, err = c.row(`SELECT changes()`, nil, &rows)
	return rows, err
}

// insert is exec for who asks for the key of the row.
func (c *connection) insert(text string, args ...any) (key int64, err error) {
	if err := c.exec(text, args...); err != nil {
		return 0, err
	}
	_, err = c.row(`SELECT last_insert_rowid()`, nil, &key)
	return key, err
}

// row scans the first row. False means that there is none.
func (c *connection) row(text string, args []any, into ...any) (found bool, err error) {
	rows, err := c.query(text, args)
	if err != nil {
		return false, err
	}
	found, err = c.next(rows, into)
	return found, errors.Join(err, rows.Close())
}

// next scans another row of a query, which is to be closed. False means that
// there is none.
func (c *connection) next(rows driver.Rows, into []any) (bool, error) {
	for len(c.values) < len(into) {
		c.values = append(c.values, nil)
	}
	values := c.values[:len(into)]
	defer clear(values)
	if err := rows.Next(values); err != nil {
		if err == io.EOF {
			err = nil
		}
		return false, err
	}
	for i, value := range values {
		if !scan(value, into[i]) {
			return false, fmt.Errorf("column %d of a row is %T", i+1, value)
		}
	}
	return true, nil
}

func scan(value driver.Value, into any) (ok bool) {
	switch into := into.(type) {
	case *int64:
		*into, ok = value.(int64)
	case *int:
		var n int64
		n, ok = value.(int64)
		*into = int(n)
	case *bool:
		var n int64
		n, ok = value.(int64)
		*into = n != 0
	case *string:
		*into, ok = value.(string)
	case *[]byte:
		*into, ok = value.([]byte)
	}
	return ok
}

// query runs a statement up to its first row.
func (c *connection) query(text string, args []any) (driver.Rows, error) {
	s, err := c.prepared(text)
	if err != nil {
		return nil, err
	}
	if len(args) != s.NumInput() {
		return nil, fmt.Errorf("%d values for %d places of a statement", len(args), s.NumInput())
	}
	defer func() { clear(c.args); c.args = c.args[:0] }()
	for i, arg := range args {
		switch v := arg.(type) {
		case nil, int64, string, []byte, bool:
		case int:
			arg = int64(v)
		default:
			return nil, fmt.Errorf("value %d of a statement is %T", i+1, arg)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return s.QueryContext(context.Background(), c.args)
}

func (c *connection) prepared(text string) (*sqlite3.SQLiteStmt, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	s, err := c.conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	c.statements[text] = s.(*sqlite3.SQLiteStmt)
	return c.statements[text], nil
}

// transact commits what run does, or nothing of it.
func (c *connection) transact(run func() error) error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.end(run())
}

// begin opens a transaction. There is none within another.
func (c *connection) begin() error { return c.exec("BEGIN IMMEDIATE") }

// end commits the transaction, or undoes it because of an error.
func (c *connection) end(err error) error {
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil && c.isOpen() {
		err = errors.Join(err, c.exec("ROLLBACK"))
	}
	return err
}

// isOpen tells whether there is a transaction. SQLite ends it by itself when the
// disk is full (https://www.sqlite.org/lang_transaction.html §3).
func (c *connection) isOpen() bool { return !c.conn.AutoCommit() }
