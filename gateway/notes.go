package gateway

import (
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
)

// A note is what the gateway writes into a transport.Request, to know whom to
// answer when the network does.
type note struct {
	kind     noteKind
	id       string // of the stanza
	resource string // of the client that sent it
	chat     string // local part that it was sent to, as it was written
	nick     string // and the resource
	receipt  bool   // the client asked for a receipt
	markable bool   // and to be told once it is read (XEP-0333 §4)
}

type noteKind byte

const (
	noteMessage noteKind = 'm' // a message to a person
	noteCopy    noteKind = 'c' // a blind copy of one
	noteRoom    noteKind = 'g' // a message or a subject to a room
	noteAnew    noteKind = 'a' // a message taken back, to be sent anew
	noteNick    noteKind = 'n' // a change of nick
	noteInquiry noteKind = 'w' // a question about somebody
	noteIQ      noteKind = 'q' // an iq that is kept
	noteList    noteKind = 'l' // a list of rooms; chat is the server
	noteHistory noteKind = 'h' // a question about the past; id is its number
)

// noteFlags are the receipt and the marker: neither, one, the other, both.
const noteFlags = "-rdb"

// request writes the note: its kind, the flags, and each text after its length.
func (n note) request() transport.Request {
	var b strings.Builder
	b.Grow(16 + len(n.id) + len(n.resource) + len(n.chat) + len(n.nick))
	flags := 0
	if n.receipt {
		flags++
	}
	if n.markable {
		flags += 2
	}
	b.WriteByte(byte(n.kind))
	b.WriteByte(noteFlags[flags])
	for _, s := range [...]string{n.id, n.resource, n.chat, n.nick} {
		var number [20]byte
		b.Write(append(strconv.AppendInt(number[:0], int64(len(s)), 10), ':'))
		b.WriteString(s)
	}
	return transport.Request(b.String())
}

// readNote is the reverse; false means that the gateway did not write it.
func readNote(r transport.Request) (n note, ok bool) {
	s := string(r)
	if len(s) < 2 {
		return n, false
	}
	flags := max(0, strings.IndexByte(noteFlags, s[1]))
	n.kind, n.receipt, n.markable = noteKind(s[0]), flags&1 > 0, flags&2 > 0
	s = s[2:]
	for _, field := range [...]*string{&n.id, &n.resource, &n.chat, &n.nick} {
		length, rest, found := strings.Cut(s, ":")
		size, err := strconv.Atoi(length)
		if !found || err != nil || size < 0 || size > len(rest) {
			return n, false
		}
		*field, s = rest[:size], rest[size:]
	}
	return n, s == ""
}
