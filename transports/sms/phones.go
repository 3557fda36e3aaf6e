package sms

import (
	"fmt"
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

const settingCountry = "country"

var countrySetting = setting{
	Field: transport.Field{
		Name: settingCountry, Label: "The country of numbers that you write without one",
		Help: "Two letters, like US or DE, or its code, like +49. It is that of your own number unless you say otherwise.",
	},
	standard: func(n *Network, user string) []string { return []string{n.countryOfOwn(user)} },
	check: func(_ *Network, _ string, given []string) ([]string, string) {
		text := strings.TrimSpace(strings.Join(given, ""))
		if text == "" {
			return nil, ""
		}
		region, ok := contextRegion(text, "")
		if !ok {
			return nil, fmt.Sprintf("%.40q is no country, write two letters like DE, or a code like +49", text)
		}
		return []string{region}, ""
	},
}

// countryOfOwn gives the country of the number that a user sends from.
func (n *Network) countryOfOwn(user string) string {
	if own := n.lines.of(user); len(own) > 0 {
		return regionOf(own[0], n.region)
	}
	return n.region
}

// Read implements transport.Reader: numbers without a country are of the one
// that the user has set, or that their own number is of.
func (n *Network) Read(user, text string) (transport.Address, transport.Kind, error) {
	a, kind, err := n.Resolve(text)
	if strings.Contains(text, ";") {
		return a, kind, err // an address that tells more than is dialled
	}
	region := strings.Join(n.setting(user, settingCountry), "")
	switch {
	case region == n.region:
		return a, kind, err
	case isGroupText(text):
		return resolveGroup(text, region, n.maxMembers)
	}
	a, err = resolve(text, region)
	return a, transport.Person, err
}
