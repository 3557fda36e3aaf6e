package gammu

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

const own, friend = "+15005550001", "+15551234567"

// receiver keeps what it gets, or fails.
type receiver struct {
	in      []provider.Inbound
	reports []provider.Report
	err     error
}

func (r *receiver) Receive(_ context.Context, in provider.Inbound) error {
	if r.err == nil {
		r.in = append(r.in, in)
	}
	return r.err
}

func (r *receiver) Report(_ context.Context, report provider.Report) error {
	if r.err == nil {
		r.reports = append(r.reports, report)
	}
	return r.err
}

// modem makes a provider with the folders of a gammu-smsd that the test plays.
func modem(t *testing.T, r *receiver) *Provider {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{inbox, outbox, sent, failed} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := Defaults()
	o.Spool, o.Number = dir, own
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	return New(o, r, discard)
}

func send(t *testing.T, p *Provider, o provider.Outgoing) provider.Sent {
	t.Helper()
	s, err := p.Send(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// only gives the one file of a folder that is a text.
func only(t *testing.T, p *Provider, folder string) outgoing {
	t.Helper()
	files, err := p.spool.files(folder)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s has %v, %v", folder, files, err)
	}
	return files[0]
}

// transmit does with the one file of the outbox what gammu-smsd 1.42 does:
// notes the reference of each part and moves it.
func transmit(t *testing.T, p *Provider, refs ...string) {
	t.Helper()
	f := only(t, p, outbox)
	content, err := p.spool.read(outbox, f.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range refs {
		head, rest, ok := strings.Cut(content, "\nMessageReference = ")
		_, tail, _ := strings.Cut(content, "\n")
		if !ok || rest == "" {
			t.Fatal("the file has no reference to replace")
		}
		content = head + "\nMessageReference = " + ref + "\n" + tail
	}
	if err := os.WriteFile(p.spool.path(outbox, f.name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.spool.move(f, sent); err != nil {
		t.Fatal(err)
	}
}

// comes puts a file into the inbox and has it looked at twice, as the first
// look does not tell whether it is whole.
func comes(t *testing.T, p *Provider, name, content string) {
	t.Helper()
	if err := os.WriteFile(p.spool.path(inbox, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.lookAtInbox(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(p *Provider, folder, name string) bool {
	_, err := os.Stat(p.spool.path(folder, name))
	return err == nil
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestTextIsWrittenForGammu(t *testing.T) {
	tests := []struct {
		name, text string
		parts      int
		codings    []string
	}{
		{"in the GSM alphabet", "5 € {x} @home", 1, []string{codingGSM}},
		{"in another", "ж 😀", 1, []string{codingUCS2}},
		{"long", strings.Repeat("0123456789", 29) + "the end", 2, []string{codingGSM, codingGSM}},
		{"of 160 characters", strings.Repeat("x", 160), 1, []string{codingGSM}},
		{"with lines", "a\nb", 1, []string{codingGSM}},
		{"with emoji at a seam", strings.Repeat("😀", 80), 3, []string{codingUCS2, codingUCS2, codingUCS2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := modem(t, &receiver{})
			s := send(t, p, provider.Outgoing{From: own, To: friend, Text: tt.text, Ref: "1"})
			f := only(t, p, outbox)
			if f.to != friend || f.id != s.ID || s.Segments != tt.parts {
				t.Errorf("wrote %+v, gave %+v", f, s)
			}
			if len(f.name) > 99 {
				t.Errorf("gammu-smsd has no room for the name %s", f.name)
			}
			content, err := p.spool.read(outbox, f.name)
			if err != nil {
				t.Fatal(err)
			}
			parts, err := readSections(content)
			if err != nil {
				t.Fatal(err)
			}
			var codings []string
			for i, part := range parts {
				codings = append(codings, part["Coding"])
				if sequence, total := part.place(); sequence != i+1 || total != tt.parts {
					t.Errorf("part %d says that it is %d of %d", i+1, sequence, total)
				}
				if part.number() != friend || !part.isReport() {
					t.Errorf("part %d: %v", i+1, part)
				}
			}
			if diff := cmp.Diff(tt.codings, codings); diff != "" {
				t.Error(diff)
			}
			if text, missing, err := joined(parts); text != tt.text || missing != 0 || err != nil {
				t.Errorf("it says %q, %d are missing, %v", text, missing, err)
			}
			if info, err := os.Stat(p.spool.path(outbox, f.name)); err != nil || info.Mode().Perm() != fileMode {
				t.Errorf("gammu-smsd could not write to it: %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestTextsAreSentInTheirOrder(t *testing.T) {
	p := modem(t, &receiver{})
	var want []transport.MessageID
	for i := range 50 {
		want = append(want, send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: string(rune('a' + i))}).ID)
	}
	files, err := p.spool.files(outbox)
	if err != nil {
		t.Fatal(err)
	}
	var got []transport.MessageID
	for _, f := range files {
		got = append(got, f.id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextThatCannotBeWrittenIsNotTaken(t *testing.T) {
	tests := []struct {
		name string
		o    provider.Outgoing
		want string
	}{
		{"of another number", provider.Outgoing{From: "+15005550002", To: friend, Text: "x"}, providertest.Refused},
		{"to a path", provider.Outgoing{From: own, To: "../../x", Text: "x"}, providertest.Refused},
		{"to letters", provider.Outgoing{From: own, To: "MyBank", Text: "x"}, providertest.Refused},
		{"of more parts than gammu reads", provider.Outgoing{From: own, To: friend, Text: strings.Repeat("ж", 67*51)}, providertest.Refused},
		{"without an outbox", provider.Outgoing{From: own, To: friend, Text: "x"}, providertest.Retry},
	}
	for _, tt := range tests {
		p := modem(t, &receiver{})
		if tt.want == providertest.Retry {
			os.Remove(p.spool.path(outbox, ""))
		}
		_, err := p.Send(t.Context(), tt.o)
		if err == nil || providertest.KindOf(err) != tt.want {
			t.Errorf("%s: got %v", tt.name, err)
			continue
		}
		if strings.Contains(err.Error(), "5551234567") {
			t.Errorf("%s: the error holds a number: %v", tt.name, err)
		}
	}
}

func TestTextInDoubtIsFoundAfterARestart(t *testing.T) {
	o := provider.Outgoing{From: own, To: friend, Text: "x", Ref: "7"}
	p := modem(t, &receiver{})
	find := func() []provider.Sent {
		t.Helper()
		found, err := New(p.options, nil, discard).Find(t.Context(), o, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := find(); found != nil {
		t.Errorf("found %v before it was sent", found)
	}
	s := send(t, p, o)
	if diff := cmp.Diff([]provider.Sent{{ID: s.ID}}, find()); diff != "" {
		t.Errorf("in the outbox: %s", diff)
	}
	transmit(t, p, "5")
	if diff := cmp.Diff([]provider.Sent{{ID: s.ID}}, find()); diff != "" {
		t.Errorf("among the sent: %s", diff)
	}
	other := o
	other.Ref = "8"
	if found, err := p.Find(t.Context(), other, time.Time{}); found != nil || err != nil {
		t.Errorf("an equal text is taken for it: %v, %v", found, err)
	}
	os.RemoveAll(p.spool.path(sent, ""))
	if found, err := p.Find(t.Context(), o, time.Time{}); err == nil {
		t.Errorf("without a folder, %v was found and no error", found)
	}
}

const reportOf = "[SMSBackup000]\nPDU = Status_Report\nNumber = \"%n\"\nText00 = %t\nCoding = Default_No_Compression\nMessageReference = %r\n\n"

func reportFile(number, text, ref string) string {
	return strings.NewReplacer("%n", number, "%t", strings.ToUpper(hexOf(text)), "%r", ref).Replace(reportOf)
}

func hexOf(s string) string {
	var b strings.Builder
	for _, c := range toUTF16(s) {
		b.WriteString(string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
	}
	return b.String()
}

func TestReportIsOfTheTextWithItsReference(t *testing.T) {
	deliveredReport := []provider.Report{{Status: transport.Delivered}}
	failedReport := []provider.Report{{Status: transport.Failed, Err: &transport.Error{Reason: transport.RecipientUnavailable}}}
	tests := []struct {
		name string
		refs []string
		file string
		want []provider.Report
		kept bool // in the inbox
	}{
		{"as gammu wrote it", []string{"255"}, "", deliveredReport, false},
		{"delivered", []string{"5"}, reportFile(friend, "Delivered", "5"), deliveredReport, false},
		{"to a number without its country", []string{"5"}, reportFile("05551234567", "Delivered", "5"), deliveredReport, false},
		{"failed", []string{"5"}, reportFile(friend, "Failed", "5"), failedReport, false},
		{"on its way", []string{"5"}, reportFile(friend, "Pending", "5"), nil, false},
		{"the last part's", []string{"5", "6"}, reportFile(friend, "Delivered", "6"), deliveredReport, false},
		{"the first part's", []string{"5", "6"}, reportFile(friend, "Delivered", "5"), nil, false},
		{"the first part's, failed", []string{"5", "6"}, reportFile(friend, "Failed", "5"), failedReport, false},
		{"another reference", []string{"5"}, reportFile(friend, "Delivered", "7"), nil, true},
		{"another number", []string{"5"}, reportFile("+15557654321", "Delivered", "5"), nil, true},
		{"a modem that tells no reference", []string{"-1"}, reportFile(friend, "Delivered", "0"), nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			p := modem(t, rec)
			s := send(t, p, provider.Outgoing{From: own, To: friend, Text: strings.Repeat("x", 160*len(tt.refs)), Ref: "1"})
			transmit(t, p, tt.refs...)
			if tt.file == "" {
				tt.file = testdata(t, "report.txt")
			}
			const name = "IN20261125_190352_00_+15551234567_00.txt"
			comes(t, p, name, tt.file)
			for i := range tt.want {
				tt.want[i].ID = s.ID
			}
			if diff := cmp.Diff(tt.want, rec.reports, cmpopts.IgnoreFields(transport.Error{}, "Text")); diff != "" {
				t.Error(diff)
			}
			if len(rec.in) > 0 {
				t.Errorf("it came as a text: %v", rec.in)
			}
			if exists(p, inbox, name) != tt.kept {
				t.Errorf("kept in the inbox: %v", !tt.kept)
			}
			want := transport.Accepted
			if len(tt.want) > 0 {
				want = tt.want[0].Status
			}
			if r, err := p.Status(t.Context(), s.ID); r.Status != want || err != nil {
				t.Errorf("it fares %+v, %v", r, err)
			}
		})
	}
}

func TestReferencesComeAgain(t *testing.T) {
	rec := &receiver{}
	p := modem(t, rec)
	var ids []transport.MessageID
	for _, ref := range []string{"1", "2"} {
		ids = append(ids, send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: ref}).ID)
		transmit(t, p, "5")
	}
	comes(t, p, "IN20261125_190352_00_x_00.txt", reportFile(friend, "Delivered", "5"))
	if len(rec.reports) != 1 || rec.reports[0].ID != ids[1] {
		t.Errorf("the report is of %v, and %s was the last", rec.reports, ids[1])
	}
}

func TestReportThatIsNotStoredIsKept(t *testing.T) {
	rec := &receiver{err: errors.New("disk full")}
	p := modem(t, rec)
	send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: "1"})
	transmit(t, p, "5")
	comes(t, p, "IN1.txt", reportFile(friend, "Delivered", "5"))
	if !exists(p, inbox, "IN1.txt") || only(t, p, sent).state != waiting {
		t.Error("it is gone")
	}
}

func TestTextComesIn(t *testing.T) {
	long := strings.Repeat("0123456789", 30) + " the end é"
	tests := []struct {
		name, file string
		want       provider.Inbound
	}{
		{"in parts", testdata(t, "parts.txt"), provider.Inbound{From: "+15557654321", Text: long}},
		{"from letters, with emoji", testdata(t, "letters.txt"), provider.Inbound{From: "Vodafone_X", Text: "ж😀\na"}},
		{"that is no text", testdata(t, "binary.txt"), provider.Inbound{From: "+1555", Lost: 1}},
		{"from nobody", testdata(t, "nobody.txt"), provider.Inbound{Text: "a"}},
		{"whose first part is missing", part(2, 2, "end"), provider.Inbound{From: friend, Text: "end\n[1 of the 2 parts of this text did not arrive.]"}},
		{"in the wrong order", part(2, 2, "b") + part(1, 2, "a"), provider.Inbound{From: friend, Text: "ab"}},
		{"cut within an emoji", partHex(1, 2, "D83D") + partHex(2, 2, "DE00"), provider.Inbound{From: friend, Text: "😀"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			p := modem(t, rec)
			comes(t, p, "IN20261125_190352_00_x_00.txt", tt.file)
			tt.want.To = own
			if diff := cmp.Diff([]provider.Inbound{tt.want}, rec.in, cmpopts.IgnoreFields(provider.Inbound{}, "ID", "At")); diff != "" {
				t.Fatal(diff)
			}
			if rec.in[0].ID == "" || rec.in[0].At.IsZero() || rec.in[0].At.After(time.Now()) {
				t.Errorf("id %q, at %v", rec.in[0].ID, rec.in[0].At)
			}
			if exists(p, inbox, "IN20261125_190352_00_x_00.txt") {
				t.Error("it is in the inbox still")
			}
		})
	}
}

func part(sequence, total byte, text string) string { return partHex(sequence, total, hexOf(text)) }

func partHex(sequence, total byte, text string) string {
	return "[SMSBackup000]\nPDU = Deliver\nDateTime = 20200101T120000Z\nNumber = \"" + friend + "\"\nUDH = 05000307" +
		string([]byte{'0', '0' + total, '0', '0' + sequence}) + "\nText00 = " + text + "\nCoding = " + codingUCS2 + "\n\n"
}

func TestTextThatCameTwiceHasOneID(t *testing.T) {
	rec := &receiver{}
	p := modem(t, rec)
	for _, name := range []string{"IN20200101_120000_00_x_00.txt", "IN20200101_120000_01_x_00.txt"} {
		comes(t, p, name, part(1, 1, "hello"))
	}
	comes(t, p, "IN20200101_120000_02_x_00.txt", part(1, 1, "Hello"))
	if len(rec.in) != 3 || rec.in[0].ID != rec.in[1].ID || rec.in[0].ID == rec.in[2].ID {
		t.Errorf("got %v", rec.in)
	}
}

func TestFileThatIsBeingWrittenIsLeft(t *testing.T) {
	rec := &receiver{}
	p := modem(t, rec)
	whole := part(1, 2, "a") + part(2, 2, "b")
	name := p.spool.path(inbox, "IN1.txt")
	for _, content := range []string{whole[:20], whole[:90], whole} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.lookAtInbox(t.Context()); err != nil || len(rec.in) > 0 {
			t.Fatalf("%v, %v", rec.in, err)
		}
	}
	if err := p.lookAtInbox(t.Context()); err != nil || len(rec.in) != 1 || rec.in[0].Text != "ab" {
		t.Errorf("%v, %v", rec.in, err)
	}
}

func TestFileThatIsNoTextStays(t *testing.T) {
	tests := []struct {
		name, content, as string
		err               error
	}{
		{"in gammu's default format", "\xfe\xff\x00h\x00i", "", nil},
		{"empty", "", "", nil},
		{"endless", strings.Repeat("x", largestFile+1), unreadable, nil},
		{"that is no UTF-16", "[SMSBackup000]\nText00 = 00G0\nCoding = " + codingUCS2 + "\n", unreadable, nil},
		{"that is not stored", part(1, 1, "x"), "", errors.New("disk full")},
		{"whose number nobody has", part(1, 1, "x"), "", provider.ErrUnknownNumber},
	}
	for _, tt := range tests {
		rec := &receiver{err: tt.err}
		p := modem(t, rec)
		comes(t, p, "IN1.txt", tt.content)
		if len(rec.in) > 0 || !exists(p, inbox, "IN1.txt"+tt.as) {
			names, _ := p.spool.names(inbox)
			t.Errorf("%s: got %v, and the inbox has %v", tt.name, rec.in, names)
		}
	}
}

func TestTextThatTheModemCannotSendFails(t *testing.T) {
	rec := &receiver{}
	p := modem(t, rec)
	s := send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: "1"})
	look := func() {
		t.Helper()
		if err := errors.Join(p.lookAtOutbox(t.Context()), p.lookAtErrors(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	look()
	if len(rec.reports) > 0 {
		t.Fatalf("got %v at once", rec.reports)
	}
	old := time.Now().Add(-2 * p.options.GiveUp)
	if err := os.Chtimes(p.spool.path(outbox, only(t, p, outbox).name), old, old); err != nil {
		t.Fatal(err)
	}
	look()
	look()
	if len(rec.reports) != 1 || rec.reports[0].ID != s.ID || rec.reports[0].Status != transport.Failed || rec.reports[0].Err == nil {
		t.Errorf("got %v", rec.reports)
	}
	if r, err := p.Status(t.Context(), s.ID); r.Status != transport.Failed || err != nil {
		t.Errorf("it fares %+v, %v", r, err)
	}
}

func TestOldFilesAreRemoved(t *testing.T) {
	p := modem(t, &receiver{})
	send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: "1"})
	transmit(t, p, "5")
	send(t, p, provider.Outgoing{From: own, To: friend, Text: "x", Ref: "2"})
	for _, name := range []string{"OUTC20200101_120000_00_+1_of-somebody-else.txt", ".OUTC1.tmp"} {
		os.WriteFile(p.spool.path(outbox, name), nil, 0o600)
	}
	os.WriteFile(p.spool.path(sent, "OUTC20200101_120000_00_+1_of-somebody-else.txt"), nil, 0o600)
	if err := p.spool.forget(time.Hour); err != nil {
		t.Fatal(err)
	}
	left := func() (names []string) {
		for _, folder := range []string{outbox, sent} {
			n, err := p.spool.names(folder)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, n...)
		}
		return names
	}
	if n := left(); len(n) != 5 {
		t.Fatalf("too early: %v are left", n)
	}
	if err := p.spool.forget(-time.Hour); err != nil {
		t.Fatal(err)
	}
	n := left()
	if len(n) != 3 || slices.ContainsFunc(n, func(s string) bool { return strings.HasSuffix(s, ".tmp") }) || len(must(p.spool.files(sent))) != 0 || len(must(p.spool.files(outbox))) != 1 {
		t.Errorf("%v are left", n)
	}
}

func must(files []outgoing, err error) []outgoing {
	if err != nil {
		panic(err)
	}
	return files
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := modem(t, &receiver{}).Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestWrongOptionIsBlamed(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Options)
		key  string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"no number", func(o *Options) { o.Number = "" }, "gammu.number"},
		{"a national number", func(o *Options) { o.Number = "5005550001" }, "gammu.number"},
		{"a relative path", func(o *Options) { o.Spool = "gammu" }, "gammu.spool"},
		{"impatience", func(o *Options) { o.GiveUp = time.Second }, "gammu.give_up"},
	} {
		o := Defaults()
		o.Number = own
		tt.set(&o)
		e, _ := errors.AsType[*transport.OptionError](o.Check())
		if (e == nil) != (tt.key == "") || e != nil && e.Key != tt.key {
			t.Errorf("%s: got %v", tt.name, e)
		}
	}
}

func FuzzInbox(f *testing.F) {
	for _, name := range []string{"parts.txt", "letters.txt", "binary.txt", "report.txt"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
	}
	f.Add(part(2, 2, "b") + part(1, 2, "a"))
	p := New(Options{Number: own}, nil, discard)
	f.Fuzz(func(t *testing.T, content string) {
		parts, err := readSections(content)
		if err != nil {
			return
		}
		if len(parts) == 0 || len(parts) > maxParts {
			t.Fatalf("%d parts", len(parts))
		}
		in, err := p.inbound(parts, "IN1.txt", time.Now())
		if err == nil && (in.ID == "" || in.At.IsZero()) {
			t.Fatalf("got %+v", in)
		}
		for _, ref := range references(content) {
			if ref < -1 || ref > 255 {
				t.Fatalf("reference %d", ref)
			}
		}
	})
}
