package android

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"gatehouse/transports/sms/provider"
)

const (
	largestAnswer     = 256 << 10
	longestRetryAfter = time.Hour
)

var smsManager = regexp.MustCompile(`\bRESULT_[A-Z_]{1,40}\b`)

// An answer is what the app, or the server before it, says.
type answer struct {
	status     int
	body       []byte
	html       bool // it is a page, and not of the app
	retryAfter time.Duration
}

// ours says that the answer is of the app and not of something between.
func (a answer) ours() bool { return json.Valid(a.body) }

func (a answer) decode(into any) error { return json.Unmarshal(a.body, into) }

// call makes a request. Its error is a *provider.Retry if surely nothing was
// asked for.
func (p *Provider) call(ctx context.Context, method, path string, body any) (answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, errors.New("make request: it can't be written as JSON")
		}
		content = bytes.NewReader(text)
	}
	var written atomic.Bool
	req, err := http.NewRequestWithContext(provider.NoteWriting(ctx, &written), method, p.api+path, content)
	if err != nil {
		return answer{}, errors.New("make request: api_url is no address")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse")
	req.SetBasicAuth(p.options.Username, p.options.Password.Reveal())
	res, err := p.http.Do(req)
	switch {
	case err != nil && !written.Load():
		return answer{}, &provider.Retry{Everyone: true, Err: fmt.Errorf("call the app: %w", provider.WithoutURL(err))}
	case err != nil:
		return answer{}, fmt.Errorf("call the app: %w", provider.WithoutURL(err))
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, largestAnswer)); err != nil {
		return answer{}, fmt.Errorf("read the app's answer: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	a.html = kind == "text/html"
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.retryAfter = min(time.Duration(min(seconds, 1<<20))*time.Second, longestRetryAfter)
	}
	return a, nil
}
