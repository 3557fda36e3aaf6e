package provider_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/transports/sms/provider"
)

var (
	codeIn      = regexp.MustCompile(`\b\d{5}\b`)
	conditionIn = regexp.MustCompile(`\b(auth|cancel|modify|wait)/\**([a-z-]+)`)
	nameIn      = regexp.MustCompile(`[a-z]+(-[a-z]+)+`)
)

// What is tried once more as a link is the sender's to do, and not in the table
// of codes: these rows say what is told if that fails, too.
var fallbacks = map[int]bool{21620: true, 21623: true, 12300: true, 11200: true, 11751: true, 30011: true, 30019: true}

// The table in testdata is the map that this was built from.
func TestEveryCodeOfTheMapIsAsItSays(t *testing.T) {
	table, err := os.ReadFile("testdata/codes.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		codes, xmpp, again := codeIn.FindAllString(cells[1], -1), cells[3], strings.TrimSpace(cells[4])
		want := conditionIn.FindAllStringSubmatch(xmpp, -1)
		names := nameIn.FindAllString(xmpp, -1)
		for i, text := range codes {
			code, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			got := provider.Lookup(code)
			class, condition := gateway.ErrorOf(got.Reason)
			switch {
			case len(want) > 0 && (string(class) != want[0][1] || string(condition) != want[0][2]):
				t.Errorf("%d is %s/%s, want %s", code, class, condition, want[0][0])
			case len(want) == 0 && len(names) == len(codes) && string(condition) != names[i]: // one for each
				t.Errorf("%d is %s, want %s", code, condition, names[i])
			case len(want) == 0 && len(names) != len(codes):
				continue // of what comes in
			}
			if is := again == "fallback"; is != fallbacks[code] {
				t.Errorf("%d: fallback is %t", code, is)
			}
			if wanted := strings.HasPrefix(again, "R"); got.Retry != wanted {
				t.Errorf("%d is sent again: %t, want %t", code, got.Retry, wanted)
			}
			if strings.Contains(xmpp, "admin") && !got.Admin {
				t.Errorf("%d is not told to the administrators", code)
			}
			checked++
		}
	}
	if checked < 60 {
		t.Errorf("checked %d codes only", checked)
	}
}
