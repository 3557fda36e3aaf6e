package android

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.android].
//
// PublicURL is the component's path on the gateway's HTTP listener, as the
// phone reaches it: the app posts what happens to PublicURL/android/event.
type Options struct {
	APIURL     string           `toml:"api_url"` // of the phone itself, or of a server between
	Username   string           `toml:"username"`
	Password   transport.Secret `toml:"password"`
	DeviceID   string           `toml:"device_id"`   // which phone of the account; empty: it has one
	Numbers    map[string]int   `toml:"numbers"`     // the SIM cards' numbers, E.164, and their slots; 0: the app decides
	PublicURL  string           `toml:"public_url"`  // empty: the phone has no way to call, and is asked instead
	SigningKey transport.Secret `toml:"signing_key"` // of the webhooks, as the app's settings show it
	Poll       time.Duration    `toml:"poll"`        // without public_url: how often the phone is asked for texts
	Passphrase transport.Secret `toml:"passphrase"`  // what goes out is encrypted with it; the app has the same
}

// Defaults are the options for the app's public server.
func Defaults() Options {
	return Options{APIURL: "https://api.sms-gate.app/3rdparty/v1", Poll: 5 * time.Second}
}

var (
	e164   = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	device = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

const (
	mostSlots   = 3
	shortestKey = 8
)

// Check looks at the values without connecting to anything.
func (o Options) Check() error {
	switch {
	case !isHTTP(o.APIURL):
		return optionError("api_url", `is not an http or https address; write the phone's, like "http://192.168.1.10:8080", or that of a server with the path /3rdparty/v1`)
	case o.Username == "":
		return optionError("username", "is missing; the app shows it on its first page")
	case o.Password.IsZero():
		return optionError("password", `is missing; write { file = "/etc/gatehouse/android-password" } and put the app's there`)
	case o.DeviceID != "" && !device.MatchString(o.DeviceID):
		return optionError("device_id", "is none; the app shows it on its first page")
	case len(o.Numbers) == 0:
		return optionError("numbers", `is missing; write { "+15551234567" = 1 }: the SIM card's number and its slot`)
	case o.Poll < time.Second || o.Poll > time.Hour:
		return optionError("poll", `must be from "1s" to "1h"`)
	case o.PublicURL == "":
	case !isHTTP(o.PublicURL):
		return optionError("public_url", `must be the address at which the phone reaches the component's path, like "https://gw.example.org/sms.example.org"`)
	case o.SigningKey.IsZero():
		return optionError("signing_key", `is missing; write { file = "/etc/gatehouse/android-signing-key" } and put there what the app shows under Settings, Webhooks`)
	case len(o.SigningKey.Reveal()) < shortestKey:
		return optionError("signing_key", "is too short; 8 characters are the least")
	}
	slots := map[int]bool{}
	for _, number := range slices.Sorted(maps.Keys(o.Numbers)) {
		slot := o.Numbers[number]
		switch {
		case !e164.MatchString(number):
			return optionError("numbers", fmt.Sprintf(`has %q, which is not written like "+15551234567"`, number))
		case slot < 0 || slot > mostSlots:
			return optionError("numbers."+number, "is no SIM slot; slots are 1 to 3, and 0 lets the app decide")
		case slots[slot]:
			return optionError("numbers."+number, fmt.Sprintf("has the slot %d, which another number has", slot))
		}
		slots[slot] = true
	}
	return nil
}

// isHTTP says that an address can have a path put behind it.
func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.RawQuery == "" && !u.ForceQuery && !strings.Contains(address, "#")
}

func optionError(key, problem string) error {
	return &transport.OptionError{Key: "android." + key, Problem: problem}
}
