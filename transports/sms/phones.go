package sms

import (
	"strings"

	"gatehouse/gateway/transport"
)

var (
	_ transport.Phones = (*Network)(nil)
	_ transport.Reader = (*Network)(nil)
)

// prompts ask for a number.
var prompts = map[string]string{
	"en": "Enter a phone number with its country code, like +15551234567.",
	"de": "Geben Sie eine Telefonnummer mit Landesvorwahl ein, etwa +4930123456.",
	"fr": "Saisissez un numéro de téléphone avec l'indicatif du pays, par exemple +33123456789.",
	"es": "Introduzca un número de teléfono con el prefijo del país, por ejemplo +34911234567.",
	"pl": "Wpisz numer telefonu z numerem kierunkowym kraju, na przykład +48221234567.",
}

// Phone implements transport.Phones: a short code means something in its
// country alone.
func (n *Network) Phone(a transport.Address) (number string, ok bool) {
	number = string(a)
	if !strings.HasPrefix(number, "+") || strings.ContainsAny(number, ";,") {
		return "", false
	}
	return number, true
}

// Read implements transport.Reader: numbers without a country are of the one
// that the user's own number is of.
func (n *Network) Read(user, text string) (transport.Address, transport.Kind, error) {
	region := n.region
	if own := n.lines.of(user); len(own) > 0 {
		region = regionOf(own[0], region)
	}
	a, kind, err := n.Resolve(text)
	if region == n.region || kind == transport.Room {
		return a, kind, err
	}
	a, err = resolve(text, region)
	return a, transport.Person, err
}
