package storetest

import (
	"errors"
	"strconv"

	"gatehouse/gateway/transport"
)

func recordsWork(w *world) {
	r := w.store.Records(component)
	value := func(user, kind, key string) string {
		w.Helper()
		v, found, err := r.Get(w.Context(), user, kind, key)
		w.must(err)
		if !found {
			return "none"
		}
		return string(v)
	}
	w.same("at first", value(romeo, "blocked", "nurse"), "none")
	nurse := transport.RecordItem{User: romeo, Kind: "blocked", Key: "nurse", Value: []byte("since May")}
	tybalt := transport.RecordItem{User: romeo, Kind: "blocked", Key: "tybalt"}
	theirs := transport.RecordItem{User: juliet, Kind: "blocked", Key: "paris", Value: []byte("\x00\xff")}
	own := transport.RecordItem{Kind: "mark", Key: "last", Value: []byte("7")}
	for _, one := range []transport.RecordItem{tybalt, nurse, theirs, own} {
		w.must(r.Put(w.Context(), one))
	}
	w.must(w.store.Records("other.example.org").Put(w.Context(), transport.RecordItem{User: romeo, Kind: "blocked", Key: "nurse", Value: []byte("elsewhere")}))
	w.same("a record", value(romeo, "blocked", "nurse"), "since May")
	w.same("a record without a value", value(romeo, "blocked", "tybalt"), "")
	w.same("another kind", value(romeo, "mark", "nurse"), "none")
	w.same("the network's own", value("", "mark", "last"), "7")

	of, err := r.OfUser(w.Context(), romeo, "blocked")
	w.must(err)
	w.same("a user's", of, []transport.RecordItem{nurse, tybalt})
	of, err = r.OfKind(w.Context(), "blocked", transport.RecordItem{}, 2)
	w.must(err)
	w.same("the first of all users", of, []transport.RecordItem{theirs, nurse})
	of, err = r.OfKind(w.Context(), "blocked", of[1], 2)
	w.must(err)
	w.same("the rest", of, []transport.RecordItem{tybalt})

	nurse.Value = []byte("since June")
	w.must(r.Put(w.Context(), nurse))
	w.same("replaced", value(romeo, "blocked", "nurse"), "since June")
	w.must(r.Delete(w.Context(), romeo, "blocked", "nurse"))
	w.must(r.Delete(w.Context(), romeo, "blocked", "nurse"))
	w.same("deleted", value(romeo, "blocked", "nurse"), "none")
}

func recordsAreBounded(w *world) {
	r := w.store.Records(component)
	long := transport.RecordItem{User: romeo, Kind: "k", Key: "long", Value: make([]byte, transport.MaxRecordBytes+1)}
	w.same("too long", errors.Is(r.Put(w.Context(), long), transport.ErrRecordTooLong), true)
	long.Value = long.Value[1:]
	w.must(r.Put(w.Context(), long))
	const writers = 16
	goroutines(writers, func(i int) {
		for n := i; n < transport.MaxRecords-1; n += writers {
			if err := r.Put(w.Context(), transport.RecordItem{User: romeo, Kind: "k", Key: strconv.Itoa(n)}); err != nil {
				w.Error(err)
				return
			}
		}
	})
	w.same("one too many", errors.Is(r.Put(w.Context(), transport.RecordItem{User: romeo, Kind: "k", Key: "more"}), transport.ErrTooManyRecords), true)
	w.must(r.Put(w.Context(), transport.RecordItem{User: romeo, Kind: "k", Key: "0", Value: []byte("new")}))
	w.must(r.Put(w.Context(), transport.RecordItem{User: juliet, Kind: "k", Key: "more"}))
	w.must(r.Put(w.Context(), transport.RecordItem{User: romeo, Kind: "other", Key: "more"}))
}
