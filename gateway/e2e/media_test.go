package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	mediaAccount = "AC00000000000000000000000000000007"
	mediaToken   = "0123456789abcdef0123456789abcdef"
	loopbackOnly = "[fetch]\nallow_private = [\"127.0.0.0/8\", \"::1\"]\n"
)

// A mediaTwilio is Twilio as far as files go, which the emulator leaves out: it
// wants credentials for those that came, redirects to signed URLs elsewhere,
// where none must be shown, and fetches those that are sent.
type mediaTwilio struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	files  map[string][]byte
	down   bool
	asked  int
	sent   []mediaSent
}

type mediaSent struct {
	text  string
	types []string // of the files that it fetched
	files [][]byte
}

func newMediaTwilio(t *testing.T) *mediaTwilio {
	m := &mediaTwilio{t: t, files: map[string][]byte{}}
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the credentials went to the store of files")
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(m.files[r.URL.Path])
	}))
	t.Cleanup(store.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/"+mediaAccount+"/Messages.json", m.takes)
	mux.HandleFunc("GET /2010-04-01/Accounts/"+mediaAccount+"/Messages.json", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"messages":[]}`)
	})
	mux.HandleFunc("GET /files/{name}", func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.asked++; m.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, store.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	m.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != mediaAccount || password != mediaToken {
			http.Error(w, `{"code":20003}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(m.server.Close)
	return m
}

