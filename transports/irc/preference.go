package irc

import "gatehouse/gateway/transport"

var _ transport.Preferring = (*network)(nil)

// Preference implements transport.Preferring by the settings corrections and
// reactions, of the channel before those for all of IRC.
func (n *network) Preference(user string, at transport.Address) (p transport.Preference, err error) {
	if n.settings == nil {
		return p, nil
	}
	for _, place := range []transport.Address{"", at} {
		values, err := n.settings.Of(user, place)
		if err != nil {
			return p, err
		}
		switch values.Get("corrections") {
		case "diff":
			p.Corrections = transport.CorrectByDiff
		case "resend":
			p.Corrections = transport.CorrectByRepeat
		case "off":
			p.Corrections = transport.CorrectNever
		}
		switch values.Get("reactions") {
		case "text":
			p.HideReactions = false
		case "off":
			p.HideReactions = true
		}
	}
	return p, nil
}
