package kannel

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Examine implements provider.Examiner: sendsms is called without a recipient,
// so that it looks at the credentials and sends nothing; and the gateway is
// called as Kannel would, with a text that lacks everything.
func (p *Provider) Examine(ctx context.Context, _ []string, e transport.Examination) {
	credentials := url.Values{"username": {p.options.Username}, "password": {p.options.Password.Reveal()}}
	status, body, err := p.ask(ctx, p.options.SendURL+"?"+credentials.Encode())
	switch {
	case err != nil:
		e.Bad(fmt.Sprintf("Kannel can't be reached at send_url: %v.", provider.WithoutURL(err)))
	case status == http.StatusForbidden && strings.HasPrefix(body, "Authorization failed"):
		e.Bad("Kannel does not take username and password: compare them with those of its sendsms-user.")
	case status == http.StatusBadRequest:
		e.Good("Kannel takes the credentials.")
	default:
		e.Bad(fmt.Sprintf("At send_url is not Kannel's sendsms: it answers with status %d.", status))
	}
	in := url.Values{"secret": {p.options.WebhookSecret.Reveal()}}
	r, err := http.NewRequest(http.MethodGet, p.public+pathIn+"?"+in.Encode(), nil)
	if err != nil {
		e.Bad("public_url is not an address.")
		return
	}
	provider.CallBack(ctx, e, r, http.StatusBadRequest)
}

func (p *Provider) ask(ctx context.Context, address string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := p.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	return res.StatusCode, string(text), err
}
