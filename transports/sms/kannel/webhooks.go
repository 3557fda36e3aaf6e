package kannel

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	largestBody = 64 << 10
	storeTime   = 20 * time.Second
)

// The types of reports, which are bits of dlr-mask too.
const (
	delivered     = 1
	undelivered   = 2
	atSMSC        = 8
	refusedBySMSC = 16
)

// An event is what Kannel calls us with: the query, and a body if it posts.
type event struct {
	query url.Values
	body  []byte
	kind  string // the body's Content-Type
	post  bool
}

var errBadEvent = errors.New("the request can't be read")

// Webhooks implements provider.Provider. It serves /kannel/in and /kannel/dlr,
// relative to the component's path. Kannel calls again, as http-request-retry
// says, after every answer but 200 and 202.
func (p *Provider) Webhooks() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(pathIn, p.webhook(pathIn, p.fromKannel, p.receive))
	mux.Handle(pathReport, p.webhook(pathReport, p.aboutOurs, p.report))
	return mux
}

// webhook lets through what is genuine.
func (p *Provider) webhook(path string, genuine func(url.Values) bool, take func(context.Context, event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, POST")
			http.Error(w, "use POST or GET", http.StatusMethodNotAllowed)
			return
		}
		select {
		case p.webhooks <- struct{}{}:
			defer func() { <-p.webhooks }()
		default:
			http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
			return
		}
		// Bytes of UTF-16 in a query are no reason to refuse it.
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		if !genuine(query) {
			if p.refusals.Allow() {
				p.log.Warn("webhook refused: its secret or token is missing or wrong; if it is Kannel's, compare post-url with webhook_secret",
					"path", path, "from", r.RemoteAddr)
			}
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
		if err != nil {
			http.Error(w, http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), storeTime)
		defer cancel()
		e := event{query, body, r.Header.Get("Content-Type"), r.Method == http.MethodPost}
		switch err := take(ctx, e); {
		case errors.Is(err, errBadEvent):
			p.log.Warn("webhook refused", "path", path, "error", err)
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		case err != nil:
			p.log.Error("take a webhook", "path", path, "error", err)
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		default:
			// Text in the answer would go to the phone.
			w.Header().Set("Content-Type", "text/plain")
		}
	})
}

// fromKannel says that a request bears the webhook secret.
func (p *Provider) fromKannel(query url.Values) bool {
	return same(query.Get("secret"), p.options.WebhookSecret.Reveal())
}

// aboutOurs says that a report bears the token of the text it is about.
func (p *Provider) aboutOurs(query url.Values) bool {
	return same(query.Get("token"), p.token(transport.MessageID(query.Get("id"))))
}

// same compares in a time that tells nothing, not even of the lengths.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// receive takes a text: post-url gives it as the body, get-url as "text".
func (p *Provider) receive(ctx context.Context, e event) error {
	in := provider.Inbound{
		ID:   transport.MessageID(e.query.Get("id")),
		From: p.number(e.query.Get("from")),
		To:   p.number(e.query.Get("to")),
	}
	if in.To == "" || in.ID == "" {
		return fmt.Errorf("%w: its parameters id and to are needed; compare post-url with the README", errBadEvent)
	}
	if at, err := strconv.ParseInt(e.query.Get("time"), 10, 64); err == nil && at > 0 {
		in.At = time.Unix(at, 0)
	}
	raw, charset := []byte(e.query.Get("text")), e.query.Get("charset")
	binary := e.query.Get("coding") == "1"
	if e.post {
		kind, params, err := mime.ParseMediaType(e.kind)
		if err != nil {
			return fmt.Errorf("%w: its Content-Type is none", errBadEvent)
		}
		raw, charset = e.body, params["charset"]
		binary = binary || !strings.HasPrefix(kind, "text/")
	}
	if binary {
		in.Lost = 1
	} else {
		text, err := decode(raw, charset)
		if err != nil {
			return fmt.Errorf("%w: %w", errBadEvent, err)
		}
		in.Text = text
	}
	err := p.receiver.Receive(ctx, in)
	if errors.Is(err, provider.ErrUnknownNumber) {
		return nil // it never will be stored, and Kannel would call again
	}
	return err
}

// charsets are those in which Kannel passes texts on.
var charsets = map[string]encoding.Encoding{
	"utf-16be":     unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"ucs-2":        unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"iso-8859-1":   charmap.ISO8859_1,
	"latin1":       charmap.ISO8859_1,
	"windows-1252": charmap.Windows1252,
}

func decode(raw []byte, charset string) (string, error) {
	switch charset = strings.ToLower(charset); charset {
	case "", "utf-8", "us-ascii", "ascii", "gsm":
		// Kannel keeps texts of the GSM alphabet in UTF-8.
		if !utf8.Valid(raw) {
			return "", errors.New("its text is not in UTF-8, as it should be")
		}
		return string(raw), nil
	}
	e, ok := charsets[charset]
	if !ok {
		return "", fmt.Errorf("its charset %.20q is not known", charset)
	}
	text, err := e.NewDecoder().Bytes(raw)
	if err != nil {
		return "", fmt.Errorf("decode its text: %w", err)
	}
	return string(text), nil
}

// number gives a number as the gateway reads it.
func (p *Provider) number(s string) string {
	return provider.PlainNumber(s, p.options.PlainNumbers == national)
}

// report takes news of a text. What comes of the SMSC itself tells a text in
// doubt from one that was not taken.
func (p *Provider) report(ctx context.Context, e event) error {
	kind, err := strconv.Atoi(e.query.Get("type"))
	if err != nil {
		return fmt.Errorf("%w: its type is no number", errBadEvent)
	}
	r := provider.Report{ID: transport.MessageID(e.query.Get("id")), Status: transport.Accepted}
	switch {
	case kind&delivered != 0:
		r.Status = transport.Delivered
	case kind&(undelivered|refusedBySMSC) != 0:
		r.Status, r.Err = transport.Failed, failure(e.query.Get("reply"))
	}
	p.reported.put(r)
	if r.Status == transport.Accepted {
		return nil
	}
	return p.receiver.Report(ctx, r)
}

// failure reads why a text failed: "NACK/0x0000000b/Invalid Destination
// Address" if an SMSC refused it, or the text of a receipt.
func failure(reply string) *transport.Error {
	if nack, ok := strings.CutPrefix(reply, "NACK/"); ok {
		code, _, _ := strings.Cut(nack, "/")
		if status, err := strconv.ParseUint(code, 0, 32); err == nil {
			return provider.CommandError(uint32(status), nil)
		}
		return provider.ReceiptError("REJECTD", "")
	}
	return provider.ReceiptError(field(reply, "stat:"), field(reply, "err:"))
}

// field gives a word of a receipt's text (SMPP 3.4 Appendix B).
func field(receipt, name string) string {
	_, rest, ok := strings.Cut(receipt, name)
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(rest, " ")
	return word[:min(len(word), 10)]
}
