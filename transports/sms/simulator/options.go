package simulator

import (
	"fmt"
	"time"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.simulator].
type Options struct {
	// DeliveryDelay is how long a text takes to the phone.
	DeliveryDelay time.Duration `toml:"delivery_delay"`

	// Fail gives numbers whose texts fail, and Twilio's error code for each.
	// Codes below 30000 refuse the text at once, the others report the
	// failure after the delay. Twilio's own test numbers are there already.
	Fail map[string]int `toml:"fail"`

	// Public serves the page and its interface to everybody who reaches the
	// HTTP listener. Without it only the machine itself is served: the page
	// asks nobody for a password.
	Public bool `toml:"public"`
}

// Defaults are the options of a simulator that works by itself.
func Defaults() Options { return Options{DeliveryDelay: time.Second} }

// Check looks at the values.
func (o Options) Check() error {
	if o.DeliveryDelay < 0 || o.DeliveryDelay > time.Hour {
		return &transport.OptionError{Key: "simulator.delivery_delay", Problem: `must be from "0s" to "1h"`}
	}
	for number, code := range o.Fail {
		if code < 10000 || code > 99999 {
			return &transport.OptionError{
				Key:     "simulator.fail." + number,
				Problem: fmt.Sprintf("%d is no error code; use one of Twilio's, like 30003", code),
			}
		}
	}
	return nil
}
