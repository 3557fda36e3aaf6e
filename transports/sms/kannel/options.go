package kannel

import (
	"net/url"
	"strings"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.kannel].
//
// PublicURL is the component's path on the gateway's HTTP listener, as Kannel
// reaches it: Kannel's sms-service posts texts to PublicURL/kannel/in with the
// webhook secret as the parameter "secret", and reports of what was sent go to
// PublicURL/kannel/dlr.
type Options struct {
	SendURL       string           `toml:"send_url"` // of Kannel's sendsms
	Username      string           `toml:"username"` // of a sendsms-user
	Password      transport.Secret `toml:"password"`
	SMSC          string           `toml:"smsc"` // which of Kannel's links carries the texts; empty: Kannel decides
	PublicURL     string           `toml:"public_url"`
	WebhookSecret transport.Secret `toml:"webhook_secret"`
	PlainNumbers  string           `toml:"plain_numbers"` // what numbers without a + are: "international" or "national"
}

// Defaults are the options for a Kannel on this machine.
func Defaults() Options {
	return Options{SendURL: "http://127.0.0.1:13013/cgi-bin/sendsms", PlainNumbers: international}
}

const (
	international = "international"
	national      = "national"

	shortestSecret = 16
)

// Check looks at the values without connecting to anything.
func (o Options) Check() error {
	switch {
	case !isHTTP(o.SendURL):
		return optionError("send_url", `is not an http or https address; it is that of Kannel's sendsms, like "http://127.0.0.1:13013/cgi-bin/sendsms"`)
	case o.Username == "":
		return optionError("username", "is missing; it is that of a sendsms-user in Kannel's configuration")
	case o.Password.IsZero():
		return optionError("password", `is missing; write { file = "/etc/gatehouse/kannel-password" } and put the sendsms-user's there`)
	case o.PublicURL == "":
		return optionError("public_url", `is missing; write the address at which Kannel reaches the component's path, like "http://127.0.0.1:8087/sms.example.org"`)
	case !isHTTP(o.PublicURL):
		return optionError("public_url", "is not an http or https address without a query")
	case strings.Contains(o.PublicURL, "%"):
		return optionError("public_url", "has a percent sign, which Kannel takes for a value to fill in")
	case o.WebhookSecret.IsZero():
		return optionError("webhook_secret", `is missing; write { file = "/etc/gatehouse/kannel-webhook-secret" } and put some 32 random letters there`)
	case len(o.WebhookSecret.Reveal()) < shortestSecret:
		return optionError("webhook_secret", "is too short; 16 characters are the least")
	case o.PlainNumbers != international && o.PlainNumbers != national:
		return optionError("plain_numbers", `must be "international" or "national"`)
	}
	return nil
}

// isHTTP says that an address can have a path or parameters put behind it.
func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.RawQuery == "" && !u.ForceQuery && !strings.Contains(address, "#")
}

func optionError(key, problem string) error {
	return &transport.OptionError{Key: "kannel." + key, Problem: problem}
}
