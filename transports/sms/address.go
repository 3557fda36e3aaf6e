package sms

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"gatehouse/gateway/transport"
)

// Addresses have five forms:
//
//	+15551234567                        a phone, in E.164
//	+15551234567,+15557654321           a group text: the other members, in order
//	32665;phone-context=us              a short code and the country it is of (RFC 3966 §5.1.5)
//	my bank;phone-context=alphanumeric  a sender made of letters, in folded case
//	anonymous                           a sender who is not named
//
// Letters are folded as JIDs fold them, so "MyBank" and "MYBANK" are one
// sender. What is not an ASCII letter, a digit, a space or one of the marks
// of plainMarks is written %xx, byte by byte of its UTF-8: that can be undone,
// and keeps out of JIDs what they forbid.
const (
	contextParam  = ";phone-context="
	lettersSuffix = contextParam + "alphanumeric"
	anonymous     = transport.Address("anonymous")

	// cheogramContext ends the contexts that Cheogram gives to short codes:
	// "32665;phone-context=ca-us.phone-context.soprani.ca".
	cheogramContext = ".phone-context.soprani.ca"
	cheogramNANP    = "ca-us"

	longestInput   = 512
	longestLetters = 40 // runes, of up to 12 bytes each when escaped; GSM allows 11 characters (3GPP TS 23.040 §9.1.2.5)
	plainMarks     = " !\"#&'()*+,-./:<=>?@_"
)

// withheld are the numbers that stand for a caller who is not named: the word
// on the keys of a phone (ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE).
var withheld = map[string]bool{
	"anonymous": true, "+266696687": true, "+7378742833": true,
	"+2562533": true, "+8656696": true, "+86282452253": true,
}

// goodAddress tells a person what an address looks like.
const goodAddress = "An address here is a phone number with its country code, like +15551234567, or a short code, like 32665;phone-context=us."

// resolve gives the one spelling of what stands in the local part of a JID.
// Numbers in national form are read as of the region.
func resolve(text, region string) (transport.Address, error) {
	if len(text) > longestInput || !utf8.ValidString(text) {
		return "", badAddress("That is not a phone number.")
	}
	s := strings.TrimSpace(text)
	switch {
	case s == "":
		return "", badAddress("The phone number is missing.")
	case strings.EqualFold(s, string(anonymous)):
		return anonymous, nil
	}
	if n := len(s) - len(lettersSuffix); n >= 0 && strings.EqualFold(s[n:], lettersSuffix) {
		return lettersAgain(s[:n])
	}
	a, err := resolvePart(withoutScheme(s), region)
	if err != nil {
		return "", err
	}
	if string(a) == strings.ToLower(text) {
		return a, nil
	}
	return "", &transport.Error{
		Reason:   transport.Moved,
		Redirect: a,
		Text:     fmt.Sprintf("The address of this number is %s.", a),
	}
}

// withoutScheme drops the scheme of a tel: or sms: address.
func withoutScheme(s string) string {
	for _, scheme := range []string{"tel:", "sms:"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return strings.TrimSpace(s[len(scheme):])
		}
	}
	return s
}

// resolvePart does so without a scheme.
func resolvePart(s, region string) (transport.Address, error) {
	number, params, ok := strings.Cut(s, ";")
	if !ok {
		return resolveNumber(s, region)
	}
	name, context, ok := strings.Cut(strings.ToLower(params), "=")
	if !ok || name != "phone-context" || strings.ContainsRune(context, ';') {
		return "", badAddress("Only a number's phone-context can follow it.")
	}
	of, ok := contextRegion(strings.TrimSuffix(context, cheogramContext), region)
	if !ok {
		return "", badAddress(fmt.Sprintf("The phone-context %q is not a country.", context))
	}
	if a, ok := shortCode(number, of); ok {
		return a, nil
	}
	return resolveNumber(number, of)
}

// contextRegion gives the region that a context stands for: its name, its
// calling code, or Cheogram's one for Canada and the US.
func contextRegion(context, region string) (string, bool) {
	if context == cheogramNANP {
		if region == "CA" {
			return "CA", true
		}
		return "US", true
	}
	if code, ok := strings.CutPrefix(context, "+"); ok {
		n := 0
		for _, c := range code {
			if c < '0' || c > '9' || n > 999 {
				return "", false
			}
			n = n*10 + int(c-'0')
		}
		of := phonenumbers.GetRegionCodeForCountryCode(n)
		return of, knownRegion(of)
	}
	of := strings.ToUpper(context)
	return of, knownRegion(of)
}

func knownRegion(region string) bool {
	return phonenumbers.GetSupportedRegions()[region]
}

// shortCode gives the address of a number that has the length of a short code
// and that no country could tell from a full one.
func shortCode(number, region string) (transport.Address, bool) {
	if len(number) < 3 || len(number) > 8 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	if _, ok := e164(number, region); ok {
		return "", false
	}
	return transport.Address(number + contextParam + strings.ToLower(region)), true
}

func resolveNumber(s, region string) (transport.Address, error) {
	digits, err := dialled(s)
	if err != nil {
		return "", err
	}
	if n, ok := e164(digits, region); ok {
		return transport.Address(n), nil
	}
	if a, ok := shortCode(digits, region); ok {
		return a, nil
	}
	return "", badAddress(fmt.Sprintf("%q is not a possible phone number.", s))
}

