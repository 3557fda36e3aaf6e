package providertest

import (
	"context"
	"sync"

	"gatehouse/transports/sms/provider"
)

// A Receiver keeps what it gets, or fails. Its fields are read once whatever
// calls it is done.
type Receiver struct {
	mu      sync.Mutex
	In      []provider.Inbound
	Reports []provider.Report
	Err     error // that every call returns
}

// Receive implements provider.Receiver.
func (r *Receiver) Receive(_ context.Context, in provider.Inbound) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.In = append(r.In, in)
	return r.Err
}

// Report implements provider.Receiver.
func (r *Receiver) Report(_ context.Context, report provider.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Reports = append(r.Reports, report)
	return r.Err
}
