package twilio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// judged remembers what was asked, and what of it was not valid.
type judged struct {
	mu    sync.Mutex
	seen  map[string]bool
	wrong []string
}

var anySID = regexp.MustCompile(`(AC|SM|MM|PN|ME)[0-9a-fA-F]{32}`)

func (j *judged) RoundTrip(r *http.Request) (*http.Response, error) {
	fields := r.URL.Query()
	if r.GetBody != nil {
		if b, err := r.GetBody(); err == nil {
			body, _ := io.ReadAll(b)
			fields, _ = url.ParseQuery(string(body))
		}
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	path := strings.TrimPrefix(anySID.ReplaceAllString(r.URL.Path, "$1"), "/2010-04-01/Accounts/AC")
	what := strings.TrimSpace(r.Method + " " + path + " " + strings.Join(names, ","))
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen[what] = true
	if strings.Contains(res.Header.Get("Content-Type"), "problem+json") {
		j.wrong = append(j.wrong, fmt.Sprintf("%s: %d %s", what, res.StatusCode, body))
	}
	return res, err
}

// Whatever the provider asks is valid by Twilio's own OpenAPI document. Prism
// answers with the document's examples. The document that is used has neither
// the balance nor the bytes of files.
func TestWhatIsAskedIsValidByTwiliosOpenAPI(t *testing.T) {
	document := servers.TwilioOpenAPI(t, filepath.Join("..", "..", ".."))
	servers.Need(t, "prism")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	prism, err := servers.StartPrism(ctx, filepath.Join(t.TempDir(), "prism"), document, "")
	if err != nil {
		t.Fatal(err)
	}
	defer prism.Close()
	j := &judged{seen: make(map[string]bool)}
	o := testOptions()
	o.APIBase, o.DeleteMedia = prism.BaseURL, true
	p := New(o, &receiver{}, discard)
	p.http.Transport = j
	asking := New(Options{AccountSID: o.AccountSID, AuthToken: o.AuthToken, APIBase: o.APIBase, Poll: time.Second}, &receiver{}, discard)
	asking.http.Transport = j

	const sm = "SM00000000000000000000000000000001"
	text := hello
	file := hello
	file.Media = []string{"https://files.example.org/a%20b.jpg", "https://files.example.org/c.png"}
	since := time.Now().Add(-time.Hour)
	for what, ask := range map[string]func() error{
		"send":                 func() error { _, err := p.Send(ctx, text); return err },
		"send without reports": func() error { _, err := asking.Send(ctx, text); return err },
		"send files":           func() error { _, err := p.Send(ctx, file); return err },
		"find":                 func() error { _, err := p.Find(ctx, text, since); return err },
		"list":                 func() error { _, err := p.Received(ctx, own, since, noneKnown); return err },
		"status":               func() error { _, err := p.Status(ctx, sm); return err },
		"price":                func() error { _, _, _, err := p.Price(ctx, sm); return err },
		"numbers":              func() error { _, err := p.Numbers(ctx); return err },
		"hook": func() error {
			numbers, err := p.numbers(ctx)
			if err != nil || len(numbers) == 0 {
				return fmt.Errorf("no number: %w", err)
			}
			return p.Hook(ctx, []string{numbers[0].Number}, notes{})
		},
	} {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The list of a text's files; what it names is not in the document.
	if media := p.listedMedia("MM00000000000000000000000000000001", "1"); len(media) != 1 {
		t.Error("no file is listed")
	} else if _, err := p.find(ctx, media[0]); err != nil {
		t.Errorf("find a file: %v", err)
	}
	for _, wanted := range []string{
		"POST /Messages.json Body,From,StatusCallback,To",
		"POST /Messages.json Body,From,To",
		"POST /Messages.json Body,From,MediaUrl,StatusCallback,To",
		"GET /Messages.json From,PageSize,To",
		"GET /Messages.json DateSent>,PageSize,To",
		"GET /Messages/SM.json",
		"GET .json",
		"GET /IncomingPhoneNumbers.json PageSize",
		"POST /IncomingPhoneNumbers/PN.json SmsMethod,SmsUrl",
		"GET /Messages/MM/Media.json",
	} {
		if !j.seen[wanted] {
			t.Errorf("nobody asked %q; there were %v", wanted, j.seen)
		}
	}
	for _, wrong := range j.wrong {
		t.Error(wrong)
	}
	t.Logf("valid by %s: %d kinds of requests", filepath.Base(document), len(j.seen))
}
