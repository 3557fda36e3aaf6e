// Package jid splits, prepares and escapes XMPP addresses (RFC 6122,
// XEP-0106). Preparation is stringprep and not PRECIS (RFC 7622), because that
// is what the servers in use do: an address that they route must not fail here
// for being outside a newer profile.
package jid

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxPart is the longest part of an address in bytes (RFC 6122 §2.1).
const maxPart = 1023

// A JID is an XMPP address. It is comparable; two prepared addresses name the
// same entity exactly if they are equal.
type JID struct{ Local, Domain, Resource string }

var (
	errEmpty     = errors.New("is empty")
	errLong      = errors.New("is longer than 1023 bytes")
	errEncoding  = errors.New("is not valid UTF-8")
	errCharacter = errors.New("has a forbidden character")
	errHost      = errors.New("is not a host name")
	errUnstable  = errors.New("changes when prepared twice")
)

// Parse splits an address and keeps its parts as they are spelled. It refuses
// empty parts, parts longer than 1023 bytes, invalid UTF-8, and characters that
// no XML document or no part of an address can have.
func Parse(s string) (JID, error) {
	// The resource is split off first: it may have an "@" of its own
	// (RFC 7622 §3.1 spells the order out).
	rest, resource, full := strings.Cut(s, "/")
	local, domain, account := strings.Cut(rest, "@")
	if !account {
		local, domain = "", rest
	}
	j := JID{Local: local, Domain: domain, Resource: resource}
	if err := check(domain); err != nil {
		return JID{}, fmt.Errorf("domain of address %w", err)
	}
	if account {
		if err := check(local); err != nil {
			return JID{}, fmt.Errorf("local part of address %w", err)
		}
	}
	if full {
		if err := check(resource); err != nil {
			return JID{}, fmt.Errorf("resource of address %w", err)
		}
	}
	return j, nil
}

// ParsePrepared parses and prepares an address.
func ParsePrepared(s string) (JID, error) {
	j, err := Parse(s)
	if err != nil {
		return JID{}, err
	}
	return j.Prepare()
}

func check(part string) error {
	switch {
	case part == "":
		return errEmpty
	case len(part) > maxPart:
		return errLong
	}
	ascii := true
	for i := 0; i < len(part); i++ {
		// Line breaks and tabs may stand in XML, but every profile forbids
		// them (RFC 3454 C.2.1).
		if part[i] < ' ' {
			return errCharacter
		}
		ascii = ascii && part[i] < utf8.RuneSelf
	}
	if ascii {
		return nil
	}
	if !utf8.ValidString(part) {
		return errEncoding
	}
	if strings.ContainsAny(part, "\uFFFE\uFFFF") {
		return errCharacter
	}
	return nil
}

// Bare gives the address without its resource.
func (j JID) Bare() JID { return JID{Local: j.Local, Domain: j.Domain} }

// IsBare tells whether the address has no resource.
func (j JID) IsBare() bool { return j.Resource == "" }

// IsZero tells whether there is no address.
func (j JID) IsZero() bool { return j == JID{} }

// WithResource gives the address with another resource; "" gives the bare one.
func (j JID) WithResource(r string) JID {
	j.Resource = r
	return j
}

// String joins the parts. A domain alone costs no allocation.
func (j JID) String() string {
	switch {
	case j.Local == "" && j.Resource == "":
		return j.Domain
	case j.Local == "":
		return j.Domain + "/" + j.Resource
	case j.Resource == "":
		return j.Local + "@" + j.Domain
	}
	return j.Local + "@" + j.Domain + "/" + j.Resource
}

// AppendTo appends the joined parts to b.
func (j JID) AppendTo(b []byte) []byte {
	if j.Local != "" {
		b = append(b, j.Local...)
		b = append(b, '@')
	}
	b = append(b, j.Domain...)
	if j.Resource != "" {
		b = append(b, '/')
		b = append(b, j.Resource...)
	}
	return b
}
