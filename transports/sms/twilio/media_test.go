package twilio

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/transports/sms/provider"
)

// mediaServers are an API that redirects to a store of files, as Twilio's does.
func mediaServers(t *testing.T) (p *Provider, api *httptest.Server, asked *[]string) {
	t.Helper()
	asked = new([]string)
	note := func(r *http.Request, where string) {
		user, _, _ := r.BasicAuth()
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+where+r.URL.Path+" "+user))
	}
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r, "store")
		w.Header().Set("Content-Type", "image/jpeg")
		io.WriteString(w, "0123456789")
	}))
	t.Cleanup(files.Close)
	mux := http.NewServeMux()
	api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r, "api")
		if user, password, _ := r.BasicAuth(); user != testOptions().AccountSID || password != testOptions().AuthToken.Reveal() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	mux.HandleFunc("GET /media/ME1", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/media/ME1/there", http.StatusFound)
	})
	mux.HandleFunc("GET /media/ME1/there", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, files.URL+"/signed", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /media/round", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/media/round", http.StatusFound)
	})
	mux.HandleFunc("GET /media/down", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("DELETE /media/ME1", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM1/Media.json", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"media_list":[{"uri":"/media/ME9.json"},{"uri":"/media/ME1.json","content_type":"image/jpeg"}]}`)
	})
	o := testOptions()
	o.APIBase, o.DeleteMedia = api.URL, true
	return New(o, &receiver{}, discard), api, asked
}

var anywhere = guarded.Client(guarded.Ranges{netip.MustParsePrefix("127.0.0.0/8")})

func TestCredentialsStayWithTheAPI(t *testing.T) {
	p, api, asked := mediaServers(t)
	f, err := p.FetchMedia(t.Context(), anywhere, provider.Media{URL: api.URL + "/media/ME1", Type: "image/png"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Content.Close()
	if b, err := io.ReadAll(f.Content); string(b) != "0123456789" || err != nil || f.Type != "image/jpeg" {
		t.Errorf("got %q of type %s, %v", b, f.Type, err)
	}
	sid := testOptions().AccountSID
	want := "GET api/media/ME1 " + sid + ", GET api/media/ME1/there " + sid + ", GET store/signed"
	if got := strings.Join(*asked, ", "); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestWhatCannotBeFetched(t *testing.T) {
	p, api, asked := mediaServers(t)
	elsewhere := strings.Replace(api.URL, "127.0.0.1", "localhost", 1)
	for name, tt := range map[string]struct {
		url   string
		max   int64
		web   *http.Client
		want  error
		asked int
	}{
		"not there":           {api.URL + "/media/ME9", 10, anywhere, provider.ErrNoMedia, 1},
		"too large":           {api.URL + "/media/ME1", 9, anywhere, guarded.ErrTooLarge, 3},
		"redirected for ever": {api.URL + "/media/round", 10, anywhere, guarded.ErrRedirects, maxHops},
		"no address":          {"http://[::1", 10, anywhere, provider.ErrNoMedia, 0},
		"a private address":   {elsewhere + "/media/ME1", 10, guarded.Client(nil), guarded.ErrPrivate, 0},
		"a private store":     {api.URL + "/media/ME1", 10, guarded.Client(nil), guarded.ErrPrivate, 2},
		"a file":              {"file:///etc/passwd", 10, anywhere, guarded.ErrScheme, 0},
	} {
		*asked = nil
		if _, err := p.FetchMedia(t.Context(), tt.web, provider.Media{URL: tt.url}, tt.max); !errors.Is(err, tt.want) || len(*asked) != tt.asked {
			t.Errorf("%s: %v, asked %v", name, err, *asked)
		}
	}
	if _, err := p.FetchMedia(t.Context(), anywhere, provider.Media{URL: api.URL + "/media/down"}, 10); err == nil || errors.Is(err, provider.ErrNoMedia) {
		t.Errorf("a failing API: %v", err)
	}
	// Another host is not told who we are.
	*asked = nil
	p.FetchMedia(t.Context(), anywhere, provider.Media{URL: elsewhere + "/media/ME1"}, 10)
	if len(*asked) != 1 || strings.Contains((*asked)[0], "AC") {
		t.Errorf("asked %v", *asked)
	}
}

func TestFileIsRemovedIfTheOptionSaysSo(t *testing.T) {
	p, api, asked := mediaServers(t)
	m := provider.Media{URL: api.URL + "/media/ME1"}
	if err := p.ForgetMedia(t.Context(), m); err != nil || len(*asked) != 1 || !strings.HasPrefix((*asked)[0], "DELETE api/media/ME1 AC") {
		t.Errorf("asked %v, %v", *asked, err)
	}
	for _, at := range []string{strings.Replace(api.URL, "127.0.0.1", "localhost", 1) + "/media/ME1", "://"} {
		if err := p.ForgetMedia(t.Context(), provider.Media{URL: at}); err != nil || len(*asked) != 1 {
			t.Errorf("%s: asked %v, %v", at, *asked, err)
		}
	}
	p.options.DeleteMedia = false
	if err := p.ForgetMedia(t.Context(), m); err != nil || len(*asked) != 1 {
		t.Errorf("asked %v, %v", *asked, err)
	}
}

func TestFilesOfAListedTextAreFound(t *testing.T) {
	p, _, asked := mediaServers(t)
	all := p.listedMedia("MM1", "3")
	if len(all) != 3 {
		t.Fatalf("%d files", len(all))
	}
	f, err := p.FetchMedia(t.Context(), anywhere, all[1], 10)
	if err != nil {
		t.Fatal(err)
	}
	f.Content.Close()
	if err := p.ForgetMedia(t.Context(), all[1]); err != nil || !strings.HasPrefix((*asked)[len(*asked)-1], "DELETE api/media/ME1") {
		t.Errorf("asked %v, %v", *asked, err)
	}
	for _, m := range []provider.Media{all[0], all[2], p.listedMedia("MM2", "1")[0]} {
		if _, err := p.FetchMedia(t.Context(), anywhere, m, 10); !errors.Is(err, provider.ErrNoMedia) {
			t.Errorf("%s: %v", m.URL, err)
		}
	}
}

func TestFilesGoAlong(t *testing.T) {
	var got []url.Values
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		got = append(got, r.PostForm)
		answers(201, `{"sid":"MM1"}`)(w, r)
	})
	for _, o := range []provider.Outgoing{
		{From: "+15005550001", To: "+15551234567", Media: []string{"https://files.example.org/a.jpg", "https://files.example.org/b.jpg"}},
		{From: "+15005550001", To: "+15551234567", Text: "look", Media: []string{"https://files.example.org/a.jpg"}},
	} {
		if _, err := p.Send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 2 || got[0].Has("Body") || len(got[0]["MediaUrl"]) != 2 || got[1].Get("Body") != "look" || got[1].Get("MediaUrl") != "https://files.example.org/a.jpg" {
		t.Errorf("sent %v", got)
	}
}

func TestTextIsFoundByItsFiles(t *testing.T) {
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"messages":[{"sid":"MM2","direction":"outbound-api","num_media":"2"},{"sid":"MM1","direction":"outbound-api","num_media":"1"},{"sid":"SM0","direction":"outbound-api","num_media":"0"}]}`)
	})
	found, err := p.Find(t.Context(), provider.Outgoing{Media: []string{"https://files.example.org/a.jpg"}}, time.Time{})
	if err != nil || len(found) != 1 || found[0].ID != "MM1" {
		t.Errorf("found %v, %v", found, err)
	}
}
