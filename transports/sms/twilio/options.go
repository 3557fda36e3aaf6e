package twilio

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.twilio].
//
// The gateway's HTTP listener hands over what comes below the component's
// path. PublicURL is that path as Twilio reaches it, with whatever a reverse
// proxy puts before it: if Twilio's requests to
//
//	https://gw.example.org/sms.example.org/twilio/in
//
// arrive there, public_url is "https://gw.example.org/sms.example.org". That
// address with /twilio/in is what a number's "A message comes in" is set to;
// the address for reports, /twilio/status, goes along with each text. The
// signatures are checked against these addresses and never against what a
// request says of its host.
type Options struct {
	AccountSID         string             `toml:"account_sid"`
	AuthToken          transport.Secret   `toml:"auth_token"`
	AuthTokenSecondary transport.Secret   `toml:"auth_token_secondary"` // signatures by it are accepted too, while tokens are changed
	APIBase            string             `toml:"api_base"`             // a compatible service or an emulator
	PublicURL          string             `toml:"public_url"`           // empty: Twilio has no way to call, and is asked instead
	MPS                float64            `toml:"mps"`                  // parts a second that each number sends; 0: what is usual for its kind
	MPSOf              map[string]float64 `toml:"mps_of"`               // the same for single numbers
	Poll               time.Duration      `toml:"poll"`                 // without public_url: how often Twilio is asked for texts
	Reconcile          time.Duration      `toml:"reconcile"`            // with it: how often Twilio is asked for texts that it could not bring; 0: never
	Group              string             `toml:"group"`                // how group texts go: "fanout", a copy to each, or "conversations"
	DeleteMedia        bool               `toml:"delete_media"`         // files that came are removed at Twilio once people have them
}

// Defaults are the options for Twilio itself.
func Defaults() Options {
	return Options{APIBase: apiBase, Poll: 10 * time.Second, Reconcile: 5 * time.Minute, Group: groupFanout}
}

const apiBase = "https://api.twilio.com"

var sid = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// Check looks at the values without connecting to anything.
func (o Options) Check() error {
	switch {
	case o.AccountSID == "":
		return optionError("account_sid", `is missing; it is on the first page of Twilio's console and begins with "AC"`)
	case !sid.MatchString(o.AccountSID):
		return optionError("account_sid", `is none; it is 34 letters and digits and begins with "AC"`)
	case o.AuthToken.IsZero():
		return optionError("auth_token", `is missing; write { file = "/etc/gatehouse/twilio-token" } and put it there`)
	}
	if u, err := url.Parse(o.APIBase); o.APIBase != "" && (err != nil || !isHTTP(u) || u.RawQuery != "" || u.Fragment != "") {
		return optionError("api_base", `is not an http or https address; leave it out for Twilio itself`)
	}
	if o.MPS < 0 || o.MPS > mostMPS {
		return optionError("mps", fmt.Sprintf("must be from 0, for what is usual for a number's kind, to %d", mostMPS))
	}
	for number, mps := range o.MPSOf {
		if mps <= 0 || mps > mostMPS {
			return optionError("mps_of."+number, fmt.Sprintf("must be above 0 and at most %d", mostMPS))
		}
	}
	if o.Group != "" && o.Group != groupFanout && o.Group != groupConversations {
		return optionError("group", fmt.Sprintf("%q is neither %q nor %q", o.Group, groupFanout, groupConversations))
	}
	if o.Group == groupConversations && o.PublicURL == "" {
		return optionError("group", `needs public_url: what is said in conversations is brought by Twilio`)
	}
	if o.Poll < time.Second || o.Poll > time.Hour {
		return optionError("poll", `must be from "1s" to "1h"`)
	}
	if o.Reconcile != 0 && (o.Reconcile < time.Second || o.Reconcile > 24*time.Hour) {
		return optionError("reconcile", `must be from "1s" to "24h", or "0s" for never`)
	}
	if o.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(o.PublicURL)
	switch {
	case err != nil || !isHTTP(u):
		return optionError("public_url", "is not an http or https address")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(o.PublicURL, "#"):
		return optionError("public_url", "has a query or a fragment; leave that out")
	case strings.Contains(u.Hostname(), "_"):
		return optionError("public_url", "has an underscore in its host name, which Twilio refuses; use another name")
	}
	return nil
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func optionError(key, problem string) error {
	return &transport.OptionError{Key: "twilio." + key, Problem: problem}
}
