package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/transports/sms/provider"
)

func request(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

const goodText = `{"from":"+15551234567","to":"+15005550001","text":"O Romeo"}`

func TestTextFromThePageComesIn(t *testing.T) {
	rec := &receiver{}
	p := New(Defaults(), []string{romeo}, rec, discard)
	w := httptest.NewRecorder()
	p.Webhooks().ServeHTTP(w, request("POST", "/send", goodText))
	var sent Text
	if err := json.Unmarshal(w.Body.Bytes(), &sent); err != nil || w.Code != 200 || sent.Text != "O Romeo" || sent.ID == "" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if len(rec.in) != 1 || rec.in[0].From != handset || rec.in[0].ID != sent.ID {
		t.Errorf("received %v", rec.in)
	}
	w = httptest.NewRecorder()
	p.Webhooks().ServeHTTP(w, request("GET", "/messages?number=%2B15551234567", ""))
	var c conversation
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || len(c.Texts) != 1 || c.Texts[0].ID != sent.ID || c.Own[0] != romeo || c.Phones[0] != handset {
		t.Errorf("got %s", w.Body)
	}
}

func TestOnlyThisMachineIsServed(t *testing.T) {
	tests := []struct {
		name   string
		change func(*http.Request)
		public bool
		want   int
	}{
		{"by name", func(*http.Request) {}, false, 200},
		{"by IPv4", func(r *http.Request) { r.Host = "127.0.0.1:8080" }, false, 200},
		{"by IPv6", func(r *http.Request) { r.Host, r.RemoteAddr = "[::1]:8080", "[::1]:50000" }, false, 200},
		{"without a port", func(r *http.Request) { r.Host = "localhost" }, false, 200},
		{"from another machine", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:50000" }, false, 403},
		{"from another machine, but public", func(r *http.Request) { r.RemoteAddr, r.Host = "192.0.2.7:50000", "gw.example.org" }, true, 200},
		{"by a name that was made to point here", func(r *http.Request) { r.Host = "evil.example" }, false, 403},
		{"by a name that looks like one of ours", func(r *http.Request) { r.Host = "localhost.evil.example" }, false, 403},
		{"through a proxy", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.7") }, false, 403},
		{"without a host", func(r *http.Request) { r.Host = "" }, false, 403},
	}
	for _, tt := range tests {
		for _, path := range []string{"/", "/messages"} {
			o := Defaults()
			o.Public = tt.public
			r := request("GET", path, "")
			tt.change(r)
			w := httptest.NewRecorder()
			New(o, nil, &receiver{}, discard).Webhooks().ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%s, %s: got %d, want %d", tt.name, path, w.Code, tt.want)
			}
		}
	}
}

func TestOtherSitesCanNotSend(t *testing.T) {
	tests := []struct {
		name    string
		headers []string
		body    string
		err     error
		want    int
	}{
		{name: "a program", body: goodText, want: 200},
		{name: "the page", headers: []string{"Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}, body: goodText, want: 200},
		{name: "another site", headers: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, body: goodText, want: 403},
		{name: "another site in an old browser", headers: []string{"Origin", "https://evil.example"}, body: goodText, want: 403},
		{name: "another port", headers: []string{"Origin", "http://localhost:9090"}, body: goodText, want: 403},
		{name: "a sandbox", headers: []string{"Origin", "null"}, body: goodText, want: 403},
		{name: "a form", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, body: goodText, want: 415},
		{name: "plain text", headers: []string{"Content-Type", "text/plain"}, body: goodText, want: 415},
		{name: "no JSON", body: "hello", want: 400},
		{name: "no text", body: `{"from":"+1","to":"+1","text":" "}`, want: 400},
		{name: "no recipient", body: `{"from":"+1","text":"x"}`, want: 400},
		{name: "too long", body: `{"from":"+1","to":"+1","text":"` + strings.Repeat("x", longestBody+1) + `"}`, want: 400},
		{name: "enormous", body: `{"text":"` + strings.Repeat("x", largestRequest) + `"}`, want: 400},
		{name: "nobody's number", body: goodText, err: provider.ErrUnknownNumber, want: 404},
		{name: "not stored", body: goodText, err: errors.New("disk full"), want: 503},
	}
	for _, tt := range tests {
		rec := &receiver{err: tt.err}
		w := httptest.NewRecorder()
		New(Defaults(), []string{romeo}, rec, discard).Webhooks().ServeHTTP(w, request("POST", "/send", tt.body, tt.headers...))
		if w.Code != tt.want || (len(rec.in) == 1) != (tt.want == 200) {
			t.Errorf("%s: got %d %s, %v", tt.name, w.Code, w.Body, rec.in)
		}
	}
}

func TestPageHoldsAllThatItNeeds(t *testing.T) {
	w := httptest.NewRecorder()
	New(Defaults(), nil, &receiver{}, discard).Webhooks().ServeHTTP(w, request("GET", "/", ""))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("got %d", w.Code)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Count(policy, "'sha256-") != 2 {
		t.Errorf("the policy is %q", policy)
	}
	for _, outside := range []string{`src="http`, `href="http`, "@import", "url(http", " style=\"", " onclick"} {
		if strings.Contains(w.Body.String(), outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
}

func TestPageIsToldOfChanges(t *testing.T) {
	p, end := run(t, Defaults(), &receiver{})
	s := httptest.NewServer(p.Webhooks())
	defer s.Close()
	res, err := http.Get(s.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "retry: 2000" {
		t.Fatalf("began with %q", lines.Text())
	}
	if _, err := p.text(t.Context(), handset, romeo, "x", nil); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data:") {
	}
	if want := `data: "+15551234567"`; lines.Text() != want {
		t.Errorf("got %q", lines.Text())
	}
	end() // the open page is let go, and the server can stop
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

func TestTooManyPagesAreRefused(t *testing.T) {
	p := New(Defaults(), nil, &receiver{}, discard)
	for range followers {
		if _, _, err := p.follow(); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	p.Webhooks().ServeHTTP(w, request("GET", "/events", ""))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}
