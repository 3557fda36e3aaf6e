package smpp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"gatehouse/transports/sms/provider"
)

// SMPP has no ids for texts from phones. When a connection breaks, or we die, the
// SMSC brings again what it has no answer for, and that must not be shown twice;
// but somebody who says "ok" two times must not be cut short. So it is noted which
// texts the SMSC may bring again: those whose answer it may not have. It has an
// answer once it answers something that we said later, and a second after each
// text we ask it something. What comes after a break and is the same as a text so
// noted is that text, once for each time that it was noted.

const (
	confirmAgain    = 10 * time.Second // without an answer
	confirmedAfter  = time.Minute      // no SMSC waits longer for an answer
	bringsAgain     = 10 * time.Minute // after a connection is made
	mostUnconfirmed = 500
	noteName        = "unconfirmed"
	noteTime        = 5 * time.Second
)

// An unconfirmed text is one whose answer the SMSC may not have.
type unconfirmed struct {
	mark, id string
	at       time.Time // it came
	broken   bool      // the connection that it came over
}

// doubles are the unconfirmed texts, the oldest first. They belong to the
// goroutine that receives.
type doubles struct {
	notes  provider.Notebook // nil: they are forgotten with the process
	texts  []unconfirmed
	loaded bool
	noted  string // as it is on the disk
	until  time.Time

	asked   int32 // the sequence number of what the SMSC is to answer; 0: nothing
	askedAt time.Time
	covered time.Time // texts until then are confirmed by it
}

// markOf is the same for texts that the SMSC may mean by the same.
func markOf(in part, content []byte) string {
	coding := byte(0)
	if in.encoding != nil {
		coding = in.encoding.DataCoding()
	}
	h := sha256.New()
	for _, field := range []string{in.from, in.to, string(coding), string(content)} {
		fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// begin is called when there is a new connection: whatever came over others may
// be brought again.
func (d *doubles) begin(ctx context.Context) error {
	for i := range d.texts {
		d.texts[i].broken = true
	}
	d.until, d.asked = time.Now().Add(bringsAgain), 0
	return d.load(ctx)
}

func (d *doubles) load(ctx context.Context) error {
	if d.notes == nil || d.loaded {
		return nil
	}
	value, _, err := d.notes.Noted(ctx, noteName)
	if err != nil {
		return fmt.Errorf("read which texts may come again: %w", err)
	}
	var old []unconfirmed
	for line := range strings.Lines(string(value)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		if at, err := strconv.ParseInt(fields[2], 10, 64); err == nil {
			old = append(old, unconfirmed{mark: fields[0], id: fields[1], at: time.UnixMilli(at), broken: true})
		}
	}
	d.texts, d.loaded, d.noted = append(old, d.texts...), true, string(value)
	return nil
}

// name gives the id of a text that comes: of the one that it is again, or the new
// one. It is noted before the text is stored.
func (d *doubles) name(ctx context.Context, mark, fresh string) (id string, err error) {
	if err := d.load(ctx); err != nil {
		return "", err
	}
	now := time.Now()
	for i, t := range d.texts {
		if t.broken && t.mark == mark && now.Before(d.until) {
			d.texts = append(append(d.texts[:i:i], d.texts[i+1:]...), unconfirmed{mark: mark, id: t.id, at: now})
			return t.id, nil // which is noted
		}
	}
	d.texts = append(d.texts, unconfirmed{mark: mark, id: fresh, at: now})
	if len(d.texts) > mostUnconfirmed {
		d.texts = d.texts[len(d.texts)-mostUnconfirmed:]
	}
	return fresh, d.note(ctx)
}

func (d *doubles) note(ctx context.Context) error {
	if d.notes == nil {
		return nil
	}
	var b strings.Builder
	for _, t := range d.texts {
		fmt.Fprintf(&b, "%s %s %d\n", t.mark, t.id, t.at.UnixMilli())
	}
	if b.String() == d.noted {
		return nil
	}
	if err := d.notes.Note(ctx, noteName, []byte(b.String())); err != nil {
		return fmt.Errorf("note which texts may come again: %w", err)
	}
	d.noted = b.String()
	return nil
}

// tick drops what the SMSC brings no more, and has ask ask it something if there
// are texts whose answer it may not have.
func (d *doubles) tick(ctx context.Context, ask func() int32) error {
	now := time.Now()
	waits := false
	d.drop(func(t unconfirmed) bool {
		if t.broken {
			return !now.Before(d.until)
		}
		old := now.Sub(t.at) > confirmedAfter
		waits = waits || !old
		return old
	})
	if waits && (d.asked == 0 || now.Sub(d.askedAt) > confirmAgain) {
		d.asked, d.askedAt, d.covered = ask(), now, now
	}
	return d.note(ctx)
}

// confirm is called when the SMSC has answered something.
func (d *doubles) confirm(ctx context.Context, sequence int32) error {
	if d.asked == 0 || sequence != d.asked {
		return nil
	}
	d.asked = 0
	d.drop(func(t unconfirmed) bool { return !t.broken && !t.at.After(d.covered) })
	return d.note(ctx)
}

func (d *doubles) drop(is func(unconfirmed) bool) {
	kept := d.texts[:0]
	for _, t := range d.texts {
		if !is(t) {
			kept = append(kept, t)
		}
	}
	d.texts = kept
}

// noteSoon calls one of these with a deadline, and logs what fails.
func (l *link) noteSoon(ctx context.Context, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := f(ctx); err != nil {
		l.p.log.Error("a text may be shown twice after a break", "error", err)
	}
}

// ask has the SMSC answer something. It gives the sequence number.
func (l *link) ask() int32 {
	sequence := l.next()
	_ = l.write(pdu.NewEnquireLink(), sequence) // or the link is over
	return sequence
}
