package faulty

import (
	"errors"

	"gatehouse/gateway/transport"
)

func (n *Network) Records(string, transport.Address) (transport.Record, error) {
	if n.Fault == RecordsFail {
		return transport.Record{}, errors.New("nobody has set anything")
	}
	return transport.Record{Keep: true, AtJoin: 20}, nil
}
