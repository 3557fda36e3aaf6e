package provider

import (
	"strconv"

	"gatehouse/gateway/transport"
)

// A Code is what one of Twilio's error codes means to us. The codes are at
// https://www.twilio.com/docs/api/errors; other providers map theirs to them
// where that fits.
type Code struct {
	Reason transport.Reason
	Text   string // for the user
	Retry  bool   // the text was not delivered, and later it may be
	Admin  bool   // the operator of the gateway has to do something
}

var codes = map[int]Code{
	20003: {Reason: transport.NotAuthorized, Text: "The provider refused the gateway's credentials.", Admin: true},
	20403: {Reason: transport.NotAuthorized, Text: "The provider refused the gateway's account: it is forbidden or suspended.", Admin: true},
	20404: {Reason: transport.NotFound, Text: "The provider knows no such account or message."},
	20429: {Reason: transport.RateLimited, Text: "The provider takes no more texts at the moment.", Retry: true},
	20500: {Reason: transport.Unreachable, Text: "The provider has an internal problem.", Retry: true},
	20503: {Reason: transport.Unreachable, Text: "The provider is not available at the moment.", Retry: true},

	11200: {Reason: transport.Unacceptable, Text: "The provider could not fetch the picture or file."},
	11751: {Reason: transport.Unacceptable, Text: "The picture or file is too large."},
	12300: {Reason: transport.Unacceptable, Text: "The provider does not take this type of file."},
	14107: {Reason: transport.Looping, Text: "Too many replies went to this number in a short time."},

	21211: {Reason: transport.BadAddress, Text: "The recipient's number is not a valid phone number."},
	21212: {Reason: transport.NotRegistered, Text: "The gateway sends from an invalid number for you. Its operator must correct that.", Admin: true},
	21265: {Reason: transport.NotAllowed, Text: "The provider does not send to short codes."},
	21266: {Reason: transport.Unacceptable, Text: "Sender and recipient are the same number."},
	21268: {Reason: transport.NotAllowed, Text: "The provider does not send to premium-rate numbers."},
	21408: {Reason: transport.Forbidden, Text: "Texts to this country are not enabled for the gateway."},
	21602: {Reason: transport.BadRequest, Text: "The message has no text."},
	21603: {Reason: transport.NotRegistered, Text: "The gateway has no number to send from for you. Its operator must correct that.", Admin: true},
	21605: {Reason: transport.TooLong, Text: "The message is too long for the provider."},
	21606: {Reason: transport.NotRegistered, Text: "The number that the gateway sends from for you can't send texts to this recipient. Its operator must correct that.", Admin: true},
	21608: {Reason: transport.SubscriptionNeeded, Text: "The gateway's account is on trial and may send only to numbers that were verified.", Admin: true},
	21610: {Reason: transport.Policy, Text: "The recipient has opted out of texts from your number. They can send START to it to get texts again."},
	21611: {Reason: transport.RateLimited, Text: "Too many texts from your number wait at the provider.", Retry: true},
	21612: {Reason: transport.Unroutable, Text: "The provider has no way from your number to this recipient."},
	21614: {Reason: transport.NoSuchService, Text: "The recipient's number is not a mobile number."},
	21617: {Reason: transport.TooLong, Text: "The message is too long for the provider."},
	21619: {Reason: transport.BadRequest, Text: "The message has neither text nor attachment."},
	21620: {Reason: transport.Unacceptable, Text: "The provider could not use the address of the picture or file."},
	21623: {Reason: transport.Unacceptable, Text: "The message has more than ten attachments."},
	21635: {Reason: transport.NoSuchService, Text: "The recipient's number is a landline."},
	21658: {Reason: transport.TooLong, Text: "The message is too long for the provider."},
	21659: {Reason: transport.NotRegistered, Text: "The number that the gateway sends from for you is not the gateway's. Its operator must correct that.", Admin: true},
	21660: {Reason: transport.NotRegistered, Text: "The number that the gateway sends from for you belongs to another account. Its operator must correct that.", Admin: true},
	21661: {Reason: transport.NotRegistered, Text: "The number that the gateway sends from for you can't send texts. Its operator must correct that.", Admin: true},
	21703: {Reason: transport.Internal, Text: "The gateway's messaging service has no number to send from.", Admin: true},

	30001: {Reason: transport.RateLimited, Text: "Too many texts wait at the provider.", Retry: true},
	30002: {Reason: transport.Forbidden, Text: "The gateway's account at the provider is suspended.", Admin: true},
	30003: {Reason: transport.RecipientUnavailable, Text: "The recipient's phone can't be reached: it is off or has no signal."},
	30004: {Reason: transport.Forbidden, Text: "The recipient or their carrier blocks this text."},
	30005: {Reason: transport.NotFound, Text: "The recipient's number is not in use."},
	30006: {Reason: transport.NoSuchService, Text: "The recipient's number is a landline, or their carrier can't be reached."},
	30007: {Reason: transport.Policy, Text: "A carrier filtered this text as spam."},
	30008: {Reason: transport.Unexplained, Text: "The text was not delivered, and nobody said why."},
	30009: {Reason: transport.Internal, Text: "A part of the text was lost."},
	30011: {Reason: transport.NoFiles, Text: "The recipient can't get pictures or files."},
	30017: {Reason: transport.Unreachable, Text: "The recipient's carrier is congested.", Retry: true},
	30018: {Reason: transport.NotRegistered, Text: "The recipient's country wants senders to be registered, and your number is not.", Admin: true},
	30019: {Reason: transport.TooLong, Text: "The message is larger than the recipient's carrier takes."},
	30022: {Reason: transport.RateLimited, Text: "The gateway sends more than US carriers let it.", Retry: true},
	30023: {Reason: transport.RateLimited, Text: "The gateway has sent as much today as US carriers let it.", Retry: true},
	30024: {Reason: transport.NotRegistered, Text: "The sender's name or number is not registered in the recipient's country.", Admin: true},
	30032: {Reason: transport.NotRegistered, Text: "Your toll-free number is not verified.", Admin: true},
	30033: {Reason: transport.NotRegistered, Text: "The gateway's campaign is suspended by US carriers.", Admin: true},
	30034: {Reason: transport.NotRegistered, Text: "Your number is not registered with US carriers (10DLC).", Admin: true},
	30036: {Reason: transport.Unreachable, Text: "The text could not be delivered in time."},
	30039: {Reason: transport.Looping, Text: "The provider stopped this text, because it looks like a loop."},
	30040: {Reason: transport.NotRegistered, Text: "The recipient's carrier wants senders to be registered, and your number is not.", Admin: true},
	30410: {Reason: transport.Unreachable, Text: "The recipient's carrier did not answer in time.", Retry: true},
	30450: {Reason: transport.Policy, Text: "The provider blocked this text to protect against fraud."},

	63003: {Reason: transport.NotFound, Text: "The recipient does not use this service."},
	63016: {Reason: transport.Policy, Text: "The recipient wrote more than 24 hours ago, and only templates may be sent now."},
	63018: {Reason: transport.RateLimited, Text: "Too many messages were sent in a short time."},
}

// classes are the meanings of codes that have none of their own, by their
// first two digits.
var classes = map[int]Code{
	20: {Reason: transport.NotAuthorized, Text: "The provider refused the gateway's request."},
	21: {Reason: transport.Unacceptable, Text: "The provider refused the message."},
	30: {Reason: transport.RecipientUnavailable, Text: "The text could not be delivered."},
	63: {Reason: transport.NoSuchService, Text: "The message could not be delivered."},
}

// Lookup gives the meaning of a code, or that of its class.
func Lookup(code int) Code {
	if c, ok := codes[code]; ok {
		return c
	}
	if c, ok := classes[code/1000]; ok {
		return c
	}
	return Code{Reason: transport.Rejected, Text: "The provider refused the message."}
}

// Error makes the error for a code; 0 stands for a failure without one.
// The cause is for the log.
func Error(code int, cause error) *transport.Error {
	c := Lookup(code)
	e := &transport.Error{Reason: c.Reason, Text: c.Text, Err: cause}
	if code != 0 {
		e.Code = strconv.Itoa(code)
	}
	return e
}
