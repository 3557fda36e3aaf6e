package gateway

import (
	"strings"
	"unicode/utf8"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// A thing is what a message can be beside plain text.
type thing uint8

const (
	aReply thing = iota
	aReaction
	aCorrection
	aRetraction
	aModeration
	aChatState
	aMarker
	anAction
	anEncryption
	aSubject
	aPayload
	aName
)

// fallbacks say for each thing what is sent where a chat does not carry it: a
// text that is short and can be read, an error, or nothing at all, for what
// means nothing a moment later. README.md shows the same table.
var fallbacks = [...]struct {
	name         string
	needs        transport.Features // what carries it; 0: nothing does
	room, person func(words) instead
}{
	aReply:       {"a reply (XEP-0461)", transport.CarriesReplies, addressed, quoted},
	aReaction:    {"a reaction (XEP-0444)", transport.CarriesReactions, reacted, tapped},
	aCorrection:  {"a correction (XEP-0308)", transport.CarriesCorrections, substituted, starred},
	aRetraction:  {"a retraction (XEP-0424)", transport.CarriesRetractions, notTakenBack, notTakenBack},
	aModeration:  {"a moderator's retraction (XEP-0425)", transport.CarriesModeration, notTakenBack, notTakenBack},
	aChatState:   {"a chat state (XEP-0085)", transport.CarriesChatStates, nothing, nothing},
	aMarker:      {"a displayed marker (XEP-0333)", transport.CarriesMarkers, nothing, nothing},
	anAction:     {"/me (XEP-0245)", transport.CarriesActions, narrated, narrated},
	anEncryption: {"an encrypted message (XEP-0380)", 0, notReadable, notReadable},
	aSubject:     {"a subject of its own", 0, headed, headed},
	aPayload:     {"something else without a text", 0, notText, notText},
	aName:        {"somebody's words from a linked room", transport.CarriesNames, named, named},
}

// words are what a fallback is made of.
type words struct {
	text   string // of the message; of a correction, the new one
	nick   string // the user's
	whose  string // nick of whose message it is about, in a room; empty: unknown
	own    bool   // it is the user's
	about  string // what that says; empty: unknown
	add    []string
	remove []string
	what   string // the name of a payload, or the subject
	wish   transport.Preference
}

// An instead is what is sent in place of a thing. Neither: nothing is.
type instead struct {
	text   string
	refuse *stanza.Error
}

func refusing(class stanza.ErrorClass, condition stanza.Condition, text string) instead {
	return instead{refuse: &stanza.Error{Class: class, Condition: condition, Text: text}}
}

// insteadOf looks into the table.
func insteadOf(t thing, room bool, w words) instead {
	if room {
		return fallbacks[t].room(w)
	}
	return fallbacks[t].person(w)
}

func nothing(words) instead { return instead{} }

// addressed begins with the nick of whom it answers, as people in rooms do.
func addressed(w words) instead {
	if w.whose == "" || w.own || strings.HasPrefix(strings.ToLower(w.text), strings.ToLower(w.whose)) {
		return instead{text: w.text}
	}
	return instead{text: w.whose + ": " + w.text}
}

// quoted quotes how the message begins that it answers (XEP-0393 §5.1.3).
func quoted(w words) instead {
	if w.about == "" {
		return instead{text: w.text}
	}
	return instead{text: "> " + firstWords(w.about, quoteLength) + "\n" + w.text}
}

func reacted(w words) instead {
	if w.wish.HideReactions {
		return reactionsOff()
	}
	about := "a message"
	if w.about != "" {
		about = "“" + firstWords(w.about, mentionLength) + "”"
	}
	switch {
	case len(w.add) > 0:
		return instead{text: "/me reacted " + strings.Join(w.add, " ") + " to " + about}
	case len(w.remove) > 0:
		return instead{text: "/me took back " + strings.Join(w.remove, " ") + " from " + about}
	}
	return instead{}
}

func reactionsOff() instead {
	return refusing(stanza.Modify, stanza.NotAcceptable, "Reactions can't be seen there, and you have chosen that they are not written as text.")
}

// taps are the reactions that phones have words for.
var taps = []struct{ emoji, did, removed string }{
	{"👍", "Liked", "a like"}, {"❤️", "Loved", "a heart"}, {"❤", "Loved", "a heart"}, {"👎", "Disliked", "a dislike"},
	{"😂", "Laughed at", "a laugh"}, {"‼️", "Emphasized", "an exclamation"}, {"❓", "Questioned", "a question mark"},
}

// tapped says a reaction as phones do.
func tapped(w words) instead {
	if w.wish.HideReactions {
		return reactionsOff()
	}
	about := "an earlier message"
	if w.about != "" {
		about = "“" + firstWords(w.about, quoteLength) + "”"
	}
	var lines []string
	for _, emoji := range w.add {
		did := "Reacted " + emoji + " to"
		for _, t := range taps {
			if t.emoji == emoji {
				did = t.did
			}
		}
		lines = append(lines, did+" "+about)
	}
	if len(lines) > 0 { // a phone has one reaction of each person: the new one
		return instead{text: strings.Join(lines, "\n")}
	}
	for _, emoji := range w.remove {
		what := emoji
		for _, t := range taps {
			if t.emoji == emoji {
				what = t.removed
			}
		}
		lines = append(lines, "Removed "+what+" from "+about)
	}
	return instead{text: strings.Join(lines, "\n")}
}

func substituted(w words) instead {
	return corrected(w, func(old, changed string) string { return "s/" + old + "/" + changed + "/" })
}

func starred(w words) instead {
	return corrected(w, func(_, changed string) string { return "*" + changed })
}

// corrected writes what changed, where that is short, or all of it again.
func corrected(w words, short func(old, changed string) string) instead {
	switch w.wish.Corrections {
	case transport.CorrectNever:
		return refusing(stanza.Modify, stanza.NotAcceptable, "Corrections can't be seen there, and you have chosen that they are not written as text. Send another message.")
	case transport.CorrectByRepeat:
		return instead{text: "* " + w.text}
	}
	if w.about == w.text {
		return instead{}
	}
	old, changed, ok := difference(w.about, w.text)
	if !ok || w.about == "" {
		return instead{text: "* " + w.text}
	}
	return instead{text: short(old, changed)}
}

func notTakenBack(words) instead {
	return refusing(stanza.Cancel, stanza.FeatureNotImplemented, "What was sent can't be taken back there: they still see the message.")
}

func narrated(w words) instead {
	return instead{text: "* " + w.nick + strings.TrimPrefix(w.text, "/me")}
}

func notReadable(words) instead {
	return refusing(stanza.Modify, stanza.NotAcceptable, "Encrypted messages can't be read there. Switch off encryption (OMEMO) in this chat, and send it again.")
}

func headed(w words) instead {
	return instead{text: strings.TrimSpace(w.what + "\n" + w.text)}
}

func notText(w words) instead {
	return refusing(stanza.Cancel, stanza.FeatureNotImplemented, "Only text is carried there, and this ("+w.what+") has none.")
}

const (
	mentionLength = 40 // characters of a message that is mentioned
	quoteLength   = 60 // and of one that is quoted
	changeLength  = 60 // of a change that is shown without what is around it
)

// firstWords cuts a text to one line of a length, between words where it can.
func firstWords(text string, most int) string {
	line, more, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.Join(strings.Fields(line), " ")
	if utf8.RuneCountInString(line) <= most {
		if strings.TrimSpace(more) != "" {
			line += "…"
		}
		return line
	}
	cut := string([]rune(line)[:most])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:–-") + "…"
}

// difference gives the words that differ, in both texts. Not ok: they are too
// many, or can't be told so.
func difference(old, changed string) (was, is string, ok bool) {
	if strings.ContainsAny(old+changed, "\n/") {
		return "", "", false
	}
	a, b := strings.Fields(old), strings.Fields(changed)
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	to := 0
	for to < len(a)-from && to < len(b)-from && a[len(a)-1-to] == b[len(b)-1-to] {
		to++
	}
	if from == len(a)-to || from == len(b)-to { // only words more or less: show a neighbour
		switch {
		case from > 0:
			from--
		case to > 0:
			to--
		}
	}
	was, is = strings.Join(a[from:len(a)-to], " "), strings.Join(b[from:len(b)-to], " ")
	short := utf8.RuneCountInString(was) <= changeLength && utf8.RuneCountInString(is) <= changeLength
	return was, is, short && was != "" && is != "" && was != is && len(was) < len(old)
}
