package gateway_test

import (
	"slices"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	reactionsPath = "{urn:xmpp:reactions:0}reactions"
	retractPath   = "{urn:xmpp:message-retract:1}retract"
	retractedPath = "{urn:xmpp:message-retract:1}retracted"
)

// write sends romeo's message to the phone, and gives what the phone gets.
func (w *world) write(id, payloads string) string {
	w.t.Helper()
	w.says(orchard, `<message to='%s' type='chat' id='%s'>%s</message>`, phone, id, payloads)
	w.settle()
	return w.phones.lastText()
}

func (w *world) toldPhone(what, want string) {
	w.t.Helper()
	got := ""
	if sent := w.phones.messages(); len(sent) > 0 {
		got = sent[len(sent)-1].Text
	}
	w.phones.forgetMessages()
	if got != want {
		w.t.Errorf("%s: the phone gets %q, want %q", what, got, want)
	}
}

func TestAPhoneGetsWordsForWhatItCantShow(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{ID: "SM1", Chat: number, Text: "Where are you, cousin?"}})
		theirs := w.Expect(Message(From(phone), Body("Where are you, cousin?"))).ID

		w.write("m1", `<body>In the orchrd</body>`)
		w.toldPhone("a text", "In the orchrd")
		w.write("m2", `<body>In the orchard</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>`)
		w.toldPhone("a correction", "*orchard")
		w.write("m3", `<body>In the garden</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>`)
		w.toldPhone("another correction of the same", "*garden")
		w.write("m4", `<body>&gt; Benvolio wrote:&#10;&gt; Where are you, cousin?&#10;I said it</body><reply xmlns='urn:xmpp:reply:0' id='`+theirs+`'/>
			<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='43'/></fallback>`)
		w.toldPhone("a reply with a fallback", "> Where are you, cousin?\nI said it")
		w.write("m5", `<reactions xmlns='urn:xmpp:reactions:0' id='`+theirs+`'><reaction>👍</reaction></reactions>`)
		w.toldPhone("a reaction", "Liked “Where are you, cousin?”")
		w.write("m6", `<reactions xmlns='urn:xmpp:reactions:0' id='`+theirs+`'><reaction>👍</reaction></reactions>`)
		w.toldPhone("the same again", "")
		w.write("m7", `<body>👍</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'/><reactions xmlns='urn:xmpp:reactions:0' id='`+theirs+`'/>`)
		w.toldPhone("a reaction taken back", "Removed a like from “Where are you, cousin?”")
		w.write("m8", `<body>/me hides</body>`)
		w.toldPhone("an action", "* romeo hides")
		w.write("m9", `<composing xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>`)
		w.write("m10", `<displayed xmlns='urn:xmpp:chat-markers:0' id='`+theirs+`'/>`)
		w.write("m11", `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted><store xmlns='urn:xmpp:hints'/>`)
		w.toldPhone("what is not for people", "")
		w.ExpectNothing()

		w.write("e1", `<body>You got an OMEMO message</body><encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>
			<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AAAA</payload></encrypted>`)
		w.Expect(Message(ID("e1"), To(orchard), StanzaError("modify", "not-acceptable")))
		w.write("e2", `<retract xmlns='urn:xmpp:message-retract:1' id='m1'/><body>I took it back</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>`)
		w.Expect(Message(ID("e2"), StanzaError("cancel", "feature-not-implemented")))
		w.write("e3", `<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>1</lat></geoloc>`)
		w.Expect(Message(ID("e3"), StanzaError("cancel", "feature-not-implemented")))
		w.toldPhone("what was refused", "")
	})
}

