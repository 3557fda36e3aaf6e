package transport

// A Face is what people show of themselves beside their name, and rooms and
// servers, too. Nil stands for nothing. Nobody changes one: there is another.
type Face struct {
	Picture  string // URL; "{size}" in it stands for the pixels of a side
	Name     string // to be shown beside the nick
	Pronouns string
	Homepage string // URL
	Status   string // one sentence
}

type (
	// FaceChanged tells of the face of a room, a server, or somebody whom the
	// user watches. Those in a room bear theirs: see Member.
	FaceChanged struct {
		Of   Address
		Face *Face
	}

	// ProfileChanged tells that what Profile gave of somebody holds no more.
	ProfileChanged struct{ Who Address }
)

func (FaceChanged) isEvent()    {}
func (ProfileChanged) isEvent() {}

// Portraying is implemented by a Session that can show its network who the user
// is on XMPP.
type Portraying interface {
	// Portrays says that the user wants that, and the network can. It does no I/O.
	Portrays() bool
	// Portray tells who they are, and is called again when that has changed. It
	// does no I/O.
	Portray(f Face)
}
