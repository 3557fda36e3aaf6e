package twilio

import (
	"net/url"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"

	"gatehouse/gateway/transport"
)

// FuzzSignature compares with Twilio's own library for Go, where that is right:
// it takes the first value of a repeated key only, parses URLs and writes them
// anew, and cuts the port off an IPv6 address wrongly.
func FuzzSignature(f *testing.F) {
	f.Add("https://gw.example.org/sms/twilio/in?a=b%20c", "Body=Gr%C3%BC%C3%9Fe+%F0%9F%98%80&From=%2B15551234567", "token", "")
	f.Add("http://user:secret@gw.example.org:8087/in", "MessageSid=SM1&a=&b", "0123456789abcdef", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Add("https://gw.example.org:443", "", "t", "=")
	f.Fuzz(func(t *testing.T, address, body, token, forged string) {
		params, err := url.ParseQuery(body)
		if err != nil || token == "" {
			return
		}
		r := signed{url: address, params: params}
		key := transport.NewSecret(token)
		own := signatureOf(key, r)
		if !validSignature(own, r, key) {
			t.Error("our own signature is refused")
		}
		if validSignature(own, r, transport.NewSecret(token+"x")) || validSignature(own, signed{url: address + "x", params: params}, key) {
			t.Error("a signature is good for more than it signs")
		}
		if forged != own && validSignature(forged, r, key) && !sameBytes(forged, own, r, key) {
			t.Error("a forged signature is valid")
		}
		parsed, err := url.Parse(address)
		if err != nil || parsed.String() != address || parsed.Host == "" || strings.Contains(parsed.Host, "[") ||
			parsed.Scheme != "https" && parsed.Scheme != "http" || strings.HasSuffix(parsed.Host, ":") || parsed.Query().Has(bodyParam) {
			return
		}
		for _, values := range params {
			if len(values) > 1 {
				return
			}
		}
		library := client.NewRequestValidator(token)
		if !library.ValidateBody(address, []byte(body), own) {
			t.Error("the library refuses our signature")
		}
		if got, want := validSignature(forged, r, key), library.ValidateBody(address, []byte(body), forged); want && !got {
			t.Errorf("a signature that the library takes is refused")
		}
		for _, u := range withAndWithoutPort(address) {
			given := signatureOf(key, signed{url: u, params: params})
			if !validSignature(given, r, key) {
				t.Errorf("the signature of %q is refused", u)
			}
		}
	})
}

// sameBytes says that a signature is one of ours in another spelling, or that
// of the URL with its port or without.
func sameBytes(forged, own string, r signed, key transport.Secret) bool {
	clean := strings.NewReplacer("\r", "", "\n", "").Replace(forged)
	for _, u := range withAndWithoutPort(r.url) {
		if clean == signatureOf(key, signed{url: u, params: r.params}) {
			return true
		}
	}
	return clean == own
}
