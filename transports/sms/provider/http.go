package provider

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// NewTransport makes connections of a provider's own, to be set up as its service
// needs it.
func NewTransport() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

// NewClient makes what calls a service. It follows no redirects: credentials and
// texts go to the address that the config names, and nowhere else.
func NewClient(t *http.Transport) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NoteWriting gives a context for an HTTP request. It sets written as soon as
// something of the request may have left: until then, a request that failed
// was surely not taken.
func NoteWriting(ctx context.Context, written *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { written.Store(true) },
		WroteHeaders:     func() { written.Store(true) },
		WroteRequest:     func(httptrace.WroteRequestInfo) { written.Store(true) },
	})
}

// WithoutURL takes the URL out of an error of net/http: it may hold phone
// numbers, texts and passwords.
func WithoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
