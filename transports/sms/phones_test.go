package sms

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

// A number as it is dialled at home is of the country of the user's own number;
// JIDs are read as of the config's region by everybody.
func TestNumbersAreReadAsTheUserDialsThem(t *testing.T) {
	n := &Network{region: "US", lines: newLines(), maxMembers: 10}
	n.lines.byUser["juliet@example.net"] = []string{"+393331234567"}
	n.settings = preferences{"nurse@example.net": {settingCountry: {"DE"}}, "friar@example.net": {settingCountry: {"+44"}}}
	n.lines.byUser["nurse@example.net"] = []string{"+393331234567"}
	for _, tt := range []struct{ name, user, text, want string }{
		{"at home in Italy", "juliet@example.net", "06 6982", "+39066982"},
		{"at home in the US", "romeo@example.org", "(555) 123-4567", "+15551234567"},
		{"abroad with 00", "romeo@example.org", "0039 06 6982", "+39066982"},
		{"as set, not as one's own number", "nurse@example.net", "030 123456", "+4930123456"},
		{"as set by a code", "friar@example.net", "020 7946 0018", "+442079460018"},
		{"a group", "nurse@example.net", "030 123456, 030 654321", "+4930123456,+4930654321"},
		{"an address", "nurse@example.net", "32665;phone-context=us", "32665;phone-context=us"},
		{"an address with one's own number", "nurse@example.net", "+15551234567;from=+393331234567", "+15551234567;from=+393331234567"},
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
	for given, want := range map[string]string{"de": "DE", "+49": "DE", "DE": "DE", " pl ": "PL", "": "", "Germany": "!", "+999": "!", "d": "!", "+": "!"} {
		kept, complaint := countrySetting.check(n, "", []string{given})
		if got := strings.Join(kept, ""); want == "!" && (complaint == "" || got != "") || want != "!" && (complaint != "" || got != want) {
			t.Errorf("the country %q is kept as %q, %q", given, got, complaint)
		}
	}
	if number, ok := n.Phone("32665;phone-context=us"); ok {
		t.Errorf("a short code is the number %s", number)
	}
}
