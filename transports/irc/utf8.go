package irc

import "golang.org/x/text/encoding/unicode"

// extendedISupportCap has a server tell of itself when it is asked, before it
// lets anybody in (IRCv3 extended-isupport).
const extendedISupportCap = "draft/extended-isupport"

// askISupport asks for 005 early: the real name may not be sent in an encoding
// that the server does not take.
func (l *link) askISupport() {
	if l.phase == connecting && l.caps.on.has(extendedISupportCap) && !l.is.told {
		l.sendNow("ISUPPORT")
	}
}

// heedUTF8 takes the code INVALID_UTF8 for what the token UTF8ONLY says (IRCv3
// utf8-only), and says whether what was refused is sent again by that: who we
// are, which goes before the token comes.
func (l *link) heedUTF8(m *message) (again bool) {
	if m.code() != "INVALID_UTF8" || l.is.utf8Only {
		return false
	}
	l.changeISupport(func(is *isupport) { is.utf8Only = true })
	if l.phase != connecting || m.Command != "FAIL" {
		return false
	}
	l.sendNow("USER", l.username(), "0", "*", l.realName())
	return true
}

// decodedUTF8 reads a line of a server that relays nothing else.
func decodedUTF8(b []byte) string { return decode(b, unicode.UTF8) }
