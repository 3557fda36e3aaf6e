package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// switchboard is the API of an account with numbers.
type switchboard struct {
	mu      sync.Mutex
	status  string // of the account
	apps    map[string]string
	urls    map[string]string // of its numbers, in order of order
	methods map[string]string
	order   []string
	changes int
	answer  int // instead of all else
}

func (s *switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, path, _ := strings.Cut(r.URL.Path, "/Accounts/AC00000000000000000000000000000001")
	switch user, password, _ := r.BasicAuth(); {
	case s.answer != 0:
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(s.answer)
	case user != "AC00000000000000000000000000000001" || password != "0123456789abcdef":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":20003}`)
	case path == ".json":
		json.NewEncoder(w).Encode(map[string]string{"status": s.status})
	case path == "/IncomingPhoneNumbers.json":
		// Two numbers to a page.
		at := 0
		fmt.Sscan(r.FormValue("Page"), &at)
		var page []map[string]any
		for _, n := range s.order[at:min(at+2, len(s.order))] {
			page = append(page, map[string]any{
				"sid": "PN" + n[1:], "phone_number": n, "sms_url": s.urls[n], "sms_method": s.methods[n], "sms_application_sid": s.apps[n],
				"capabilities": map[string]bool{"sms": !strings.HasSuffix(n, "9")},
			})
		}
		out := map[string]any{"incoming_phone_numbers": page}
		if at+2 < len(s.order) {
			out["next_page_uri"] = fmt.Sprintf("/2010-04-01/Accounts/AC/IncomingPhoneNumbers.json?Page=%d", at+2)
		}
		json.NewEncoder(w).Encode(out)
	case strings.HasPrefix(path, "/IncomingPhoneNumbers/PN") && r.Method == http.MethodPost:
		n := "+" + strings.TrimSuffix(strings.TrimPrefix(path, "/IncomingPhoneNumbers/PN"), ".json")
		s.urls[n], s.methods[n] = r.FormValue("SmsUrl"), r.FormValue("SmsMethod")
		s.changes++
		switch app, given := r.PostForm["SmsApplicationSid"]; {
		case !given && s.apps[n] != "":
			w.WriteHeader(http.StatusBadRequest)
		case given && app[0] == "":
			delete(s.apps, n)
		case given:
			s.apps[n] = app[0]
		}
		fmt.Fprint(w, "{}")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *switchboard) provider(t *testing.T, change func(*Options)) *Provider {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o := testOptions()
	o.APIBase = server.URL
	if change != nil {
		change(&o)
	}
	return New(o, &receiver{}, discard)
}

func newSwitchboard(numbers ...string) *switchboard {
	return &switchboard{status: "active", order: numbers, urls: map[string]string{}, methods: map[string]string{}, apps: map[string]string{}}
}

// notes are a provider.Notebook in memory.
type notes map[string]string

func (n notes) Note(_ context.Context, key string, value []byte) error {
	n[key] = string(value)
	return nil
}

func (n notes) Noted(_ context.Context, key string) ([]byte, bool, error) {
	value, found := n[key]
	return []byte(value), found, nil
}

func (n notes) Forget(_ context.Context, key string) error {
	delete(n, key)
	return nil
}

const hookedTo = public + pathIn + "#rc=5&rp=all"

func (s *switchboard) hooks(t *testing.T, p *Provider, n notes, ours ...string) {
	t.Helper()
	for range 2 { // the second time there is nothing to do
		if err := p.Hook(t.Context(), ours, n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestANumberIsPartedFromTheApplicationThatGotItsTexts(t *testing.T) {
	s := newSwitchboard("+15005550001", "+15005550002")
	s.urls["+15005550001"] = hookedTo
	s.apps["+15005550001"], s.apps["+15005550002"] = "AP1", "AP2"
	p, n := s.provider(t, nil), notes{}
	s.hooks(t, p, n, "+15005550001")
	if diff := cmp.Diff(map[string]string{"+15005550002": "AP2"}, s.apps); diff != "" || s.changes != 1 {
		t.Errorf("%d changes; %s", s.changes, diff)
	}
	s.hooks(t, p, n)
	if diff := cmp.Diff(map[string]string{"+15005550001": "AP1", "+15005550002": "AP2"}, s.apps); diff != "" || s.changes != 2 || s.urls["+15005550001"] != "" {
		t.Errorf("%d changes; %s", s.changes, diff)
	}
}

func TestWhatStoodAtANumberBeforeIsSetAgain(t *testing.T) {
	s := newSwitchboard("+15005550001", "+15005550002", "+15005550003")
	before := map[string]string{"+15005550001": "https://elsewhere.example/sms?x=1", "+15005550002": "", "+15005550003": "https://elsewhere.example/three"}
	methods := map[string]string{"+15005550001": "GET", "+15005550002": "POST", "+15005550003": "POST"}
	s.urls, s.methods = maps.Clone(before), maps.Clone(methods)
	s.apps["+15005550003"] = "AP3"
	p, n := s.provider(t, nil), notes{}
	s.hooks(t, p, n, s.order...)
	for _, number := range s.order {
		if s.urls[number] != hookedTo || s.methods[number] != "POST" {
			t.Errorf("texts to %s are brought to %s by %s", number, s.urls[number], s.methods[number])
		}
	}
	// What is left of a gateway that asked for no repetitions is set right, and
	// what stood there before is not forgotten for it.
	s.urls["+15005550001"] = public + pathIn
	s.hooks(t, p, n, s.order...)
	s.apps["+15005550001"] = "AP1" // the person sets something else meanwhile
	s.hooks(t, p, n, s.order...)
	p = s.provider(t, nil) // after a restart
	s.hooks(t, p, n)
	if diff := cmp.Diff(before, s.urls) + cmp.Diff(methods, s.methods) + cmp.Diff(map[string]string{"+15005550001": "AP1", "+15005550003": "AP3"}, s.apps); diff != "" {
		t.Error(diff)
	}
	if len(n) != 0 {
		t.Errorf("noted is still %v", n)
	}
}

func TestAccountsNumbersAreListed(t *testing.T) {
	p := newSwitchboard("+15005550001", "+15005550009", "+15005550003").provider(t, nil)
	got, err := p.Numbers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, n := range got {
		texts[n.Number] = n.Texts
	}
	if diff := cmp.Diff(map[string]bool{"+15005550001": true, "+15005550009": false, "+15005550003": true}, texts); diff != "" {
		t.Error(diff)
	}
}

func TestAccountThatCannotBeUsedIsExplained(t *testing.T) {
	tests := []struct {
		name   string
		board  func(*switchboard)
		option func(*Options)
		want   transport.Reason
		says   string
	}{
		{"wrong token", nil, func(o *Options) { o.AuthToken = transport.NewSecret("wrong") }, transport.NotAuthorized, saidWrong},
		{"another account", nil, func(o *Options) { o.AccountSID = "AC00000000000000000000000000000002" }, transport.NotAuthorized, saidWrong},
		{"suspended", func(s *switchboard) { s.status = "suspended" }, nil, transport.NotAuthorized, saidSuspended},
		{"down", func(s *switchboard) { s.answer = 503 }, nil, transport.Unreachable, saidSilent},
		{"too much", func(s *switchboard) { s.answer = 429 }, nil, transport.Unreachable, saidSilent},
		{"unreachable", nil, func(o *Options) { o.APIBase = "http://127.0.0.1:1" }, transport.Unreachable, saidSilent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSwitchboard("+15005550001")
			if tt.board != nil {
				tt.board(s)
			}
			_, err := s.provider(t, tt.option).Numbers(t.Context())
			e, ok := errors.AsType[*transport.Error](err)
			if !ok || e.Reason != tt.want || e.Text != tt.says {
				t.Errorf("got %#v", err)
			}
			if strings.Contains(fmt.Sprint(err), "0123456789abcdef") {
				t.Errorf("the token is in %v", err)
			}
		})
	}
}

func TestOnlyOurNumbersAreHooked(t *testing.T) {
	s := newSwitchboard("+15005550001", "+15005550002", "+15005550003", "+15005550004")
	s.urls["+15005550002"] = "https://elsewhere.example/sms"
	s.urls["+15005550003"] = "https://elsewhere.example/sms"
	s.urls["+15005550004"] = public + pathIn
	p, n := s.provider(t, nil), notes{}
	s.hooks(t, p, n, "+15005550001", "+15005550003")
	want := map[string]string{
		"+15005550001": hookedTo, "+15005550003": hookedTo, "+15005550004": "",
		"+15005550002": "https://elsewhere.example/sms",
	}
	if diff := cmp.Diff(want, s.urls); diff != "" || s.changes != 3 {
		t.Errorf("%d changes: %s", s.changes, diff)
	}
	s.answer = 500
	if err := p.Hook(t.Context(), nil, n); err == nil {
		t.Error("it was not told that nothing could be set")
	}
	p.public = ""
	if err := p.Hook(t.Context(), nil, n); err != nil {
		t.Errorf("without a public address there is nothing to do, but %v", err)
	}
}

func TestAnAccountThatIsNotTakenIsKnownByItsError(t *testing.T) {
	s := newSwitchboard("+15005550001")
	p := s.provider(t, func(o *Options) { o.AuthToken = transport.NewSecret("revoked") })
	_, sending := p.Send(t.Context(), provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: "hello"})
	_, asking := p.Status(t.Context(), "SM1")
	for what, err := range map[string]error{"sending": sending, "asking": asking, "hooking": p.Hook(t.Context(), nil, notes{})} {
		if !errors.Is(err, provider.ErrCredentials) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.answer = 503
	if _, err := p.Status(t.Context(), "SM1"); err == nil || errors.Is(err, provider.ErrCredentials) {
		t.Errorf("down: %v", err)
	}
}
