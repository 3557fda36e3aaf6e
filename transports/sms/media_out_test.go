package sms

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	small   = "https://files.example.org/small.jpg"
	large   = "https://files.example.org/large.png"
	archive = "https://files.example.org/all.zip"
	private = "http://10.0.0.1/private.jpg"
	missing = "https://files.example.org/missing.jpg"
	placed  = "https://files.example.org/placed.jpg" // it says where it was taken
	damaged = "https://files.example.org/broken.jpg"

	still = "\xff\xd8\xff\xe0\x00\x07JFIF\x00\xff\xd9" // a JPEG with nothing in it
)

// noisy is a picture of some 190 KB.
func noisy() string {
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, 250, 250))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	m.SetRGBA(0, 0, color.RGBA{})
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.String()
}

// fileWorld is a world whose carrier takes pictures of up to 60 KB, and whose
// users have some.
func fileWorld(t *testing.T, c *carrier) *world {
	t.Helper()
	c.takes = &provider.MediaLimits{Files: 3, Total: 60_000, Types: map[string]int64{"image/jpeg": 60_000, "image/png": 60_000, "text/vcard": 20_000}}
	w := start(t, newDisk(), c, 0)
	w.host.web = map[string]transport.File{
		small: {Type: "image/jpeg", Size: 16, Public: true}, large: {Type: "image/png", Size: 190_000, Public: true},
		placed: {Type: "image/jpeg", Size: 20, Public: true}, damaged: {Type: "image/jpeg", Size: 20, Public: true},
		archive: {Type: "application/zip", Size: 20, Public: true}, private: {Type: "image/jpeg", Size: 16},
	}
	w.host.data = map[string]string{small: still, private: still, placed: "\xff\xd8\xff\xe1\x00\x05GPS" + still[2:], damaged: jpegStart, archive: "PK\x03\x04 and so on", large: noisy()}
	synctest.Wait()
	return w
}

func (w *world) sendsFiles(r transport.Request, text string, links ...string) error {
	m := transport.Message{Request: r, Chat: phone, Origin: string(r), Text: text}
	for _, link := range links {
		m.Media = append(m.Media, transport.Media{URL: link})
	}
	_, err := w.link.Send(context.Background(), m)
	return err
}

// sent gives what the carrier took: "text | link, link".
func (c *carrier) sent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, o := range c.taken {
		all = append(all, o.Text+" | "+strings.Join(o.Media, ", "))
	}
	return all
}

const hosted = "https://gw.example.org/media/romeo@example.org/1"

func TestFilesGoAlongAsTheProviderTakesThem(t *testing.T) {
	for _, tt := range []struct {
		name  string
		text  string
		links []string
		want  []string
		put   string // how the first file that is hosted begins
	}{
		{"where it is", "", []string{small}, []string{" | " + small}, ""},
		{"with a text", "look", []string{small}, []string{"look | " + small}, ""},
		{"made smaller", "look", []string{large}, []string{"look | " + hosted}, "romeo@example.org image/jpeg \xff\xd8"},
		{"hosted, as not everybody gets there", "", []string{private}, []string{" | " + hosted}, "romeo@example.org image/jpeg " + still[:12]},
		{"hosted without the place", "look", []string{placed}, []string{"look | " + hosted}, "romeo@example.org image/jpeg " + still[:12]},
		{"as a link, as it is no picture", "", []string{damaged}, []string{damaged + " | "}, ""},
		{"as a link, of a type that it does not take", "look", []string{archive}, []string{"look\n" + archive + " | "}, ""},
		{"as a link, as it can't be fetched", "", []string{missing}, []string{missing + " | "}, ""},
		{"some so, some so", "look", []string{small, archive, private}, []string{"look\n" + archive + " | " + small + ", " + hosted}, ""},
		{"too many", "", []string{small, private, private, small}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &carrier{}
				w := fileWorld(t, c)
				defer w.ends()
				if err := w.sendsFiles("1", tt.text, tt.links...); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				got := c.sent()
				if tt.want == nil { // the fourth is a link
					if len(got) != 1 || !strings.HasPrefix(got[0], small+" | "+small+", ") || len(c.taken[0].Media) != 3 {
						t.Errorf("sent %q", got)
					}
				} else if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
				if tt.put != "" && (len(w.host.put) != 1 || !strings.HasPrefix(w.host.put[0], tt.put)) {
					t.Errorf("hosted %q", w.host.put)
				}
			})
		})
	}
}

func TestFilesAreLinksWithoutMMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		if err := w.sendsFiles("1", "look", small, archive); err != nil {
			t.Fatal(err)
		}
		if err := w.sendsFiles("2", "", small); err != nil {
			t.Fatal(err)
		}
		if err := w.sendsFiles("3", ""); err == nil {
			t.Error("nothing is sent")
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"look\n" + small + "\n" + archive + " | ", small + " | "}, c.sent()); diff != "" {
			t.Error(diff)
		}
		if len(w.host.got) > 0 {
			t.Errorf("fetched %q", w.host.got)
		}
	})
}

func TestFilesThatBecomeLinksCountAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := fileWorld(t, c)
		defer w.ends()
		w.network.quotas[romeo] = Quota{PartsPerDay: 2}
		long := missing + strings.Repeat("a", 200)
		if err := w.sendsFiles("1", "", long); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := c.sent(); len(got) != 1 || got[0] != long+" | " {
			t.Errorf("sent %q", got)
		}
		w.refuses(transport.RateLimited, "2 of the 2", phone, "one more")
	})
}

func TestLongTextComesBeforeItsFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{limit: 100}
		w := fileWorld(t, c)
		defer w.ends()
		if err := w.sendsFiles("1", strings.Repeat("romeo ", 25), small); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := c.sent()
		if len(got) != 3 || !strings.HasPrefix(got[0], "(1/2) romeo") || got[2] != " | "+small {
			t.Errorf("sent %q", got)
		}
	})
}

func TestWhatTheCarrierRefusesIsSentInASimplerForm(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codes []int // how the sends fail, one after another
		late  bool  // by a report
		want  []string
	}{
		{"not for this recipient", []int{30011}, true, []string{"look | " + small, "look\n" + small + " | "}},
		{"not fetched", []int{12300}, false, []string{"look\n" + small + " | "}},
		{"too large for the carrier", []int{30019}, true, []string{"look | " + small, "look | " + hosted}},
		{"still too large", []int{30019, 30019}, true, []string{"look | " + small, "look | " + hosted, "look\n" + small + " | "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &carrier{}
				if !tt.late {
					for _, code := range tt.codes {
						c.plans = append(c.plans, plan{err: provider.Error(code, nil)})
					}
				}
				w := fileWorld(t, c)
				defer w.ends()
				w.host.data[small] = noisy()
				if err := w.sendsFiles("1", "look", small); err != nil {
					t.Fatal(err)
				}
				for i, code := range tt.codes {
					synctest.Wait()
					if tt.late {
						w.network.Report(t.Context(), provider.Report{ID: c.ids[i], Status: transport.Failed, Err: provider.Error(code, nil)})
					}
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				if diff := cmp.Diff(tt.want, c.sent()); diff != "" {
					t.Error(diff)
				}
				for _, s := range w.romeo.statuses("1") {
					if s.Status == transport.Failed {
						t.Error("romeo hears of the failure")
					}
				}
				w.network.Report(t.Context(), provider.Report{ID: c.ids[len(c.ids)-1], Status: transport.Failed, Err: provider.Error(30003, nil)})
				synctest.Wait()
				if told := w.romeo.statuses("1"); told[len(told)-1].Status != transport.Failed {
					t.Error("romeo does not hear of the last failure")
				}
			})
		})
	}
}

func TestFilesInDoubtAreLookedForAsTheyWereSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := &carrier{plans: []plan{{take: true, err: errors.New("no answer")}}}, (*disk)(nil)
		w := fileWorld(t, c)
		d = w.disk
		if err := w.sendsFiles("1", "look", private, archive); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.ends()
		again := start(t, d, c, 0) // which has nothing hosted, and needs nothing
		defer again.ends()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := c.sent(); len(got) != 1 || got[0] != "look\n"+archive+" | "+hosted {
			t.Errorf("sent %q", got)
		}
		if items := d.all(); items[0].State != transport.Sent || items[0].ID != "SM1" {
			t.Errorf("it is %+v", items[0])
		}
		noted := func() int {
			all, err := d.records.OfUser(t.Context(), romeo, kindPrepared)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		if noted() != 1 {
			t.Error("how it was sent is not noted while its fate is open")
		}
		again.network.Report(t.Context(), provider.Report{ID: "SM1", Status: transport.Delivered})
		if noted() != 0 {
			t.Error("how it was sent is noted still")
		}
	})
}

func TestSlowFilesHoldUpNobodysTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := fileWorld(t, c)
		defer w.ends()
		w.host.slow = time.Hour
		for i, to := range []transport.Address{"+15551230001", "+15551230002", "+15551230003", "+15551230004"} {
			_, err := w.link.Send(t.Context(), transport.Message{
				Request: transport.Request(rune('a' + i)), Chat: to, Media: []transport.Media{{URL: small}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.mustSend("9", phone, "hello")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := c.sent(); len(got) != 1 || got[0] != "hello | " {
			t.Errorf("sent %q", got)
		}
		w.host.mu.Lock()
		w.host.slow = 0
		w.host.mu.Unlock()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if got := c.sent(); len(got) != 5 {
			t.Errorf("sent %q", got)
		}
	})
}

func TestFileThatComesBackIsSentAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := fileWorld(t, c)
		defer w.ends()
		w.host.down = errors.New("connection refused")
		if err := w.sendsFiles("1", "", small); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := c.sent(); len(got) > 0 {
			t.Errorf("sent %q", got)
		}
		w.host.mu.Lock()
		w.host.down = nil
		w.host.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{" | " + small}, c.sent()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFinalErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{&guarded.StatusError{Status: 404}, true}, {&guarded.StatusError{Status: 403}, true}, {&guarded.StatusError{Status: 429}, false},
		{&guarded.StatusError{Status: 503}, false}, {guarded.ErrPrivate, true}, {guarded.ErrTooLarge, true}, {context.DeadlineExceeded, false},
	} {
		if isFinal(tt.err) != tt.want {
			t.Errorf("%v: %v", tt.err, !tt.want)
		}
	}
}
