package provider

import (
	"fmt"

	"gatehouse/gateway/transport"
)

// What operators say of a text, in the words of SMPP 3.4. Gateways of other
// kinds pass them on.

// commandStatuses are the answers to a submit_sm (SMPP 3.4 §5.1.3).
var commandStatuses = map[uint32]Code{
	0x01: {Reason: transport.TooLong, Text: "The message is too long for the operator."},
	0x04: {Reason: transport.Unreachable, Text: "The operator is not ready for texts.", Retry: true},
	0x08: {Reason: transport.Unreachable, Text: "The operator has an internal problem.", Retry: true},
	0x0a: {Reason: transport.NotRegistered, Text: "The operator does not let the gateway send from your number. Its operator must correct that.", Admin: true},
	0x0b: {Reason: transport.BadAddress, Text: "The operator says that the recipient's number is not a valid one."},
	0x0d: {Reason: transport.NotAuthorized, Text: "The operator refused the gateway's connection.", Admin: true},
	0x0e: {Reason: transport.NotAuthorized, Text: "The operator refused the gateway's credentials.", Admin: true},
	0x0f: {Reason: transport.NotAuthorized, Text: "The operator refused the gateway's credentials.", Admin: true},
	0x14: {Reason: transport.RateLimited, Text: "Too many texts wait at the operator.", Retry: true},
	0x45: {Reason: transport.Rejected, Text: "The operator refused the message."},
	0x48: {Reason: transport.NotRegistered, Text: "The operator does not let the gateway send from your number. Its operator must correct that.", Admin: true},
	0x49: {Reason: transport.NotRegistered, Text: "The operator does not let the gateway send from your number. Its operator must correct that.", Admin: true},
	0x50: {Reason: transport.BadAddress, Text: "The operator says that the recipient's number is not a valid one."},
	0x51: {Reason: transport.BadAddress, Text: "The operator says that the recipient's number is not a valid one."},
	0x58: {Reason: transport.RateLimited, Text: "The operator takes no more texts at the moment.", Retry: true},
	0x64: {Reason: transport.Unreachable, Text: "The operator could not take the text at the moment.", Retry: true},
	0x66: {Reason: transport.Rejected, Text: "The recipient's phone refused the message."},
}

// CommandStatus gives the meaning of an answer that is not ESME_ROK.
func CommandStatus(status uint32) Code {
	if c, ok := commandStatuses[status]; ok {
		return c
	}
	return Code{Reason: transport.Rejected, Text: "The operator refused the message."}
}

// CommandError makes the error for such an answer. The cause is for the log.
func CommandError(status uint32, cause error) *transport.Error {
	c := CommandStatus(status)
	return &transport.Error{Reason: c.Reason, Text: c.Text, Code: fmt.Sprintf("0x%08x", status), Err: cause}
}

// receiptStates are the final states of a text that was not delivered, as the
// text of a receipt names them (SMPP 3.4 Appendix B).
var receiptStates = map[string]Code{
	"EXPIRED": {Reason: transport.RecipientUnavailable, Text: "The text could not be delivered in time: the recipient's phone may be off or have no signal."},
	"DELETED": {Reason: transport.Rejected, Text: "The operator deleted the text."},
	"UNDELIV": {Reason: transport.RecipientUnavailable, Text: "The operator could not deliver the text."},
	"REJECTD": {Reason: transport.Rejected, Text: "The operator refused to deliver the text."},
	"UNKNOWN": {Reason: transport.Unexplained, Text: "The operator does not know what became of the text."},
}

// ReceiptError makes the error for a state. The code is the operator's own.
func ReceiptError(state, code string) *transport.Error {
	c, ok := receiptStates[state]
	if !ok {
		c = Lookup(30008)
	}
	return &transport.Error{Reason: c.Reason, Text: c.Text, Code: code}
}
