package transport

// Staying is implemented by a Network whose users may stay in rooms while none
// of their clients is there.
type Staying interface {
	// Stays says whether the user stays in a room. It may wait for Settings, so
	// it is never called from a session's goroutine.
	Stays(user string, room Address) bool
}
