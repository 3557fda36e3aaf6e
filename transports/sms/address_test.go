package sms

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

func TestAddressHasOneSpelling(t *testing.T) {
	const bad = "bad"
	tests := []struct {
		name   string
		in     string
		region string // US if empty
		want   transport.Address
		moved  bool
	}{
		{name: "E.164", in: "+15551234567", want: "+15551234567"},
		{name: "national form", in: "5551234567", want: "+15551234567", moved: true},
		{name: "national form with the trunk prefix", in: "1 555 123 4567", want: "+15551234567", moved: true},
		{name: "brackets, spaces and dashes", in: "(555) 123-4567", want: "+15551234567", moved: true},
		{name: "dots", in: "555.123.4567", want: "+15551234567", moved: true},
		{name: "E.164 with spaces", in: "+1 555 123 4567", want: "+15551234567", moved: true},
		{name: "double zero", in: "0044 20 7946 0958", want: "+442079460958", moved: true},
		{name: "the US prefix for abroad", in: "011442079460958", want: "+442079460958", moved: true},
		{name: "tel URI", in: "tel:+1-555-123-4567", want: "+15551234567", moved: true},
		{name: "tel URI of the canonical form", in: "TEL:+15551234567", want: "+15551234567", moved: true},
		{name: "sms URI", in: "sms:+15551234567", want: "+15551234567", moved: true},
		{name: "national form in Germany", in: "0171 1234567", region: "DE", want: "+491711234567", moved: true},
		{name: "Italian leading zero", in: "+390612345678", want: "+390612345678"},
		{name: "possible but not assigned", in: "+15550000000", want: "+15550000000"},
		{name: "fullwidth digits", in: "＋１５５５１２３４５６７", want: "+15551234567", moved: true},
		{name: "Arabic digits", in: "+١٥٥٥١٢٣٤٥٦٧", want: "+15551234567", moved: true},
		{name: "national form with a context", in: "5551234567;phone-context=us", want: "+15551234567", moved: true},
		{name: "context by calling code", in: "2079460958;phone-context=+44", want: "+442079460958", moved: true},

		{name: "short code", in: "32665;phone-context=us", want: "32665;phone-context=us"},
		{name: "short code in capitals", in: "32665;Phone-Context=US", want: "32665;phone-context=us"},
		{name: "short code alone", in: "32665", want: "32665;phone-context=us", moved: true},
		{name: "short code as Cheogram writes it", in: "32665;phone-context=ca-us.phone-context.soprani.ca", want: "32665;phone-context=us", moved: true},
		{name: "short code as Cheogram writes it, in Canada", in: "32665;phone-context=ca-us.phone-context.soprani.ca", region: "CA", want: "32665;phone-context=ca", moved: true},
		{name: "short code of another country", in: "85100;phone-context=gb", want: "85100;phone-context=gb"},

		{name: "letters", in: "mybank;phone-context=alphanumeric", want: "mybank;phone-context=alphanumeric"},
		{name: "letters in capitals", in: "MyBank;phone-context=alphanumeric", want: "mybank;phone-context=alphanumeric"},
		{name: "letters with a space", in: "my bank;phone-context=alphanumeric", want: "my bank;phone-context=alphanumeric"},
		{name: "escaped letters", in: "caf%c3%a9;phone-context=alphanumeric", want: "caf%c3%a9;phone-context=alphanumeric"},
		{name: "unescaped letters", in: "CAFÉ;phone-context=alphanumeric", want: "caf%c3%a9;phone-context=alphanumeric"},
		{name: "no sender", in: "anonymous", want: anonymous},
		{name: "no sender in capitals", in: "Anonymous", want: anonymous},

		{name: "nothing", in: "", want: bad},
		{name: "a word", in: "juliet", want: bad},
		{name: "a word with digits", in: "juliet15551234567", want: bad},
		{name: "a vanity number", in: "1-800-FLOWERS", want: bad},
		{name: "a local number", in: "5551234", want: "5551234;phone-context=us", moved: true},
		{name: "too short", in: "12", want: bad},
		{name: "too long", in: "+155512345678901234", want: bad},
		{name: "plus alone", in: "+", want: bad},
		{name: "plus within", in: "1+5551234567", want: bad},
		{name: "unknown country", in: "+9995551234567", want: bad},
		{name: "context of no country", in: "32665;phone-context=zz", want: bad},
		{name: "another parameter", in: "+15551234567;ext=5", want: bad},
		{name: "two parameters", in: "32665;phone-context=us;ext=5", want: bad},
		{name: "letters of nothing", in: ";phone-context=alphanumeric", want: bad},
		{name: "letters badly escaped", in: "a%g0;phone-context=alphanumeric", want: bad},
		{name: "an enormous text", in: strings.Repeat("5", 10000), want: bad},
		{name: "no UTF-8", in: "\xff\xfe", want: bad},
		{name: "line feed", in: "+1555123\n4567x", want: bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			region := tt.region
			if region == "" {
				region = "US"
			}
			got, err := resolve(tt.in, region)
			e, _ := errors.AsType[*transport.Error](err)
			switch {
			case tt.want == bad:
				if e == nil || e.Reason != transport.BadAddress || !strings.Contains(e.Text, "+15551234567") {
					t.Errorf("got %q, %v", got, err)
				}
			case tt.moved:
				if e == nil || e.Reason != transport.Moved || e.Redirect != tt.want {
					t.Errorf("got %q, %#v", got, e)
				}
			case err != nil || got != tt.want:
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestSenderHasAnAddressThatResolvesToItself(t *testing.T) {
	tests := []struct {
		name string
		from string
		want transport.Address
	}{
		{"a phone", "+15551234567", "+15551234567"},
		{"a short code", "32665", "32665;phone-context=us"},
		{"letters", "MyBank", "mybank;phone-context=alphanumeric"},
		{"letters and a space", " My Bank ", "my bank;phone-context=alphanumeric"},
		{"letters and marks", "A&B's;%@/\"", `a&b's%3b%25@/";phone-context=alphanumeric`},
		{"letters beyond ASCII", "Grüße", "gr%c3%bcsse;phone-context=alphanumeric"},
		{"a picture", "🏦", "%f0%9f%8f%a6;phone-context=alphanumeric"},
		{"another channel", "whatsapp:+15551234567", "whatsapp:+15551234567;phone-context=alphanumeric"},
		{"nobody", "", anonymous},
		{"the keys of ANONYMOUS", "+266696687", anonymous},
		{"control characters", "\x00\n", "%00;phone-context=alphanumeric"},
	}
	for _, tt := range tests {
		got := senderAddress(tt.from, "US")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if again, err := resolve(string(got), "US"); err != nil || again != got {
			t.Errorf("%s: %q resolves to %q, %v", tt.name, got, again, err)
		}
	}
}

func TestRegionOfANumber(t *testing.T) {
	for number, want := range map[string]string{
		"+442079460958": "GB", "+14165550123": "CA", "+15005550001": "US", "+870773111632": "US",
	} {
		if got := regionOf(number, "US"); got != want {
			t.Errorf("%s: got %s, want %s", number, got, want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{
		"+15551234567", "(555) 123-4567", "0044 20", "tel:+1", "32665;phone-context=us", "my bank;phone-context=alphanumeric",
		"caf%c3%a9;phone-context=alphanumeric", "anonymous", "+390612345678", "1;phone-context=+", "＋１５５", "\xff", "",
		"32665;phone-context=ca-us.phone-context.soprani.ca",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, region := range []string{"US", "IT"} {
			a, err := resolve(s, region)
			if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.Moved {
				a, err = e.Redirect, nil
			}
			if err == nil {
				checkAddress(t, a, region)
			}
			checkAddress(t, senderAddress(s, region), region)
		}
	})
}

// checkAddress: an address resolves to itself and can be put into a JID.
func checkAddress(t *testing.T, a transport.Address, region string) {
	t.Helper()
	if again, err := resolve(string(a), region); err != nil || again != a {
		t.Errorf("%q resolves to %q, %v", a, again, err)
	}
	if strings.ContainsFunc(string(a), func(r rune) bool { return r < ' ' || r > '~' }) || strings.ToLower(string(a)) != string(a) {
		t.Errorf("%q can't be part of a JID as it is", a)
	}
}
