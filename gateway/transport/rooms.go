package transport

// Splitter is implemented by a Session on whose network one message to a room
// may become several, or something else altogether.
type Splitter interface {
	// Lines gives what those in the room see of a text that is sent to it: one
	// text for each message, none for a command. It does no I/O.
	Lines(room Address, text string) []string
}

// RoomNotice is a text from the room itself to all those in it: what was done
// there and is seen in no other way.
type RoomNotice struct {
	Room Address
	Text string
}

func (RoomNotice) isEvent() {}
