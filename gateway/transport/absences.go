package transport

// Absences is implemented by a Network that is Reachable, of whom some can't be
// written to just now: they are shown as it says. When that changes the session
// says so with PresenceChanged.
type Absences interface {
	// Absence tells how somebody is shown to a user, if not as there. It does no
	// I/O.
	Absence(user string, who Address) (a Availability, absent bool)
}
