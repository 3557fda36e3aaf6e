package smpp

import (
	"context"
	"fmt"

	"gatehouse/gateway/transport"
)

// Examine implements provider.Examiner: it binds, unless the gateway is at work
// and bound itself: many SMSCs allow one connection.
func (p *Provider) Examine(ctx context.Context, _ []string, e transport.Examination) {
	if e.Running {
		e.Good("The SMSC was not called, as the gateway that is running has the connection. Its log tells of it.")
		return
	}
	l, err := p.bind(ctx)
	if err != nil {
		e.Bad(fmt.Sprintf("The SMSC at %s does not let the gateway in: %v.", p.options.Address, err))
		return
	}
	leaving, leave := context.WithCancel(ctx)
	leave()
	_ = l.serve(leaving)
	e.Good("The SMSC at " + p.options.Address + " takes the credentials.")
}
