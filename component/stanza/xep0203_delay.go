package stanza

import (
	"time"

	"gatehouse/component/wire"
)

// Delay says that a stanza tells of the past (XEP-0203), in the format of
// XEP-0082.
type Delay struct {
	From string
	At   time.Time
}

// WriteXML implements wire.Payload.
func (d Delay) WriteXML(w *wire.Writer) {
	w.Start("urn:xmpp:delay", "delay")
	if d.From != "" {
		w.Attr("from", d.From)
	}
	w.Attr("stamp", stamp(d.At))
	w.End()
}

// stamp writes a time exactly enough to ask an archive for it again.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
