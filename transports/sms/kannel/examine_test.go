package kannel

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/transports/sms/provider/providertest"
)

func TestExaminationOfAKannel(t *testing.T) {
	var sendsms http.HandlerFunc
	kannel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("to") || r.URL.Query().Has("text") {
			t.Errorf("it was to send something: %v", r.URL.Query())
		}
		sendsms(w, r)
	}))
	defer kannel.Close()
	o := testOptions()
	o.SendURL = kannel.URL + "/cgi-bin/sendsms"
	var p *Provider
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Webhooks().ServeHTTP(w, r) }))
	defer gateway.Close()
	o.PublicURL = gateway.URL
	p = New(o, &receiver{}, discard)
	answer := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(text))
		}
	}
	for _, tt := range []struct {
		name    string
		sendsms http.HandlerFunc
		want    string
	}{
		{"in order", answer(400, "Missing receiver number, rejected"), "ok Kannel takes the credentials.\nok public_url, " + gateway.URL + " leads here"},
		{"credentials", answer(403, "Authorization failed for sendsms"), "BAD Kannel does not take username and password"},
		{"something else", answer(404, "<html>"), "BAD At send_url is not Kannel's sendsms: it answers with status 404."},
	} {
		sendsms = tt.sendsms
		if said := providertest.Examine(t.Context(), p, true); !strings.Contains(said, tt.want) || strings.Contains(said, o.Password.Reveal()) {
			t.Errorf("%s: said\n%s", tt.name, said)
		}
	}
	kannel.Close()
	if said := providertest.Examine(t.Context(), p, true); !strings.Contains(said, "BAD Kannel can't be reached") || strings.Contains(said, o.Password.Reveal()) {
		t.Errorf("away: said\n%s", said)
	}
}
