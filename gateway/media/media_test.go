package media

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

const romeo = "romeo@example.org"

func picture(width, height int) []byte {
	var b bytes.Buffer
	png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)))
	return b.Bytes()
}

// world is a Host with its server, and a clock that can be set.
type world struct {
	*Host
	files  transport.Files
	server *httptest.Server
	now    time.Time
	mu     sync.Mutex
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{now: time.Now()}
	o := Options{
		Dir: filepath.Join(t.TempDir(), "files"), Secret: []byte("secret"), Keep: time.Hour,
		MaxFile: 10_000, MaxUser: 30_000, MaxTotal: 50_000,
		now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now },
	}
	if change != nil {
		change(&o)
	}
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(http.StripPrefix("/media", k))
	t.Cleanup(w.server.Close)
	w.Host = &Host{
		Keeper: k, PublicURL: w.server.URL + "/media", Log: slog.New(slog.DiscardHandler),
		Client: guarded.Client(guarded.Ranges{netip.MustParsePrefix("127.0.0.0/8")}),
	}
	w.files = w.For("gw.example.org", nil)
	return w
}

func (w *world) later(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

func (w *world) put(t *testing.T, user, name, kind string, content []byte) transport.Media {
	t.Helper()
	m, err := w.files.Put(t.Context(), user, NewFile(name, kind, bytes.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fetch(t *testing.T, method, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func TestFileIsServedUntilItsTimeIsOver(t *testing.T) {
	w := newWorld(t, nil)
	content := picture(30, 20)
	m := w.put(t, romeo, "../IMG 1.jpeg", "image/jpeg", content)
	if m.Name != "IMG_1.png" || m.Type != "image/png" || m.Size != int64(len(content)) || m.Width != 30 || m.Height != 20 || len(m.SHA256) != 32 {
		t.Errorf("got %+v", m)
	}
	if again := w.put(t, romeo, "IMG 1.png", "", content); again.URL != m.URL {
		t.Error("the same file has another link")
	}
	if other := w.put(t, "juliet@example.org", "IMG 1.png", "", content); other.URL == m.URL {
		t.Error("two people's files have one link")
	}
	res, got := fetch(t, http.MethodGet, m.URL)
	if res.StatusCode != 200 || !bytes.Equal(got, content) {
		t.Errorf("got %d, %d bytes", res.StatusCode, len(got))
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline; filename=IMG_1.png",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Access-Control-Allow-Origin": "*",
	} {
		if res.Header.Get(name) != want {
			t.Errorf("%s: %q", name, res.Header.Get(name))
		}
	}
	if res, got := fetch(t, http.MethodHead, m.URL); res.ContentLength != m.Size || len(got) > 0 {
		t.Errorf("HEAD gives %d", res.ContentLength)
	}
	if res, got := fetch(t, http.MethodGet, m.URL, "Range", "bytes=1-3"); res.StatusCode != 206 || string(got) != "PNG" {
		t.Errorf("a range gives %d, %q", res.StatusCode, got)
	}
	if res, _ := fetch(t, http.MethodGet, m.URL, "If-None-Match", res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("the same again gives %d", res.StatusCode)
	}
	if res, _ := fetch(t, http.MethodPost, m.URL); res.StatusCode != 405 {
		t.Errorf("POST gives %d", res.StatusCode)
	}
	w.later(2 * time.Hour)
	if res, _ := fetch(t, http.MethodGet, m.URL); res.StatusCode != 404 {
		t.Errorf("an old file gives %d", res.StatusCode)
	}
	w.Keeper.prune()
	if left, _ := os.ReadDir(w.Keeper.Dir); len(left) != 0 || w.Keeper.total != 0 || len(w.Keeper.users) != 0 {
		t.Errorf("there are still %d, %d bytes", len(left), w.Keeper.total)
	}
}

func TestWhatMayHoldAScriptIsSavedAndNotShown(t *testing.T) {
	w := newWorld(t, nil)
	for claimed, content := range map[string]string{
		"image/jpeg":    "<!DOCTYPE html><script>alert(1)</script>",
		"image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"image/png":     `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`,
		"text/html":     "hello",
	} {
		m := w.put(t, romeo, "x.jpg", claimed, []byte(content))
		res, _ := fetch(t, http.MethodGet, m.URL)
		kind, shown := res.Header.Get("Content-Type"), strings.HasPrefix(res.Header.Get("Content-Disposition"), "inline")
		if shown != (kind == "text/plain; charset=utf-8") || strings.HasSuffix(m.Name, ".jpg") {
			t.Errorf("%s: %s as %s, %s", claimed, m.Name, kind, res.Header.Get("Content-Disposition"))
		}
	}
}

func TestLinksCannotBeGuessed(t *testing.T) {
	w := newWorld(t, nil)
	m := w.put(t, romeo, "a.txt", "", []byte("hello"))
	base := strings.TrimSuffix(w.PublicURL, "/")
	token, _, _ := strings.Cut(strings.TrimPrefix(m.URL, base+"/"), "/")
	if len(token) < 22 { // 128 bits
		t.Errorf("the token is %q", token)
	}
	for _, path := range []string{"", "/", "/x", "/.", "/..", "/%2e%2e/gatehouse.db", "/" + token[1:], "/" + token + "x", "/" + strings.Repeat("A", len(token)), "/part-1"} {
		if res, _ := fetch(t, http.MethodGet, base+path); res.StatusCode == 200 {
			t.Errorf("%q is served", path)
		}
	}
	if other := newWorld(t, func(o *Options) { o.Secret = []byte("another") }); strings.Contains(other.put(t, romeo, "a.txt", "", []byte("hello")).URL, token) {
		t.Error("the secret does not matter")
	}
}

func TestFilesOutlastARestart(t *testing.T) {
	w := newWorld(t, nil)
	m := w.put(t, romeo, "a.txt", "", []byte("hello"))
	os.WriteFile(filepath.Join(w.Keeper.Dir, "part-1"), nil, 0o600)
	os.WriteFile(filepath.Join(w.Keeper.Dir, "notes.txt"), []byte("mine"), 0o600)
	k, err := Open(w.Keeper.Options)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.files) != 1 || k.total != w.Keeper.total || k.users[ownerOf("gw.example.org", romeo)].files != 1 {
		t.Errorf("found %d, %d bytes", len(k.files), k.total)
	}
	if left, _ := os.ReadDir(k.Dir); len(left) != 2 {
		t.Errorf("there are %d", len(left))
	}
	again := (&Host{Keeper: k, PublicURL: w.PublicURL}).For("gw.example.org", nil)
	f, err := again.Get(t.Context(), m.URL, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Content.Close()
	if b, _ := io.ReadAll(f.Content); string(b) != "hello" || f.Name != "a.txt" {
		t.Errorf("got %q, %q", f.Name, b)
	}
	info, _ := os.Stat(k.Dir)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("others may look: %v", info.Mode())
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, nil)
	big := func(i int) []byte { return bytes.Repeat([]byte{'a' + byte(i)}, 7000) }
	reason := func(user string, content []byte) transport.Reason {
		_, err := w.files.Put(t.Context(), user, NewFile("x", "", bytes.NewReader(content)))
		e, _ := errors.AsType[*transport.Error](err)
		if e == nil {
			t.Errorf("%d bytes of %s: %v", len(content), user, err)
			return 0
		}
		return e.Reason
	}
	if got := reason(romeo, make([]byte, 10_001)); got != transport.TooLong {
		t.Errorf("a large file: %v", got)
	}
	var links []string
	for i := range 4 { // one more than fits
		links = append(links, w.put(t, romeo, "x", "", big(i)).URL)
		w.later(time.Minute)
	}
	for i, link := range links {
		if res, _ := fetch(t, http.MethodGet, link); (res.StatusCode == 200) != (i > 0) {
			t.Errorf("file %d: %d", i, res.StatusCode)
		}
	}
	w.put(t, "juliet@example.org", "x", "", big(0))
	w.put(t, "juliet@example.org", "x", "", big(1))
	if got := reason("nurse@example.org", big(0)); got != transport.TooMany {
		t.Errorf("no room: %v", got)
	}
	w.Forget("gw.example.org", "juliet@example.org")
	w.put(t, "nurse@example.org", "x", "", big(0))
	if left, _ := filepath.Glob(filepath.Join(w.Keeper.Dir, partPrefix+"*")); len(left) > 0 {
		t.Errorf("parts are left: %v", left)
	}
	nowhere := (&Host{Client: w.Client}).For("gw.example.org", nil)
	if _, err := nowhere.Put(t.Context(), romeo, NewFile("x", "", strings.NewReader("x"))); err == nil || nowhere.Max() != 0 {
		t.Error("a file is taken where none are hosted")
	}
}

func TestALargeFileTakesThePlaceOfManySmallOnesAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxFile, o.MaxUser, o.MaxTotal = 1<<20, 1<<20, 2<<20 })
	for i := range perUserMax {
		w.Keeper.note(fmt.Sprint(i), &kept{user: ownerOf("gw.example.org", romeo), size: 50, at: w.now.Add(time.Duration(i))})
	}
	began := time.Now()
	w.put(t, romeo, "x", "", bytes.Repeat([]byte{'a'}, 1000_000))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("everybody waited for %v", took)
	}
	if n := len(w.Keeper.files); n == 0 || n > 1000 {
		t.Errorf("%d files are left", n)
	}
}

