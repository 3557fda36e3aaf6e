package transporttest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// HostileTexts are addresses and messages that have broken programs before.
var HostileTexts = []string{
	"", " ", "  a  ", "\t", "\x00", "a\x00b", "\n", "\r\n", "a\r\nQUIT :gone", "a\nb", "\x1b[31m", "\x7f",
	"\u0085", "\u00a0", "\u2028", "\u200b", "\u200d", "\u202ea", "\ufeff", "\ufffe", "\uffff", "\U0001ffff", "\ufffd",
	"\xff", "a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f",
	"%", "%%", "a%", "%a", "a%b%c", "#", "##", "#%", "#a%", "&", "+", "++", "-", "!", "*", "$", "~", "@", "a@", "@a", "a@b", "a@b/c", "/", "a!b@c", ":", ":a", "a b", "a,b",
	",", ",,,", "+1555,", ",+1555", "+15551234567,+15557654321", "+15551234567,+15551234567",
	"+1", "+0", "+15551234567", "15551234567", "+1 (555) 123-4567", "tel:+15551234567", "+１５５５１２３４５６７", "+٣٤٥٦٧",
	"+" + strings.Repeat("9", 5000), "32665;phone-context=us", "32665;phone-context=", ";phone-context=us", "32665;PHONE-CONTEXT=US", ";;;",
	"#Garden%IRC.Example.Org", "juliet%irc.example.org", "JULIET%irc.example.org", "a%irc.example.org.", "a%irc.example.org:6697", "a%[::1]", "a%[::1", "a%..", "a%-", "%irc.example.org",
	"[{]}\\|^~", "A[]\\~", "\\20", "\\20a\\20", "a\\20b", "\\5c", "\\5c20", "\\", "\\40", "\\2f", "&amp;", "<a>", "</message>", "]]>", "&#0;", "\"'",
	"ß", "ẞ", "İ", "ı", "ſ", "\u212a", "ﬁ", "Å", "A\u030a", "Σς", "ǅ", "é", "e\u0301", "名前", "a😀", "👩‍👩‍👧", "\u0301", strings.Repeat("\u0301", 1000),
	"null", "undefined", "NaN", "-1", "0x10", "1e999", "../../etc/passwd", "%s%n%d", "${jndi:ldap://a}", "'; DROP TABLE users; --", "\\x00",
	strings.Repeat("a", 341), strings.Repeat("a", 1023), strings.Repeat("a", 1024), strings.Repeat("&", 1023), strings.Repeat("é", 512), strings.Repeat("a%", 4096), strings.Repeat("#", 65536), strings.Repeat(",+1555", 10000),
}

// FuzzResolve looks for an address that a network resolves wrongly:
//
//	func FuzzAddress(f *testing.F) { transporttest.FuzzResolve(f, network) }
func FuzzResolve(f *testing.F, n transport.Network) {
	for _, text := range HostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, problem := range resolveProblems(n, text) {
			t.Error(problem)
		}
	})
}

func addressesHaveOneSpelling(r *trial) {
	r.within(Patience, "Resolve", func() {
		var problems []string
		for _, text := range append([]string{string(r.Person), string(r.Room)}, HostileTexts...) {
			problems = append(problems, resolveProblems(r.Network, text)...)
		}
		for i, problem := range problems {
			if i == 10 {
				r.t.Errorf("… and %d more", len(problems)-i)
				break
			}
			r.t.Error(problem)
		}
	})
}

// resolveProblems says what is wrong with the answer to one text.
func resolveProblems(n transport.Network, text string) (problems []string) {
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("Resolve(%.80q): ", text)+fmt.Sprintf(format, args...))
	}
	defer func() {
		if p := recover(); p != nil {
			bad("panic: %v", p)
		}
	}()
	address, kind, err := n.Resolve(text)
	if err != nil {
		for _, p := range refusalProblems(n, err) {
			bad("%s", p)
		}
		return problems
	}
	for _, p := range spellingProblems(address) {
		bad("%.80q %s", address, p)
	}
	switch kind {
	case transport.Person, transport.Room, transport.Server:
	default:
		bad("the kind %d does not exist", kind)
	}
	// XMPP servers hand the local part over as typed or in lower case.
	for _, again := range []string{string(address), mapASCII(string(address), 'A', 'Z', +'a'-'A'), mapASCII(string(address), 'a', 'z', 'A'-'a')} {
		second, secondKind, err := n.Resolve(again)
		switch {
		case err != nil:
			bad("gives %.80q, but %.80q is refused: %v", address, again, err)
		case second != address || secondKind != kind:
			bad("gives %.80q of kind %d, but %.80q gives %.80q of kind %d", address, kind, again, second, secondKind)
		}
	}
	return problems
}

