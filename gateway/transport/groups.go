package transport

// Groups is implemented by a Session on whose network something can be sent to
// several people at once, who then are a room that needs nobody to join it.
// Info.Groups says so beforehand.
type Groups interface {
	// Group gives the room of the user and these people; of a single one it is
	// that person. It does no I/O.
	Group(people []Address) (Address, error)
}
