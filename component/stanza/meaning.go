package stanza

import "strings"

// A Meaning is what a message says, beside or in place of its text. The empty
// id stands for what is not there.
type Meaning struct {
	Text    string // without what is only for those who don't know the rest
	Subject string

	Reply     Reply  // XEP-0461
	Quoted    string // the text that was marked as its fallback
	Replaces  string // XEP-0308: the id of a stanza
	Retracts  string // XEP-0424
	Reacts    bool   // XEP-0444, for Reactions
	Reactions Reactions
	State     ChatState // XEP-0085
	Displayed string    // XEP-0333
	Encrypted bool      // XEP-0380: Text is only a hint, or empty
	Unknown   string    // the name of something without text that we don't know
}

// encrypted are the namespaces of messages that only the other end can read
// (XEP-0380 §3).
var encrypted = map[string]bool{
	"eu.siacs.conversations.axolotl": true, "urn:xmpp:omemo:2": true, "urn:xmpp:omemo:1": true, "urn:xmpp:omemo:0": true,
	"urn:xmpp:openpgp:0": true, "jabber:x:encrypted": true, "urn:xmpp:otr:0": true,
}

// passing are the namespaces of what means nothing without something else, or
// asks for nothing to be done.
var passing = map[string]bool{
	HintsNamespace: true, IDsNamespace: true, FallbackNamespace: true, OccupantIDNamespace: true, ReceiptsNamespace: true,
	"urn:xmpp:carbons:2": true, "http://jabber.org/protocol/nick": true, "urn:xmpp:delay": true, "jabber:x:delay": true,
	"jabber:x:event": true, "http://jabber.org/protocol/muc#user": true, "jabber:x:conference": true, "urn:xmpp:eme:0": true,
	"http://jabber.org/protocol/pubsub#event": true, "http://jabber.org/protocol/address": true, "urn:xmpp:sig:0": true,
	"vcard-temp:x:update": true, "urn:xmpp:reference:0": true, "http://jabber.org/protocol/caps": true, "jabber:x:oob": true,
}

// ReadMeaning reads a message in one pass.
func (s Received) ReadMeaning() (m Meaning) {
	m.Text, _ = s.ReadBody()
	m.Text = withoutOTR(m.Text)
	payload, eme := false, false
	for c := range s.Children() {
		switch c.Space {
		case s.Space, Namespace, "jabber:client":
			if c.Name == "subject" {
				m.Subject = c.Content()
			}
		case FallbackNamespace:
			m.cut(c.Attr("for"), s)
		case RepliesNamespace:
			m.Reply = Reply{ID: c.Attr("id"), To: c.Attr("to")}
		case CorrectionNamespace:
			m.Replaces = c.Attr("id")
		case RetractionNamespace:
			if c.Name == "retract" {
				m.Retracts = c.Attr("id")
			}
		case ReactionsNamespace:
			m.Reactions = readReactions(c)
			m.Reacts = m.Reactions.ID != ""
		case ChatStatesNamespace:
			m.State = ChatState(c.Name)
		case MarkersNamespace:
			if c.Name == "displayed" {
				m.Displayed = c.Attr("id")
			}
		default:
			switch {
			case encrypted[c.Space]:
				// Without a payload it hands over keys, and no person has said anything.
				payload = payload || c.Child(c.Space, "payload") != nil || c.Content() != ""
				m.Encrypted = true
			case c.Space == "urn:xmpp:eme:0":
				eme = true
			case !passing[c.Space] && m.Unknown == "":
				m.Unknown = c.Name
			}
		}
	}
	m.Encrypted = (m.Encrypted || eme) && (payload || m.Text != "")
	return m
}

// cut takes out of the text what is there for those who don't know what it is
// for, if we do.
func (m *Meaning) cut(what string, s Received) {
	switch what {
	case RepliesNamespace, ReactionsNamespace, RetractionNamespace, CorrectionNamespace:
	default:
		return
	}
	for c := range s.Children() {
		if c.Space != FallbackNamespace || c.Attr("for") != what {
			continue
		}
		rest, cut := cutFallback(m.Text, c)
		m.Text = strings.TrimLeft(rest, "\n")
		if what == RepliesNamespace {
			m.Quoted = cut
		}
		return
	}
}

// withoutOTR drops the whitespace by which clients of old offered encryption
// (OTR version 3, whitespace tag), which would cost a text.
func withoutOTR(text string) string {
	const base = " \t  \t\t\t\t \t \t \t  "
	if i := strings.Index(text, base); i >= 0 {
		return strings.TrimRight(text[:i]+strings.TrimLeft(text[i+len(base):], " \t"), " \t")
	}
	return text
}
