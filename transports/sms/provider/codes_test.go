package provider

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

func TestCodeGivesItsReason(t *testing.T) {
	tests := []struct {
		name  string
		code  int
		want  transport.Reason
		retry bool
	}{
		{"credentials", 20003, transport.NotAuthorized, false},
		{"suspended account", 20403, transport.NotAuthorized, false},
		{"too many requests", 20429, transport.RateLimited, true},
		{"internal error", 20500, transport.Unreachable, true},
		{"bad recipient", 21211, transport.BadAddress, false},
		{"short code", 21265, transport.NotAllowed, false},
		{"country is off", 21408, transport.Forbidden, false},
		{"opted out", 21610, transport.Policy, false},
		{"sender's queue is full", 21611, transport.RateLimited, true},
		{"no way", 21612, transport.Unroutable, false},
		{"landline", 21614, transport.NoSuchService, false},
		{"too long", 21617, transport.TooLong, false},
		{"queue overflow", 30001, transport.RateLimited, true},
		{"phone is off", 30003, transport.RecipientUnavailable, false},
		{"number is not in use", 30005, transport.NotFound, false},
		{"spam", 30007, transport.Policy, false},
		{"congestion", 30017, transport.Unreachable, true},
		{"unregistered", 30034, transport.NotRegistered, false},
		{"another 20xxx", 20999, transport.NotAuthorized, false},
		{"another 21xxx", 21999, transport.Unacceptable, false},
		{"another 30xxx", 30999, transport.RecipientUnavailable, false},
		{"another 63xxx", 63999, transport.NoSuchService, false},
		{"another class", 90000, transport.Rejected, false},
		{"none", 0, transport.Rejected, false},
		{"a negative number", -30003, transport.Rejected, false},
	}
	for _, tt := range tests {
		if got := Lookup(tt.code); got.Reason != tt.want || got.Retry != tt.retry {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestEveryCodeHasASentence(t *testing.T) {
	for code, c := range codes {
		if !strings.HasSuffix(c.Text, ".") || c.Text[0] < 'A' || c.Text[0] > 'Z' {
			t.Errorf("%d: %q", code, c.Text)
		}
	}
}

func TestErrorBearsItsCode(t *testing.T) {
	cause := errors.New("status 400")
	if e := Error(21610, cause); e.Code != "21610" || !errors.Is(e, cause) {
		t.Errorf("got %#v", e)
	}
	if e := Error(0, nil); e.Code != "" {
		t.Errorf("got %#v", e)
	}
}
