package stanza

import (
	"time"

	"gatehouse/component/wire"
)

// Namespaces of message archives (XEP-0313).
const (
	ArchiveNamespace = "urn:xmpp:mam:2"
	ArchiveExtended  = ArchiveNamespace + "#extended"

	forwardNamespace  = "urn:xmpp:forward:0"
	validateNamespace = "http://jabber.org/protocol/xdata-validate"
)

// An ArchiveQuery asks for a part of an archive.
type ArchiveQuery struct {
	ID                string // of the query; may be empty
	With              string // an address
	Start, End        time.Time
	AfterID, BeforeID string
	IDs               []string
	Page              PageRequest
	Flip              bool // the newest of the page comes first
}

// ReadArchiveQuery reads a query. Where it can't be answered as it is, the
// error says so.
func ReadArchiveQuery(query *wire.Element) (q ArchiveQuery, problem *Error) {
	q.ID = query.Attr("queryid")
	q.Page, _ = ReadPageRequest(query)
	q.Flip = query.Child(ArchiveNamespace, "flip-page") != nil
	form, _ := ReadForm(query)
	for _, f := range form.Fields {
		if problem := q.readField(f); problem != nil {
			return q, problem
		}
	}
	return q, nil
}

func (q *ArchiveQuery) readField(f Field) *Error {
	value := ""
	if len(f.Values) > 0 {
		value = f.Values[0]
	}
	switch f.Var {
	case "FORM_TYPE":
		if value != ArchiveNamespace {
			return &Error{Class: Modify, Condition: BadRequest, Text: "the form must be of the type " + ArchiveNamespace}
		}
	case "with":
		q.With = value
	case "start":
		return readTime(f.Var, value, &q.Start)
	case "end":
		return readTime(f.Var, value, &q.End)
	case "after-id":
		q.AfterID = value
	case "before-id":
		q.BeforeID = value
	case "ids":
		q.IDs = f.Values
	default:
		// XEP-0313 §4.1.6: never to be ignored.
		return &Error{Class: Cancel, Condition: FeatureNotImplemented, Text: "archives can't be searched by " + f.Var}
	}
	return nil
}

// readTime reads a time of XEP-0082 §3.2.
func readTime(field, value string, into *time.Time) *Error {
	if value == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return &Error{Class: Modify, Condition: BadRequest, Text: field + " must be a time such as 2024-05-01T20:30:00Z"}
	}
	*into = t
	return nil
}

// ArchiveFields answers which fields a query may have (XEP-0313 §4.1.6).
type ArchiveFields struct{}

// WriteXML implements wire.Payload.
func (ArchiveFields) WriteXML(w *wire.Writer) {
	w.Start(ArchiveNamespace, "query")
	w.Start(FormNamespace, "x")
	w.Attr("type", "form")
	for _, f := range []Field{
		FormType(ArchiveNamespace), {Var: "with", Type: "jid-single"},
		{Var: "start", Type: TextSingleField}, {Var: "end", Type: TextSingleField},
		{Var: "before-id", Type: TextSingleField}, {Var: "after-id", Type: TextSingleField},
	} {
		f.write(w)
	}
	w.Start(FormNamespace, "field") // whose list is open, as all ids would be too many
	w.Attr("var", "ids")
	w.Attr("type", ListMultiField)
	w.Start(validateNamespace, "validate")
	w.Attr("datatype", "xs:string")
	w.Start(validateNamespace, "open")
	w.End()
	w.End()
	w.End()
	w.End()
	w.End()
}

// An ArchiveResult is one message out of an archive.
type ArchiveResult struct {
	QueryID string
	ID      string
	At      time.Time
	Message Stanza // without To where it went to everybody in a room
}

// WriteXML implements wire.Payload.
func (r ArchiveResult) WriteXML(w *wire.Writer) {
	w.Start(ArchiveNamespace, "result")
	if r.QueryID != "" {
		w.Attr("queryid", r.QueryID)
	}
	w.Attr("id", r.ID)
	w.Start(forwardNamespace, "forwarded")
	Delay{At: r.At}.WriteXML(w)
	r.Message.WriteXML(w)
	w.End()
	w.End()
}

// ArchiveFin ends the results of a query.
type ArchiveFin struct {
	Complete bool // there is no more, in the direction that was asked for
	Page
}

// WriteXML implements wire.Payload.
func (f ArchiveFin) WriteXML(w *wire.Writer) {
	w.Start(ArchiveNamespace, "fin")
	if f.Complete {
		w.Attr("complete", "true")
	}
	f.Page.WriteXML(w)
	w.End()
}

// An ArchiveEnd is the first or the last message of an archive.
type ArchiveEnd struct {
	ID string
	At time.Time
}

// ArchiveEnds tells how far an archive reaches. Both ends are nil if it is
// empty.
type ArchiveEnds struct{ Start, End *ArchiveEnd }

// WriteXML implements wire.Payload.
func (m ArchiveEnds) WriteXML(w *wire.Writer) {
	w.Start(ArchiveNamespace, "metadata")
	m.Start.write(w, "start")
	m.End.write(w, "end")
	w.End()
}

func (e *ArchiveEnd) write(w *wire.Writer, name string) {
	if e == nil {
		return
	}
	w.Start(ArchiveNamespace, name)
	w.Attr("id", e.ID)
	w.Attr("timestamp", stamp(e.At))
	w.End()
}