// dialled drops what people put between the digits, and makes ASCII of the
// digits of other scripts.
func dialled(s string) (string, error) {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		switch {
		case r >= '0' && r <= '9' || r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case unicode.IsDigit(r):
			d := phonenumbers.NormalizeDigitsOnly(string(r))
			if len(d) != 1 {
				return "", badAddress(fmt.Sprintf("%q is not a phone number.", s))
			}
			b.WriteString(d)
		case unicode.IsSpace(r) || strings.ContainsRune("-.()/\u2010\u2011\u2012\u2013\u2212", r):
		default:
			return "", badAddress(fmt.Sprintf("%q is not a phone number.", s))
		}
	}
	if rest, ok := strings.CutPrefix(b.String(), "00"); ok {
		return "+" + rest, nil
	}
	return b.String(), nil
}

// e164 reads a number of digits, perhaps after a plus. Whether anybody has it
// is the provider's to say: numbering plans change faster than software.
func e164(digits, region string) (string, bool) {
	number := numbers.get(digits, region)
	return number, number != ""
}

// Reading a number takes as long as storing a text, and people write to the same
// ones again and again.
var (
	numbers = memo[string]{of: readNumber}
	regions = memo[string]{of: readRegion}
)

// readNumber gives "" for what is no possible number.
func readNumber(digits, region string) string {
	n, err := phonenumbers.Parse(digits, region)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return ""
	}
	s := phonenumbers.Format(n, phonenumbers.E164)
	// What does not read back as itself would have two addresses.
	again, err := phonenumbers.Parse(s, region)
	if err != nil || phonenumbers.Format(again, phonenumbers.E164) != s {
		return ""
	}
	return s
}

// regionOf gives the region of a number in E.164, or the other one.
func regionOf(number, otherwise string) string { return regions.get(number, otherwise) }

func readRegion(number, otherwise string) string {
	n, err := phonenumbers.Parse(number, otherwise)
	if err != nil {
		return otherwise
	}
	if r := phonenumbers.GetRegionCodeForNumber(n); knownRegion(r) {
		return r
	}
	if r := phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode())); knownRegion(r) {
		return r
	}
	return otherwise
}

// senderAddress gives the address of whom a text came from. Short codes are
// of the region of the number that got it.
func senderAddress(from, region string) transport.Address {
	from = strings.TrimSpace(from)
	if from == "" || withheld[strings.ToLower(from)] {
		return anonymous
	}
	if a, ok := shortCode(from, region); ok {
		return a
	}
	if digits, err := dialled(from); err == nil {
		if n, ok := e164(digits, region); ok {
			return transport.Address(n)
		}
	}
	if a := lettersAddress(from); a != "" {
		return a
	}
	return anonymous
}

// lettersAddress writes a sender's letters as an address.
func lettersAddress(letters string) transport.Address {
	folded := fold(letters)
	if n := 0; utf8.RuneCountInString(folded) > longestLetters {
		for i := range folded {
			if n++; n > longestLetters {
				folded = folded[:i]
				break
			}
		}
	}
	folded = strings.TrimSpace(folded)
	if folded == "" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(folded); i++ {
		switch c := folded[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(plainMarks, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return transport.Address(b.String() + lettersSuffix)
}

// fold makes of text what nodeprep makes of it (RFC 6122 appendix A.3), as far
// as letters go.
func fold(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for range 3 {
		again := norm.NFKC.String(cases.Fold().String(text))
		if again == text {
			break
		}
		text = again
	}
	return text
}

// lettersAgain reads the part of a letters' address before its context.
func lettersAgain(s string) (transport.Address, error) {
	letters, ok := unescaped(strings.ToLower(s))
	if ok {
		if a := lettersAddress(letters); a != "" {
			return a, nil
		}
	}
	return "", badAddress("That is not the name of a sender.")
}

// unescaped undoes the %xx.
func unescaped(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := strings.IndexByte("0123456789abcdef", s[i+1]), strings.IndexByte("0123456789abcdef", s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), utf8.ValidString(b.String())
}

// dialable gives the number to hand to a provider, or an error if the address
// takes no texts.
func dialable(a transport.Address) (string, error) {
	a, _ = splitOwn(a)
	s := string(a)
	switch {
	case a == anonymous:
		return "", &transport.Error{Reason: transport.NotAllowed, Text: "The sender withheld their number, so nobody can answer them."}
	case strings.HasSuffix(s, lettersSuffix):
		return "", &transport.Error{Reason: transport.NotAllowed, Text: "This sender is a name, not a number: it can send texts but not get them."}
	}
	if isGroup(a) {
		return "", &transport.Error{Reason: transport.NotAllowed, Text: "This is a group: join it to write to everybody in it."}
	}
	number, context, isShort := strings.Cut(s, contextParam)
	if isShort && phonenumbers.ConnectsToEmergencyNumber(number, strings.ToUpper(context)) {
		return "", &transport.Error{Reason: transport.NotAllowed, Text: "Emergency services can't be reached through this gateway. Use a phone."}
	}
	return number, nil
}

func badAddress(why string) error {
	return &transport.Error{Reason: transport.BadAddress, Text: why + " " + goodAddress}
}
