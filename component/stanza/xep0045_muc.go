package stanza

import (
	"strconv"
	"time"

	"gatehouse/component/wire"
)

// Namespaces of multi-user chat (XEP-0045).
const (
	MUCNamespace      = "http://jabber.org/protocol/muc"
	MUCUserNamespace  = "http://jabber.org/protocol/muc#user"
	MUCAdminNamespace = "http://jabber.org/protocol/muc#admin"
	MUCOwnerNamespace = "http://jabber.org/protocol/muc#owner"
)

// Status codes (XEP-0045 §15.6.2).
const (
	SelfPresence = 110
	NickAssigned = 210
	WasBanned    = 301
	NewNick      = 303
	WasKicked    = 307
	Shutdown     = 332
	LinkFailed   = 333
)

// A MUCItem tells of one occupant (XEP-0045 §15.5.2).
type MUCItem struct {
	Affiliation, Role string
	JID, Nick         string
	Actor, Reason     string // Actor is a nick
}

func (i MUCItem) write(w *wire.Writer, space string) {
	w.Start(space, "item")
	w.Attr("affiliation", i.Affiliation)
	if i.Role != "" {
		w.Attr("role", i.Role)
	}
	if i.JID != "" {
		w.Attr("jid", i.JID)
	}
	if i.Nick != "" {
		w.Attr("nick", i.Nick)
	}
	if i.Actor != "" {
		w.Start(space, "actor")
		w.Attr("nick", i.Actor)
		w.End()
	}
	if i.Reason != "" {
		w.Start(space, "reason")
		w.Text(i.Reason)
		w.End()
	}
	w.End()
}

// MUCUser is what a room adds to an occupant's presence.
type MUCUser struct {
	Item      MUCItem
	Statuses  []int
	Destroyed *MUCDestroyed // nil: the room is still there
}

// MUCDestroyed tells that there is no such room any more, and where to go
// (XEP-0045 §10.9).
type MUCDestroyed struct{ JID, Reason string }

// WriteXML implements wire.Payload.
func (x MUCUser) WriteXML(w *wire.Writer) {
	w.Start(MUCUserNamespace, "x")
	x.Item.write(w, MUCUserNamespace)
	for _, s := range x.Statuses {
		w.Start(MUCUserNamespace, "status")
		w.Attr("code", strconv.Itoa(s))
		w.End()
	}
	if d := x.Destroyed; d != nil {
		w.Start(MUCUserNamespace, "destroy")
		w.Attr("jid", d.JID)
		if d.Reason != "" {
			w.Start(MUCUserNamespace, "reason")
			w.Text(d.Reason)
			w.End()
		}
		w.End()
	}
	w.End()
}

// MUCJoin is what a presence says that enters a room (XEP-0045 §7.2).
type MUCJoin struct {
	Password string
	History  HistoryLimits
}

// HistoryLimits bound what a room sends of its past (XEP-0045 §7.2.15). A limit
// that was not given is negative, a time that was not given is zero.
type HistoryLimits struct {
	MaxChars, MaxStanzas int
	Since                time.Time
}

// ReadMUCJoin reads the join in a presence. Seconds are taken from now.
func (s Received) ReadMUCJoin(now time.Time) (join MUCJoin, ok bool) {
	join.History = HistoryLimits{MaxChars: -1, MaxStanzas: -1}
	x := s.Child(MUCNamespace, "x")
	if x == nil || s.Type != Available {
		return join, false
	}
	join.Password = x.Child(MUCNamespace, "password").Content()
	h := x.Child(MUCNamespace, "history")
	if h == nil {
		return join, true
	}
	join.History.MaxChars = countAttr(h, "maxchars")
	join.History.MaxStanzas = countAttr(h, "maxstanzas")
	if seconds := countAttr(h, "seconds"); seconds >= 0 {
		join.History.Since = now.Add(-time.Duration(seconds) * time.Second)
	}
	if since, err := time.Parse(time.RFC3339, h.Attr("since")); err == nil && since.After(join.History.Since) {
		join.History.Since = since
	}
	return join, true
}

func countAttr(e *wire.Element, name string) int {
	n, err := strconv.Atoi(e.Attr(name))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// MUCAdmin lists occupants or affiliations (XEP-0045 §8 to §10).
type MUCAdmin struct{ Items []MUCItem }

// WriteXML implements wire.Payload.
func (q MUCAdmin) WriteXML(w *wire.Writer) {
	w.Start(MUCAdminNamespace, "query")
	for _, i := range q.Items {
		i.write(w, MUCAdminNamespace)
	}
	w.End()
}

// ReadMUCItems reads the items of a muc#admin query.
func ReadMUCItems(query *wire.Element) []MUCItem {
	var items []MUCItem
	for c := range query.Children() {
		if c.Name == "item" {
			items = append(items, MUCItem{
				Affiliation: c.Attr("affiliation"), Role: c.Attr("role"),
				JID: c.Attr("jid"), Nick: c.Attr("nick"),
				Reason: c.Child(MUCAdminNamespace, "reason").Content(),
			})
		}
	}
	return items
}

// MUCOwner is a room's form of settings (XEP-0045 §10.2).
type MUCOwner struct{ Form Form }

// WriteXML implements wire.Payload.
func (o MUCOwner) WriteXML(w *wire.Writer) {
	w.Start(MUCOwnerNamespace, "query")
	o.Form.WriteXML(w)
	w.End()
}
