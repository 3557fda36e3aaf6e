package transport

import (
	"context"
	"io"
)

// A Media is a file that belongs to a message: a picture, a voice note, a
// card. Only URL must be there; the rest is as far as known, and not to be
// trusted where it comes from people.
type Media struct {
	URL    string // https, where clients and networks fetch it
	Name   string // with its extension: "IMG_1.jpg"
	Type   string // "image/jpeg"
	Size   int64  // bytes; 0: not known
	SHA256 []byte
	Width  int // of a picture, in pixels
	Height int
	Text   string // what it shows, for those who can't see it
}

// Files is what a network hosts files with for people to fetch, and fetches
// theirs with. Its methods are called from many goroutines.
type Files interface {
	// Put stores a file that belongs to a user and gives the link to it, with
	// its type as its content tells it, and a name that fits the type. The link
	// can't be guessed and stops working after a while. The same file of the
	// same user has the same link. An *Error tells that the file is too large,
	// that the user has too many, or that nothing is hosted here.
	Put(ctx context.Context, user string, f File) (Media, error)

	// Get reads what is at a URL that a user or the network named, the user's
	// and the gateway's own links included, up to so many bytes. It connects to
	// no private address unless the operator allows it.
	Get(ctx context.Context, url string, max int64) (File, error)

	// Max is the most bytes that Put takes at once; 0: it takes nothing.
	Max() int64
}

// A File is what is in a file.
type File struct {
	Name    string // as the sender has it; may be empty
	Type    string // as the sender says; may be empty or wrong
	Size    int64  // as far as it is known beforehand
	Content io.ReadCloser
	Public  bool // of what Get gave: everybody can get it from there, over https
}
