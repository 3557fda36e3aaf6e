package irc

import (
	"reflect"
	"strconv"
	"strings"
)

const maxLineLen = 16384 // bytes that LINELEN may be

// isupport is what a server tells of itself in numeric 005
// (modern.ircdocs.horse, #rplisupport-005). It may change at any time.
type isupport struct {
	casemapping   string
	fold          casemap
	chantypes     string
	prefixModes   string // "ov": highest first
	prefixes      string // "@+": the same order
	lists         string // CHANMODES type A: lists, such as b
	always        string // type B: always with an argument, such as k
	whenSet       string // type C: with an argument when set, such as l
	flags         string // type D: never with one
	statusmsg     string
	mutePrefix    string // EXTBAN: what a ban that only keeps from speaking begins with
	extban        string // EXTBAN: what all begin with
	accountExtban string // ACCOUNTEXTBAN: what those of accounts are called
	elist         string // ELIST: what LIST can be asked by
	network       string
	nickLen       int
	topicLen      int
	kickLen       int
	awayLen       int
	lineLen       int       // bytes of a line with its CR LF, without tags
	modes         int       // changes with an argument in one MODE
	joinMax       int       // channels in one JOIN; 0: no limit
	tagDenial     tagDenial // CLIENTTAGDENY: client-only tags that are not carried
	saferate      bool
	whox          bool     // WHO tells accounts
	bot           string   // what marks bots in the answers to WHO (IRCv3 bot-mode)
	monitor       int      // people whom MONITOR takes; 0: there is none
	watch         int      // people whom WATCH takes; 0: there is none
	told          bool     // there was a 005
	chathistory   int      // messages of one answer about the past; 0: no limit
	msgRefTypes   []string // what names a message in a question about it; none: anything
	utf8Only      bool     // other encodings are refused
	icon          string   // URL of the network's picture (IRCv3 network-icon)
}

// The defaults are what a server means that says nothing.
func defaultISupport() *isupport {
	return &isupport{
		casemapping: "rfc1459", fold: casemaps["rfc1459"], chantypes: defaultChantypes,
		prefixModes: "ov", prefixes: "@+", lists: "b", always: "k", whenSet: "l", flags: "imnpst",
		nickLen: 30, topicLen: 307, kickLen: 255, awayLen: 200, lineLen: 512, modes: 3,
	}
}

