package gateway

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/picture"
	"gatehouse/gateway/transport"
)

const vcard4Namespace = "urn:ietf:params:xml:ns:vcard-4.0"

// A card is what a vCard tells: empty texts are left out.
type card struct {
	name, nick string
	address    jid.JID
	phone      string // a number, as it is dialled from everywhere
	note       string

	pronouns, homepage string
	motto              string // one sentence of theirs
	photo              []byte // a JPEG
}

// cardOf makes a card of what the network tells of somebody.
func (h *host) cardOf(p transport.Profile) card {
	c := card{name: p.FullName, nick: p.Nick, address: h.at(p.Who)}
	if c.name == "" {
		c.name = p.Nick
	}
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, label+text)
		}
	}
	add("Account: ", p.Account)
	add("Host: ", p.Host)
	if p.Bot {
		lines = append(lines, "A bot")
	}
	if p.Idle >= 0 {
		add("Idle: ", p.Idle.Round(time.Second).String())
	}
	if p.Face != nil && p.Face.Name != "" {
		add("Real name: ", p.FullName)
	}
	c.note = strings.Join(append(lines, p.Notes...), "\n")
	return h.withFace(c, p.Face)
}

// temp writes the card as XEP-0054 has it.
func (c card) temp() *wire.Element {
	const space = "vcard-temp"
	e := wire.New(space, "vCard")
	// There is no better place for what the old format lacks.
	note := lines("Status: ", c.motto, "Pronouns: ", c.pronouns, "", c.note)
	for _, f := range [...][2]string{{"FN", c.name}, {"NICKNAME", c.nick}, {"JABBERID", c.address.String()}, {"URL", c.homepage}, {"DESC", note}} {
		if f[1] != "" {
			e.Add(wire.NewText(space, f[0], f[1]))
		}
	}
	if c.phone != "" {
		e.Add(wire.New(space, "TEL", wire.New(space, "VOICE"), wire.New(space, "MSG"), wire.NewText(space, "NUMBER", c.phone)))
	}
	if len(c.photo) > 0 { // XEP-0153 §3.1
		e.Add(wire.New(space, "PHOTO", wire.NewText(space, "TYPE", picture.AvatarType),
			wire.NewText(space, "BINVAL", base64.StdEncoding.EncodeToString(c.photo))))
	}
	return e
}

// four writes the card as RFC 6351 has it (XEP-0292 §3.2).
func (c card) four() *wire.Element {
	const space = vcard4Namespace
	e := wire.New(space, "vcard")
	for _, f := range [...][3]string{
		{"fn", "text", c.name}, {"nickname", "text", c.nick}, {"impp", "uri", uriOf(c.address)},
		{"pronouns", "text", c.pronouns}, {"url", "uri", c.homepage}, // RFC 9554 §3.4
		{"note", "text", lines("Status: ", c.motto, "", c.note)},
	} {
		if f[2] != "" {
			e.Add(wire.New(space, f[0], wire.NewText(space, f[1], f[2])))
		}
	}
	if c.phone != "" {
		e.Add(wire.New(space, "tel", wire.NewText(space, "uri", "tel:"+c.phone))) // RFC 6350 §6.4.1
	}
	if len(c.photo) > 0 {
		e.Add(wire.New(space, "photo", wire.NewText(space, "uri", "data:"+picture.AvatarType+";base64,"+base64.StdEncoding.EncodeToString(c.photo))))
	}
	return e
}

// lines makes lines of pairs of a label and a text, without those that say nothing.
func lines(pairs ...string) string {
	var all []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, pairs[i]+pairs[i+1])
		}
	}
	return strings.Join(all, "\n")
}

// uriOf makes an xmpp: URI (RFC 5122 §2.2).
func uriOf(address jid.JID) string {
	if address.Domain == "" {
		return ""
	}
	return "xmpp:" + url.PathEscape(address.Local) + "@" + address.Domain
}

func profileOf(e transport.Event) transport.Profile {
	p, _ := e.(transport.ProfileReceived)
	return p.Profile
}

func (h *host) vcardOf(_ stanza.Received, e transport.Event) (payload, *stanza.Error) {
	return h.cardOf(profileOf(e)).temp(), nil
}

func (h *host) vcard4Of(_ stanza.Received, e transport.Event) (payload, *stanza.Error) {
	return h.cardOf(profileOf(e)).four(), nil
}

// idleOf tells since when somebody has been idle (XEP-0012 §3).
func (h *host) idleOf(_ stanza.Received, e transport.Event) (payload, *stanza.Error) {
	idle := profileOf(e).Idle
	if idle < 0 {
		return refused(unsupported("the network does not tell how long they have been idle"))
	}
	return wire.New("jabber:iq:last", "query").SetAttr("seconds", strconv.Itoa(int(idle.Seconds()))), nil
}

// ownCard gives the cards of what is known without asking: the gateway's own,
// and the names of those behind it.
func (h *host) ownCard(s *session, t target) (card, *stanza.Error) {
	switch t.kind {
	case toGateway:
		c := card{name: h.Name, note: "Gatehouse, a gateway from XMPP to " + h.info.Name}
		if h.info.Home != "" {
			c = h.withFace(c, s.faceOf(h.info.Home))
		}
		return c, nil
	case toPerson:
		c := card{phone: h.phoneOf(t.address)}
		if c.name, _ = h.nameOf(t.address); s != nil {
			c.name, _ = s.nameOfContact(t.address)
		}
		return c, nil
	case toServer, toRoom:
		name, _ := h.nameOf(t.address)
		return h.withFace(card{name: name}, s.faceOf(t.address)), nil
	}
	e := unknown()
	return card{}, &e
}

// answerVCard gives a vCard (XEP-0054) without asking the network.
func (h *host) answerVCard(s *session, _ *stanza.Received, t target) (payload, *stanza.Error) {
	c, refusal := h.ownCard(s, t)
	if refusal != nil {
		return nil, refusal
	}
	return c.temp(), nil
}

// answerVCard4 is the same in the newer format.
func (h *host) answerVCard4(s *session, _ *stanza.Received, t target) (payload, *stanza.Error) {
	c, refusal := h.ownCard(s, t)
	if refusal != nil {
		return nil, refusal
	}
	return c.four(), nil
}