func TestAFileIsReadWhileItIsPutAgain(t *testing.T) {
	w := newWorld(t, nil)
	link := w.put(t, romeo, "x", "", []byte("x")).URL
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		for range 20 {
			if f, err := w.files.Get(t.Context(), link, 10); err != nil {
				t.Error(err)
			} else {
				f.Content.Close()
			}
		}
	})
	for range 20 {
		w.put(t, romeo, "x", "", []byte("x"))
	}
}

func TestTypeComesFromTheContent(t *testing.T) {
	box := func(brand string) string { return "\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00" }
	for _, tt := range []struct{ content, claimed, want string }{
		{string(picture(1, 1)), "image/jpeg", "image/png"},
		{"\xff\xd8\xff\xe0", "", "image/jpeg"},
		{"GIF89a", "video/mp4", "image/gif"},
		{"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"},
		{box("isom"), "", "video/mp4"}, {box("mp42"), "audio/mp4", "audio/mp4"}, {box("3gp4"), "", "video/3gpp"},
		{box("3gp4"), "audio/3gpp", "audio/3gpp"}, {box("3g2a"), "", "video/3gpp2"}, {box("heic"), "image/jpeg", "image/heic"},
		{box("M4A "), "", "audio/mp4"}, {box("qt  "), "", "video/quicktime"}, {box("avif"), "", "image/avif"},
		{"#!AMR\n", "", "audio/amr"}, {"ID3\x03", "", "audio/mpeg"}, {"OggS\x00", "audio/ogg", "audio/ogg"},
		{"BEGIN:VCARD\r\nVERSION:3.0", "", "text/vcard"}, {"begin:vcard\n", "image/png", "text/vcard"}, {"BEGIN:VCALENDAR", "text/x", "text/calendar"},
		{"<smil><head/>", "", "application/smil"}, {"<?xml version='1.0'?><smil>", "", "application/smil"},
		{"<svg/>", "image/png", "image/svg+xml"}, {"<html>", "image/png", "text/html"}, {"<script>", "text/plain", "text/html"},
		{"%PDF-1.4", "", "application/pdf"}, {"PK\x03\x04", "application/epub+zip", "application/epub+zip"}, {"PK\x03\x04", "text/html", "application/zip"},
		{"a,b", "text/csv", "text/csv"}, {"hello", "text/html", "text/plain"}, {"hello", "", "text/plain"},
		{"\x00\x01\x02", "image/jpeg", unknownType}, {"\x00\x01\x02", "text/html", unknownType}, {"\x00\x01\x02", "audio/midi", "audio/midi"},
		{"", "image/png", "text/plain"}, {"hello", "no type; at = all", "text/plain"},
	} {
		if got := TypeOf([]byte(tt.content), tt.claimed); got != tt.want {
			t.Errorf("%q as %q: %s, want %s", tt.content, tt.claimed, got, tt.want)
		}
	}
}

