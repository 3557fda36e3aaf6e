package provider

import "strings"

// longestShortCode is the number of digits of the longest short codes.
const longestShortCode = 6

// PlainNumber gives a number as the gateway reads it: with a + if it is
// international, which SMSCs often leave out. National says that numbers
// without one are national.
func PlainNumber(s string, national bool) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "00") && len(s) > longestShortCode {
		return "+" + s[2:]
	}
	if national || len(s) <= longestShortCode || s[0] == '0' {
		return s
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return s
		}
	}
	return "+" + s
}
