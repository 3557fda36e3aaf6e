package gateway

import (
	"strings"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// receiveMessage takes a message of the room's.
func (e *plumbEnd) receiveMessage(st *stanza.Received) {
	nick := st.From.Resource
	switch {
	case st.Type == stanza.ErrorType:
		e.failed(st.ID, st.ReadError())
		return
	case st.Type != stanza.Groupchat:
		e.answerPrivately(st)
		return
	case e.state != endIn, st.Child("urn:xmpp:delay", "delay") != nil, st.Child("jabber:x:delay", "x") != nil:
		return // what was said before (XEP-0045 §7.2.13)
	case nick == e.nick, e.isPuppet(nick):
		e.reflected(st)
		return
	}
	m := st.ReadMeaning()
	m.Text = withFiles(m.Text, st)
	if topic, is := st.ReadSubject(); is && m.Text == "" && m.Retracts == "" && !m.Reacts {
		e.receiveTopic(nick, topic)
		return
	}
	e.p.cross(e, st, m, nick)
}

// answerPrivately is for who writes to the plumb alone: nobody would read it.
func (e *plumbEnd) answerPrivately(st *stanza.Received) {
	if _, text := st.ReadBody(); !text || st.From.Resource == "" {
		return
	}
	answer, _ := st.Refuse(stanza.Error{ // from whoever it was sent to
		Class: stanza.Cancel, Condition: stanza.NotAcceptable,
		Text: "This only passes on what is said in the room, to " + e.p.other(e).room.String() + " and back.",
	})
	e.send(answer)
}

// cross passes a message on to the other end.
func (p *plumb) cross(e *plumbEnd, st *stanza.Received, m stanza.Meaning, nick string) {
	now := time.Now()
	if now.Before(p.paused) || p.record.Owner != "" {
		return
	}
	e.stopsWritingBut(nick, m.State)
	by := e.voiceOf(st, nick)
	switch {
	case m.Retracts != "":
		p.crossRetraction(e, st, m, by)
	case nick == "": // the room itself: what happens in it is seen otherwise
	case p.other(e).isMuted(nick, now):
		if m.Text != "" {
			p.say(e, "muted "+nick, nick+" was thrown out of "+p.other(e).room.String()+", and is not heard there.")
		}
	case m.Encrypted:
		p.say(e, "encrypted", "An encrypted message was not passed on to "+p.other(e).room.String()+": nobody there could read it.")
	case m.Reacts:
		p.crossReactions(e, m, by)
	case m.Text != "":
		p.crossText(e, st, m, by)
	case m.State == stanza.Composing:
		e.startsWriting(nick, now)
	case m.Unknown != "" && m.State == "" && m.Displayed == "":
		p.say(e, "unknown", "Something without a text ("+m.Unknown+") was not passed on to "+p.other(e).room.String()+".")
	}
}

// A voice is somebody who speaks at one end.
type voice struct {
	nick string
	id   string // the same under another nick, where the room tells
}

// voiceOf says who speaks.
func (e *plumbEnd) voiceOf(st *stanza.Received, nick string) voice {
	if id := occupantID(st); e.tellsIDs && id != "" && len(id) <= maxID {
		return voice{nick, "id " + id}
	}
	return voice{nick, "nick " + nick}
}

// crossText passes on a text, which may answer or replace another.
func (p *plumb) crossText(e *plumbEnd, st *stanza.Received, m stanza.Meaning, by voice) {
	o := p.other(e)
	now := time.Now()
	if p.loops.suspicious(e.side, m.Text, now) {
		p.pause()
		return
	}
	speaker, from, as := o.puppetFor(by.nick, now), jid.JID{}, o.nick
	if speaker != nil {
		from, as = speaker.self, speaker.nick
	}
	c := &crossing{from: e.side, by: by.clone(), text: clipped(m.Text), speaker: from, as: as}
	c.names[e.side] = namesOf(st, e.room)
	text, extras := m.Text, []payload(nil)
	var quoted *crossing
	switch {
	case m.Replaces != "":
		if of := p.crossings.sent(e.side, m.Replaces); of != nil && of.from == e.side && of.by.id == by.id && of.names[o.side].id != "" && o.speaks(of.speaker) {
			from = of.speaker
			extras = append(extras, stanza.Replace(of.names[o.side].id))
			of.text = c.text
			p.crossings.alias(of, e.side, c.names[e.side])
			c = nil
		} else {
			text = "* " + text
		}
	case m.Reply.ID != "":
		quoted = p.crossings.shown(e.side, m.Reply.ID)
		if quoted == nil || quoted.names[o.side].ref() == "" {
			quoted = nil
			text = insteadOf(aReply, true, words{text: text, whose: resourceOf(m.Reply.To)}).text
		}
	}
	id := component.NewID()
	if o.inner != nil {
		if quoted != nil {
			extras = append(extras, stanza.Reply{ID: quoted.names[o.side].ref(), To: o.room.WithResource(quoted.by.nick).String()})
		}
		extras = append(extras, nickname(o.unlike(by.nick)))
	} else {
		if from == (jid.JID{}) {
			text = named(words{text: text, nick: o.unlike(by.nick)}).text
		}
		if quoted != nil {
			whose := quoted.as // whose words they are, as the room has it
			if quoted.from == o.side {
				whose = quoted.by.nick
			}
			var fallback stanza.Fallback
			text, fallback = quotation(firstWords(quoted.text, quoteLength), text)
			extras = append(extras, stanza.Reply{ID: quoted.names[o.side].ref(), To: o.room.WithResource(whose).String()}, fallback)
		}
	}
	out := o.groupchat(id, append([]payload{stanza.Body(text)}, extras...)...)
	out.From = from
	o.push(e, &flight{st: out, crossing: c, body: text, at: now})
	if c != nil {
		c.names[o.side].id = id
		p.crossings.add(c)
	}
}

func resourceOf(address string) string {
	j, err := jid.ParsePrepared(address)
	if err != nil {
		return ""
	}
	return j.Resource
}

func (e *plumbEnd) groupchat(id string, payloads ...payload) stanza.Stanza {
	return stanza.Stanza{
		Kind: stanza.Message, Header: stanza.Header{To: e.room, Type: stanza.Groupchat, ID: id}, Payloads: payloads,
	}
}

// unlike writes a nick so that nobody in the room is called by it who has the
// same.
func (e *plumbEnd) unlike(nick string) string {
	if _, there := e.present[nick]; !there {
		return nick
	}
	return apart(nick)
}

// crossReactions passes on what somebody thinks of a message. Where one speaker
// has all reactions of the other end, they are all that anybody there has.
func (p *plumb) crossReactions(e *plumbEnd, m stanza.Meaning, by voice) {
	o := p.other(e)
	m.Reactions.Emoji = m.Reactions.Emoji[:min(len(m.Reactions.Emoji), stanza.MaxReactions)]
	of := p.crossings.shown(e.side, m.Reactions.ID)
	if of == nil || of.names[o.side].ref() == "" {
		if len(m.Reactions.Emoji) > 0 {
			instead := insteadOf(aReaction, true, words{add: m.Reactions.Emoji})
			p.crossWords(e, instead.text, by)
		}
		return
	}
	if u := o.puppetFor(by.nick, time.Now()); u != nil {
		out := o.groupchat(component.NewID(), stanza.Reactions{ID: of.names[o.side].ref(), Emoji: m.Reactions.Emoji}, stanza.Store)
		out.From = u.self
		o.push(e, &flight{st: out, at: time.Now()})
		return
	}
	before := of.all(e.side)
	if !of.think(e.side, by.id, m.Reactions.Emoji) {
		return
	}
	r := stanza.Reactions{ID: of.names[o.side].ref(), Emoji: m.Reactions.Emoji}
	extras := []payload{nickname(o.unlike(by.nick))}
	if o.inner == nil {
		r.Emoji, extras = of.all(e.side), nil
		if add, remove := changes(before, r.Emoji); len(add)+len(remove) == 0 {
			return
		}
	}
	o.push(e, &flight{st: o.groupchat(component.NewID(), append([]payload{r, stanza.Store}, extras...)...), at: time.Now()})
}

// crossWords says something at the other end in somebody's name that is no
// message of theirs.
func (p *plumb) crossWords(e *plumbEnd, text string, by voice) {
	o := p.other(e)
	payloads := []payload{stanza.Body(text), nickname(o.unlike(by.nick))}
	speaker := o.puppetFor(by.nick, time.Now())
	switch {
	case speaker != nil:
		payloads = payloads[:1]
	case o.inner == nil:
		text = named(words{text: text, nick: o.unlike(by.nick)}).text
		payloads = []payload{stanza.Body(text)}
	}
	out := o.groupchat(component.NewID(), payloads...)
	if speaker != nil {
		out.From = speaker.self
	}
	o.push(e, &flight{st: out, body: text, at: time.Now()})
}

// crossRetraction takes a message back at the other end: one of ours as its
// author, another as a moderator (XEP-0424, XEP-0425).
func (p *plumb) crossRetraction(e *plumbEnd, st *stanza.Received, m stanza.Meaning, by voice) {
	o := p.other(e)
	of := p.crossings.shown(e.side, m.Retracts)
	if of == nil {
		return // it was never passed on, or so long ago that nobody looks at it
	}
	moderated := st.Child(stanza.RetractionNamespace, "retract").Child(stanza.ModerationNamespace, "moderated") != nil
	if by.nick != "" && !(moderated && e.inner != nil) && (of.from != e.side || of.by.id != by.id) {
		return // of another's message, which only the room may say (XEP-0424 §4)
	}
	still := func(stanza.Error) {
		p.say(e, "retraction", "What was taken back here is still seen in "+o.room.String()+".")
	}
	ref := of.names[o.side].ref()
	switch {
	case of.from != e.side && !p.record.Moderate: // whose moderators nobody there has asked for
		p.say(e, "moderation", "What was taken back here of "+o.room.String()+" is still seen there: that is for those who moderate it.")
	case ref == "":
		still(stanza.Error{})
	case of.from == e.side && o.speaks(of.speaker):
		payloads := []payload{stanza.Retraction{ID: ref}, stanza.Store}
		if o.inner == nil { // XEP-0424 §4: for those who don't know it
			payloads = append(payloads, stanza.Fallback{For: stanza.RetractionNamespace}, stanza.Body("/me took back a message"))
		}
		out := o.groupchat(component.NewID(), payloads...)
		out.From = of.speaker
		o.push(e, &flight{st: out, at: time.Now(), failed: still})
	case o.inner == nil && !o.moderate:
		still(stanza.Error{})
	default:
		o.ask(stanza.Set, o.room, moderation(ref), func(err error) {
			if err != nil {
				still(stanza.Error{})
			}
		})
	}
	p.crossings.drop(of)
}

// moderation asks a room to take back somebody's message (XEP-0425 §4).
func moderation(id string) payload {
	return wire.New(stanza.ModerationNamespace, "moderate", wire.New(stanza.RetractionNamespace, "retract")).SetAttr("id", id)
}

// receiveTopic passes on a new subject. The one that comes with a join is old.
func (e *plumbEnd) receiveTopic(nick, topic string) {
	p, o := e.p, e.p.other(e)
	old := !e.hasTopic || topic == e.subject // or it is told again
	e.hasTopic, e.subject = true, strings.Clone(topic)
	if old || nick == "" || topic == o.subject || o.state != endIn || time.Now().Before(p.paused) || p.record.Owner != "" {
		return
	}
	o.push(e, &flight{
		st: o.groupchat(component.NewID(), stanza.Subject(topic)), at: time.Now(),
		failed: func(stanza.Error) {
			p.crossWords(e, "/me has set the subject: "+topic, voice{nick: nick})
		},
	})
}

// came tells at the other end who comes and goes, where that is wanted.
func (p *plumb) came(e *plumbEnd, text string) {
	if !p.record.Joins || p.record.Owner != "" || e.state != endIn {
		return
	}
	o := p.other(e)
	if o.state != endIn || !p.comings.allow(time.Now(), e.side) {
		return
	}
	o.push(e, &flight{st: o.groupchat(component.NewID(), stanza.Body(text)), at: time.Now(), body: text})
}

// say tells a room what the plumb could not do, of one kind not often.
func (p *plumb) say(e *plumbEnd, kind, text string) {
	const again, kinds = 10 * time.Minute, 16
	key := e.room.String() + " " + kind
	if now := time.Now(); now.Sub(p.told[key]) >= again {
		if len(p.told) >= 2*kinds {
			clear(p.told)
		}
		p.told[key] = now
		e.announce(text)
	}
}

// announce says something to those in the room, if the plumb is there.
func (e *plumbEnd) announce(text string) {
	if e.state == endIn && e.p.record.Owner == "" {
		e.push(nil, &flight{st: e.groupchat(component.NewID(), stanza.Body(text)), at: time.Now(), body: text})
	}
}

// pause stops the passing on for a while: something makes a circle.
func (p *plumb) pause() {
	p.paused = time.Now().Add(plumbPause)
	text := "The same text went to and fro several times, so nothing is passed on between " + p.record.Room + " and " + p.record.MUC +
		" for five minutes. Is there another bridge?"
	for _, e := range p.ends {
		e.drop()
	}
	p.host.alertAbout(p.record.By, text)
}

// named writes somebody's words for who passes them on: each line, as a line
// alone could be taken for another's.
func named(w words) instead {
	w.text, w.nick = anyLineEnd.Replace(w.text), bracketed.Replace(w.nick)
	first, rest, more := strings.Cut(w.text, "\n")
	if action, is := strings.CutPrefix(first, actionMark); is {
		first = "* " + w.nick + " " + action
	} else {
		first = "<" + w.nick + "> " + first
	}
	if !more {
		return instead{text: first}
	}
	var b strings.Builder
	b.WriteString(first)
	for line := range strings.SplitSeq(rest, "\n") {
		b.WriteString("\n")
		if strings.TrimSpace(line) != "" {
			b.WriteString("<" + w.nick + "> ")
		}
		b.WriteString(line)
	}
	return instead{text: b.String()}
}

var (
	// What begins a line on some network or in some client.
	anyLineEnd = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
	// A nick stands between < and >, which MUCs allow in it.
	bracketed = strings.NewReplacer("<", "‹", ">", "›")
)

// apart writes a nick so that nobody's client takes it for theirs.
func apart(nick string) string {
	r := []rune(nick)
	if len(r) < 2 {
		return nick
	}
	return string(r[:1]) + "\u200b" + string(r[1:])
}

// clipped is what is kept of a text, to quote it.
func clipped(text string) string { return strings.Clone(firstWords(text, 2*quoteLength)) }
