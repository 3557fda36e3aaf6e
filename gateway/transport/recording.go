package transport

// Recording is implemented by a Network of whose conversations an archive is
// kept, for its users to read again. Without it a room remembers a few messages
// while it is joined, and nothing else is kept.
type Recording interface {
	// Records says what is kept of what a user sees in a room, or of what they
	// and a person say. It may wait for Settings, so it is never called from a
	// session's goroutine; it is called anew after Reconfigurable.Reconfigured.
	Records(user string, at Address) (Record, error)
}

// A Record says what is kept of a conversation.
type Record struct {
	Keep   bool
	AtJoin int // how many messages of its past a room shows at most to a client that joins
}
