package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// host is a transport.Files that keeps files in memory, over a web of files.
type host struct {
	mu     sync.Mutex
	web    map[string]transport.File // Content is replaced by what data has
	data   map[string]string
	put    []string // "user name type content"
	got    []string
	refuse error
	none   bool // nothing is hosted
	slow   time.Duration
	down   error // of Get
}

func (h *host) Put(_ context.Context, user string, f transport.File) (transport.Media, error) {
	b, err := io.ReadAll(f.Content)
	f.Content.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		err = h.refuse
	}
	if err != nil {
		return transport.Media{}, err
	}
	kind := http.DetectContentType(b)
	h.put = append(h.put, fmt.Sprintf("%s %s %s", user, kind, short(string(b))))
	return transport.Media{URL: fmt.Sprintf("https://gw.example.org/media/%s/%d", user, len(h.put)), Type: kind, Size: int64(len(b))}, nil
}

func short(s string) string { return s[:min(len(s), 12)] }

func (h *host) Get(ctx context.Context, url string, max int64) (transport.File, error) {
	h.mu.Lock()
	h.got = append(h.got, url)
	f, ok := h.web[url]
	data := h.data[url]
	slow, down := h.slow, h.down
	h.mu.Unlock()
	if slow > 0 && !sleep(ctx, slow) {
		return f, ctx.Err()
	}
	switch {
	case down != nil:
		return f, down
	case !ok:
		return f, &guarded.StatusError{Status: 404}
	case int64(len(data)) > max:
		return f, guarded.ErrTooLarge
	}
	f.Content = io.NopCloser(strings.NewReader(data))
	return f, nil
}

func (h *host) Max() int64 {
	if h.none {
		return 0
	}
	return 1 << 20
}

// FetchMedia implements provider.MediaSource for the fake carrier.
func (c *carrier) FetchMedia(ctx context.Context, _ *http.Client, m provider.Media, max int64) (transport.File, error) {
	c.mu.Lock()
	c.fetched = append(c.fetched, m.URL)
	data, err, hangs := c.media[m.URL], c.mediaErr, c.hangs[m.URL]
	c.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return transport.File{}, ctx.Err()
	}
	if err == nil && int64(len(data)) > max {
		err = guarded.ErrTooLarge
	}
	if err == nil && data == "" {
		err = provider.ErrNoMedia
	}
	if err == nil && data == "panic" {
		panic("a file that nobody expected")
	}
	return transport.File{Type: m.Type, Content: io.NopCloser(strings.NewReader(data))}, err
}

// ForgetMedia implements provider.MediaSource.
func (c *carrier) ForgetMedia(_ context.Context, m provider.Media) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten = append(c.forgotten, m.URL)
	return nil
}

const jpegStart = "\xff\xd8\xff\xe0 a picture"

// pictures bring a text with two pictures.
func pictures(text string) provider.Inbound {
	return provider.Inbound{ID: "MM1", From: string(phone), To: romeoNumber, Text: text, Media: []provider.Media{
		{URL: "https://api/1", Type: "image/jpeg"}, {URL: "https://api/smil", Type: "application/smil"}, {URL: "https://api/2", Type: "text/vcard"},
	}}
}

func carriesPictures() *carrier {
	return &carrier{media: map[string]string{"https://api/1": jpegStart, "https://api/2": "BEGIN:VCARD"}}
}

// shown gives what a user got: "id text link".
func (i *inbox) shown() []string {
	var all []string
	for _, m := range i.received() {
		line := string(m.ID) + " " + m.Text
		for _, media := range m.Media {
			line += media.URL + " " + media.Type
		}
		all = append(all, line)
	}
	return all
}

var bothPictures = []string{
	"MM1 look",
	"MM1/1 https://gw.example.org/media/romeo@example.org/1 image/jpeg",
	"MM1/3 https://gw.example.org/media/romeo@example.org/2 text/plain; charset=utf-8",
}

func (w *world) mustReceive(in provider.Inbound) {
	w.t.Helper()
	if err := w.network.Receive(context.Background(), in); err != nil {
		w.t.Fatal(err)
	}
}

func TestFilesComeAfterTheirText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carriesPictures()
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		synctest.Wait()
		w.mustReceive(pictures("look"))
		synctest.Wait()
		if diff := cmp.Diff(bothPictures, w.romeo.shown()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"https://api/1", "https://api/2"}, c.forgotten); diff != "" {
			t.Error(diff)
		}
		if left, _ := w.disk.records.OfUser(t.Context(), romeo, kindMedia); len(left) > 0 {
			t.Errorf("%d are still noted", len(left))
		}
	})
}

