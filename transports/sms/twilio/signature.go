package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// A signed request is what a signature covers
// (https://www.twilio.com/docs/usage/security#validating-requests).
type signed struct {
	url    string     // as Twilio called it, with its query
	params url.Values // of a form body; nil with GET and JSON
	body   []byte     // of a JSON request, whose URL holds bodySHA256
}

// bodyParam is the parameter of the URL that covers a body that is no form.
const bodyParam = "bodySHA256"

// validSignature says whether one of the tokens signed the request. Twilio
// signs the URL with its port or without, so both are tried.
func validSignature(signature string, r signed, tokens ...transport.Secret) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(given) != sha1.Size {
		return false
	}
	valid := 0
	for _, token := range tokens {
		if token.IsZero() {
			continue // anybody could sign with it
		}
		for _, u := range withAndWithoutPort(r.url) {
			valid |= subtle.ConstantTimeCompare(given, sign(token, u, r.params))
		}
	}
	return valid == 1 && (r.params != nil || r.body == nil || bodyMatches(r.url, r.body))
}

// sign makes the signature: the URL, then each key and value in the order of
// the keys. The values of a repeated key are sorted, and each counts once.
func sign(token transport.Secret, u string, params url.Values) []byte {
	mac := hmac.New(sha1.New, []byte(token.Reveal()))
	mac.Write([]byte(u))
	keys := make([]string, 0, len(params))
	for key := range params {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		values := slices.Clone(params[key])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(key))
			mac.Write([]byte(value))
		}
	}
	return mac.Sum(nil)
}

// bodyMatches compares the body with its hash in the URL, which is in small
// letters.
func bodyMatches(u string, body []byte) bool {
	_, query, _ := strings.Cut(u, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !values.Has(bodyParam) {
		return false
	}
	sum := sha256.Sum256(body)
	return subtle.ConstantTimeCompare([]byte(values.Get(bodyParam)), []byte(hex.EncodeToString(sum[:]))) == 1
}

// withAndWithoutPort gives the URL as it is, without its port, and with the
// port of its scheme. It cuts the text, because what a parser writes again may
// differ from what was signed.
func withAndWithoutPort(u string) []string {
	urls := []string{u}
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		return urls
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	// A colon within brackets belongs to an IPv6 address.
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		return append(urls, scheme+"://"+authority[:len(authority)-len(host)+colon]+path)
	}
	switch scheme {
	case "https":
		urls = append(urls, scheme+"://"+authority+":443"+path)
	case "http":
		urls = append(urls, scheme+"://"+authority+":80"+path)
	}
	return urls
}
