package simulator

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/transports/sms/provider"
)

//go:embed phone.html
var page string

const (
	largestRequest = 8 << 20 // with files
	longestNumber  = 32
	longestBody    = 4000
	mostInGroup    = 30
	storeTime      = 10 * time.Second
	keepAlive      = 20 * time.Second
)

// policy lets the page do what it holds itself, and nothing else.
var policy = "default-src 'none'; connect-src 'self'; img-src data: http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"script-src " + hashOf("<script>", "</script>") + "; style-src " + hashOf("<style>", "</style>")

func hashOf(open, end string) string {
	_, rest, _ := strings.Cut(page, open)
	inner, _, _ := strings.Cut(rest, end)
	sum := sha256.Sum256([]byte(inner))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Webhooks implements provider.Provider. Below the component's path:
//
//	GET  /          the page
//	POST /send      {"from", "to", "text"}: a phone texts a user; answers with the text.
//	                {"media": [{"name", "type", "data"}]}, in base64, go along
//	                "group" may list more numbers that got it
//	GET  /messages  ?number=: that phone's texts, the oldest first, and the users' numbers
//	GET  /events    server-sent events, "change" with a number whose texts changed
func (p *Provider) Webhooks() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", servePage)
	mux.HandleFunc("POST /send", p.serveSend)
	mux.HandleFunc("GET /messages", p.serveMessages)
	mux.HandleFunc("GET /events", p.serveEvents)
	return p.guard(mux)
}

// guard keeps out other machines, and other sites that a browser on this one
// has open: what they send bears their Origin, and a name that they made point
// here is not ours.
func (p *Provider) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		if !p.options.Public && !local(r) {
			http.Error(w, "The simulator is served to this machine only. Set component.sms.simulator.public to change that.", http.StatusForbidden)
			return
		}
		if !sameOrigin(r) {
			http.Error(w, "This request comes from another site.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local says that the request comes from this machine, was made to one of its
// own names, and was not passed on by a proxy.
func local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !loopback(host) {
		return false
	}
	for _, passedOn := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(passedOn) != "" {
			return false
		}
	}
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.EqualFold(name, "localhost") || loopback(name)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameOrigin refuses what a page of another origin asks for.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	case "none": // typed by a person
		return r.Method == http.MethodGet
	default:
		// A link to the page is welcome, a request for anything else is not.
		return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	io.WriteString(w, page)
}

// serveSend takes a text from a phone.
func (p *Provider) serveSend(w http.ResponseWriter, r *http.Request) {
	// Other sites can't send JSON without asking first (Fetch §2.2.1).
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		answer(w, http.StatusUnsupportedMediaType, failureOf("Send JSON: Content-Type application/json."))
		return
	}
	var in struct {
		From, To, Text string
		Group          []string
		Media          []upload
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestRequest)).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, failureOf(`Send {"from": "+1…", "to": "+1…", "text": "…"}.`))
		return
	}
	switch {
	case !fits(in.From, longestNumber) || !fits(in.To, longestNumber) || in.To == "":
		answer(w, http.StatusBadRequest, failureOf("The number is missing or too long."))
		return
	case len(in.Group) > mostInGroup || slices.ContainsFunc(in.Group, func(n string) bool { return !fits(n, longestNumber) }):
		answer(w, http.StatusBadRequest, failureOf("The group is too large, or a number in it is too long."))
		return
	case len(in.Media) > limits.Files:
		answer(w, http.StatusBadRequest, failureOf(fmt.Sprintf("The text has more than %d files.", limits.Files)))
		return
	case !fits(in.Text, longestBody) || strings.TrimSpace(in.Text) == "" && len(in.Media) == 0:
		answer(w, http.StatusBadRequest, failureOf(fmt.Sprintf("The text is empty, or longer than %d characters.", longestBody)))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	t, err := p.text(ctx, in.From, in.To, in.Text, in.Media, in.Group...)
	switch {
	case errors.Is(err, provider.ErrUnknownNumber):
		answer(w, http.StatusNotFound, failureOf("No user of the gateway has the number "+in.To+"."))
	case err != nil:
		p.log.Error("take a text from the simulator", "error", err)
		answer(w, http.StatusServiceUnavailable, failureOf("The gateway could not store the text. Try again."))
	default:
		answer(w, http.StatusOK, t)
	}
}

func fits(s string, longest int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= longest
}

// A conversation is what the page shows.
type conversation struct {
	Number string   `json:"number"`
	Own    []string `json:"own"`    // the users' numbers
	Phones []string `json:"phones"` // the numbers that have texts, the latest first
	Texts  []Text   `json:"texts"`
}

func (p *Provider) serveMessages(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, p.conversation(r.FormValue("number")))
}

func (p *Provider) conversation(number string) conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := conversation{Number: number, Own: append([]string{}, p.own...), Phones: []string{}, Texts: []Text{}}
	for n := range p.phones {
		c.Phones = append(c.Phones, n)
	}
	slices.SortFunc(c.Phones, func(a, b string) int { return p.phones[b].last.Compare(p.phones[a].last) })
	for _, t := range p.texts(number) {
		c.Texts = append(c.Texts, *t)
	}
	return c
}

// serveEvents says when something changed; what did is asked for then.
func (p *Provider) serveEvents(w http.ResponseWriter, r *http.Request) {
	changes, stop, err := p.follow()
	if err != nil {
		answer(w, http.StatusServiceUnavailable, failureOf("Too many pages are open."))
		return
	}
	defer stop()
	flusher := http.NewResponseController(w)
	// The listener may limit how long an answer takes, and this one has no end.
	if err := flusher.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 2000\n\n")
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for flusher.Flush() == nil {
		select {
		case <-r.Context().Done():
			return
		case <-p.ended:
			return
		case number := <-changes:
			data, err := json.Marshal(number)
			if err != nil {
				return
			}
			fmt.Fprintf(w, "event: change\ndata: %s\n\n", data)
		case <-alive.C:
			fmt.Fprint(w, ": alive\n\n")
		}
	}
}

func failureOf(text string) any {
	return map[string]string{"error": text}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
