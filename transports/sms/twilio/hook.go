package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"gatehouse/transports/sms/provider"
)

// overrides have Twilio call again after whatever failure, up to five times
// (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
// They are not part of what is called or signed.
const overrides = "#rc=5&rp=all"

// A hooked number is how it was set before it was ours.
type hooked struct {
	URL         string
	Method      string `json:",omitempty"`
	Application string `json:",omitempty"`
}

func hookKey(number string) string { return "before " + number }

// Hook has texts to these of the account's numbers brought to our webhook, and
// those to no other: what was set for one before is noted, and set again. It does
// nothing without a public address.
func (p *Provider) Hook(ctx context.Context, ours []string, notes provider.Notebook) error {
	if p.public == "" {
		return nil
	}
	numbers, err := p.numbers(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(ours))
	for _, n := range ours {
		wanted[n] = true
	}
	here := p.public + pathIn
	for _, n := range numbers {
		at, _, _ := strings.Cut(n.smsURL, "#")
		switch {
		case wanted[n.Number] && (n.smsURL != here+overrides || n.application != ""):
			err = p.takeNumber(ctx, n, at == here, here, notes)
		case !wanted[n.Number] && at == here:
			err = p.giveBackNumber(ctx, n, notes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeNumber has texts to a number brought here.
func (p *Provider) takeNumber(ctx context.Context, n Number, isOurs bool, here string, notes provider.Notebook) error {
	if !isOurs || n.application != "" {
		before := hooked{URL: n.smsURL, Method: n.smsMethod}
		if isOurs {
			var err error
			if before, _, err = p.before(ctx, n, notes); err != nil {
				return err
			}
		}
		before.Application = n.application
		value, err := json.Marshal(before)
		if err == nil {
			err = notes.Note(ctx, hookKey(n.Number), value)
		}
		if err != nil {
			return fmt.Errorf("note where texts were brought: %w", err)
		}
	}
	change := (&api.UpdateIncomingPhoneNumberParams{}).SetSmsUrl(here + overrides).SetSmsMethod(http.MethodPost)
	if n.application != "" {
		// Texts go to a number's application before they go to its address, and
		// only the empty SID, which Twilio's OpenAPI leaves out, parts the two
		// (https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
		change.SetSmsApplicationSid("")
	}
	return p.changeNumber(ctx, n, change)
}

// giveBackNumber sets what stood there before; nothing, if that is not known.
func (p *Provider) giveBackNumber(ctx context.Context, n Number, notes provider.Notebook) error {
	before, found, err := p.before(ctx, n, notes)
	if err != nil {
		return err
	}
	if before.Method == "" {
		before.Method = http.MethodPost
	}
	change := (&api.UpdateIncomingPhoneNumberParams{}).SetSmsUrl(before.URL).SetSmsMethod(before.Method)
	if before.Application != "" {
		change.SetSmsApplicationSid(before.Application)
	}
	if err := p.changeNumber(ctx, n, change); err != nil {
		return err
	}
	if found {
		if err := notes.Forget(ctx, hookKey(n.Number)); err != nil {
			return fmt.Errorf("forget where texts were brought: %w", err)
		}
	}
	return nil
}

func (p *Provider) before(ctx context.Context, n Number, notes provider.Notebook) (before hooked, found bool, err error) {
	value, found, err := notes.Noted(ctx, hookKey(n.Number))
	if err != nil {
		return before, false, fmt.Errorf("read where texts were brought: %w", err)
	}
	if found {
		if err := json.Unmarshal(value, &before); err != nil {
			p.log.Warn("where texts were brought before can't be read", "number", provider.LastDigits(n.Number), "error", err)
		}
	}
	return before, found, nil
}

func (p *Provider) changeNumber(ctx context.Context, n Number, change *api.UpdateIncomingPhoneNumberParams) error {
	if _, err := p.call(ctx).api().UpdateIncomingPhoneNumber(url.PathEscape(n.sid), change); err != nil {
		return fmt.Errorf("set where texts are brought: %w", err)
	}
	return nil
}