func TestATapbackBecomesAReaction(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.write("m1", `<body>I’ll be there – at nine</body>`)
		w.write("m2", `<body>Bring wine</body><origin-id xmlns='urn:xmpp:sid:0' id='o2'/>`)
		w.Skip()
		tap := func(id transport.MessageID, quoted string, add, remove []string) {
			w.phones.tells(romeo, transport.MessageReacted{Reaction: transport.Reaction{
				Chat: number, Quoted: quoted, Add: add, Remove: remove,
				Instead: transport.Message{ID: id, Chat: number, Text: "Liked “" + quoted + "”"},
			}})
		}
		tap("SM1", "I'll be there - at nine", []string{"👍"}, nil)
		w.Expect(Message(From(phone), To(romeo), Type("chat"), Has(reactionsPath+"@id", "m1"), Has(reactionsPath+"/reaction", "👍"), HasNot("body"), Has("{urn:xmpp:hints}store")))
		tap("SM1", "I'll be there - at nine", []string{"👍"}, nil)
		w.ExpectNothing() // the provider's second try
		tap("SM2", "Bring…", []string{"❓"}, nil)
		w.Expect(Message(From(phone), Has(reactionsPath+"@id", "o2"), Has(reactionsPath+"/reaction", "❓")))
		tap("SM3", "I'll be there - at nine", nil, []string{"👍"})
		w.Expect(Message(From(phone), Has(reactionsPath+"@id", "m1"), HasNot(reactionsPath+"/reaction")))
		tap("SM4", "Who are you?", []string{"👍"}, nil)
		w.Expect(Message(From(phone), Body("Liked “Who are you?”"), HasNot("reactions")))
	})
}

func TestARoomGetsWordsForWhatItCantShow(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo, Romeo", ID: "msg1"})
		w.settle()
		w.Skip()
		say := func(id, payloads, heard string, shown ...Matcher) {
			t.Helper()
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'>%s</message>`, garden, id, payloads)
			all := func(to string) Matcher {
				return Message(append(slices.Clip(shown), From(garden+"/romeo"), To(to), ID(id), Type("groupchat"))...)
			}
			w.ExpectInAnyOrder(all(orchard), all(cell))
			if got := w.verona.lastText(); got != heard {
				t.Errorf("%s: the room hears %q, want %q", id, got, heard)
			}
		}
		reply := `<reply xmlns='urn:xmpp:reply:0' id='msg1' to='` + garden + `/juliet'/>`
		say("r1", `<body>&gt; O Romeo&#10;I am here</body>`+reply+`<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='10'/></fallback>`,
			"juliet: I am here", Body("I am here"), Has("{urn:xmpp:reply:0}reply@id", "msg1"))
		say("r2", `<reactions xmlns='urn:xmpp:reactions:0' id='msg1'><reaction>❤️</reaction></reactions>`,
			"* romeo reacted ❤️ to “O Romeo, Romeo”", HasNot("body"), Has(reactionsPath+"/reaction", "❤️"))
		say("r3", `<body>I am hire</body>`, "I am hire", Body("I am hire"))
		say("r4", `<body>I am higher</body><replace xmlns='urn:xmpp:message-correct:0' id='r3'/>`,
			"s/hire/higher/", Body("I am higher"), Has("{urn:xmpp:message-correct:0}replace@id", "r3"))
		w.says(orchard, `<message to='%s' type='groupchat' id='r5'><retract xmlns='urn:xmpp:message-retract:1' id='msg1'/></message>`, garden)
		w.Expect(Message(ID("r5"), To(orchard), StanzaError("cancel", "feature-not-implemented")))
		w.asks(orchard, "set", garden, `<moderate xmlns='urn:xmpp:message-moderate:1' id='msg1'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>`)
		w.Expect(answer(garden, orchard, StanzaError("cancel", "feature-not-implemented")))
	})
}

