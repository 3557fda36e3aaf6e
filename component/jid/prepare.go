package jid

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"
	"golang.org/x/text/unicode/norm"
)

// The three profiles. None of them forbids code points that Unicode 3.2 had not
// assigned (RFC 3454 A.1): servers route such addresses, emoji for example.
var (
	// RFC 6122 appendix A.
	nodeprep = profile{
		mappings: []stringprep.Mapping{stringprep.TableB1, mongolianHyphen, stringprep.TableB2},
		prohibits: append([]stringprep.Set{
			stringprep.TableC1_1,
			{{'"', '"'}, {'&', '\''}, {'/', '/'}, {':', ':'}, {'<', '<'}, {'>', '>'}, {'@', '@'}},
		}, prohibited...),
	}
	// RFC 3491.
	nameprep = profile{
		mappings:  []stringprep.Mapping{stringprep.TableB1, mongolianHyphen, stringprep.TableB2},
		prohibits: prohibited,
	}
	// RFC 6122 appendix B.
	resourceprep = profile{
		mappings:  []stringprep.Mapping{stringprep.TableB1, mongolianHyphen},
		prohibits: prohibited,
	}

	// RFC 3454 B.1 maps U+1806 to nothing too, which the library's table lacks.
	mongolianHyphen = stringprep.Mapping{0x1806: {}}

	prohibited = []stringprep.Set{
		stringprep.TableC1_2,
		stringprep.TableC2_1,
		stringprep.TableC2_2,
		stringprep.TableC3,
		stringprep.TableC4,
		stringprep.TableC5,
		stringprep.TableC6,
		stringprep.TableC7,
		stringprep.TableC8,
		stringprep.TableC9,
	}
)

type profile struct {
	mappings  []stringprep.Mapping
	prohibits []stringprep.Set
}

// prepare maps, normalizes and checks one part (RFC 3454 §2).
func (p profile) prepare(s string) (string, error) {
	mapped := stringprep.Profile{Mappings: p.mappings}
	checked := stringprep.Profile{Prohibits: p.prohibits, CheckBiDi: true}
	s, err := mapped.Prepare(s)
	if err != nil {
		return "", err
	}
	return checked.Prepare(normalize(s))
}

// normalize is NFKC as of Unicode 3.2 (RFC 3454 §4): code points assigned later
// stay as they are, whatever newer tables make of them.
func normalize(s string) string {
	if norm.NFKC.IsNormalString(s) {
		return s
	}
	var b strings.Builder
	from := 0
	for i, r := range s {
		if r >= utf8.RuneSelf && stringprep.TableA1.Contains(r) {
			b.WriteString(norm.NFKC.String(s[from:i]))
			b.WriteRune(r)
			from = i + utf8.RuneLen(r)
		}
	}
	b.WriteString(norm.NFKC.String(s[from:]))
	return b.String()
}

// Prepare gives the one spelling of the address that is compared: the local part
// by nodeprep, the domain by nameprep, without a trailing dot and with its
// labels as they are written (Unicode or "xn--"), the resource by resourceprep.
// It does not allocate if everything is ASCII and prepared already.
func (j JID) Prepare() (JID, error) {
	var err error
	if j.Domain, err = prepareDomain(j.Domain); err != nil {
		return JID{}, fmt.Errorf("domain of address %w", err)
	}
	if small := lowerASCII(j.Local); isPreparedLocal(small) {
		j.Local = small
	} else if j.Local, err = prepareStable(nodeprep, j.Local); err != nil {
		return JID{}, fmt.Errorf("local part of address %w", err)
	}
	if !isPreparedResource(j.Resource) {
		if j.Resource, err = prepareStable(resourceprep, j.Resource); err != nil {
			return JID{}, fmt.Errorf("resource of address %w", err)
		}
	}
	return j, nil
}

// prepareStable refuses what would be prepared into yet another spelling: such an
// address cannot be compared.
func prepareStable(p profile, s string) (string, error) {
	if err := check(s); err != nil {
		return "", err
	}
	once, err := p.prepare(s)
	if err != nil {
		return "", fmt.Errorf("cannot be prepared: %w", err)
	}
	if err := check(once); err != nil {
		return "", err
	}
	if once == s {
		return s, nil
	}
	if twice, err := p.prepare(once); err != nil || twice != once {
		return "", errUnstable
	}
	return once, nil
}

func prepareDomain(s string) (string, error) {
	prepared := s
	if !isASCII(s) {
		var err error
		if prepared, err = prepareStable(nameprep, s); err != nil {
			return "", err
		}
		// RFC 3490 §3.1: the ideographic full stop separates labels too.
		prepared = strings.ReplaceAll(prepared, "\u3002", ".")
	} else {
		prepared = strings.ToLower(s)
	}
	prepared = strings.TrimSuffix(prepared, ".")
	if err := check(prepared); err != nil {
		return "", err
	}
	if !isHost(prepared) {
		return "", errHost
	}
	return prepared, nil
}

// lowerASCII gives s in small letters if it is ASCII, and as it is otherwise.
func lowerASCII(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return s
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isHost tells whether a prepared domain is made of labels, or is an IPv6
// address in brackets (RFC 6122 §2.2).
func isHost(s string) bool {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		inside, ok = strings.CutSuffix(inside, "]")
		address, err := netip.ParseAddr(inside)
		return ok && err == nil && address.Is6()
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = -1
		case c >= utf8.RuneSelf, c == '-', c == '_', '0' <= c && c <= '9', 'a' <= c && c <= 'z':
		default:
			return false
		}
		label++
	}
	return label > 0
}

func isPreparedLocal(s string) bool {
	if len(s) > maxPart {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7F, 'A' <= c && c <= 'Z':
			return false
		case c == '"', c == '&', c == '\'', c == '/', c == ':', c == '<', c == '>', c == '@':
			return false
		}
	}
	return true
}

func isPreparedResource(s string) bool {
	if len(s) > maxPart {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}
