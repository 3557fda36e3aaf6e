package transport

// Groups is implemented by a Session on whose network something can be sent to
// several people at once, who then are a room that needs nobody to join it.
// Info.Groups says so beforehand.
type Groups interface {
	// Group gives the room of the user and these people; of a single one it is
	// that person. It does no I/O.
	Group(people []Address) (Address, error)
	// People gives those in such a room but for the user. It does no I/O.
	People(room Address) []Address
}

// Addressing is implemented by a Network some of whose users are gateways
// themselves, which know no rooms: what is said in one comes to them from the
// person who said it, with the addresses of all (XEP-0033).
type Addressing interface {
	// Addressed says whether a user is such a one. It does no I/O.
	Addressed(user string) bool
	// URI names a person of the network outside of XMPP. It does no I/O.
	URI(who Address) string
}
