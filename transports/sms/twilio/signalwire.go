package twilio

import (
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// SignalWire are the table [component.sms.signalwire]: SignalWire speaks
// Twilio's language with credentials of its own
// (https://developer.signalwire.com/compatibility-api/).
type SignalWire struct {
	Space      string           `toml:"space"` // its host name
	ProjectID  string           `toml:"project_id"`
	APIToken   transport.Secret `toml:"api_token"`
	SigningKey transport.Secret `toml:"signing_key"` // of the webhooks
	APIBase    string           `toml:"api_base"`    // in place of the space's, for tests
	PublicURL  string           `toml:"public_url"`  // empty: SignalWire has no way to call, and is asked instead
	Poll       time.Duration    `toml:"poll"`        // as with Twilio
	Reconcile  time.Duration    `toml:"reconcile"`
}

// SignalWireDefaults are the options that are Twilio's, too.
func SignalWireDefaults() SignalWire {
	d := Defaults()
	return SignalWire{Poll: d.Poll, Reconcile: d.Reconcile}
}

var (
	spaceHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$`)
	projectID = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

// Check looks at the values without connecting to anything.
func (s SignalWire) Check() error {
	blame := func(key, problem string) error {
		return &transport.OptionError{Key: "signalwire." + key, Problem: problem}
	}
	switch {
	case !spaceHost.MatchString(s.host()):
		return blame("space", `must be the name of your space, like "example" or "example.signalwire.com"`)
	case !projectID.MatchString(s.ProjectID):
		return blame("project_id", `must be the project's, like "01234567-89ab-cdef-0123-456789abcdef"; it is in the dashboard under API`)
	case s.APIToken.IsZero():
		return blame("api_token", `is missing; write { file = "/etc/gatehouse/signalwire-token" } and put it there`)
	case s.PublicURL != "" && s.SigningKey.IsZero():
		return blame("signing_key", `is missing; write { file = "/etc/gatehouse/signalwire-signing-key" } and put there what the dashboard shows under API`)
	}
	err := s.options().Check()
	if e, ok := errors.AsType[*transport.OptionError](err); ok {
		return blame(strings.TrimPrefix(e.Key, "twilio."), strings.ReplaceAll(e.Problem, "Twilio", "SignalWire"))
	}
	return err
}

func (s SignalWire) host() string {
	if s.Space != "" && !strings.Contains(s.Space, ".") {
		return s.Space + ".signalwire.com"
	}
	return s.Space
}

// options are the same as Twilio would have them.
func (s SignalWire) options() Options {
	base := s.APIBase
	if base == "" {
		base = (&url.URL{Scheme: "https", Host: s.host(), Path: "/api/laml"}).String()
	}
	return Options{
		AccountSID: s.ProjectID, AuthToken: s.APIToken, APIBase: base,
		PublicURL: s.PublicURL, Poll: s.Poll, Reconcile: s.Reconcile,
	}
}

// NewSignalWire makes the provider from options that were checked. It connects
// to nothing yet.
func NewSignalWire(s SignalWire, receiver provider.Receiver, log *slog.Logger) *Provider {
	return newProvider(s.options(), dialect{
		people: "SignalWire", in: "/signalwire/in", status: "/signalwire/status",
		signatures: []string{"X-SignalWire-Signature", "X-Twilio-Signature"},
		keys:       []transport.Secret{s.SigningKey}, keyName: "the signing key", loose: true,
	}, receiver, log)
}
