package stanza

import (
	"slices"
	"strconv"

	"gatehouse/component/wire"
)

// ReactionsNamespace is that of reactions (XEP-0444).
const ReactionsNamespace = "urn:xmpp:reactions:0"

// MaxReactions is how many one person may have to one message. One more than
// that is read, so that too many can be refused.
const MaxReactions = 20

// ReactionRestrictions tells clients of MaxReactions (XEP-0444 §2.2).
func ReactionRestrictions() Form {
	return ResultForm(ReactionsNamespace+":restrictions", Field{
		Var: "max_reactions_per_user", Values: []string{strconv.Itoa(MaxReactions)},
	})
}

// Reactions are all that somebody thinks of a message; none: they take back
// what they thought.
type Reactions struct {
	ID    string
	Emoji []string
}

// WriteXML implements wire.Payload.
func (r Reactions) WriteXML(w *wire.Writer) {
	w.Start(ReactionsNamespace, "reactions")
	w.Attr("id", r.ID)
	for _, emoji := range r.Emoji {
		w.Start(ReactionsNamespace, "reaction")
		w.Text(emoji)
		w.End()
	}
	w.End()
}

func readReactions(reactions *wire.Element) Reactions {
	r := Reactions{ID: reactions.Attr("id")}
	for c := range reactions.Children() {
		emoji := c.Content()
		if c.Name == "reaction" && emoji != "" && len(r.Emoji) <= MaxReactions && !slices.Contains(r.Emoji, emoji) {
			r.Emoji = append(r.Emoji, emoji)
		}
	}
	return r
}
