package twilio

import (
	"github.com/nyaruka/phonenumbers"

	"gatehouse/transports/sms/provider"
)

// What a number sends, in parts a second, unless Twilio has agreed on something
// else (https://help.twilio.com/articles/115002943027).
const (
	longCodeMPS      = 1 // of the US and Canada
	tollFreeMPS      = 3
	internationalMPS = 10 // letters, too
	shortCodeMPS     = 100

	mostMPS      = 10_000
	shortCodeMax = 6 // digits
)

var _ provider.Paced = (*Provider)(nil)

// Rate implements provider.Paced. What is sent faster, Twilio would queue, and
// refuse when too much waits (error 21611).
func (p *Provider) Rate(number string) float64 {
	if mps, ok := p.options.MPSOf[number]; ok {
		return mps
	}
	if p.options.MPS > 0 {
		return p.options.MPS
	}
	if len(number) <= shortCodeMax {
		return shortCodeMPS
	}
	n, err := phonenumbers.Parse(number, "")
	switch {
	case err != nil || n.GetCountryCode() != 1:
		return internationalMPS
	case phonenumbers.GetNumberType(n) == phonenumbers.TOLL_FREE:
		return tollFreeMPS
	}
	return longCodeMPS
}