// spellingProblems says why an address can't be the local part of a JID.
func spellingProblems(a transport.Address) (problems []string) {
	length := len(a)
	for _, r := range a {
		if strings.ContainsRune(` "&'/:<>@`, r) {
			length += 2 // XEP-0106 writes it as \hh
		}
	}
	switch {
	case a == "":
		problems = append(problems, "is empty")
	case length > 1023: // RFC 7622 §3.3
		problems = append(problems, fmt.Sprintf("is %d bytes long when escaped, more than a JID can hold", length))
	case a[0] == ' ' || a[len(a)-1] == ' ': // XEP-0106 §4.1 rule 6
		problems = append(problems, "begins or ends with a space")
	}
	if !isXMLText(string(a)) {
		problems = append(problems, "holds a character that XML does not allow")
	}
	if strings.ContainsAny(string(a), "\t\r\n") {
		problems = append(problems, "holds a line break or a tab")
	}
	return problems
}

// refusalProblems says what an error of Resolve lacks.
func refusalProblems(n transport.Network, err error) (problems []string) {
	e, ok := errors.AsType[*transport.Error](err)
	switch {
	case !ok:
		return []string{fmt.Sprintf("the error %q (%T) is no *transport.Error", err, err)}
	case e.Text == "":
		problems = append(problems, "the error has no Text")
	case !isXMLText(e.Text):
		problems = append(problems, "the error's Text holds a character that XML does not allow")
	}
	if e.Reason == transport.Moved {
		if address, _, err := n.Resolve(string(e.Redirect)); err != nil || address != e.Redirect {
			problems = append(problems, fmt.Sprintf("the error redirects to %.80q, which is no address", e.Redirect))
		}
	}
	return problems
}

// isXMLText follows the Char production of XML 1.0 §2.2.
func isXMLText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
	})
}

func mapASCII(s string, from, to, by rune) string {
	return strings.Map(func(r rune) rune {
		if from <= r && r <= to {
			return r + by
		}
		return r
	}, s)
}

func subjectsAddressesResolve(r *trial) {
	want := map[transport.Address]transport.Kind{r.Person: transport.Person}
	if r.Room != "" {
		want[r.Room] = transport.Room
	}
	for address, kind := range want {
		got, gotKind, err := r.Network.Resolve(string(address))
		if err != nil || got != address || gotKind != kind {
			r.t.Errorf("Resolve(%q) = %q of kind %d, error %v; want itself, of kind %d", address, got, gotKind, err, kind)
		}
	}
}

// resolvingIsQuick takes the best of several tries: a busy machine may delay
// any one of them, but I/O delays all.
func resolvingIsQuick(r *trial) {
	for _, text := range []string{string(r.Person), "juliet%slow.example.org", "+15551234567", "juliet"} {
		best := time.Hour
		r.within(Patience, "Resolve", func() {
			for range 10 {
				start := time.Now()
				r.Network.Resolve(text)
				best = min(best, time.Since(start))
			}
		})
		if best > time.Millisecond {
			r.t.Errorf("Resolve(%q) takes %v at best", text, best)
		}
	}
}

func infoIsComplete(r *trial) {
	info := r.Network.Info()
	if info.Name == "" || info.Type == "" {
		r.t.Errorf("Info has the name %q and the type %q; both are needed", info.Name, info.Type)
	}
	for _, text := range []string{info.Name, info.Type, info.Prompt} {
		if !isXMLText(text) {
			r.t.Errorf("Info holds a character that XML does not allow: %q", text)
		}
	}
}

// networkIsShared is for the race detector.
func networkIsShared(r *trial) {
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for _, text := range HostileTexts {
				r.Network.Info()
				r.Network.Resolve(text)
			}
		})
	}
	r.open()
	r.close()
	r.within(Patience, "Resolve in many goroutines", calls.Wait)
}