// takes takes a text, and fetches its files as Twilio does: from outside.
func (m *mediaTwilio) takes(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	one := mediaSent{text: r.PostForm.Get("Body")}
	for _, link := range r.PostForm["MediaUrl"] {
		res, err := http.Get(link)
		if err != nil {
			m.t.Error(err)
			continue
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		one.types, one.files = append(one.types, res.Header.Get("Content-Type")), append(one.files, b)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, one)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"sid":"MM%032d","status":"queued"}`, len(m.sent))
}

func (m *mediaTwilio) config(public string) string {
	return fmt.Sprintf("provider = \"twilio\"\n[component.sms.twilio]\naccount_sid = %q\nauth_token = %q\napi_base = %q\npublic_url = %q\nreconcile = \"0s\"\n",
		mediaAccount, mediaToken, m.server.URL, public)
}

// brings calls the webhook with a text and its files, as Twilio signs it.
func (m *mediaTwilio) brings(public, sid, text string, files ...string) {
	m.t.Helper()
	form := url.Values{"MessageSid": {sid}, "From": {friend}, "To": {ownPhone}, "Body": {text}, "NumMedia": {fmt.Sprint(len(files))}}
	for i, f := range files {
		name, kind, _ := strings.Cut(f, " ")
		form.Set(fmt.Sprint("MediaUrl", i), m.server.URL+"/files/"+name)
		form.Set(fmt.Sprint("MediaContentType", i), kind)
	}
	mac := hmac.New(sha1.New, []byte(mediaToken))
	io.WriteString(mac, public+"/twilio/in")
	for _, key := range slices.Sorted(maps.Keys(form)) {
		io.WriteString(mac, key+form.Get(key))
	}
	req, err := http.NewRequestWithContext(limited(m.t), http.MethodPost, public+"/twilio/in", strings.NewReader(form.Encode()))
	check(m.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(req)
	check(m.t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		m.t.Fatalf("the text was answered %s", res.Status)
	}
}

// sends waits for the n-th text that was sent.
func (m *mediaTwilio) sends(n int) (one mediaSent) {
	m.t.Helper()
	check(m.t, eventually(limited(m.t), func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.sent) < n {
			return fmt.Errorf("%d texts were sent", len(m.sent))
		}
		one = m.sent[n-1]
		return nil
	}))
	return one
}

// fetched gives what is at a link.
func fetched(t *testing.T, link string) (kind string, content []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(limited(t), http.MethodGet, link, nil)
	check(t, err)
	res, err := http.DefaultClient.Do(req)
	check(t, err)
	defer res.Body.Close()
	content, err = io.ReadAll(res.Body)
	check(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %s", link, res.Status)
	}
	return res.Header.Get("Content-Type"), content
}

// getsFile waits for a file that clients show as one: the body is the link and
// nothing else, which is out of band, too.
func (p *person) getsFile(contact, kind, name string) (link string, s xmppclient.Stanza) {
	p.t.Helper()
	s = p.gets(message, from(contact), has("x", "url"))
	link = s.Find("x", "url").Text
	if s.Body() != link || s.Find("file-sharing", "sources", "url-data").Attr("target") != link {
		p.t.Errorf("the body is not the link: %s", s)
	}
	if s.Find("file-sharing", "file", "media-type").Text != kind || s.Find("file-sharing", "file", "name").Text != name {
		p.t.Errorf("it is not %s of type %s: %s", name, kind, s)
	}
	return link, s
}

// onFileShare starts a Prosody that takes uploads.
func (w *world) onFileShare() {
	w.onProsody(servers.ProsodyOptions{WebSocket: true, Modules: []string{"http_file_share"}})
}

// uploads brings a file to the user's server, as clients do (XEP-0363).
func (p *person) uploads(name, kind string, content []byte) (link string) {
	p.t.Helper()
	return p.uploadsTo("localhost", name, kind, content)
}

func (p *person) uploadsTo(places, name, kind string, content []byte) (link string) {
	p.t.Helper()
	slot := p.asks(places, "get", fmt.Sprintf(`<request xmlns="urn:xmpp:http:upload:0" filename=%q size="%d" content-type=%q/>`, name, len(content), kind))
	put := slot.Find("slot", "put")
	if put == nil {
		p.t.Fatalf("no slot: %s", slot)
	}
	req, err := http.NewRequestWithContext(limited(p.t), http.MethodPut, put.Attr("url"), bytes.NewReader(content))
	check(p.t, err)
	req.Header.Set("Content-Type", kind)
	for _, h := range put.FindAll("header") {
		req.Header.Set(h.Attr("name"), h.Text)
	}
	res, err := http.DefaultClient.Do(req)
	check(p.t, err)
	res.Body.Close()
	if res.StatusCode/100 != 2 {
		p.t.Fatalf("the upload is answered %s", res.Status)
	}
	return slot.Find("slot", "get").Attr("url")
}

func oob(link string) string { return `<x xmlns="jabber:x:oob"><url>` + link + `</url></x>` }

// photo is a PNG that is larger than phones get.
func photo(t *testing.T) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, 1700, 1200))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32()) | uint8(i%4/3*255)
	}
	var b bytes.Buffer
	check(t, (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, m))
	return b.Bytes()
}

func TestPicturesThroughTwilio(t *testing.T) {
	w := newWorld(t)
	w.onFileShare()
	w.needHTTP()
	twilio := newMediaTwilio(t)
	public := "http://" + w.http + "/" + smsHost
	w.start(loopbackOnly, fmt.Sprintf("[media]\npublic_url = %q\n", "http://"+w.http+"/media"), w.sms(twilio.config(public)))
	romeo := w.logIn("romeo", "orchard")

	var picture bytes.Buffer
	check(t, jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30)), nil))
	card := []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Mercutio\r\nEND:VCARD\r\n")
	twilio.files = map[string][]byte{"/files/1": picture.Bytes(), "/files/2": card, "/files/3": picture.Bytes()}
	twilio.brings(public, "MM1", "look", "1 image/jpeg", "2 text/x-vcard")
	romeo.gets(message, from(phone), body("look"))
	link, s := romeo.getsFile(phone, "image/jpeg", "image.jpg")
	if size := s.Find("file-sharing", "file", "width"); size == nil || size.Text != "40" {
		t.Errorf("it is not 40 wide: %s", s)
	}
	if kind, got := fetched(t, link); kind != "image/jpeg" || !bytes.Equal(got, picture.Bytes()) {
		t.Errorf("the link has %d bytes of type %s", len(got), kind)
	}
	link, _ = romeo.getsFile(phone, "text/vcard", "contact.vcf")
	if _, got := fetched(t, link); !bytes.Equal(got, card) {
		t.Errorf("the card is %q", got)
	}

	// What was not fetched yet is fetched after a crash.
	twilio.mu.Lock()
	twilio.down, twilio.asked = true, 0
	twilio.mu.Unlock()
	twilio.brings(public, "MM2", "", "3 image/jpeg")
	check(t, eventually(limited(t), func() error {
		twilio.mu.Lock()
		defer twilio.mu.Unlock()
		if twilio.asked == 0 {
			return errors.New("nobody asked for the file")
		}
		return nil
	}))
	w.gateway.Kill()
	twilio.mu.Lock()
	twilio.down = false
	twilio.mu.Unlock()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	romeo.getsFile(phone, "image/jpeg", "image.jpg")

	// The other way: a picture that is too large is made smaller.
	large := photo(t)
	romeo.says(phone, "chat", "p1", "see", oob(romeo.uploads("large.png", "image/png", large)))
	if one := twilio.sends(1); one.text != "see" || len(one.files) != 1 || one.types[0] != "image/jpeg" || len(one.files[0]) > 5<<20 || len(large) < 5<<20 {
		t.Errorf("sent %q with %d files of %v", one.text, len(one.files), one.types)
	}
	note := romeo.uploads("notes.txt", "text/plain", []byte("to do"))
	romeo.says(phone, "chat", "p2", note, oob(note))
	if one := twilio.sends(2); one.text != note || len(one.files) != 0 {
		t.Errorf("a file that Twilio does not take is %q with %d files", one.text, len(one.files))
	}
	// What a camera notes stays here.
	placed := slices.Concat(picture.Bytes()[:2], []byte("\xff\xe1\x00\x0fExif\x00\x00GPS 45N"), picture.Bytes()[2:])
	romeo.says(phone, "chat", "p4", "here", oob(romeo.uploads("here.jpg", "image/jpeg", placed)))
	if one := twilio.sends(3); one.text != "here" || len(one.files) != 1 || !bytes.Equal(one.files[0], picture.Bytes()) {
		t.Errorf("the picture with a place is sent as %q with %d files of %v", one.text, len(one.files), one.types)
	}
	romeo.says(phone, "chat", "p3", "aesgcm://localhost/x#00", "")
	romeo.gets(message, typed("error"), id("p3"), condition("not-acceptable"))
}

func TestPicturesGoToTheUsersServer(t *testing.T) {
	w := newWorld(t)
	w.onFileShare()
	prosody, err := url.Parse(w.prosody.WebSocketURL)
	check(t, err)
	w.hostsPictures("localhost", prosody.Port())
}

func TestPicturesGoToTheUsersEjabberd(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{Upload: true})
	w.hostsPictures("upload.localhost", fmt.Sprint(w.ejabberd.HTTPPort))
}

// hostsPictures shows that the user's own server has the files that come, and those
// that are sent: it gives out places for them at an address, and takes them at a port.
func (w *world) hostsPictures(places, port string) {
	t := w.t
	w.start(loopbackOnly, "[media]\nupload = true\n", w.sms(""))
	romeo := w.logIn("romeo", "orchard")
	web := "http://" + w.http + "/" + smsHost + "/"

	var picture bytes.Buffer
	check(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))))
	sent, err := json.Marshal(map[string]any{"from": friend, "to": ownPhone, "text": "look", "media": []any{
		map[string]any{"name": "view.png", "type": "image/png", "data": picture.Bytes()},
	}})
	check(t, err)
	res, err := http.Post(web+"send", "application/json", bytes.NewReader(sent))
	check(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the simulator answers %s", res.Status)
	}
	romeo.gets(message, from(phone), body("look"))
	link, _ := romeo.getsFile(phone, "image/png", "view.png")
	if u, err := url.Parse(link); err != nil || u.Port() != port {
		t.Errorf("the file is at %s", link)
	}
	if _, got := fetched(t, link); !bytes.Equal(got, picture.Bytes()) {
		t.Errorf("the link has %d bytes", len(got))
	}

	mine := romeo.uploadsTo(places, "mine.png", "image/png", picture.Bytes())
	romeo.says(phone, "chat", "p1", mine, oob(mine)+wantsReceipt)
	romeo.gets(message, from(phone), has("received"))
	_, got := fetched(t, web+"messages?number="+url.QueryEscape(friend))
	var phone struct {
		Texts []struct {
			Text  string
			Media []struct{ URL string }
		}
	}
	check(t, json.Unmarshal(got, &phone))
	last := phone.Texts[len(phone.Texts)-1]
	if last.Text != "" || len(last.Media) != 1 {
		t.Fatalf("the phone got %+v", last)
	}
	if _, got := fetched(t, last.Media[0].URL); !bytes.Equal(got, picture.Bytes()) {
		t.Errorf("the phone's picture has %d bytes", len(got))
	}
}
