// Package providertest has what the tests of providers share.
package providertest

import (
	"errors"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// The three ways in which a send can fail.
const (
	Refused = "refused"
	Retry   = "retry"
	Unknown = "unknown"
)

// KindOf gives the way in which a send failed.
func KindOf(err error) string {
	if _, ok := errors.AsType[*provider.Retry](err); ok {
		return Retry
	}
	if _, ok := errors.AsType[*transport.Error](err); ok {
		return Refused
	}
	return Unknown
}
