package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

var sids = regexp.MustCompile(`(AC|SM|MM|PN|ME)[0-9a-f]{32}`)

// A judge passes requests on to a Prism that refuses what Twilio's OpenAPI does
// not allow, and remembers them.
type judge struct {
	mu     sync.Mutex
	seen   map[string]bool // "POST Messages.json Body,From,To"
	wrong  []string
	hangUp string // the next text with this body is taken, and not answered
}

func (j *judge) serve(prism http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := httputil.DumpRequest(r, true)
		if err != nil {
			return
		}
		answer := httptest.NewRecorder()
		prism.ServeHTTP(answer, r)
		_, form, _ := strings.Cut(string(body), "\r\n\r\n")
		fields, err := url.ParseQuery(form)
		if r.Method == http.MethodGet || err != nil {
			fields = r.URL.Query()
		}
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		_, path, _ := strings.Cut(sids.ReplaceAllString(r.URL.Path, "$1"), "/2010-04-01/Accounts/AC")
		what := r.Method + " " + strings.Trim(path+" "+strings.Join(names, ","), "/ ")
		j.mu.Lock()
		j.seen[what] = true
		if strings.Contains(answer.Header().Get("Content-Type"), "problem+json") {
			j.wrong = append(j.wrong, fmt.Sprintf("%s: %d %s", what, answer.Code, answer.Body))
		}
		lost := j.hangUp != "" && fields.Get("Body") == j.hangUp
		if lost {
			j.hangUp = ""
		}
		j.mu.Unlock()
		if lost {
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
			return
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}
}

// saw waits until a request was made.
func (j *judge) saw(t *testing.T, what string) {
	t.Helper()
	check(t, eventually(limited(t), func() error {
		j.mu.Lock()
		defer j.mu.Unlock()
		if !j.seen[what] {
			return fmt.Errorf("nobody asked %q; there were %v", what, j.seen)
		}
		return nil
	}))
}

// Every request is valid by Twilio's own OpenAPI document, which Prism holds it
// against; the emulator answers behind it.
func TestRequestsAreValidByTwiliosOpenAPI(t *testing.T) {
	document := servers.TwilioOpenAPI(t, filepath.Join("..", ".."))
	servers.Need(t, "prism")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	hooks := w.onEmulate()
	prism, err := servers.StartPrism(limited(t), filepath.Join(w.dir, "prism"), document, w.emulate.BaseURL)
	check(t, err)
	t.Cleanup(func() { prism.Close() })
	behind, err := url.Parse(prism.BaseURL)
	check(t, err)
	j := &judge{seen: map[string]bool{}, hangUp: "taken, and not answered"}
	base := "http://" + listenHTTP(t, j.serve(httputil.NewSingleHostReverseProxy(behind)))

	// Twilio can't call: it is asked for texts and reports.
	w.start(w.sms(w.twilio(base) + "poll = \"1s\"\n"))
	romeo := w.logIn("romeo", "orchard")
	romeo.says(phone, "chat", "v1", "Grüße – 😀 & more", wantsReceipt)
	w.report(w.texted(friend, "Grüße – 😀 & more").SID, "delivered")
	romeo.gets(message, from(phone), has("received"))
	romeo.says(phone, "chat", "v2", "taken, and not answered", wantsReceipt)
	w.report(w.texted(friend, "taken, and not answered").SID, "delivered")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "v2" {
		t.Errorf("the receipt is for %q, want v2", got)
	}
	_, err = w.emulate.InboundMessage(limited(t), friend, ownPhone, "Is the day so young?")
	check(t, err)
	romeo.gets(message, from(phone), body("Is the day so young?"))
	for _, what := range []string{
		"POST Messages.json Body,From,To",
		"GET Messages.json DateSent>,PageSize,To", // what came in
		"GET Messages.json From,PageSize,To",      // whether a text was taken
		"GET Messages/SM.json",                    // how it fares
	} {
		j.saw(t, what)
	}

	// It can.
	w.gateway.Kill()
	w.start(w.sms(strings.Replace(hooks, w.emulate.BaseURL, base, 1)))
	romeo.says(phone, "chat", "v3", "But new struck nine", wantsReceipt)
	w.report(w.texted(friend, "But new struck nine").SID, "delivered")
	romeo.gets(message, from(phone), has("received"))
	j.saw(t, "POST Messages.json Body,From,StatusCallback,To")

	j.mu.Lock()
	defer j.mu.Unlock()
	for _, wrong := range j.wrong {
		t.Error(wrong)
	}
	t.Logf("valid by %s: %d kinds of requests", filepath.Base(document), len(j.seen))
}
