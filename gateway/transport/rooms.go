package transport

import "context"

// Splitter is implemented by a Session on whose network one message to a room
// may become several, or something else altogether.
type Splitter interface {
	// Lines gives what those in the room see of a text that is sent to it: one
	// text for each message, none for a command. False means that they see it as
	// it is. It does no I/O.
	Lines(room Address, text string) (lines []string, otherwise bool)
}

// RoomNotice is a text from the room itself to all those in it: what was done
// there and is seen in no other way.
type RoomNotice struct {
	Room Address
	Text string
}

func (RoomNotice) isEvent() {}

// Renaming is implemented by a Session on whose network rooms can get another
// name. Whether the user may in one just now is what Carrier says.
type Renaming interface {
	// RenameRoom is answered by Answered. RoomRenamed tells all those in the room.
	RenameRoom(ctx context.Context, room Address, name, reason string, r Request) error
}

// RoomRenamed tells that a room that the user is in, or on the way into, has
// another address from now on. Nothing else of it has changed.
type RoomRenamed struct {
	Room, To Address
	By       string // nick
	Reason   string
}

func (RoomRenamed) isEvent() {}
