package sms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// A message that is several texts is delivered once all of them are, and
// fails once. What the user is told of is the message: the texts' own requests
// lead to it.

// A share is which of the texts of a message an item is.
type share struct {
	group   string // names the message
	i, n    int
	request transport.Request // the message's own
}

const sharePrefix = "share/"

// sharesOf gives what makes the shares of a message. It is the same when the
// message is sent again, so that these are known as the same.
func sharesOf(item transport.OutboxItem, texts []string) func(i int) transport.Request {
	if len(texts) == 1 {
		return func(int) transport.Request { return item.Request }
	}
	h := sha256.New()
	origin := cmp.Or(item.Origin, strconv.FormatInt(item.Put.UnixNano(), 10))
	for _, part := range append([]string{item.User, string(item.Chat), origin}, texts...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	group := hex.EncodeToString(h.Sum(nil)[:12])
	return func(i int) transport.Request {
		return transport.Request(fmt.Sprintf("%s%s/%d/%d/%s", sharePrefix, group, i, len(texts), item.Request))
	}
}

// shareOf reads it again. A message that is one text has none.
func shareOf(r transport.Request) (s share, is bool) {
	rest, is := strings.CutPrefix(string(r), sharePrefix)
	fields := strings.SplitN(rest, "/", 4)
	if !is || len(fields) < 4 {
		return share{request: r}, false
	}
	s.group, s.request = fields[0], transport.Request(fields[3])
	var errI, errN error
	s.i, errI = strconv.Atoi(fields[1])
	s.n, errN = strconv.Atoi(fields[2])
	if errI != nil || errN != nil || s.i < 0 || s.i >= s.n || s.n > maxTexts {
		return share{request: r}, false
	}
	return s, true
}

const (
	kindShares = "shares"
	keepShares = keepTelling + 24*time.Hour
)

// shared is what is known of a message's texts: a bit for each.
type shared struct {
	Delivered, Displayed uint64
	Failed               bool
	Since                time.Time
}

// tellShare tells the user of a message's fate as far as this text decides it.
func (n *Network) tellShare(ctx context.Context, item transport.OutboxItem, s share, e transport.MessageStatus) error {
	unlock, err := n.groups.lock(ctx, transport.MessageID(s.group))
	if err != nil {
		return err
	}
	defer unlock()
	all := shared{Since: item.Put}
	value, found, err := n.records.Get(ctx, item.User, kindShares, s.group)
	if err != nil {
		return fmt.Errorf("read how the texts of a message fare: %w", err)
	}
	if found {
		if err := json.Unmarshal(value, &all); err != nil {
			n.log.Warn("what was known of a message's texts can't be read", "error", err)
		}
	}
	every := uint64(1)<<s.n - 1
	tell := false
	switch item.Status {
	case transport.Failed:
		tell = !all.Failed
		all.Failed = true
		if why, ok := e.Err.(*transport.Error); ok {
			told := *why
			told.Text = fmt.Sprintf("Text %d of %d of this message was not delivered. %s", s.i+1, s.n, why.Text)
			e.Err = &told
		}
	case transport.Displayed:
		tell = !all.Failed && all.Displayed != every && all.Displayed|1<<s.i == every
		all.Displayed |= 1 << s.i
		all.Delivered |= 1 << s.i
	case transport.Delivered:
		tell = !all.Failed && all.Delivered != every && all.Delivered|1<<s.i == every
		all.Delivered |= 1 << s.i
	}
	if tell {
		if err := n.deliverSoon(ctx, item.User, e); err != nil {
			return err
		}
	}
	if value, err = json.Marshal(all); err != nil {
		return fmt.Errorf("write how the texts of a message fare: %w", err)
	}
	err = n.records.Put(ctx, transport.RecordItem{User: item.User, Kind: kindShares, Key: s.group, Value: value})
	if errors.Is(err, transport.ErrTooManyRecords) {
		n.log.Warn("how the texts of a message fare is not noted: its user has too many such messages")
		return nil // trying again would tell of a failure again and again
	}
	if err != nil {
		return fmt.Errorf("write how the texts of a message fare: %w", err)
	}
	return nil
}

// forgetShares drops what nobody needs any more.
func (n *Network) forgetShares(ctx context.Context, now time.Time) error {
	return n.eachRecord(ctx, kindShares, func(r transport.RecordItem) error {
		var all shared
		if err := json.Unmarshal(r.Value, &all); err == nil && now.Sub(all.Since) < keepShares {
			return nil
		}
		return n.records.Delete(ctx, r.User, r.Kind, r.Key)
	})
}

// eachRecord calls f for all records of a kind.
func (n *Network) eachRecord(ctx context.Context, kind string, f func(transport.RecordItem) error) error {
	var last transport.RecordItem
	for {
		page, err := n.records.OfKind(ctx, kind, last, batch)
		if err != nil {
			return fmt.Errorf("read records of the kind %s: %w", kind, err)
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
			last = r
		}
		if len(page) < batch {
			return nil
		}
	}
}
