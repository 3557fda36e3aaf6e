package twilio

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"gatehouse/gateway/transport"
)

// A dialect is what a service that speaks Twilio's language does otherwise.
type dialect struct {
	people     string             // what they call it
	in, status string             // the paths of the webhooks
	signatures []string           // the headers that they may be in
	keys       []transport.Secret // that its webhooks are signed with
	keyName    string             // for people
	loose      bool               // its JSON has other types
}

// twilioItself is Twilio, or a service at another address that is much like
// it.
func twilioItself(o Options) dialect {
	return dialect{
		people: "Twilio", in: pathIn, status: pathStatus, signatures: []string{"X-Twilio-Signature"}, keyName: "the auth token",
		keys:  []transport.Secret{o.AuthToken, o.AuthTokenSecondary},
		loose: o.APIBase != apiBase,
	}
}

// signature gives what a request is signed with.
func (d dialect) signature(h http.Header) string {
	for _, name := range d.signatures {
		if s := h.Get(name); s != "" {
			return s
		}
	}
	return ""
}

// stringsOf are the keys of a text that Twilio writes as strings, and others
// as numbers.
var stringsOf = []string{"num_segments", "num_media", "price"}

var datesOf = []string{"date_created", "date_sent", "date_updated"}

// tightened gives the answer with Twilio's types, or as it is if it is no JSON.
func tightened(body io.Reader) io.Reader {
	text, err := io.ReadAll(body)
	if err != nil {
		return io.MultiReader(bytes.NewReader(text), failing{err})
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var answer map[string]any
	if err := d.Decode(&answer); err != nil {
		return bytes.NewReader(text)
	}
	tighten(answer)
	list, _ := answer["messages"].([]any)
	for _, m := range list {
		if m, ok := m.(map[string]any); ok {
			tighten(m)
		}
	}
	changed, err := json.Marshal(answer)
	if err != nil {
		return bytes.NewReader(text)
	}
	return bytes.NewReader(changed)
}

func tighten(m map[string]any) {
	for _, key := range stringsOf {
		if n, ok := m[key].(json.Number); ok {
			m[key] = n.String()
		}
	}
	if code, ok := m["error_code"].(string); ok {
		if n, err := strconv.Atoi(code); err == nil {
			m["error_code"] = n
		} else {
			delete(m, "error_code")
		}
	}
	for _, key := range datesOf {
		s, _ := m[key].(string)
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			m[key] = at.Format(time.RFC1123Z)
		}
	}
}

// failing passes an error of reading on.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
