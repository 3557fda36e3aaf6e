package sms

import (
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// ofOwnAccount says that an item went over an account of its user's own: then
// it is theirs to mend what is wrong with that.
func (n *Network) ofOwnAccount(item transport.OutboxItem) bool {
	t := n.lines.trunkOf(string(item.From))
	return t != nil && t.own.sid != ""
}

var inTheirNames = strings.NewReplacer(
	"The gateway's", "Your", "the gateway's", "your account's", "that the gateway sends from for you ", "", "The gateway", "Your account",
)

// inOwnWords tells the user of such a failure what they can do.
func inOwnWords(why *transport.Error) *transport.Error {
	code, err := strconv.Atoi(why.Code)
	if err != nil || !provider.Lookup(code).Admin {
		return why
	}
	own := *why
	switch why.Reason {
	case transport.NotAuthorized:
		own.Text = "Twilio does not take your account's auth token any more, or the account is not active. Register again with the new token."
	default:
		own.Text = strings.TrimSuffix(why.Text, " Its operator must correct that.")
		own.Text = inTheirNames.Replace(own.Text) + " Look at your account in Twilio's console."
	}
	return &own
}