func TestNamesAreHarmless(t *testing.T) {
	for _, tt := range []struct{ name, kind, want string }{
		{"", "image/jpeg", "image.jpg"}, {"", "text/vcard", "contact.vcf"}, {"", "application/x-y", "file.bin"}, {"", "audio/amr", "audio.amr"},
		{"a.jpeg", "image/jpeg", "a.jpeg"}, {"a.png", "image/jpeg", "a.jpg"}, {"a", "image/jpeg", "a.jpg"}, {"a.b.c", "text/plain", "a.b.txt"},
		{"../../etc/passwd", "text/plain", "passwd.txt"}, {`C:\x\y.txt`, "text/plain", "y.txt"}, {"/", "text/plain", "file.txt"}, {"..", "text/plain", "file.txt"},
		{"a\r\nb\x00.txt", "text/plain", "ab.txt"}, {"gpj.\u202eexe", "image/jpeg", "gpj.jpg"}, {"Grüße 😀.pdf", "application/pdf", "Grüße_😀.pdf"},
		{"x.html", unknownType, "x.bin"}, {"x.exe", unknownType, "x.bin"}, {"x.docx", "application/vnd.openxmlformats-officedocument.x", "x.docx"},
		{strings.Repeat("ä", 100) + ".gif", "image/gif", strings.Repeat("ä", 40) + ".gif"}, {"\xff\xfe", "image/gif", "image.gif"},
	} {
		if got := NameOf(tt.name, tt.kind); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzNamesAndTypes(f *testing.F) {
	f.Add("a.jpg", "image/jpeg", []byte("\xff\xd8\xff"))
	f.Fuzz(func(t *testing.T, name, claimed string, content []byte) {
		kind := TypeOf(content[:min(len(content), sniffLength)], claimed)
		got := NameOf(name, kind)
		if strings.ContainsAny(got, "/\\\x00\r\n\"<>") || len(got) > maxName+8 || !strings.Contains(got, ".") || strings.HasPrefix(got, ".") {
			t.Errorf("%q of type %q is named %q", name, kind, got)
		}
		if strings.ContainsAny(kind, "\r\n \"") || !strings.Contains(kind, "/") {
			t.Errorf("type %q", kind)
		}
	})
}

// server answers a component's questions as a server with an upload service.
type server struct {
	url     string
	asked   []string
	refuses bool
	class   string // of the refusal
}

func (s *server) Request(_ context.Context, st stanza.Stanza) (stanza.Received, error) {
	var w wire.Writer
	st.ID = "x"
	st.WriteXML(&w)
	var in struct {
		Inner struct {
			XMLName  xml.Name
			Filename string `xml:"filename,attr"`
			Size     string `xml:"size,attr"`
			Type     string `xml:"content-type,attr"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(w.Bytes(), &in); err != nil {
		return stanza.Received{}, err
	}
	s.asked = append(s.asked, st.To.String()+" "+in.Inner.XMLName.Space)
	iq := func(typ string, child *wire.Element) stanza.Received {
		e := wire.New(stanza.Namespace, "iq", child).SetAttr("type", typ).SetAttr("from", st.To.String()).SetAttr("to", "gw.example.org")
		r, _ := stanza.Parse(e)
		return r
	}
	switch {
	case in.Inner.XMLName.Space == stanza.DiscoItemsNamespace:
		return iq(stanza.Result, wire.New(stanza.DiscoItemsNamespace, "query",
			wire.New(stanza.DiscoItemsNamespace, "item").SetAttr("jid", "rooms.example.org"),
			wire.New(stanza.DiscoItemsNamespace, "item").SetAttr("jid", "upload.example.org"))), nil
	case in.Inner.XMLName.Space == stanza.DiscoInfoNamespace && st.To.Domain == "upload.example.org":
		return iq(stanza.Result, wire.New(stanza.DiscoInfoNamespace, "query",
			wire.New(stanza.DiscoInfoNamespace, "feature").SetAttr("var", uploadNamespace),
			wire.New("jabber:x:data", "x", wire.New("jabber:x:data", "field",
				wire.NewText("jabber:x:data", "value", "5000")).SetAttr("var", "max-file-size")))), nil
	case in.Inner.XMLName.Space == stanza.DiscoInfoNamespace:
		return iq(stanza.Result, wire.New(stanza.DiscoInfoNamespace, "query")), nil
	case s.refuses:
		return iq(stanza.ErrorType, wire.New(stanza.Namespace, "error").SetAttr("type", s.class)), errors.New("answered with an error")
	}
	link := fmt.Sprintf("%s/%s/%s/%s", s.url, in.Inner.Size, in.Inner.Type, in.Inner.Filename)
	return iq(stanza.Result, wire.New(uploadNamespace, "slot",
		wire.New(uploadNamespace, "put",
			wire.NewText(uploadNamespace, "header", "Bearer\r\n x").SetAttr("name", "Authorization"),
			wire.NewText(uploadNamespace, "header", "evil.example").SetAttr("name", "Host")).SetAttr("url", link),
		wire.New(uploadNamespace, "get").SetAttr("url", link))), nil
}

func TestFileGoesToItsUsersServer(t *testing.T) {
	var got *http.Request
	var body []byte
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer web.Close()
	w := newWorld(t, nil)
	s := &server{url: web.URL}
	files := w.For("gw.example.org", s)
	put := func(size int) string {
		m, err := files.Put(t.Context(), romeo, NewFile("a.txt", "text/plain", strings.NewReader(strings.Repeat("a", size))))
		if err != nil {
			t.Fatal(err)
		}
		return m.URL
	}
	if link := put(5); link != web.URL+"/5/text/plain/a.txt" {
		t.Errorf("the link is %s", link)
	}
	if got.Method != http.MethodPut || string(body) != "aaaaa" || got.ContentLength != 5 || got.Header.Get("Content-Type") != "text/plain" ||
		got.Header.Get("Authorization") != "Bearer x" || got.Host != strings.TrimPrefix(web.URL, "http://") {
		t.Errorf("got %s %v, %q", got.Method, got.Header, body)
	}
	asked := len(s.asked)
	put(6)
	if len(s.asked) != asked+1 {
		t.Errorf("asked again: %v", s.asked[asked:])
	}
	if link := put(5001); !strings.HasPrefix(link, w.PublicURL) {
		t.Errorf("what is too large for the service is at %s", link)
	}
	s.refuses, s.class = true, "wait" // somebody's quota, say
	put(7)
	if s.refuses = false; !strings.HasPrefix(put(7), web.URL) {
		t.Error("a passing refusal keeps other files away")
	}
	asked, s.refuses, s.class = len(s.asked)-1, true, "cancel"
	for range 2 {
		if link := put(7); !strings.HasPrefix(link, w.PublicURL) {
			t.Errorf("what is refused is at %s", link)
		}
	}
	if len(s.asked) != asked+2 {
		t.Errorf("asked again after a refusal: %v", s.asked[asked:])
	}
	w.PublicURL = ""
	if _, err := files.Put(t.Context(), romeo, NewFile("a.txt", "", strings.NewReader("x"))); err == nil {
		t.Error("a file is nowhere, and nobody says so")
	}
}

func TestGetFetchesThroughTheGuard(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="b.txt"`)
		io.WriteString(w, "hello")
	}))
	defer web.Close()
	w := newWorld(t, nil)
	f, err := w.files.Get(t.Context(), web.URL+"/a.txt", 10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Content.Close()
	if b, err := io.ReadAll(f.Content); string(b) != "hello" || err != nil || f.Name != "b.txt" || f.Public {
		t.Errorf("got %+v, %q, %v", f, b, err)
	}
	w.Client = guarded.Client(nil)
	if _, err := w.files.Get(t.Context(), web.URL, 10); !errors.Is(err, guarded.ErrPrivate) {
		t.Errorf("got %v", err)
	}
}
