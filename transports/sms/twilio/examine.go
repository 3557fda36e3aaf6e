package twilio

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// again is what the address of a webhook needs so that Twilio calls again
// after a failure (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
const again = "#rc=5&rp=all"

// Examine implements provider.Examiner: the account, each number, and a call of
// a webhook with a signature of ours.
func (p *Provider) Examine(ctx context.Context, numbers []string, e transport.Examination) {
	all, err := p.Numbers(ctx)
	if err != nil {
		text := err.Error()
		if said, ok := errors.AsType[*transport.Error](err); ok {
			text = strings.ReplaceAll(said.Text, "Twilio", p.dialect.people)
		}
		e.Bad(text)
	} else {
		e.Good(p.dialect.people + " takes the account's credentials.")
		for _, number := range numbers {
			p.examineNumber(all, number, e)
		}
	}
	if p.polls() {
		e.Good(fmt.Sprintf("Without public_url, %s is asked for texts every %v.", p.dialect.people, p.options.Poll))
		return
	}
	// A report about no text does nothing.
	report := signed{url: p.public + p.dialect.status, params: url.Values{"MessageStatus": {"sent"}}}
	r, err := http.NewRequest(http.MethodPost, report.url, strings.NewReader(report.params.Encode()))
	if err != nil {
		e.Bad("public_url is not an address.")
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(p.dialect.signatures[0], base64.StdEncoding.EncodeToString(sign(p.dialect.keys[0], report.url, report.params)))
	provider.CallBack(ctx, e, r, http.StatusOK)
}

func (p *Provider) examineNumber(all []Number, number string, e transport.Examination) {
	for _, n := range all {
		if n.Number != number {
			continue
		}
		switch {
		case !n.Texts:
			e.Bad(number + " can't send texts: it has no SMS capability.")
		case !n.Pictures:
			e.Good(number + " can send texts, but no pictures.")
		default:
			e.Good(number + " can send texts and pictures.")
		}
		if !p.polls() {
			p.examineWebhook(n, e)
		}
		return
	}
	e.Bad(number + " is not a number of the account.")
}

func (p *Provider) examineWebhook(n Number, e transport.Examination) {
	here := p.public + p.dialect.in
	want := here
	if p.dialect.people == "Twilio" {
		want += again
	}
	address, _, _ := strings.Cut(n.smsURL, "#")
	switch {
	case n.application != "":
		e.Doubtful(n.Number + " has an application that its texts go to before they go to its own address. That application, and not the number, must call " + want + ".")
	case address != here && n.smsURL == "":
		e.Bad(n.Number + " calls nobody when a text comes in: set that to " + want + ", or texts do not arrive.")
	case address != here:
		e.Bad(n.Number + " calls somebody else when a text comes in: set that to " + want + ", or texts do not arrive.")
	case n.smsURL != want && want != here:
		e.Doubtful(n.Number + " calls the gateway, but not again after a failure: set the address to " + want + ".")
	default:
		e.Good(n.Number + " calls the gateway when a text comes in.")
	}
}
