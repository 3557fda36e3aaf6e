package sms

import (
	"context"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

// Between the provider and a user stand the user's blocks, their rules against
// spam, and a guard against floods. Who can't be checked is let through.

const (
	settingRules = "spam_rules"
	maxRules     = 20
	maxRuleBytes = 200
	maxProgram   = 2000 // instructions of one regular expression
	maxScreened  = 4096 // bytes of a text that rules look at
	spamMark     = "[Spam?] "

	maxFlooded = 4096 // senders that are counted
)

var rulesSetting = setting{
	Field: transport.Field{
		Name: settingRules, Type: transport.Texts, Label: "Rules against spam, one on a line",
		Help: "“drop” or “mark”, then “unknown” for those whom you never wrote to, “short” for short codes and names, and “contains WORDS” or “matches REGEXP”. The first that fits counts: mark unknown contains free money",
	},
	check: checkRules,
}

// A rule says what becomes of some texts.
type rule struct {
	drop           bool // or else it is marked
	unknown, short bool // the sender is
	words          string
	pattern        *regexp.Regexp
}

// parseRule reads "drop unknown contains free money".
func parseRule(line string) (r rule, err error) {
	action, rest := cutFirst(line)
	switch strings.ToLower(action) {
	case "drop":
		r.drop = true
	case "mark":
	default:
		return r, fmt.Errorf("a rule begins with drop or mark, not with %.40q", action)
	}
	for rest != "" {
		word, after := cutFirst(rest)
		switch strings.ToLower(word) {
		case "unknown":
			r.unknown, rest = true, after
		case "short":
			r.short, rest = true, after
		case "contains":
			r.words = strings.ToLower(after)
			if r.words == "" {
				return r, fmt.Errorf("words are missing after contains")
			}
			return r, nil
		case "matches":
			r.pattern, err = compile(after)
			return r, err
		default:
			return r, fmt.Errorf("a rule knows unknown, short, contains and matches, not %.40q", word)
		}
	}
	if !r.unknown && !r.short {
		return r, fmt.Errorf("a rule says to which texts it applies, like: drop unknown")
	}
	return r, nil
}

func cutFirst(text string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimSpace(text), " ")
	return word, strings.TrimSpace(rest)
}

// compile takes expressions that can't cost much: their time grows with the
// text alone, and with their own size.
func compile(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, fmt.Errorf("the expression is missing after matches")
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%.80q is no regular expression", text)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("%.80q is too large an expression", text)
	}
	return regexp.Compile(text)
}

func checkRules(_ *Network, _ string, given []string) (kept []string, complaint string) {
	for _, line := range given {
		line = strings.Join(strings.Fields(line), " ")
		switch _, err := parseRule(line); {
		case line == "":
		case len(line) > maxRuleBytes:
			complaint = fmt.Sprintf("a rule has up to %d characters", maxRuleBytes)
		case strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }):
			complaint = "a rule is one line of text"
		case err != nil:
			complaint = err.Error()
		case len(kept) == maxRules:
			complaint = fmt.Sprintf("there can't be more than %d", maxRules)
		default:
			kept = append(kept, line)
		}
	}
	return kept, complaint
}

// A ruleBook keeps rules that were read, so that none is compiled for each text.
type ruleBook struct {
	mu     sync.Mutex
	byLine map[string]rule
}

const maxRead = 1000 // rules that are kept

func (b *ruleBook) of(line string) (rule, error) {
	b.mu.Lock()
	r, ok := b.byLine[line]
	b.mu.Unlock()
	if ok {
		return r, nil
	}
	r, err := parseRule(line)
	if err != nil {
		return r, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.byLine) >= maxRead {
		clear(b.byLine)
	}
	if b.byLine == nil {
		b.byLine = map[string]rule{}
	}
	b.byLine[line] = r
	return r, nil
}

// fits says whether a rule is for a text. Known is asked for only if it matters.
func (r rule) fits(from transport.Address, text string, known func() bool) bool {
	if len(text) > maxScreened {
		text = text[:maxScreened]
	}
	switch {
	case r.short && !strings.Contains(string(from), contextParam) && from != anonymous:
		return false
	case r.words != "" && !strings.Contains(strings.ToLower(text), r.words):
		return false
	case r.pattern != nil && !r.pattern.MatchString(text):
		return false
	}
	return !r.unknown || !known()
}

// screen says whether a user is shown a text, and marks it if a rule says so.
func (n *Network) screen(ctx context.Context, user string, m *transport.Message) (show bool) {
	key, b, blocked, err := n.blockOf(ctx, user, m.Chat)
	if err != nil {
		n.log.Error("whom a user has blocked is not known", "error", err)
	}
	if blocked {
		b.Texts++
		if err := n.putBlock(ctx, userKey(user), key, b); err != nil {
			n.log.Error("count a blocked text", "error", err)
		}
		n.countDropped(ctx, user, "as you blocked the number")
		return false
	}
	known := sync.OnceValue(func() bool { return n.knows(ctx, user, m.Chat) })
	for _, line := range n.setting(user, settingRules) {
		r, err := n.rules.of(line)
		if err != nil || !r.fits(m.Chat, m.Text, known) {
			continue
		}
		if r.drop {
			n.countDropped(ctx, user, "by a rule of yours")
			return false
		}
		m.Text = spamMark + m.Text
		break
	}
	switch n.floods.count(user, m.Chat, m.Sent, n.floodLimit) {
	case floodBegins:
		m.Text = fmt.Sprintf("[More than %d texts came from this number within a minute. What follows is not shown until it is silent for a minute.]", n.floodLimit)
	case floodGoesOn:
		n.countDropped(ctx, user, "in a flood of texts")
		return false
	}
	return true
}

// floods count what one sender sends to one user, by the times of the texts: what
// is brought late and all at once is no flood. A flood ends once the sender is
// silent for a minute.
type floods struct {
	mu   sync.Mutex
	from map[string]*flood
}

type flood struct {
	since, last time.Time
	texts       int
	over        bool
}

type floodState int

const (
	noFlood floodState = iota
	floodBegins
	floodGoesOn
)

const floodWindow = time.Minute

func (f *floods) count(user string, from transport.Address, now time.Time, limit int) floodState {
	if limit == 0 {
		return noFlood
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := user + " " + string(from)
	one := f.from[key]
	if one == nil {
		if len(f.from) >= maxFlooded {
			f.forget(now)
		}
		one = &flood{since: now}
		f.from[key] = one
	}
	if now.Before(one.since) {
		return noFlood // of a minute that is over
	}
	silent := now.Sub(one.last) >= floodWindow
	if silent || !one.over && now.Sub(one.since) >= floodWindow {
		*one = flood{since: now}
	}
	one.texts++
	one.last = now
	switch {
	case one.texts <= limit:
		return noFlood
	case one.over:
		return floodGoesOn
	}
	one.over = true
	return floodBegins
}

// forget makes place: senders who are silent go, and if there are none, all.
func (f *floods) forget(now time.Time) {
	for key, one := range f.from {
		if now.Sub(one.last) >= floodWindow {
			delete(f.from, key)
		}
	}
	if len(f.from) >= maxFlooded {
		clear(f.from)
	}
}
