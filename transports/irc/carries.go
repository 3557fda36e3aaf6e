package irc

import "gatehouse/gateway/transport"

var _ transport.Carrier = (*session)(nil)

// Carries implements transport.Carrier.
func (s *session) Carries(transport.Address) transport.Features { return transport.CarriesActions }
