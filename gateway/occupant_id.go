package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

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
	mac := hmac.New(sha256.New, h.gateway.occupantKey())
	for _, part := range [...]string{h.Domain, string(room), identity} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return stanza.OccupantID(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:occupantIDBytes]))
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
