package android

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/android/androidtest"
	"gatehouse/transports/sms/provider/providertest"
)

func TestExaminationOfAPhone(t *testing.T) {
	var gateway http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gateway.ServeHTTP(w, r) }))
	defer server.Close()
	o := testOptions()
	o.PublicURL = server.URL
	phone := androidtest.New()
	p := on(t, phone.Handler(), o, &receiver{})
	gateway = p.Webhooks()
	says := func(what string, p *Provider, running bool, want string, numbers ...string) {
		t.Helper()
		if said := providertest.Examine(t.Context(), p, running, numbers...); !strings.Contains(said, want) {
			t.Errorf("%s: said\n%s", what, said)
		}
	}
	says("before it started", p, false, "doubt The app does not call the gateway yet.")
	says("without webhooks", p, true, "BAD The app does not call the gateway for sms:received, sms:delivered, sms:failed")
	if err := p.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	says("in order", p, true, "ok The app takes the user name and the password.\nok The app calls the gateway.\nok public_url, "+server.URL+" leads here", own)
	says("another's number", p, true, "BAD "+second+" is a user's", second)

	o.Password = transport.NewSecret("guessed")
	says("another password", on(t, phone.Handler(), o, nil), true, "BAD The app does not take")
	says("not the app", on(t, answers(404, `<html>`), o, nil), true, "is not the app's interface: it answers with status 404")
	o.SigningKey = transport.NewSecret("another key")
	says("another key", on(t, phone.Handler(), o, nil), true, "refuses the provider's signature")
	o.APIURL = "http://127.0.0.1:1"
	says("away", New(o, nil, discard), true, "can't be reached at http://127.0.0.1:1")

	asked := asked(t, phone, nil)
	says("asked for texts", asked, true, "ok Without public_url, the app is asked for texts every 5s.")
	o.PublicURL, o.Password = "", testOptions().Password
	says("asked in vain", on(t, answers(404, `{}`), o, nil), true, "BAD The app can't be asked for texts: the app's inbox: status 404.")
}