func TestWhatANetworkCarriesCrosses(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.settle()
		w.Skip()
		asksRoom := func(more ...Matcher) {
			t.Helper()
			w.asks(orchard, "get", garden, `<query xmlns='http://jabber.org/protocol/disco#info'/>`)
			w.Expect(result(garden, orchard, more...))
		}
		asksRoom(Has("query/feature@var", "urn:xmpp:reactions:0"), Has("query/feature@var", "urn:xmpp:message-moderate:1"),
			Has("query/x/field/value", "urn:xmpp:reactions:0:restrictions"), Has("query/x/field@var", "max_reactions_per_user"), Has("query/x/field/value", "20"))
		w.verona.carry(transport.CarriesReplies)
		asksRoom(Has("query/feature@var", "urn:xmpp:reply:0"), lacksFeature("urn:xmpp:reactions:0"),
			Custom("no restrictions", func(r stanza.Received) string {
				if slices.Contains(Values(r, "query/x/field@var"), "max_reactions_per_user") {
					return "reactions are restricted where there are none"
				}
				return ""
			}))
		w.verona.carry(everything)
		w.verona.calls = nil

		w.verona.nextID = "msg2"
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>I am here</body><reply xmlns='urn:xmpp:reply:0' id='msg1'/></message>`, garden)
		w.ExpectInAnyOrder(inRoom(orchard, garden, "romeo", "I am here", ID("m2"), Has("stanza-id@id", "msg2")), inRoom(cell, garden, "romeo", "I am here"))
		if r := w.verona.messages()[0].ReplyTo; r == nil || *r != (transport.Reply{ID: "msg1", Nick: "juliet", Text: "O Romeo"}) {
			t.Errorf("the reply is to %+v", r)
		}
		w.says(orchard, `<message to='%s' type='groupchat' id='m3'><body>I am there</body><replace xmlns='urn:xmpp:message-correct:0' id='m2'/></message>`, garden)
		w.settle()
		w.says(orchard, `<message to='%s' type='groupchat' id='m4'><reactions xmlns='urn:xmpp:reactions:0' id='msg1'><reaction>👍</reaction><reaction>🐢</reaction></reactions></message>`, garden)
		w.says(orchard, `<message to='%s' type='groupchat' id='m5'><reactions xmlns='urn:xmpp:reactions:0' id='msg1'><reaction>🐢</reaction></reactions></message>`, garden)
		w.says(orchard, `<message to='%s' type='groupchat' id='m6'><retract xmlns='urn:xmpp:message-retract:1' id='msg2'/></message>`, garden)
		w.says(orchard, `<message to='%s' type='groupchat' id='m7'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`, garden)
		w.asks(orchard, "set", garden, `<moderate xmlns='urn:xmpp:message-moderate:1' id='msg1'><retract xmlns='urn:xmpp:message-retract:1'/><reason>no names</reason></moderate>`)
		w.settle()
		w.verona.called(t,
			"send #garden  I am here", "correct msg2", "send #garden  I am there",
			"react #garden  msg1 + [👍 🐢] - []", "react #garden  msg1 + [] - [👍]",
			"retract #garden  msg2", "composing #garden  1", "retract #garden  msg1 no names")
		w.Skip()
		w.verona.tells(romeo, transport.Answered{Request: w.verona.lastWish()})
		w.Expect(result(garden, orchard))
	})
}

func TestWhatOthersDoToMessagesIsShown(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.settle()
		w.Skip()
		tell := func(e transport.Event, shown ...Matcher) {
			t.Helper()
			w.verona.tells(romeo, e)
			w.Expect(Message(append(shown, To(orchard), Type("groupchat"))...))
		}
		inGardenBy := func(nick string, add, remove []string) transport.MessageReacted {
			return transport.MessageReacted{Reaction: transport.Reaction{Chat: inGarden, Nick: nick, To: "msg1", Add: add, Remove: remove}}
		}
		tell(inGardenBy("juliet", []string{"👍"}, nil), From(garden+"/juliet"), Has(reactionsPath+"@id", "msg1"), Has(reactionsPath+"/reaction", "👍"), Has("occupant-id"))
		tell(inGardenBy("juliet", []string{"🐢"}, nil), Has(reactionsPath+"/reaction", "👍"), Has(reactionsPath+"/reaction", "🐢"))
		tell(inGardenBy("nurse", []string{"👍"}, nil), From(garden+"/nurse"))
		tell(inGardenBy("juliet", nil, []string{"👍"}), From(garden+"/juliet"), Has(reactionsPath+"/reaction", "🐢"))
		tell(transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "nurse", ID: "msg2", Text: "Anon!", ReplyTo: &transport.Reply{ID: "msg1"}}},
			From(garden+"/nurse"), Body("> O Romeo\nAnon!"), Has("{urn:xmpp:reply:0}reply@id", "msg1"), Has("{urn:xmpp:reply:0}reply@to", garden+"/juliet"),
			Has("{urn:xmpp:fallback:0}fallback/body@end", "10"))
		tell(transport.ComposingChanged{Chat: inGarden, Nick: "juliet", Composing: transport.IsComposing}, From(garden+"/juliet"), Has("composing"), Has("no-store"))
		tell(transport.ComposingChanged{Chat: inGarden, Nick: "juliet", Composing: transport.NotComposing}, From(garden+"/juliet"), Has("active"))
		tell(transport.MessageCorrected{Of: "msg2", Message: transport.Message{Chat: inGarden, Nick: "nurse", ID: "msg3", Text: "Madam!"}},
			From(garden+"/nurse"), Body("Madam!"), Has("{urn:xmpp:message-correct:0}replace@id", "msg2"))
		tell(transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg1", By: "juliet"}}, From(garden+"/juliet"), Has(retractPath+"@id", "msg1"), HasNot(retractPath+"/moderated"))
		tell(transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg2", By: "juliet", Reason: "too loud"}},
			From(garden), Has(retractPath+"@id", "msg2"), Has(retractPath+"/{urn:xmpp:message-moderate:1}moderated@by", garden+"/juliet"), Has(retractPath+"/reason", "too loud"))
	})
}

// After a restart the archive knows what each side calls a message.
func TestReferencesOutlastARestart(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>I am hire</body></message>`, garden)
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", ID: "msg3", Text: "Come to the orchard"}})
		theirs := w.ExpectInAnyOrder(
			Message(From(person), Body("Come to the orchard")), inRoom(orchard, garden, "juliet", "O Romeo"), inRoom(orchard, garden, "romeo", "I am hire"),
		)[0].ID
		w.settle()
		w.restarts()
		w.verona.carry(0)
		w.joins(orchard, garden, "romeo")
		w.Skip()
		w.says(orchard, `<message to='%s' type='groupchat' id='m4'><body>What?</body><reply xmlns='urn:xmpp:reply:0' id='msg1'/></message>`, garden)
		w.Expect(inRoom(orchard, garden, "romeo", "What?"))
		if got := w.verona.lastText(); got != "juliet: What?" {
			t.Errorf("the room hears %q", got)
		}
		w.says(orchard, `<message to='%s' type='groupchat' id='m5'><body>I am here</body><replace xmlns='urn:xmpp:message-correct:0' id='m2'/></message>`, garden)
		w.Expect(inRoom(orchard, garden, "romeo", "I am here"))
		if got := w.verona.lastText(); got != "s/hire/here/" {
			t.Errorf("the room hears %q", got)
		}
		w.verona.carry(everything)
		w.verona.calls = nil
		w.says(orchard, `<message to='%s' type='chat' id='m6'><reactions xmlns='urn:xmpp:reactions:0' id='%s'><reaction>👍</reaction></reactions></message>`, person, theirs)
		w.settle()
		w.verona.called(t, "react juliet  msg3 + [👍] - []")
	})
}

