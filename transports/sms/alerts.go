package sms

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// alertEvery is how often the administrators are told of one kind of failure.
const alertEvery = 6 * time.Hour

// alerts are what the administrators were told of.
type alerts struct {
	mu   sync.Mutex
	told map[string]time.Time // by code: there are as many as provider.Lookup knows
}

// alertAbout tells the administrators of a failure that only they can mend.
func (n *Network) alertAbout(why *transport.Error) {
	code, err := strconv.Atoi(why.Code)
	if err != nil || !provider.Lookup(code).Admin || n.tellAdmins == nil {
		return
	}
	now := time.Now()
	n.alerts.mu.Lock()
	due := now.Sub(n.alerts.told[why.Code]) >= alertEvery
	if due {
		if n.alerts.told == nil {
			n.alerts.told = map[string]time.Time{}
		}
		n.alerts.told[why.Code] = now
	}
	n.alerts.mu.Unlock()
	if due {
		n.tellAdmins(fmt.Sprintf("Texts of %s fail, and you may have to do something (code %s): %s", n.name, why.Code, why.Text))
	}
}
