package android

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Examine implements provider.Examiner: the app's interface, the webhooks that
// are registered, and a call of ours with a signature of ours.
func (p *Provider) Examine(ctx context.Context, numbers []string, e transport.Examination) {
	for _, number := range numbers {
		if _, ok := p.options.Numbers[number]; !ok {
			e.Bad(number + " is a user's, and not among the numbers of android.numbers.")
		}
	}
	a, err := p.call(ctx, http.MethodGet, "/webhooks", nil)
	var list []webhook
	switch {
	case err != nil:
		if retry, ok := errors.AsType[*provider.Retry](err); ok {
			err = retry.Err
		}
		e.Bad(fmt.Sprintf("The phone, or its server, can't be reached at %s: %v.", p.api, err))
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		e.Bad("The app does not take the user name and the password. Both are on its first page.")
	case a.status/100 != 2 || a.decode(&list) != nil:
		e.Bad(fmt.Sprintf("At %s is not the app's interface: it answers with status %d.", p.api, a.status))
	default:
		e.Good("The app takes the user name and the password.")
		if !p.polls() {
			p.examineWebhooks(list, e)
		}
	}
	if p.polls() {
		if _, err := p.inbox(ctx, time.Now()); err != nil {
			e.Bad(fmt.Sprintf("The app can't be asked for texts: %v. Without public_url, that is needed: the phone itself gives them, as of version 1.59, and its public server does not.", err))
		} else {
			e.Good(fmt.Sprintf("Without public_url, the app is asked for texts every %v.", p.options.Poll))
		}
		return
	}
	body, at := `{"event":"system:ping"}`, strconv.FormatInt(time.Now().Unix(), 10)
	r, err := http.NewRequest(http.MethodPost, p.public+pathEvent, strings.NewReader(body))
	if err != nil {
		e.Bad("public_url is not an address.")
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Timestamp", at)
	r.Header.Set("X-Signature", hex.EncodeToString(sign(p.options.SigningKey.Reveal(), []byte(body), at)))
	provider.CallBack(ctx, e, r, http.StatusOK)
}

func (p *Provider) examineWebhooks(list []webhook, e transport.Examination) {
	here := map[string]bool{}
	for _, w := range list {
		if w.URL == p.public+pathEvent {
			here[w.Event] = true
		}
	}
	var missing []string
	for _, event := range []string{smsReceived, smsDelivered, smsFailed} {
		if !here[event] {
			missing = append(missing, event)
		}
	}
	switch {
	case len(missing) == 0:
		e.Good("The app calls the gateway.")
	case e.Running:
		e.Bad("The app does not call the gateway for " + strings.Join(missing, ", ") + ", which the gateway should have asked for: its log tells why not.")
	default:
		e.Doubtful("The app does not call the gateway yet. The gateway asks it to when it starts.")
	}
}