// Whoever comes later reads in the archive what was done to messages.
func TestTheArchiveHasWhatMessagesAreBesideTheirText(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "nurse", Text: "Anon", ID: "msg2", ReplyTo: &transport.Reply{ID: "msg1"}}})
		w.verona.tells(romeo, transport.MessageReacted{Reaction: transport.Reaction{Chat: inGarden, Nick: "nurse", To: "msg1", Add: []string{"👍"}}})
		w.settle()
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>one</body></message>`, garden)
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>two</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>`, garden)
		w.settle()
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg2", By: "juliet", Reason: "too loud"}})
		w.settle()
		w.restarts()
		p := w.reads(orchard, garden, "")
		if len(p.forwarded) != 6 {
			t.Fatalf("the archive has %d messages", len(p.forwarded))
		}
		for i, m := range []Matcher{
			Has(messagePath+"/body", "O Romeo"),
			All(Has(messagePath+"/"+retractedPath+"@id"), Has(messagePath+"/"+retractedPath+"/{urn:xmpp:message-moderate:1}moderated@by", garden+"/juliet"),
				Has(messagePath+"/"+retractedPath+"/reason", "too loud"), HasNot(messagePath+"/body"), HasNot(messagePath+"/reply"), Has(messagePath+"@from", garden+"/nurse")),
			All(Has(messagePath+"/"+reactionsPath+"@id", "msg1"), Has(messagePath+"/"+reactionsPath+"/reaction", "👍"), Has(messagePath+"@from", garden+"/nurse"), HasNot(messagePath+"/body")),
			Has(messagePath+"/body", "one"), Has(messagePath+"/{urn:xmpp:message-correct:0}replace@id", "m1"),
			All(Has(messagePath+"/"+retractPath+"@id", "msg2"), Has(messagePath+"/"+retractPath+"/moderated@by", garden+"/juliet"), Has(messagePath+"@from", garden)),
		} {
			if wrong := Wrong(p.forwarded[i], m); wrong != "" {
				t.Errorf("%d: %s", i, wrong)
			}
		}
	})
}

