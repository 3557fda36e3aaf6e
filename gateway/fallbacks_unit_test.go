package gateway

import (
	"os"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

// Each cell of the table, with what its words can be.
func TestWhatIsSentInstead(t *testing.T) {
	diff, repeat, never := transport.Preference{}, transport.Preference{Corrections: transport.CorrectByRepeat}, transport.Preference{Corrections: transport.CorrectNever}
	hidden := transport.Preference{HideReactions: true}
	long := "O Romeo, Romeo, wherefore art thou Romeo? Deny thy father and refuse thy name; or, if thou wilt not"
	for _, row := range []struct {
		name         string
		thing        thing
		words        words
		room, person string // a condition after "!"
	}{
		{"reply", aReply, words{text: "I am here", whose: "juliet", about: long}, "juliet: I am here", "> O Romeo, Romeo, wherefore art thou Romeo? Deny thy father…\nI am here"},
		{"reply to what nobody knows any more", aReply, words{text: "I am here"}, "I am here", "I am here"},
		{"reply that names whom it is for", aReply, words{text: "Juliet, I am here", whose: "juliet", about: "hi"}, "Juliet, I am here", "> hi\nJuliet, I am here"},
		{"reply to oneself", aReply, words{text: "or am I?", whose: "romeo", own: true, about: "I am here"}, "or am I?", "> I am here\nor am I?"},
		{"reply to several lines", aReply, words{text: "yes", whose: "juliet", about: "one\ntwo"}, "juliet: yes", "> one…\nyes"},
		{"reaction", aReaction, words{add: []string{"👍"}, about: long}, "/me reacted 👍 to “O Romeo, Romeo, wherefore art thou…”", "Liked “O Romeo, Romeo, wherefore art thou Romeo? Deny thy father…”"},
		{"two reactions", aReaction, words{add: []string{"❤️", "🐢"}, about: "hi"}, "/me reacted ❤️ 🐢 to “hi”", "Loved “hi”\nReacted 🐢 to “hi”"},
		{"reaction to what nobody knows any more", aReaction, words{add: []string{"😂"}}, "/me reacted 😂 to a message", "Laughed at an earlier message"},
		{"reaction taken back", aReaction, words{remove: []string{"👍"}, about: "hi"}, "/me took back 👍 from “hi”", "Removed a like from “hi”"},
		{"reaction changed", aReaction, words{add: []string{"👎"}, remove: []string{"👍"}, about: "hi"}, "/me reacted 👎 to “hi”", "Disliked “hi”"},
		{"the same reaction again", aReaction, words{about: "hi"}, "", ""},
		{"reaction that is not wanted as text", aReaction, words{add: []string{"👍"}, about: "hi", wish: hidden}, "!not-acceptable", "!not-acceptable"},
		{"correction of a word", aCorrection, words{text: "what light through yonder window breaks", about: "what light through yonder airlock breaks", wish: diff}, "s/airlock/window/", "*window"},
		{"correction by a word more", aCorrection, words{text: "it is the very east", about: "it is the east", wish: diff}, "s/the/the very/", "*the very"},
		{"correction by a word less", aCorrection, words{text: "is the east", about: "it is the east", wish: diff}, "s/it is/is/", "*is"},
		{"correction of everything", aCorrection, words{text: "good night", about: "farewell", wish: diff}, "* good night", "* good night"},
		{"correction of what nobody knows any more", aCorrection, words{text: "good night", wish: diff}, "* good night", "* good night"},
		{"correction with a slash", aCorrection, words{text: "and/or so", about: "and so", wish: diff}, "* and/or so", "* and/or so"},
		{"correction of several lines", aCorrection, words{text: "a\nc", about: "a\nb", wish: diff}, "* a\nc", "* a\nc"},
		{"correction that changes nothing", aCorrection, words{text: "a", about: "a", wish: diff}, "", ""},
		{"correction by repeating", aCorrection, words{text: "b c", about: "b a", wish: repeat}, "* b c", "* b c"},
		{"correction that is not wanted", aCorrection, words{text: "b", about: "a", wish: never}, "!not-acceptable", "!not-acceptable"},
		{"retraction", aRetraction, words{}, "!feature-not-implemented", "!feature-not-implemented"},
		{"moderation", aModeration, words{}, "!feature-not-implemented", "!feature-not-implemented"},
		{"chat state", aChatState, words{}, "", ""},
		{"marker", aMarker, words{}, "", ""},
		{"action", anAction, words{text: "/me sighs", nick: "romeo"}, "* romeo sighs", "* romeo sighs"},
		{"encrypted", anEncryption, words{text: "I sent you an OMEMO message"}, "!not-acceptable", "!not-acceptable"},
		{"subject", aSubject, words{what: "Banishment", text: "I must go"}, "Banishment\nI must go", "Banishment\nI must go"},
		{"another's words", aName, words{text: "Peter!", nick: "nurse"}, "<nurse> Peter!", "<nurse> Peter!"},
		{"another's action", aName, words{text: "/me sighs", nick: "nurse"}, "* nurse sighs", "* nurse sighs"},
		{"another's lines", aName, words{text: "a\n<romeo> b\n\nc", nick: "nurse"}, "<nurse> a\n<nurse> <romeo> b\n\n<nurse> c", "<nurse> a\n<nurse> <romeo> b\n\n<nurse> c"},
		{"unknown payload", aPayload, words{what: "geoloc"}, "!feature-not-implemented", "!feature-not-implemented"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for room, want := range map[bool]string{true: row.room, false: row.person} {
				got := insteadOf(row.thing, room, row.words)
				said := got.text
				if got.refuse != nil {
					said = "!" + string(got.refuse.Condition)
					if got.refuse.Text == "" || got.text != "" {
						t.Errorf("room %v: the error is %+v beside the text %q", room, got.refuse, got.text)
					}
				}
				if said != want {
					t.Errorf("room %v: got %q, want %q", room, said, want)
				}
			}
		})
	}
}

// What is dropped in silence is so for a reason: it means nothing later.
func TestNothingElseIsDroppedInSilence(t *testing.T) {
	full := words{text: "text", about: "about", add: []string{"👍"}, what: "what", nick: "romeo"}
	for i, f := range fallbacks {
		silent := thing(i) == aChatState || thing(i) == aMarker
		for _, room := range []bool{true, false} {
			got := insteadOf(thing(i), room, full)
			if (got == instead{}) != silent {
				t.Errorf("%s, room %v: sent instead is %+v", f.name, room, got)
			}
		}
	}
}

func TestReadmeShowsTheFallbacks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fallbacks {
		if !strings.Contains(string(readme), "\n| "+f.name+" |") {
			t.Errorf("the README's table of what is sent instead has no row for %s", f.name)
		}
	}
}
