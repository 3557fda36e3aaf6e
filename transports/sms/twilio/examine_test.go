package twilio

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/transports/sms/provider/providertest"
)

func TestExaminationOfAnAccount(t *testing.T) {
	const own = "+15005550001"
	account := `{"sid":"AC1","status":"active"}`
	number := func(more string) string {
		return `{"incoming_phone_numbers":[{"sid":"PN1","phone_number":"` + own + `","capabilities":{"sms":true,"mms":true}` + more + `}]}`
	}
	here := public + "/twilio/in"
	tests := []struct {
		name             string
		account, numbers string
		status           int
		polls            bool
		want             string
	}{
		{name: "in order", numbers: number(`,"sms_url":"` + here + `#rc=5&rp=all"`), want: "ok " + own + " calls the gateway when a text comes in."},
		{name: "without another try", numbers: number(`,"sms_url":"` + here + `"`), want: "doubt " + own + " calls the gateway, but not again after a failure: set the address to " + here + "#rc=5&rp=all."},
		{name: "led elsewhere", numbers: number(`,"sms_url":"https://demo.twilio.com/welcome"`), want: "BAD " + own + " calls somebody else"},
		{name: "led nowhere", numbers: number(`,"sms_url":""`), want: "BAD " + own + " calls nobody"},
		{name: "led to an application", numbers: number(`,"sms_url":"` + here + `#rc=5&rp=all","sms_application_sid":"AP1"`), want: "doubt " + own + " has an application"},
		{name: "polled", numbers: number(`,"sms_url":""`), polls: true, want: "ok Without public_url, Twilio is asked for texts every 10s."},
		{name: "no texts", numbers: strings.Replace(number(""), `"sms":true`, `"sms":false`, 1), want: "BAD " + own + " can't send texts"},
		{name: "no pictures", numbers: strings.Replace(number(""), `"mms":true`, `"mms":false`, 1), want: "ok " + own + " can send texts, but no pictures."},
		{name: "another's number", numbers: `{"incoming_phone_numbers":[]}`, want: "BAD " + own + " is not a number of the account."},
		{name: "suspended", account: `{"sid":"AC1","status":"suspended"}`, want: "BAD Twilio says that this account is not active."},
		{name: "wrong token", status: 401, want: "BAD Twilio does not take this account SID and auth token."},
		{name: "down", status: 500, want: "BAD Twilio does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case tt.status != 0:
					answers(tt.status, `{}`)(w, r)
				case strings.HasSuffix(r.URL.Path, "/IncomingPhoneNumbers.json"):
					answers(200, tt.numbers)(w, r)
				case tt.account != "":
					answers(200, tt.account)(w, r)
				default:
					answers(200, account)(w, r)
				}
			})
			if tt.polls {
				p.public = ""
			}
			if said := providertest.Examine(t.Context(), p, false, own); !strings.Contains(said, tt.want) {
				t.Errorf("said\n%s", said)
			}
		})
	}
}

func TestExaminationCallsTheWebhook(t *testing.T) {
	var gateway http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gateway.ServeHTTP(w, r) }))
	defer server.Close()
	o := testOptions()
	o.PublicURL = server.URL
	p := New(o, &receiver{}, discard)
	other := o
	other.PublicURL = "https://gw.example.org"
	for _, tt := range []struct {
		name    string
		running bool
		gateway http.Handler
		want    string
	}{
		{"as it should be", true, p.Webhooks(), "ok public_url, " + server.URL + " leads here"},
		{"with another public_url", true, New(other, &receiver{}, discard).Webhooks(), "BAD public_url, " + server.URL + " leads to something that refuses"},
		{"another path", true, http.NotFoundHandler(), "BAD public_url, " + server.URL + " does not lead to this component"},
		{"a broken proxy", true, http.HandlerFunc(answers(502, "")), "answers with status 502"},
		{"not running", false, http.NotFoundHandler(), "doubt public_url, " + server.URL + " was not tried"},
	} {
		gateway = tt.gateway
		if said := providertest.Examine(t.Context(), p, tt.running); !strings.Contains(said, tt.want) {
			t.Errorf("%s: said\n%s", tt.name, said)
		}
	}
	server.Close()
	if said := providertest.Examine(t.Context(), p, true); !strings.Contains(said, "doubt public_url, "+server.URL+" can't be reached") {
		t.Errorf("away: said\n%s", said)
	}
}