func TestFileIsFetchedAgainAfterACrashAndAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := carriesPictures(), newDisk()
		c.mediaErr = errors.New("the provider is down")
		w := start(t, d, c, 0)
		w.mustReceive(pictures("look"))
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := len(c.fetched); got < 8 || got > 40 {
			t.Errorf("tried %d times in three hours", got)
		}
		w.ends()
		c.mediaErr = nil
		again := start(t, d, c, 0)
		defer again.ends()
		synctest.Wait()
		// The store of what was shown is another: the text is told again, under
		// its id, by which the gateway knows it.
		if diff := cmp.Diff(bothPictures, again.romeo.shown()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTextIsNotTakenBeforeItsFilesAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), carriesPictures(), 0)
		defer w.ends()
		synctest.Wait()
		w.disk.records.Fail(errors.New("the disk is full"))
		if err := w.network.Receive(t.Context(), pictures("look")); err == nil {
			t.Error("it is taken")
		}
		w.disk.records.Fail(nil)
		w.mustReceive(pictures("look"))
		synctest.Wait()
		if diff := cmp.Diff(bothPictures, w.romeo.shown()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatCannotBeFetchedIsMentioned(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*carrier, *host)
		after  time.Duration
		want   string
	}{
		"gone": {func(c *carrier, _ *host) { delete(c.media, "https://api/1") }, time.Hour,
			"MM1/1 [A picture came with this text, but it can't be shown. The provider no longer has it.]"},
		"too large": {func(c *carrier, _ *host) { c.media["https://api/1"] = strings.Repeat("x", 2<<20) }, 0,
			"MM1/1 [A picture came with this text, but it can't be shown. It is too large for this gateway.]"},
		"never given": {func(c *carrier, _ *host) { c.media["https://api/1"] = "panic" }, 25 * time.Hour,
			"MM1/1 [A picture came with this text, but it can't be shown. The provider did not give it within 24 hours.]"},
		"no room": {func(_ *carrier, h *host) { h.refuse = &transport.Error{Reason: transport.TooMany, Text: "No room."} }, 25 * time.Hour,
			"MM1/1 [A picture came with this text, but it can't be shown. No room.]"},
		"nothing hosted": {func(_ *carrier, h *host) { h.none = true }, 0,
			"MM1 [A picture or file came with this text. This gateway does not carry it.]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := carriesPictures()
				w := start(t, newDisk(), c, 0)
				defer w.ends()
				tt.change(c, w.host)
				in := pictures("")
				in.Media = in.Media[:1]
				w.mustReceive(in)
				synctest.Wait()
				if tt.after > 0 {
					if got := w.romeo.shown(); len(got) > 0 {
						t.Errorf("at once: %q", got)
					}
					time.Sleep(tt.after)
				}
				if diff := cmp.Diff([]string{tt.want}, w.romeo.shown()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestOnesFilesDoNotHoldUpAnothers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carriesPictures()
		c.hangs = map[string]bool{"https://api/hang": true}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		others := &inbox{}
		defer w.open(juliet, others).Close(t.Context(), "")
		defer w.open(nurse, &inbox{}).Close(t.Context(), "")
		for i := range 20 {
			w.mustReceive(provider.Inbound{ID: transport.MessageID(fmt.Sprint("H", i)), From: string(phone), To: romeoNumber,
				Media: []provider.Media{{URL: "https://api/hang", Type: "image/jpeg"}}})
		}
		in := pictures("look")
		in.To = sharedNumber
		w.mustReceive(in)
		w.mustReceive(provider.Inbound{ID: "SM2", From: string(phone), To: romeoNumber, Text: "hello"})
		synctest.Wait()
		if got := others.shown(); len(got) != 3 {
			t.Errorf("another got %q", got)
		}
		if got := w.romeo.shown(); len(got) != 1 || got[0] != "SM2 hello" {
			t.Errorf("romeo got %q", got)
		}
		if got := c.forgotten; len(got) != 2 {
			t.Errorf("forgotten: %q, of a number that two share", got)
		}
	})
}

func TestFilesThatComeWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.mustReceive(provider.Inbound{ID: "M1", From: string(phone), To: romeoNumber, Text: "look", Media: []provider.Media{
			{Data: []byte(jpegStart), Name: "a.jpg", Type: "image/jpeg"}, {Data: []byte("said in a file"), Type: "text/plain; charset=utf-8"},
		}})
		synctest.Wait()
		want := []string{"M1 look", "M1/1 https://gw.example.org/media/romeo@example.org/1 image/jpeg", "M1/2 said in a file"}
		if diff := cmp.Diff(want, w.romeo.shown()); diff != "" {
			t.Error(diff)
		}
	})
}
