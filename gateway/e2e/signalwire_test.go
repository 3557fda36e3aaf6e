package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

const (
	project = "ea108133-d6b3-407c-9536-9fad8a929a6a"
	apiPath = "/api/laml/2010-04-01/Accounts/" + project
)

var segments = regexp.MustCompile(`"num_(segments|media)":\s*"(\d+)"`)

// onSignalWire makes a SignalWire of the Twilio emulator: with other paths and
// credentials, and with numbers where Twilio has strings.
func (w *world) onSignalWire() string {
	w.t.Helper()
	w.needHTTP()
	servers.Need(w.t, "emulate")
	public := "http://" + w.http + "/" + smsHost
	var err error
	w.emulate, err = servers.StartEmulate(limited(w.t), filepath.Join(w.dir, "emulate"), servers.EmulateOptions{
		SMSURL: public + "/signalwire/in", Numbers: []string{ownPhone},
	})
	check(w.t, err)
	w.t.Cleanup(func() { w.emulate.Close() })
	target, err := url.Parse(w.emulate.BaseURL)
	check(w.t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.Path = strings.Replace(r.Out.URL.Path, apiPath, "/2010-04-01/Accounts/"+w.emulate.AccountSID, 1)
			r.Out.SetBasicAuth(w.emulate.AccountSID, w.emulate.Token)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = segments.ReplaceAll(bytes.ReplaceAll(body, []byte(w.emulate.AccountSID), []byte(project)), []byte(`"num_$1":$2`))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
			return nil
		},
	}
	space := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if user, token, _ := r.BasicAuth(); user != project || token != "PT_x-y.z" || !strings.HasPrefix(r.URL.Path, apiPath) {
			http.Error(rw, `{"code":20003}`, http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(space.Close)
	return fmt.Sprintf(`provider = "signalwire"
[component.sms.signalwire]
space = "example"
project_id = %q
api_token = "PT_x-y.z"
signing_key = %q
api_base = %q
public_url = %q
`, project, w.emulate.Token, space.URL+"/api/laml", public)
}

func TestTextsThroughSignalWire(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onSignalWire()))
	romeo := w.logIn("romeo", "orchard")

	romeo.says(phone, "chat", "w1", "Good morrow, cousin", wantsReceipt)
	w.report(w.texted(friend, "Good morrow, cousin").SID, "delivered")
	if got := romeo.gets(message, from(phone), has("received")).Find("received").Attr("id"); got != "w1" {
		t.Errorf("the receipt is for %q, want w1", got)
	}
	_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, "Is the day so young?")
	check(t, err)
	romeo.gets(message, from(phone), typed("chat"), body("Is the day so young?"))
}
