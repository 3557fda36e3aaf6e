package component

import "crypto/rand"

// instance tells the ids of this process from those of any other on the server:
// Openfire keeps the requests of all components in one map, by id alone.
var instance = "g" + rand.Text()[:7] + "-"

// NewID gives an id for a stanza: unguessable (130 random bits) and made of
// ASCII letters, digits and one hyphen.
func NewID() string { return instance + rand.Text() }
