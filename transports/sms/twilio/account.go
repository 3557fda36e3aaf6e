package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"gatehouse/gateway/transport"
)

const maxNumberPages = 5

// What is said of credentials that somebody entered.
const (
	saidWrong     = "Twilio does not take this account SID and auth token. Both are on the first page of Twilio's console."
	saidSuspended = "Twilio says that this account is not active. Its console says more."
	saidSilent    = "Twilio does not answer as it should just now. Try again in a while."
)

// A Number is one of the account's.
type Number struct {
	Number   string // E.164
	Texts    bool   // it can send and get them
	Pictures bool

	sid         string
	smsURL      string // where texts to it are brought
	smsMethod   string
	application string // that has its texts instead
}

// Numbers checks the account and gives its numbers. The error is an
// *transport.Error for whoever entered the credentials.
func (p *Provider) Numbers(ctx context.Context) ([]Number, error) {
	account, err := p.call(ctx).api().FetchAccount(url.PathEscape(p.options.AccountSID))
	if err != nil {
		return nil, accountError(err)
	}
	if status := value(account.Status); status != "" && status != "active" {
		return nil, &transport.Error{Reason: transport.NotAuthorized, Text: saidSuspended}
	}
	numbers, err := p.numbers(ctx)
	if err != nil {
		return nil, accountError(err)
	}
	return numbers, nil
}

func (p *Provider) numbers(ctx context.Context) ([]Number, error) {
	params := (&api.ListIncomingPhoneNumberParams{}).SetPageSize(pageSize)
	var numbers []Number
	token, at := "", ""
	for range maxNumberPages {
		page, err := p.call(ctx).api().PageIncomingPhoneNumber(params, token, at)
		if err != nil {
			return nil, fmt.Errorf("list numbers: %w", err)
		}
		for _, n := range page.IncomingPhoneNumbers {
			numbers = append(numbers, Number{
				Number: value(n.PhoneNumber), Texts: n.Capabilities != nil && n.Capabilities.Sms, Pictures: n.Capabilities != nil && n.Capabilities.Mms,
				sid: value(n.Sid), smsURL: value(n.SmsUrl), smsMethod: value(n.SmsMethod), application: value(n.SmsApplicationSid),
			})
		}
		next, err := url.Parse(value(page.NextPageUri))
		if err != nil {
			break
		}
		token, at = next.Query().Get("PageToken"), next.Query().Get("Page")
		if token == "" && at == "" {
			break
		}
	}
	return numbers, nil
}

// accountError says of a failed call what is wrong with the account.
func accountError(err error) error {
	answer, ok := errors.AsType[*answerError](err)
	if ok {
		switch answer.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest:
			return &transport.Error{Reason: transport.NotAuthorized, Text: saidWrong, Err: err}
		}
	}
	e := &transport.Error{Reason: transport.Unreachable, Text: saidSilent, Err: err}
	if ok {
		e.RetryAfter = answer.RetryAfter
	}
	return e
}
