package guarded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	dialTime      = 10 * time.Second
	handshakeTime = 10 * time.Second
	headerTime    = 20 * time.Second
	wholeTime     = 2 * time.Minute // of a request with its redirects and its body
	idleTime      = 15 * time.Second
	maxRedirects  = 5
	maxHeader     = 32 << 10
	perHost       = 4 // connections
)

// Errors of the client, and of Get.
var (
	ErrScheme    = errors.New("only http and https are fetched")
	ErrRedirects = errors.New("redirected too often")
	ErrDowngrade = errors.New("redirected from https to http")
	ErrTooLarge  = errors.New("the file is too large")
)

// A StatusError is an answer that is no success.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answered with status %d", e.Status)
}

// Client makes an HTTP client for URLs that strangers name. It connects to
// public addresses and to the ranges only, follows few redirects, sends
// credentials and other private headers to the host they were meant for alone,
// keeps no cookies, knows no proxy, and ends each request in time.
func Client(allowed Ranges) *http.Client {
	return clientWith(&net.Dialer{Timeout: dialTime, Control: allowed.Control})
}

func clientWith(dialer *net.Dialer) *http.Client {
	return &http.Client{
		Timeout: wholeTime,
		Transport: onlyHTTP{&http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    handshakeTime,
			ResponseHeaderTimeout:  headerTime,
			IdleConnTimeout:        idleTime,
			MaxConnsPerHost:        perHost,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
		}},
		CheckRedirect: checkRedirect,
	}
}

// checkRedirect comes after net/http has copied the headers, which by itself
// it does for subdomains, too.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first, last := via[0].URL, via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return ErrRedirects
	case last.Scheme == "https" && req.URL.Scheme != "https":
		return ErrDowngrade
	}
	req.Header.Del("Referer")
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "Www-Authenticate"} {
			req.Header.Del(name)
		}
	}
	return nil
}

// onlyHTTP refuses other schemes.
type onlyHTTP struct{ next http.RoundTripper }

func (t onlyHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return nil, ErrScheme
	}
	return t.next.RoundTrip(r)
}

// Get gives the body of what is at the URL, up to so many bytes, with what the
// server says of its type. The caller closes the body; a read beyond the limit
// fails with ErrTooLarge. Edit, which may be nil, may add headers.
func Get(ctx context.Context, c *http.Client, from string, limit int64, edit func(*http.Request)) (*Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	if req.URL.Hostname() == "" {
		return nil, ErrScheme
	}
	req.Header.Set("User-Agent", "gatehouse")
	req.Header.Set("Accept", "*/*")
	if edit != nil {
		edit(req)
	}
	var private atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		to, err := netip.ParseAddrPort(got.Conn.RemoteAddr().String())
		if err != nil || !isPublic(to.Addr().Unmap().WithZone("")) {
			private.Store(true)
		}
	}}))
	res, err := c.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	a, err := Read(res, limit)
	if err != nil {
		return nil, err
	}
	a.Public = req.URL.Scheme == "https" && !private.Load()
	return a, nil
}

// Read makes an Answer of a response, if that is a success.
func Read(res *http.Response, limit int64) (*Answer, error) {
	switch {
	case res.StatusCode != http.StatusOK:
		res.Body.Close()
		return nil, &StatusError{res.StatusCode}
	case res.ContentLength > limit:
		res.Body.Close()
		return nil, ErrTooLarge
	}
	return &Answer{
		Type: res.Header.Get("Content-Type"), Disposition: res.Header.Get("Content-Disposition"),
		Size: max(res.ContentLength, 0), body: res.Body, left: limit,
	}, nil
}

// An Answer is a body with what was said of it.
type Answer struct {
	Type        string // header Content-Type
	Disposition string // header Content-Disposition
	Size        int64  // 0: not known
	Public      bool   // it came by https from public addresses alone
	body        io.ReadCloser
	left        int64
}

// Read implements io.Reader.
func (a *Answer) Read(p []byte) (int, error) {
	if int64(len(p)) > a.left+1 {
		p = p[:a.left+1]
	}
	n, err := a.body.Read(p)
	if int64(n) > a.left {
		return int(a.left), ErrTooLarge
	}
	a.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (a *Answer) Close() error { return a.body.Close() }

// withoutURL takes the URL out of an error of net/http: it may be a secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
