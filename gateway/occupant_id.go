package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// occupantIDBytes are as many as make a guess hopeless.
const occupantIDBytes = 18

// occupantID names the person behind a nick in a room: the same whatever their
// nick, and another in every room (XEP-0421 §4.1). The identity is
// Member.Identity; where the network knows none, the nick has to do.
func (h *host) occupantID(room transport.Address, identity, nick string) stanza.OccupantID {
	if identity == "" {
		identity = "\x00" + nick
	}
	place := h.occupantIDs.place(room, identity)
	if known := place.Load(); known != nil && known.room == room && known.identity == identity {
		return known.id
	}
	mac := hmac.New(sha256.New, h.gateway.occupantKey())
	for _, part := range [...]string{h.Domain, string(room), identity} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	id := stanza.OccupantID(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:occupantIDBytes]))
	place.Store(&knownOccupant{room, identity, id})
	return id
}

// occupantIDs keep what was made last: it is needed for every message, and by
// every user who sees it. Two that have the same place take turns.
type occupantIDs struct {
	seed   maphash.Seed
	places [4096]atomic.Pointer[knownOccupant]
}

type knownOccupant struct {
	room     transport.Address
	identity string
	id       stanza.OccupantID
}

func newOccupantIDs() *occupantIDs { return &occupantIDs{seed: maphash.MakeSeed()} }

func (o *occupantIDs) place(room transport.Address, identity string) *atomic.Pointer[knownOccupant] {
	sum := maphash.String(o.seed, string(room)) ^ bits.RotateLeft64(maphash.String(o.seed, identity), 32)
	return &o.places[sum%uint64(len(o.places))]
}

// readOccupantKey reads the key that occupant identifiers are made with. Without
// it they hold until the next start.
func (g *Gateway) readOccupantKey() []byte {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	key, err := g.Store.Secret(ctx, "occupant-id")
	if err != nil {
		g.Log.Error("the key for occupant identifiers can't be read; they will change with the next start", "err", err)
		key = make([]byte, sha256.Size)
		rand.Read(key) // never fails
	}
	return key
}
