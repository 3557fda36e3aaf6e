package irc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"strings"
)

// A veil gives each user values of their own, by which a network can tell them
// apart and ban one, and which stay the same but do not say who it is. It is a
// secret that outlasts the process.
type veil []byte

// identBytes fits the user names of all servers, with a "~" before it.
const identBytes = 9 // RFC 2812 §1.2.1, as for nicks

func (v veil) sum(purpose string, parts ...string) []byte {
	mac := hmac.New(sha256.New, v)
	mac.Write([]byte(purpose))
	for _, p := range parts {
		mac.Write([]byte{0})
		mac.Write([]byte(p))
	}
	return mac.Sum(nil)
}

// ident is a user's name on a network: for its user-name field, and for the
// answer to its question (RFC 1413).
func (v veil) ident(user, network string) string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(v.sum("ident", user, network)))
	if text[0] < 'a' { // a digit is no beginning of a name everywhere
		text = string('g'+text[0]-'0') + text[1:]
	}
	return text[:identBytes]
}

// address is a user's address out of a prefix.
func (v veil) address(prefix netip.Prefix, user string) netip.Addr {
	sum := v.sum("address", user)
	a := prefix.Masked().Addr().As16()
	for i := range a {
		keep := min(max(prefix.Bits()-8*i, 0), 8) // bits of this byte that are the prefix's
		a[i] |= sum[i] & (0xff >> keep)
	}
	return netip.AddrFrom16(a)
}

// localPrefix is for addresses that nobody is to connect to (RFC 4193 §3.2).
func (v veil) localPrefix() netip.Prefix {
	a := [16]byte{0: 0xfd}
	copy(a[1:6], v.sum("prefix"))
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}
