package sms

import (
	"context"
	"errors"
	"log/slog"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Examine implements transport.Examiner: it tries the operator's provider out.
func (o *Options) Examine(ctx context.Context, e transport.Examination) {
	p := providers[o.Provider].make(o, deaf{}, slog.New(slog.DiscardHandler))
	if x, ok := p.(provider.Examiner); ok {
		x.Examine(ctx, o.ownNumbers(), e)
		return
	}
	e.Good("The provider " + o.Provider + " needs nobody outside.")
}

// deaf takes nothing: providers are told to bring it again.
type deaf struct{}

var errOnlyLooking = errors.New("the gateway is only being examined")

func (deaf) Receive(context.Context, provider.Inbound) error { return errOnlyLooking }
func (deaf) Report(context.Context, provider.Report) error   { return errOnlyLooking }
