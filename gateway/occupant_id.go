package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/maphash"
	"math/bits"
	"sync"
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
	id := h.occupantIDs.compute(h.gateway.occupantKey(), h.Domain, string(room), identity)
	place.Store(&knownOccupant{room, identity, id})
	return id
}

// occupantIDs keep what was made last: it is needed for every message, and by
// every user who sees it. Two that have the same place take turns.
type occupantIDs struct {
	seed   maphash.Seed
	places [4096]atomic.Pointer[knownOccupant]
	keyed  sync.Pool // of *keyedHash
}

// A keyedHash is an HMAC that remembers its key, and room for what goes in and
// comes out: a large room needs an identifier for each of thousands.
type keyedHash struct {
	hash.Hash
	buf []byte
}

type knownOccupant struct {
	room     transport.Address
	identity string
	id       stanza.OccupantID
}

func newOccupantIDs() *occupantIDs { return &occupantIDs{seed: maphash.MakeSeed()} }

// compute takes the key that all identifiers are made with.
func (o *occupantIDs) compute(key []byte, parts ...string) stanza.OccupantID {
	mac, ok := o.keyed.Get().(*keyedHash)
	if !ok {
		mac = &keyedHash{Hash: hmac.New(sha256.New, key)}
	}
	defer o.keyed.Put(mac)
	mac.Reset()
	b := mac.buf[:0]
	for _, part := range parts {
		b = append(append(b, part...), 0)
	}
	mac.Write(b)
	b = mac.Sum(b[:0])[:occupantIDBytes]
	mac.buf = base64.RawURLEncoding.AppendEncode(b, b)
	return stanza.OccupantID(mac.buf[occupantIDBytes:])
}

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
