package sms

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

func TestWrongRegistrationIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
		key  string
		says string
	}{
		{"no such way", func(o *Options) { o.Registration = "open" }, "registration", "closed, pool, own, both"},
		{"an empty pool", func(o *Options) { o.Pool = nil }, "number", "[[component.sms.number]]"},
		{"a national number", func(o *Options) { o.Pool[0].Number = "500 555 0031" }, "number[0].number", `"+15005550031"`},
		{"a number twice", func(o *Options) { o.Pool[1].Number = poolOne }, "number[1].number", "twice"},
		{"a user's number", func(o *Options) { o.Pool[1].Number = romeoNumber }, "number[1].number", "user's"},
		{"a rule with a resource", func(o *Options) { o.RegistrationAllow = []string{"a@b/c"} }, "registration_allow", "no rule"},
		{"an empty rule", func(o *Options) { o.Pool[1].Allow = []string{""} }, "number[1].allow", "no rule"},
		{"a base that is none", func(o *Options) { o.Registration, o.Twilio.APIBase = registrationOwn, "ftp://x" }, "twilio.api_base", "http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := poolOptions()
			tt.set(o)
			e, ok := errors.AsType[*transport.OptionError](o.Check())
			if !ok || e.Key != tt.key || !strings.Contains(e.Problem, tt.says) {
				t.Errorf("got %v", e)
			}
		})
	}
	if err := poolOptions().Check(); err != nil {
		t.Error(err)
	}
}

func TestRulesSayWhoMayRegister(t *testing.T) {
	tests := []struct {
		rules []string
		who   string
		want  bool
	}{
		{nil, mercutio, true},
		{[]string{"*"}, mercutio, true},
		{[]string{"example.org"}, mercutio, true},
		{[]string{"example.org"}, "mercutio@sub.example.org", false},
		{[]string{"*.example.org"}, "mercutio@sub.example.org", true},
		{[]string{"*.example.org"}, mercutio, false},
		{[]string{"Mercutio@example.org"}, mercutio, true},
		{[]string{"mercutio@example.org"}, "tybalt@example.org", false},
		{[]string{"example.net", "mercutio@example.org"}, mercutio, true},
		{[]string{"ample.org"}, mercutio, false},
	}
	for _, tt := range tests {
		if got := allowed(tt.rules, tt.who); got != tt.want {
			t.Errorf("%q for %s: got %t", tt.rules, tt.who, got)
		}
	}
}
