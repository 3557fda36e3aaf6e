package sqlite

import (
	"bytes"
	"context"
	"fmt"

	"gatehouse/gateway/transport"
)

// Records implements store.Store.
func (s *Store) Records(component string) transport.Records { return records{s, component} }

type records struct {
	s         *Store
	component string
}

const (
	recordsOfKind = `SELECT user, kind, key, value FROM records WHERE unlikely(component = ?) AND unlikely(kind = ?)`
	recordsOfUser = recordsOfKind + ` AND unlikely(user = ?) ORDER BY key`
	oneRecord     = recordsOfKind + ` AND user = ? AND key = ?`
)

const (
	admitRecord = `SELECT EXISTS (SELECT 1 FROM records WHERE component = ?1 AND kind = ?2 AND user = ?3 AND key = ?4)
		OR (SELECT count(*) FROM records WHERE component = ?1 AND kind = ?2 AND user = ?3) < ?5`
	putRecord = `INSERT INTO records (component, kind, user, key, value) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET value = excluded.value`
)

func (b records) Put(ctx context.Context, r transport.RecordItem) error {
	if err := checkRecord(r); err != nil {
		return err
	}
	_, err := write(ctx, b.s, func(t *tx) (none struct{}, err error) {
		if err := b.admit(t, r); err != nil {
			return none, err
		}
		return none, b.put(t, r)
	})
	return err
}

func checkRecord(r transport.RecordItem) error {
	if len(r.Value) > transport.MaxRecordBytes {
		return fmt.Errorf("write a record of the kind %s: %w", r.Kind, transport.ErrRecordTooLong)
	}
	return nil
}

// admit says why a record would not be put. One that is there can be replaced
// without counting the others.
func (b records) admit(t *tx, r transport.RecordItem) error {
	if _, known, _ := b.s.writer.recent.get(b.cell(r.User, r.Kind, r.Key)); known {
		return nil
	}
	var admitted bool
	_, err := t.row(admitRecord, []any{b.component, r.Kind, r.User, r.Key, transport.MaxRecords}, &admitted)
	if err == nil && !admitted {
		err = fmt.Errorf("write a record of the kind %s: %w", r.Kind, transport.ErrTooManyRecords)
	}
	return err
}

// put writes a record that is admitted.
func (b records) put(t *tx, r transport.RecordItem) error {
	sealed := b.s.seal.close(r.Value, "records", b.component, r.Kind, r.User, r.Key)
	err := t.exec(putRecord, b.component, r.Kind, r.User, r.Key, sealed)
	if err == nil {
		b.touch(t, r.User, r.Kind, r.Key, r.Value)
	}
	return err
}

func (b records) Delete(ctx context.Context, user, kind, key string) error {
	touched := []cell{b.cell(user, kind, key), b.kindCell(user, kind)}
	return changeKept(ctx, b.s, touched, `DELETE FROM records WHERE component = ? AND kind = ? AND user = ? AND key = ?`, b.component, kind, user, key)
}

// touch notes a record that is written, and that those of its kind have changed.
func (b records) touch(t *tx, user, kind, key string, value []byte) {
	var kept any
	if value != nil && len(value) <= recentBytes {
		kept = []byte(string(value))
	}
	t.touch(b.cell(user, kind, key), kept)
	t.touch(b.kindCell(user, kind), nil)
}

func (b records) cell(user, kind, key string) cell {
	return cell{"record", b.component, user, kind, key}
}

func (b records) kindCell(user, kind string) cell {
	return cell{"records", b.component, user, kind, ""}
}

func (b records) Get(ctx context.Context, user, kind, key string) ([]byte, bool, error) {
	c := b.cell(user, kind, key)
	kept, known, state := b.s.writer.recent.get(c)
	if known {
		return bytes.Clone(kept.([]byte)), true, nil
	}
	r, found, err := row(ctx, b.s, b.scan, oneRecord, b.component, kind, user, key)
	if found && err == nil && len(r.Value) <= recentBytes {
		b.s.writer.recent.put(c, append([]byte{}, r.Value...), state)
	}
	return r.Value, found, err
}

func (b records) OfUser(ctx context.Context, user, kind string) ([]transport.RecordItem, error) {
	c := b.kindCell(user, kind)
	_, known, state := b.s.writer.recent.get(c)
	if known {
		return nil, nil // only that there are none is kept
	}
	all, err := few(ctx, b.s, b.scan, recordsOfUser, b.component, kind, user)
	if err == nil && len(all) == 0 {
		b.s.writer.recent.put(c, true, state)
	}
	return all, err
}

func (b records) OfKind(ctx context.Context, kind string, after transport.RecordItem, max int) ([]transport.RecordItem, error) {
	return rows(ctx, b.s, b.scan, recordsOfKind+` AND (user, key) > (?, ?) ORDER BY user, key LIMIT ? + 0`,
		b.component, kind, after.User, after.Key, max)
}

func (b records) scan(r scanner) (one transport.RecordItem, err error) {
	var sealed []byte
	if err := r.Scan(&one.User, &one.Kind, &one.Key, &sealed); err != nil {
		return one, err
	}
	one.Value, err = b.s.seal.open(sealed, "records", b.component, one.Kind, one.User, one.Key)
	return one, err
}
