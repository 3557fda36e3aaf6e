package gammu

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	storeTime   = 20 * time.Second
	tryAgain    = 5 * time.Second
	tryAgainMax = time.Minute
	matchFor    = time.Minute // a report may come before its text is among the sent
	atATime     = 100         // files taken in one look
)

// seen is what is known of a file in the inbox.
type seen struct {
	size    int64
	written time.Time
	first   time.Time
	next    time.Time // not before
	tries   int
}

// lookAtInbox takes what came. Gammu-smsd writes a file in place, so one is
// taken when it has not changed since the last look.
func (p *Provider) lookAtInbox(ctx context.Context) error {
	names, err := p.spool.names(inbox)
	if err != nil {
		return withoutPath(err)
	}
	now := time.Now()
	there := make(map[string]bool, len(names))
	taken := 0
	for _, name := range names {
		if !strings.HasPrefix(name, "IN") || strings.HasSuffix(name, unreadable) {
			continue
		}
		there[name] = true
		info, err := os.Lstat(p.spool.path(inbox, name))
		if err != nil {
			continue
		}
		was, known := p.seen[name]
		if !known || was.size != info.Size() || !was.written.Equal(info.ModTime()) {
			p.seen[name] = seen{size: info.Size(), written: info.ModTime(), first: now}
			continue
		}
		if now.Before(was.next) || taken >= atATime {
			continue
		}
		taken++
		if err := p.take(ctx, name, was); err != nil {
			was.tries++
			was.next = time.Now().Add(min(tryAgain*time.Duration(was.tries), tryAgainMax))
			p.seen[name] = was
			if ctx.Err() == nil && p.troubles.Allow() {
				p.log.Error("take a text from the inbox", "error", err)
			}
		}
	}
	for name := range p.seen {
		if !there[name] {
			delete(p.seen, name)
		}
	}
	return nil
}

// unreadable is put behind the names of files that no text can be read from.
const unreadable = ".unreadable"

// errNoTextYet says that a report came of a text that is not known.
var errNoTextYet = errors.New("a report is about a text that is not among the sent ones")

// take handles one file, and removes it once it is stored.
func (p *Provider) take(ctx context.Context, name string, s seen) error {
	content, err := p.spool.read(inbox, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var parts []section
	if err == nil {
		parts, err = readSections(content)
	}
	switch {
	case errors.Is(err, errNotDetail):
		return err // it stays, for when gammu-smsd is configured
	case err != nil:
		return p.setAside(name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if parts[0].isReport() {
		err = p.takeReport(ctx, parts[0])
		if errors.Is(err, errNoTextYet) {
			if time.Since(s.first) < matchFor {
				return nil
			}
			p.log.Info("a report is about no text of ours", "from", provider.LastDigits(parts[0].number()))
			err = nil
		}
	} else {
		var in provider.Inbound
		if in, err = p.inbound(parts, name, s.written); err != nil {
			return p.setAside(name, err)
		}
		err = p.receiver.Receive(ctx, in)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(p.spool.path(inbox, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return withoutPath(err)
	}
	return nil
}

func (p *Provider) setAside(name string, why error) error {
	p.log.Error("a file in the inbox can't be read and is set aside", "error", withoutPath(why))
	return withoutPath(os.Rename(p.spool.path(inbox, name), p.spool.path(inbox, name+unreadable)))
}

// inbound makes a text of its parts. Its id is made of what it says: if
// gammu-smsd is cut off before it has removed a text from the phone, it
// brings it again under another name.
func (p *Provider) inbound(parts []section, name string, written time.Time) (provider.Inbound, error) {
	first := parts[0]
	in := provider.Inbound{From: provider.PlainNumber(first.number(), true), To: p.options.Number, At: first.at()}
	if in.At.After(written) {
		in.At = written // of another time zone
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", first.number(), first["DateTime"], first["UDH"])
	if in.At.IsZero() {
		in.At = written
		fmt.Fprintln(h, name)
	}
	for _, part := range parts {
		fmt.Fprintln(h, part.text())
	}
	in.ID = transport.MessageID(hex.EncodeToString(h.Sum(nil)[:16]))
	if slices.ContainsFunc(parts, func(s section) bool { return !s.isText() }) {
		in.Lost = 1
		return in, nil
	}
	text, missing, err := joined(parts)
	if err != nil {
		return in, err
	}
	if missing > 0 {
		text += fmt.Sprintf("\n[%d of the %d parts of this text did not arrive.]", missing, len(parts)+missing)
	}
	in.Text = text
	return in, nil
}

// takeReport finds the text that a report is about: the last one to its number
// that has its reference. References are one octet, and come again.
func (p *Provider) takeReport(ctx context.Context, s section) error {
	said, err := fromUTF16(s.text())
	if err != nil {
		return nil
	}
	var status transport.Status
	switch said { // gammu's words for the ranges of TP-Status (3GPP TS 23.040 §9.2.3.15)
	case "Delivered":
		status = transport.Delivered
	case "Failed":
		status = transport.Failed
	default: // "Pending", "Unknown"
		return nil
	}
	ref, ok := s.reference()
	if !ok {
		return nil
	}
	files, err := p.spool.files(sent)
	if err != nil {
		return withoutPath(err)
	}
	for _, f := range slices.Backward(files) {
		if !sameNumber(f.to, s.number()) {
			continue
		}
		content, err := p.spool.read(sent, f.name)
		if err != nil {
			continue
		}
		refs := references(content)
		i := slices.Index(refs, ref)
		if i < 0 {
			continue
		}
		if f.state != waiting || status == transport.Delivered && i > 0 {
			return nil // the last part's report tells that all was delivered
		}
		r := provider.Report{ID: f.id, Status: status}
		if status == transport.Failed {
			r.Err = provider.ReceiptError("UNDELIV", "")
		}
		return p.tell(ctx, f, r)
	}
	return errNoTextYet
}

// references gives those that gammu-smsd noted in a file that it sent, the
// last part's first. Behind them is the one that was there before.
func references(content string) []int {
	var refs []int
	for line := range strings.Lines(content) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "MessageReference = "); ok {
			n, ok := section{"MessageReference": value}.reference()
			if !ok {
				n = -1 // the modem told none
			}
			refs = append(refs, n)
		}
	}
	if len(refs) > 1 {
		refs = refs[:len(refs)-1]
	}
	return refs
}

// sameNumber compares a number with what the network makes of it, which may
// leave the country's code out.
func sameNumber(a, b string) bool {
	digits := func(s string) string { return strings.TrimLeft(strings.TrimPrefix(s, "+"), "0") }
	a, b = digits(a), digits(b)
	if len(a) < len(b) {
		a, b = b, a
	}
	return a == b || len(b) >= 7 && strings.HasSuffix(a, b)
}
