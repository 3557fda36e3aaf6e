package stanza

import (
	"time"

	"gatehouse/component/wire"
)

// Namespaces of taking back messages: one's own (XEP-0424) and, as a moderator,
// those of others (XEP-0425).
const (
	RetractionNamespace = "urn:xmpp:message-retract:1"
	RetractionTombstone = RetractionNamespace + "#tombstone"
	ModerationNamespace = "urn:xmpp:message-moderate:1"
)

// A Retraction takes back a message. By is the moderator's address where it was
// not the author (XEP-0425 §4).
type Retraction struct {
	ID         string
	By, Reason string
}

// WriteXML implements wire.Payload.
func (r Retraction) WriteXML(w *wire.Writer) {
	w.Start(RetractionNamespace, "retract")
	w.Attr("id", r.ID)
	writeModerated(w, r.By, r.Reason)
	w.End()
}

func writeModerated(w *wire.Writer, by, reason string) {
	if by != "" {
		w.Start(ModerationNamespace, "moderated")
		w.Attr("by", by)
		w.End()
	}
	if reason != "" {
		w.Start(RetractionNamespace, "reason")
		w.Text(reason)
		w.End()
	}
}

// A Tombstone is what an archive has in place of a message that was taken back
// (XEP-0424 §5).
type Tombstone struct {
	ID         string // of the message that took it back
	At         time.Time
	By, Reason string
}

// WriteXML implements wire.Payload.
func (t Tombstone) WriteXML(w *wire.Writer) {
	w.Start(RetractionNamespace, "retracted")
	if t.ID != "" {
		w.Attr("id", t.ID)
	}
	w.Attr("stamp", stamp(t.At))
	writeModerated(w, t.By, t.Reason)
	w.End()
}

// ReadModeration reads a moderator's wish to take back a message (XEP-0425 §4).
func ReadModeration(moderate *wire.Element) (id, reason string, ok bool) {
	if moderate.Child(RetractionNamespace, "retract") == nil {
		return "", "", false
	}
	reason = moderate.Child(ModerationNamespace, "reason").Content()
	return moderate.Attr("id"), reason, moderate.Attr("id") != ""
}
