package gateway

import (
	"strconv"
	"strings"

	"gatehouse/component"
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
	name     string // that the message has in its room where the network gives it none; may be empty
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

// noteBytes are as many as nearly all notes have.
const noteBytes = 256

// request writes the note: its kind, the flags, and each text after its length.
func (n note) request() transport.Request {
	var room [noteBytes]byte
	b := n.append(room[:0])
	if n.name != "" {
		b = appendText(b, n.name)
	}
	return transport.Request(b)
}

// naming is request with a new name for the message in it: so both are one
// string.
func (n note) naming() (r transport.Request, name string) {
	var room [noteBytes]byte
	var id [64]byte
	fresh := component.AppendID(append(id[:0], ownNames...))
	r = transport.Request(appendText(n.append(room[:0]), fresh))
	return r, string(r[len(r)-len(fresh):])
}

func (n note) append(b []byte) []byte {
	flags := 0
	if n.receipt {
		flags++
	}
	if n.markable {
		flags += 2
	}
	b = append(b, byte(n.kind), noteFlags[flags])
	for _, s := range [...]string{n.id, n.resource, n.chat, n.nick} {
		b = appendText(b, s)
	}
	return b
}

func appendText[T string | []byte](b []byte, text T) []byte {
	return append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
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
	for _, field := range [...]*string{&n.id, &n.resource, &n.chat, &n.nick, &n.name} {
		if s == "" && field == &n.name {
			break
		}
		length, rest, found := strings.Cut(s, ":")
		size, err := strconv.Atoi(length)
		if !found || err != nil || size < 0 || size > len(rest) {
			return n, false
		}
		*field, s = rest[:size], rest[size:]
	}
	return n, s == ""
}
