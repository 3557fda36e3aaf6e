// Package contacts reads address books: vCards (RFC 6350, RFC 2426) from text,
// from files and from CardDAV servers (RFC 6352). It knows names and numbers
// and no network.
package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/emersion/go-vcard"
)

const (
	// MaxCards is how many people one address book may have.
	MaxCards = 5000
	// MaxBytes is how long the text of one may be.
	MaxBytes = 8 << 20

	maxNumbers = 20 // of one person
)

// Errors of Parse.
var (
	ErrTooLarge = fmt.Errorf("the address book is larger than %d MiB", MaxBytes>>20)
	ErrTooMany  = fmt.Errorf("the address book has more than %d people", MaxCards)
	ErrNoCard   = errors.New("that is no vCard: it begins with BEGIN:VCARD and ends with END:VCARD")
)

// A Card is somebody in an address book.
type Card struct {
	Name    string
	Numbers []string // as they are written there
	Path    string   // where the card is on its CardDAV server
}

// Parse reads vCards, one after another. Cards without a name or a number are
// left out.
func Parse(r io.Reader) ([]Card, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxBytes:
		return nil, ErrTooLarge
	case !bytes.Contains(bytes.ToUpper(text), []byte("BEGIN:VCARD")):
		return nil, ErrNoCard
	}
	var cards []Card
	in := vcard.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		card, err := in.Decode()
		switch {
		case errors.Is(err, io.EOF):
			return cards, nil
		case err != nil:
			return nil, fmt.Errorf("card %d can't be read: %w", n+1, err)
		}
		if c, ok := read(card); ok {
			cards = append(cards, c)
		}
		if len(cards) > MaxCards {
			return nil, ErrTooMany
		}
	}
}

// read takes what is of use out of a vCard.
func read(v vcard.Card) (c Card, ok bool) {
	c.Name = nameOf(v)
	for _, tel := range v[vcard.FieldTelephone] {
		number := tel.Value
		if u, err := url.Parse(number); err == nil && strings.EqualFold(u.Scheme, "tel") { // RFC 6350 §6.4.1
			number = u.Opaque
		}
		number, _, _ = strings.Cut(strings.TrimSpace(number), ";")
		if number != "" && len(c.Numbers) < maxNumbers && !isFax(tel) {
			c.Numbers = append(c.Numbers, number)
		}
	}
	return c, c.Name != "" && len(c.Numbers) > 0
}

func isFax(tel *vcard.Field) bool {
	types := strings.ToLower(strings.Join(tel.Params.Types(), ","))
	return strings.Contains(types, "fax") && !strings.Contains(types, "cell") && !strings.Contains(types, "voice")
}

func nameOf(v vcard.Card) string {
	if name := strings.TrimSpace(v.PreferredValue(vcard.FieldFormattedName)); name != "" {
		return name
	}
	if n := v.Name(); n != nil {
		parts := []string{n.HonorificPrefix, n.GivenName, n.AdditionalName, n.FamilyName, n.HonorificSuffix}
		if name := strings.Join(strings.Fields(strings.Join(parts, " ")), " "); name != "" {
			return name
		}
	}
	for _, field := range []string{vcard.FieldNickname, vcard.FieldOrganization} {
		if name := strings.Trim(v.PreferredValue(field), "; "); name != "" {
			return name
		}
	}
	return ""
}
