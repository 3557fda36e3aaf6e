package guarded

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var loopback = Ranges{netip.MustParsePrefix("127.0.0.0/8")}

func get(t *testing.T, c *http.Client, url string, limit int64, edit func(*http.Request)) (string, error) {
	t.Helper()
	a, err := Get(t.Context(), c, url, limit, edit)
	if err != nil {
		return "", err
	}
	defer a.Close()
	b, err := io.ReadAll(a)
	return string(b), err
}

func TestPrivateAddressIsNotFetched(t *testing.T) {
	asked := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
		if _, err := get(t, Client(nil), "http://"+host+port+"/", 10, nil); !errors.Is(err, ErrPrivate) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("the server was asked")
	}
	if _, err := get(t, Client(loopback), server.URL, 10, nil); err != nil || asked.Load() != 1 {
		t.Errorf("the allowed range: %v", err)
	}
}

func TestOnlyHTTPIsFetched(t *testing.T) {
	for _, url := range []string{"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "//127.0.0.1/x", "/etc/passwd", "", "http:///x", "http://[::1", "data:,x"} {
		if got, err := get(t, Client(loopback), url, 10, nil); err == nil {
			t.Errorf("%s: got %q", url, got)
		}
	}
}

// nameserver answers each question for an address with the next of its own.
type nameserver struct {
	next    atomic.Int32
	answers [][4]byte
}

func (n *nameserver) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		head := make([]byte, 2) // over a stream, a length leads (RFC 1035 §4.2.2)
		for {
			if _, err := io.ReadFull(theirs, head); err != nil {
				return
			}
			q := make([]byte, int(head[0])<<8|int(head[1]))
			if _, err := io.ReadFull(theirs, q); err != nil {
				return
			}
			end := 12
			for q[end] != 0 {
				end += 1 + int(q[end])
			}
			end += 5
			r := append([]byte{q[0], q[1], 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
			if q[end-3] == 1 { // an A
				i := min(int(n.next.Add(1)), len(n.answers)) - 1
				r[7] = 1
				r = append(r, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				r = append(r, n.answers[i][:]...)
			}
			if _, err := theirs.Write(append([]byte{byte(len(r) >> 8), byte(len(r))}, r...)); err != nil {
				return
			}
		}
	}()
	return ours, nil
}

func TestNameThatTurnsPrivateIsNotFetched(t *testing.T) {
	asked := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Host == "turns.example" {
			return
		}
		_, port, _ := net.SplitHostPort(r.Host)
		http.Redirect(w, r, "http://turns.example:"+port+"/", http.StatusFound)
	}))
	defer server.Close()
	// The first range is allowed here, as a public one is elsewhere.
	names := &nameserver{answers: [][4]byte{{127, 0, 0, 1}, {127, 8, 0, 1}}}
	c := clientWith(&net.Dialer{
		Timeout: time.Second, Control: Ranges{netip.MustParsePrefix("127.0.0.0/24")}.Control,
		Resolver: &net.Resolver{PreferGo: true, Dial: names.dial},
	})
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	if _, err := get(t, c, "http://first.example"+port+"/", 10, nil); !errors.Is(err, ErrPrivate) {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 1 || names.next.Load() < 2 {
		t.Errorf("asked %d times, %d names", asked.Load(), names.next.Load())
	}
}

func TestRedirects(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		io.WriteString(w, "there")
	}))
	defer other.Close()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	plain := httptest.NewServer(mux)
	defer plain.Close()
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/seen", http.StatusFound) })
	mux.HandleFunc("/seen", func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() })
	c := Client(loopback)
	c.Transport.(onlyHTTP).next.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	for url, want := range map[string]error{
		plain.URL + "/round": ErrRedirects, plain.URL + "/file": ErrScheme,
		plain.URL + "/private": ErrPrivate, server.URL + "/away": ErrDowngrade,
	} {
		if got, err := get(t, c, url, 10, nil); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
	secret := func(r *http.Request) {
		r.SetBasicAuth("user", "password")
		r.Header.Set("Cookie", "a=b")
	}
	if got, err := get(t, c, plain.URL+"/away", 10, secret); err != nil || got != "there" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, name := range []string{"Authorization", "Cookie", "Referer"} {
		if seen.Get(name) != "" {
			t.Errorf("the other host saw %s", name)
		}
	}
	if _, err := get(t, c, plain.URL+"/here", 10, secret); err != nil || seen.Get("Authorization") == "" {
		t.Errorf("the same host did not see the password: %v", err)
	}
}

func TestSizeIsLimited(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			http.NewResponseController(w).Flush()
		}
		io.WriteString(w, "0123456789")
	}))
	defer server.Close()
	for _, path := range []string{"/", "/chunked"} {
		if got, err := get(t, Client(loopback), server.URL+path, 10, nil); err != nil || got != "0123456789" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		if _, err := get(t, Client(loopback), server.URL+path, 9, nil); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestErrorsHideTheURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, c := range []*http.Client{Client(nil), Client(loopback)} {
		if _, err := get(t, c, server.URL+"/token", 10, nil); err == nil || strings.Contains(err.Error(), "token") {
			t.Errorf("got %v", err)
		}
	}
}
