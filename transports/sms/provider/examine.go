package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/gateway/transport"
)

// Examiner is implemented by a Provider whose set-up can be tried out. The
// numbers are those that it carries.
type Examiner interface {
	Examine(ctx context.Context, numbers []string, e transport.Examination)
}

const callBackTime = 15 * time.Second

// CallBack calls one of the gateway's own webhooks as the provider would, and
// says what came of it. Accepted is the status that shows that all is well.
func CallBack(ctx context.Context, e transport.Examination, r *http.Request, accepted int) {
	where := "public_url, " + r.URL.Scheme + "://" + r.URL.Host
	if !e.Running {
		e.Doubtful(where + " was not tried, as the gateway is not running.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callBackTime)
	defer cancel()
	client := NewClient(NewTransport())
	defer client.CloseIdleConnections()
	res, err := client.Do(r.WithContext(ctx))
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Bad(where + " has a certificate that is not valid: " + WithoutURL(err).Error() + ".")
		return
	}
	if err != nil {
		e.Doubtful(fmt.Sprintf("%s can't be reached from this machine: %v. If it can from elsewhere, that is all right.", where, WithoutURL(err)))
		return
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	switch {
	case res.StatusCode == accepted:
		e.Good(where + " leads here, and what the provider signs is taken.")
	case res.StatusCode == http.StatusForbidden:
		e.Bad(where + " leads to something that refuses the provider's signature. If that is the gateway, it has another address or key: compare public_url, and restart it.")
	case res.StatusCode == http.StatusNotFound:
		e.Bad(where + " does not lead to this component: let the web server pass its path on, with the component's domain.")
	default:
		e.Bad(fmt.Sprintf("%s answers with status %d where the gateway would with %d.", where, res.StatusCode, accepted))
	}
}
