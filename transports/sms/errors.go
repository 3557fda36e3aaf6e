package sms

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
)

// Failures of our own, where the provider gave none.
var (
	errExpired = &transport.Error{
		Reason: transport.Unreachable,
		Text:   "The text could not be sent within 24 hours, so it was given up.",
	}
	errNoNumber = &transport.Error{
		Reason: transport.NotRegistered,
		Text:   "You have no phone number here.",
	}
	errNoLine = &transport.Error{
		Reason: transport.NotRegistered,
		Text:   "The number that this text was to be sent from is no longer yours.",
	}
	errUncertain = &transport.Error{
		Reason: transport.Unreachable,
		Text:   "The provider did not say whether it took this text, and could not be asked. It may or may not arrive.",
	}
)

// writeFailure puts what the user will be told into an item's LastError:
// reason, code and text with bars between them.
func writeFailure(e *transport.Error) string {
	if e == nil {
		e = &transport.Error{Reason: transport.Rejected, Text: "The text was not delivered."}
	}
	return fmt.Sprintf("%d|%s|%s", e.Reason, e.Code, e.Text)
}

// readFailure gets it out again.
func readFailure(s string) *transport.Error {
	parts := strings.SplitN(s, "|", 3)
	if len(parts) == 3 {
		if reason, err := strconv.Atoi(parts[0]); err == nil {
			return &transport.Error{Reason: transport.Reason(reason), Code: parts[1], Text: parts[2]}
		}
	}
	return &transport.Error{Reason: transport.Rejected, Text: "The text was not delivered.", Err: errors.New(s)}
}
