package sms

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"

	encoding "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"

	"gatehouse/gateway/transport"
)

// An item may be no longer than this before anything else is looked at: 255
// parts are the most that a text can have (3GPP TS 23.040 §9.2.3.24.1), and
// no part holds more than 153 characters.
const longestText = 255 * 153

const onePart = 160 // septets in a text that is one part

// outgoingText gives the text as it is sent: line ends as \n, nothing that
// does not print, "/me waves" as "* waves", and typographic marks as plain
// ones where that makes the text fit the GSM alphabet.
func outgoingText(text string, smart bool) string {
	text = withoutOTR(printable(text))
	if act, ok := strings.CutPrefix(text, "/me "); ok {
		text = "* " + act // XEP-0245
	}
	if smart {
		text = smartEncoded(text)
	}
	return text
}

// otrTag is what clients with OTR put behind a text to say that they have it,
// with a version or several after it: spaces that would cost parts
// (https://otr.cypherpunks.ca/Protocol-v3-4.1.1.html, "Tagged plaintext").
var otrTag = regexp.MustCompile(` \t {2}\t{4} \t \t \t {2}(?:[ \t]{8})*`)

func withoutOTR(text string) string { return otrTag.ReplaceAllString(text, "") }

// printable drops control characters other than the line feed and the tab.
func printable(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff:
			return -1
		}
		return r
	}, text)
}

var links = regexp.MustCompile(`(?i)\b(?:https?|ftp|xmpp|mailto|geo|tel|sms):\S+|\bwww\.\S+`)

// plain are the marks that word processors and phones make of plain ones.
var plain = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`, "″", `"`, "ˮ", `"`,
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'", "ʼ", "'", "‹", "'", "›", "'", "`", "'", "´", "'",
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-",
	"…", "...", "•", "*", "·", "*", "™", "(TM)", "©", "(C)", "®", "(R)",
	"\u00a0", " ", "\u2002", " ", "\u2003", " ", "\u2004", " ", "\u2005", " ", "\u2006", " ",
	"\u2007", " ", "\u2008", " ", "\u2009", " ", "\u200a", " ", "\u202f", " ", "\u3000", " ",
	"\u200b", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\t", " ",
	"ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl",
)

// smartEncoded changes marks only if all of the text then fits the GSM
// alphabet: one character that does not makes every part hold 70 instead of
// 160, so a change that leaves one would be in vain. Links stay as they are.
func smartEncoded(text string) string {
	if fitsGSM(text) {
		return text
	}
	var b strings.Builder
	from := 0
	for _, link := range links.FindAllStringIndex(text, -1) {
		b.WriteString(narrow(plain.Replace(text[from:link[0]])))
		b.WriteString(text[link[0]:link[1]])
		from = link[1]
	}
	b.WriteString(narrow(plain.Replace(text[from:])))
	if changed := b.String(); fitsGSM(changed) {
		return changed
	}
	return text
}

// narrow makes ASCII of its fullwidth forms.
func narrow(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			return r - 0xff01 + '!'
		}
		return r
	}, text)
}

// isBasic says that a text has only characters that are ASCII and take one septet
// each in the GSM alphabet (3GPP TS 23.038 §6.2.1).
func isBasic(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n' || c == '\r':
		case c < ' ' || c > 'z' || c >= '[' && c <= '^' || c == '`':
			return false
		}
	}
	return true
}

func fitsGSM(text string) bool {
	if isBasic(text) {
		return true
	}
	_, err := gsm7.Encode([]byte(text))
	return err == nil
}

// segments counts the parts that a text is sent in.
func segments(text string) (int, error) {
	if 0 < len(text) && len(text) <= onePart && isBasic(text) { // as most are
		return 1, nil
	}
	parts, err := encoding.Encode([]byte(text))
	if err != nil {
		return 0, fmt.Errorf("encode text: %w", err)
	}
	return len(parts), nil
}

// units counts a text as providers do, in UTF-16.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// checkLength refuses a text that is longer than the limits.
func checkLength(text string, maxSegments, maxCharacters int) error {
	n := units(text)
	if n > longestText {
		return tooLongFor(n)
	}
	parts, err := segments(text)
	if err != nil {
		return &transport.Error{Reason: transport.BadRequest, Text: "The message can't be written as a text.", Err: err}
	}
	if parts > maxSegments {
		return &transport.Error{
			Reason: transport.TooLong,
			Text:   fmt.Sprintf("The message is too long: it would be sent in %d parts, and the limit is %d.%s", parts, maxSegments, hint(text)),
		}
	}
	if maxCharacters > 0 && n > maxCharacters {
		return &transport.Error{
			Reason: transport.TooLong,
			Text:   fmt.Sprintf("The message is too long: it has %d characters, and the limit is %d.", n, maxCharacters),
		}
	}
	return nil
}

func tooLongFor(units int) *transport.Error {
	return &transport.Error{
		Reason: transport.TooLong,
		Text:   fmt.Sprintf("The message is too long: it has %d characters, and no text can have more than %d.", units, longestText),
	}
}

// hint tells why a text has more parts than one would think.
func hint(text string) string {
	for _, r := range text {
		if !fitsGSM(string(r)) {
			return fmt.Sprintf(" It holds characters, like %q, that leave only 67 in a part instead of 153.", r)
		}
	}
	return ""
}
