package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

const besidePath = messagePath + "/"

// happens adds to what the network keeps of the garden, a second after the last.
func (p *pastServer) happens(chat transport.Address, own bool, events ...transport.Event) {
	for _, e := range events {
		last := time.Now().Add(-time.Hour)
		if said := p.said[chat]; len(said) > 0 {
			last = said[len(said)-1].At
		}
		p.said[chat] = append(p.said[chat], transport.HistoryItem{At: last.Add(time.Second), Own: own, Event: e})
	}
}

func reacts(nick string, to transport.MessageID, add, remove string) transport.MessageReacted {
	r := transport.Reaction{Chat: inGarden, Nick: nick, To: to}
	if add != "" {
		r.Add = []string{add}
	}
	if remove != "" {
		r.Remove = []string{remove}
	}
	return transport.MessageReacted{Reaction: r}
}

func takesBack(by string, id transport.MessageID) transport.MessageRetracted {
	return transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, By: by, ID: id, Reason: "spam"}}
}

// deedsOf writes what messages of a page are beside a text.
func deedsOf(p page) (out []string) {
	for _, f := range p.forwarded {
		one := func(path string) string { return fmt.Sprint(Values(f, besidePath+path)) }
		who := Values(f, messagePath+"@from")[0]
		switch {
		case one("body") != "[]":
			out = append(out, one("body"))
		case one("{urn:xmpp:reactions:0}reactions@id") != "[]":
			out = append(out, who+one("{urn:xmpp:reactions:0}reactions/reaction")+one("reactions@id"))
		case one("{urn:xmpp:message-retract:1}retract@id") != "[]":
			out = append(out, who+" back"+one("{urn:xmpp:message-retract:1}retract@id")+one("{urn:xmpp:message-retract:1}retract/{urn:xmpp:message-moderate:1}moderated@by"))
		case one("{urn:xmpp:message-retract:1}retracted@id") != "[]":
			out = append(out, "gone")
		case one("subject") != "[]":
			out = append(out, who+" subject"+one("subject"))
		}
	}
	return out
}

func TestWhatWasDoneToMessagesIsPlayedBack(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now().Add(-time.Hour), "m", 2)
		p.happens(inGarden, false, reacts("nurse", "m0", "🌹", ""), reacts("nurse", "m0", "💧", ""), reacts("nurse", "m0", "", "🌹"),
			takesBack("juliet", "m1"), takesBack("escalus", "m0"),
			transport.SubjectChanged{Room: inGarden, Subject: transport.Subject{Text: "Roses", By: "juliet"}})
		w.entersGarden(p)
		want := fmt.Sprint([]string{
			"gone", "gone", garden + "/nurse[🌹][m0]", garden + "/nurse[🌹 💧][m0]", garden + "/nurse[💧][m0]",
			garden + "/juliet back[m1][]", garden + " back[m0][" + garden + "/escalus]", garden + "/juliet subject[Roses]",
		})
		w.same("all", deedsOf(w.reads(orchard, garden, "<before/>")), want)
		w.restarts()
		w.entersGarden(p)
		w.same("once", deedsOf(w.reads(orchard, garden, "")), want)
	})
}

func TestWhatWasDoneMeanwhileIsShownOnce(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.entersGarden(p)
		w.lives(p, "a")
		w.verona.tells(romeo, reacts("juliet", "a", "🌹", ""))
		w.Expect(Message(From(garden+"/juliet"), Has("{urn:xmpp:reactions:0}reactions/reaction", "🌹")))
		p.happens(inGarden, false, reacts("juliet", "a", "🌹", ""))
		w.verona.tells(romeo, transport.SubjectChanged{Room: inGarden, Subject: transport.Subject{Text: "Roses", By: "juliet", At: time.Now()}})
		w.Expect(subject(orchard, garden+"/juliet", "Roses"))
		p.happens(inGarden, false, transport.SubjectChanged{Room: inGarden, Subject: transport.Subject{Text: "Roses", By: "juliet"}})
		w.loses(p, func() {
			p.happens(inGarden, false, reacts("juliet", "a", "💧", ""), transport.SubjectChanged{Room: inGarden, Subject: transport.Subject{Text: "Thorns", By: "juliet"}})
		})
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.Expect(Message(From(garden+"/juliet"), Has("{urn:xmpp:reactions:0}reactions@id", "a"), Has("{urn:xmpp:delay}delay@stamp", "*")))
		w.ExpectNothing()
		w.verona.tells(romeo, reacts("juliet", "a", "", "🌹"))
		w.Expect(Message(From(garden+"/juliet"), Has("{urn:xmpp:reactions:0}reactions/reaction", "💧")))
		w.same("all", deedsOf(w.reads(orchard, garden, "")), fmt.Sprint([]string{
			"[a]", garden + "/juliet[🌹][a]", garden + "/juliet subject[Roses]", garden + "/juliet[🌹 💧][a]", garden + "/juliet subject[Thorns]", garden + "/juliet[💧][a]",
		}))
		w.says(cell, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, garden)
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110")))
		w.Expect(inRoom(cell, garden, "juliet", "a"))
		for range 3 {
			w.Expect(Message(To(cell), Has("{urn:xmpp:reactions:0}reactions@id", "a")))
		}
		w.Expect(subject(cell, garden, "*")) // the one subject, at the end
	})
}

func TestWhatWasDoneInAConversationIsPlayedBack(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		const juliet = "juliet@" + verona
		w.isUp(p)
		p.since["juliet"] = time.Time{}
		w.says(orchard, `<message to='%s' type='chat' id='s1'><body>soft</body></message>`, juliet)
		w.settle()
		p.recall("juliet", time.Now().Add(-time.Minute), "m", 1)
		r := reacts("", "m0", "🌹", "")
		r.Chat = "juliet"
		p.happens("juliet", true, r)
		w.same("the conversation", deedsOf(w.reads(orchard, juliet, "<before/>")), fmt.Sprint([]string{"[m0]", romeo + "[🌹][m0]", "[soft]"}))
	})
}
