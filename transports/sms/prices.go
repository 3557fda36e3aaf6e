package sms

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"gatehouse/gateway/transport"
)

// Prices are what a part costs, by the first digits of the number: "+1",
// "+1809", "+44".
type Prices map[string]float64

var pricePrefix = regexp.MustCompile(`^\+[1-9][0-9]{0,13}$`)

const maxPrice = 1000 // of one part: more is a mistake

func (p Prices) check() error {
	for _, prefix := range slices.Sorted(maps.Keys(p)) {
		key := fmt.Sprintf("price.%q", prefix)
		if !pricePrefix.MatchString(prefix) {
			return &transport.OptionError{Key: key, Problem: `is no beginning of a number; write "+1" or "+1809"`}
		}
		if price := p[prefix]; !(price >= 0 && price <= maxPrice) {
			return &transport.OptionError{Key: key, Problem: fmt.Sprintf("must be from 0 to %d for one part", maxPrice)}
		}
	}
	return nil
}

// of gives the price of a part to somebody: that of the longest prefix. A short
// code is of its country.
func (p Prices) of(to transport.Address) (price float64, known bool) {
	number, longest := numberFor(to), 0
	for prefix, each := range p {
		if len(prefix) > longest && strings.HasPrefix(number, prefix) {
			longest, price, known = len(prefix), each, true
		}
	}
	return price, known
}

// numberFor gives what a number begins with: of a short code, its country's.
func numberFor(to transport.Address) string {
	contact, _ := splitOwn(to)
	number, context, isShort := strings.Cut(string(contact), contextParam)
	if isShort {
		return fmt.Sprintf("+%d", phonenumbers.GetCountryCodeForRegion(strings.ToUpper(context)))
	}
	return number
}

// money writes an amount; texts cost fractions of a cent.
func (n *Network) money(amount float64) string {
	text := strings.TrimRight(fmt.Sprintf("%.4f", amount), "0")
	if i := strings.IndexByte(text, '.'); len(text)-i < 3 {
		text += strings.Repeat("0", 3-(len(text)-i))
	}
	return text + " " + n.currency
}

// countryOf gives the region of somebody's number, "US" or "DE"; "?" where a
// number has none.
func countryOf(to transport.Address) string {
	contact, _ := splitOwn(to)
	number, context, isShort := strings.Cut(string(contact), contextParam)
	if isShort {
		if region := strings.ToUpper(context); knownRegion(region) {
			return region
		}
		return noCountry
	}
	return regionOf(number, noCountry)
}

const noCountry = "?"
