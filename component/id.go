package component

import (
	"crypto/rand"
	"encoding/base32"
	"strconv"
	"time"
)

// instance tells the ids of this process from those of any other on the server:
// Openfire keeps the requests of all components in one map, by id alone.
var instance = "g" + rand.Text()[:7] + "-"

// NewID gives an id for a stanza: unguessable (80 random bits) and made of ASCII
// letters, digits and one hyphen. Later ones are greater, so that an index of
// them grows at its end.
func NewID() string {
	var text [48]byte
	return string(AppendID(text[:0]))
}

// AppendID adds a new id.
func AppendID(b []byte) []byte {
	var random [10]byte
	rand.Read(random[:]) // never fails
	b = strconv.AppendInt(append(b, instance...), time.Now().UnixMicro(), 32)
	return base32.StdEncoding.AppendEncode(b, random[:])
}
