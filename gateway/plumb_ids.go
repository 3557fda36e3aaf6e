package gateway

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
)

const (
	maxCrossings = 1000 // messages whose names on both sides are remembered
	maxAliases   = 8    // further names of one message: those of its corrections
	maxThinkers  = 64   // whose reactions to one message are remembered

	plumbPause = 5 * time.Minute
	loopTime   = 10 * time.Second
	loopTurns  = 3 // of one text, each way in loopTime
	maxLooks   = 64
)

// names are what one side calls a message.
type names struct {
	id      string // of the stanza
	stanza  string // XEP-0359 §3.1; may be empty
	origin  string // §3.2; may be empty
	aliases []string
}

// ref is what other messages in a room name it by (XEP-0461 §4.1, XEP-0444
// §4.1, XEP-0424 §4): by what the room called it, if it did.
func (n names) ref() string {
	if n.stanza != "" {
		return n.stanza
	}
	return n.id
}

func namesOf(st *stanza.Received, room jid.JID) names {
	n := names{id: keptID(st.ID), origin: keptID(st.ReadOriginID())}
	for c := range st.Children() {
		if c.Space == stanza.IDsNamespace && c.Name == "stanza-id" && c.Attr("by") == room.String() {
			n.stanza = keptID(c.Attr("id"))
		}
	}
	return n
}

// keptID is an id as it is kept. Of a message with one that is too long nothing
// else can be said.
func keptID(id string) string {
	if len(id) > maxID {
		return ""
	}
	return strings.Clone(id)
}

// A crossing is one message that was passed on, and what each side calls it.
type crossing struct {
	from  int // the side that it was said on
	by    voice
	text  string
	names [2]names

	speaker jid.JID // the puppet that said it on the other side; zero: the plumb
	as      string  // and as whom

	thinkers [2]map[string][]string // reactions on each side, by whose they are
}

func (v voice) clone() voice { return voice{strings.Clone(v.nick), strings.Clone(v.id)} }

// think notes what somebody thinks of it. False: that is nothing new.
func (c *crossing) think(side int, who string, emoji []string) bool {
	was := c.thinkers[side][who]
	if slices.Equal(was, emoji) || was == nil && len(c.thinkers[side]) >= maxThinkers {
		return false
	}
	if c.thinkers[side] == nil {
		c.thinkers[side] = map[string][]string{}
	}
	if len(emoji) == 0 {
		delete(c.thinkers[side], who)
		return true
	}
	kept := make([]string, 0, len(emoji))
	for _, e := range emoji {
		kept = append(kept, strings.Clone(e[:min(len(e), maxReaction)]))
	}
	c.thinkers[side][strings.Clone(who)] = kept
	return true
}

// all gives what anybody on a side thinks of it.
func (c *crossing) all(side int) (all []string) {
	for _, emoji := range c.thinkers[side] {
		for _, e := range emoji {
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	slices.Sort(all)
	return all[:min(len(all), stanza.MaxReactions)]
}

// crossings remember the last messages that were passed on.
type crossings struct {
	byName [2]map[string]*crossing
	oldest []*crossing
}

func newCrossings() crossings {
	return crossings{byName: [2]map[string]*crossing{{}, {}}}
}

// Ids of stanzas are their senders' to choose: one is not taken for what a room
// calls another.
const (
	asSent  = "s"
	asShown = "r"
)

func (c *crossings) index(x *crossing, side int, n names) {
	if n.id != "" {
		c.byName[side][asSent+n.id] = x
	}
	if n.origin != "" {
		c.byName[side][asSent+n.origin] = x
	}
	if n.ref() != "" {
		c.byName[side][asShown+n.ref()] = x
	}
}

func (c *crossings) unindex(x *crossing, side int, n names) {
	for _, key := range append([]string{asSent + n.id, asSent + n.origin, asShown + n.ref()}, n.aliases...) {
		if c.byName[side][key] == x {
			delete(c.byName[side], key)
		}
	}
}

func (c *crossings) add(x *crossing) {
	if len(c.oldest) >= maxCrossings {
		c.drop(c.oldest[0])
	}
	c.oldest = append(c.oldest, x)
	for side := range x.names {
		c.index(x, side, x.names[side])
	}
}

// rename learns what a side calls a message.
func (c *crossings) rename(x *crossing, side int, n names) {
	aliases := x.names[side].aliases
	c.unindex(x, side, x.names[side])
	n.aliases = aliases
	x.names[side] = n
	c.index(x, side, n)
	for _, key := range aliases {
		c.byName[side][key] = x
	}
}

// alias gives a message the names of its correction, too.
func (c *crossings) alias(x *crossing, side int, n names) {
	of := &x.names[side]
	for _, key := range []string{asSent + n.id, asShown + n.ref()} {
		if len(of.aliases) < maxAliases && c.byName[side][key] == nil && len(key) > 1 {
			of.aliases = append(of.aliases, key)
			c.byName[side][key] = x
		}
	}
}

func (c *crossings) drop(x *crossing) {
	for side := range x.names {
		c.unindex(x, side, x.names[side])
	}
	c.oldest = slices.DeleteFunc(c.oldest, func(other *crossing) bool { return other == x })
}

// sent finds a message by the id that its sender gave it.
func (c *crossings) sent(side int, id string) *crossing { return c.byName[side][asSent+id] }

// shown finds it by what the room calls it.
func (c *crossings) shown(side int, id string) *crossing { return c.byName[side][asShown+id] }

// A loopWatch looks for texts that go to and fro, as with two bridges between
// the same rooms.
type loopWatch struct {
	seed  maphash.Seed
	texts map[uint64]*looked
}

type looked struct {
	since time.Time
	turns [2]int
}

// suspicious notes a text that crosses from a side.
func (l *loopWatch) suspicious(side int, text string, now time.Time) bool {
	if l.texts == nil {
		l.seed, l.texts = maphash.MakeSeed(), map[uint64]*looked{}
	}
	for { // what bridges put before it
		inner, found := strings.CutPrefix(text, "<")
		_, rest, closed := strings.Cut(inner, "> ")
		if !found || !closed {
			break
		}
		text = rest
	}
	key := maphash.String(l.seed, text)
	at := l.texts[key]
	if at == nil || now.Sub(at.since) > loopTime {
		if at == nil && len(l.texts) >= maxLooks {
			for other, o := range l.texts {
				if now.Sub(o.since) > loopTime {
					delete(l.texts, other)
				}
			}
			if len(l.texts) >= maxLooks {
				return false // so many texts are no loop
			}
		}
		at = &looked{since: now}
		l.texts[key] = at
	}
	at.turns[side]++
	return at.turns[0] >= loopTurns && at.turns[1] >= loopTurns
}

// comings bound what is told of those who come and go.
type comings struct {
	since [2]time.Time
	told  [2]int
}

const (
	maxComings  = 6
	comingsTime = 30 * time.Second
)

func (c *comings) allow(now time.Time, side int) bool {
	if now.Sub(c.since[side]) > comingsTime {
		c.since[side], c.told[side] = now, 0
	}
	c.told[side]++
	return c.told[side] <= maxComings
}