// isupportTokens set a field from a value. An empty value takes the default
// back (a negated token), where that is not meaningful in itself.
var isupportTokens = map[string]func(is, standard *isupport, value string, negated bool){
	"CASEMAPPING": func(is, standard *isupport, value string, negated bool) {
		if negated {
			value = standard.casemapping
		}
		is.casemapping, is.fold = value, casemapNamed(value)
	},
	"CHANTYPES": func(is, standard *isupport, value string, negated bool) {
		if negated {
			value = standard.chantypes
		}
		is.chantypes = value
	},
	"PREFIX": func(is, standard *isupport, value string, negated bool) {
		if negated {
			is.prefixModes, is.prefixes = standard.prefixModes, standard.prefixes
			return
		}
		modes, prefixes, _ := strings.Cut(strings.TrimPrefix(value, "("), ")")
		if len(modes) == len(prefixes) && allLetters(modes) {
			is.prefixModes, is.prefixes = modes, prefixes
		}
	},
	"CHANMODES": func(is, standard *isupport, value string, negated bool) {
		if negated {
			is.lists, is.always, is.whenSet, is.flags = standard.lists, standard.always, standard.whenSet, standard.flags
			return
		}
		if types := strings.Split(value, ","); len(types) >= 4 {
			is.lists, is.always, is.whenSet, is.flags = types[0], types[1], types[2], types[3]
		}
	},
	"STATUSMSG": func(is, _ *isupport, value string, _ bool) { is.statusmsg = value },
	"ELIST":     func(is, _ *isupport, value string, _ bool) { is.elist = value },
	"EXTBAN": func(is, _ *isupport, value string, _ bool) {
		is.mutePrefix = mutePrefix(value)
		is.extban, _, _ = strings.Cut(value, ",")
	},
	"ACCOUNTEXTBAN": func(is, _ *isupport, value string, _ bool) { is.accountExtban, _, _ = strings.Cut(value, ",") },
	"NETWORK":       func(is, _ *isupport, value string, _ bool) { is.network = clean(value) },
	"SAFERATE":      func(is, _ *isupport, _ string, negated bool) { is.saferate = !negated },
	"WHOX":          func(is, _ *isupport, _ string, negated bool) { is.whox = !negated },
	"BOT":           func(is, _ *isupport, value string, _ bool) { is.bot = value },
	"ICON":          iconToken,
	"DRAFT/ICON":    iconToken,
	"MONITOR":       watchToken(func(is *isupport) *int { return &is.monitor }),
	"WATCH":         watchToken(func(is *isupport) *int { return &is.watch }),
	"CLIENTTAGDENY": func(is, _ *isupport, value string, negated bool) {
		is.tagDenial = nil
		if !negated && value != "" {
			is.tagDenial = strings.Split(value, ",")
		}
	},
	"UTF8ONLY":          func(is, _ *isupport, _ string, negated bool) { is.utf8Only = !negated },
	"NICKLEN":           numberToken(1, 1000, func(is *isupport) *int { return &is.nickLen }),
	"TOPICLEN":          numberToken(1, 10000, func(is *isupport) *int { return &is.topicLen }),
	"KICKLEN":           numberToken(1, 10000, func(is *isupport) *int { return &is.kickLen }),
	"AWAYLEN":           numberToken(1, 10000, func(is *isupport) *int { return &is.awayLen }),
	"LINELEN":           numberToken(512, maxLineLen, func(is *isupport) *int { return &is.lineLen }),
	"CHATHISTORY":       numberToken(1, 1<<20, func(is *isupport) *int { return &is.chathistory }),
	"DRAFT/CHATHISTORY": numberToken(1, 1<<20, func(is *isupport) *int { return &is.chathistory }),
	"MSGREFTYPES": func(is, _ *isupport, value string, negated bool) {
		is.msgRefTypes = nil
		if value != "" && !negated {
			is.msgRefTypes = strings.Split(value, ",")
		}
	},
	"MODES": numberToken(1, 20, func(is *isupport) *int { return &is.modes }),
	"TARGMAX": func(is, _ *isupport, value string, _ bool) {
		is.joinMax = 0
		for pair := range strings.SplitSeq(value, ",") {
			if command, max, _ := strings.Cut(pair, ":"); strings.EqualFold(command, "JOIN") {
				is.joinMax, _ = strconv.Atoi(max)
			}
		}
	},
}

// numberToken keeps a number within bounds; anything else is the default.
func numberToken(least, most int, field func(*isupport) *int) func(is, standard *isupport, value string, negated bool) {
	return func(is, standard *isupport, value string, negated bool) {
		n, err := strconv.Atoi(value)
		if negated || err != nil || n < least {
			n = *field(standard)
		}
		*field(is) = min(n, most)
	}
}

// watchToken keeps how many people a server watches; without a number there is
// no limit but ours.
func watchToken(field func(*isupport) *int) func(is, standard *isupport, value string, negated bool) {
	return func(is, _ *isupport, value string, negated bool) {
		n, err := strconv.Atoi(value)
		switch {
		case negated:
			n = 0
		case err != nil || n <= 0 || n > watchLimit:
			n = watchLimit
		}
		*field(is) = n
	}
}

// update takes the tokens of one 005.
func (is *isupport) update(tokens []string) {
	is.told = true
	standard := defaultISupport()
	for _, token := range tokens {
		key, value, _ := strings.Cut(token, "=")
		key, negated := strings.CutPrefix(key, "-")
		if set := isupportTokens[strings.ToUpper(key)]; set != nil {
			set(is, standard, unescapeToken(value), negated)
		}
	}
}

// equal says that the same was told.
func (is *isupport) equal(other *isupport) bool {
	a, b := *is, *other
	a.fold, b.fold = nil, nil // which casemapping says
	return reflect.DeepEqual(a, b)
}

// changeISupport gives the link a copy of its own to change.
func (l *link) changeISupport(change func(*isupport)) {
	is := *l.is
	change(&is)
	l.is = &is
}

// shareISupport has all links that were told the same by a server keep it once.
func (l *link) shareISupport() {
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if same := s.learnt.isupport; same != nil && same.equal(l.is) {
		l.is = same
	} else {
		s.learnt.isupport = l.is
	}
}

// unescapeToken resolves \xHH (modern.ircdocs.horse, #rplisupport-005).
func unescapeToken(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if len(s) >= 4 && s[:2] == `\x` {
			if c, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func allLetters(s string) bool {
	for i := range len(s) {
		if letterBit(s[i]) == 0 {
			return false
		}
	}
	return true
}
