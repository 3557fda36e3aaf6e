package sms

import (
	"errors"
	"testing"

	"gatehouse/gateway/transport"
)

// A number as it is dialled at home is of the country of the user's own number;
// JIDs are read as of the config's region by everybody.
func TestNumbersAreReadAsTheUserDialsThem(t *testing.T) {
	n := &Network{region: "US", lines: newLines()}
	n.lines.byUser["juliet@example.net"] = []string{"+393331234567"}
	for _, tt := range []struct{ name, user, text, want string }{
		{"at home in Italy", "juliet@example.net", "06 6982", "+39066982"},
		{"at home in the US", "romeo@example.org", "(555) 123-4567", "+15551234567"},
		{"abroad with 00", "romeo@example.org", "0039 06 6982", "+39066982"},
		{"in full", "juliet@example.net", "+1 555 123 4567", "+15551234567"},
	} {
		a, _, err := n.Read(tt.user, tt.text)
		if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.Moved {
			a, err = e.Redirect, nil
		}
		if err != nil || string(a) != tt.want {
			t.Errorf("%s: %q is read as %q, %v; want %q", tt.name, tt.text, a, err, tt.want)
		}
	}
	if _, _, err := n.Read("juliet@example.net", "nurse"); err == nil {
		t.Error("a name is read as a number")
	}
	if number, ok := n.Phone("32665;phone-context=us"); ok {
		t.Errorf("a short code is the number %s", number)
	}
}