func lacksFeature(name string) Matcher {
	return Custom("no feature "+name, func(r stanza.Received) string {
		if slices.Contains(Values(r, "query/feature@var"), name) {
			return "it has the feature " + name
		}
		return ""
	})
}

func TestCorrectionsAreAsThePersonWishes(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(transport.CarriesActions | transport.CarriesRetractions)
		w.verona.prefers.Corrections = transport.CorrectByRepeat
		w.joins(orchard, garden, "romeo")
		say := func(id, text, replaces string, name transport.MessageID) {
			t.Helper()
			w.verona.nextID = name
			if replaces != "" {
				replaces = "<replace xmlns='urn:xmpp:message-correct:0' id='" + replaces + "'/>"
			}
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'><body>%s</body>%s</message>`, garden, id, text, replaces)
			w.Expect(inRoom(orchard, garden, "romeo", text, ID(id)))
		}
		w.verona.calls = nil
		say("m1", "one", "", "msg1")
		say("m2", "two", "m1", "msg2")
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg1", By: "romeo", Request: w.verona.wishes[0]}})
		w.verona.tells(romeo, transport.Answered{Request: w.verona.wishes[0]})
		w.ExpectNothing() // the clients know it as a correction
		say("m3", "three", "m1", "msg3")
		w.verona.called(t, "send #garden  one", "send #garden  two", "retract #garden  msg1", "send #garden  three", "retract #garden  msg2")

		w.verona.carry(transport.CarriesActions)
		say("m4", "four", "m1", "msg4")
		w.verona.called(t, "send #garden  * four")
		w.verona.prefers.Corrections = transport.CorrectNever
		w.says(orchard, `<message to='%s' type='groupchat' id='m5'><body>five</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>`, garden)
		w.Expect(Message(ID("m5"), To(orchard), StanzaError("modify", "not-acceptable")))
		w.verona.prefers.HideReactions = true
		w.says(orchard, `<message to='%s' type='groupchat' id='m6'><reactions xmlns='urn:xmpp:reactions:0' id='msg4'><reaction>👍</reaction></reactions></message>`, garden)
		w.Expect(Message(ID("m6"), To(orchard), StanzaError("modify", "not-acceptable")))
		w.verona.called(t)
	})
}

func TestARefusedReactionWasNone(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.verona.calls = nil
		react := func(id string) {
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'><reactions xmlns='urn:xmpp:reactions:0' id='msg1'><reaction>👍</reaction></reactions></message>`, garden, id)
			w.settle()
		}
		react("m1")
		w.verona.tells(romeo, transport.MessageStatus{Request: w.verona.lastWish(), Chat: inGarden, Status: transport.Failed, Err: because(transport.Forbidden)})
		w.Expect(Message(From(garden), To(orchard), ID("m1"), StanzaError("auth", "forbidden")))
		react("m2")
		w.verona.called(t, "react #garden  msg1 + [👍] - []", "react #garden  msg1 + [👍] - []")
	})
}
