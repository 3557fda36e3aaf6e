package sms

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// askedCarrier brings no reports by itself.
type askedCarrier struct{ *carrier }

func (askedCarrier) Capabilities() provider.Capabilities {
	return provider.Capabilities{NoReports: true}
}

// However many others are asked for meanwhile, a text is asked for in its time.
func TestHowATextFaresIsAskedInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{status: map[transport.MessageID]provider.Report{}}
		c.change = func(n *Network) { n.lines.trunk(operatorTrunk).provider = askedCarrier{c} }
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		for i := range 8 {
			to := transport.Address(fmt.Sprintf("+1555123000%d", i))
			w.mustSend(transport.Request(fmt.Sprint(i)), to, "hello")
			synctest.Wait()
			c.mu.Lock()
			id := c.ids[i]
			c.status[id] = provider.Report{ID: id, Status: transport.Delivered}
			c.mu.Unlock()
			time.Sleep(2050 * time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		for i := range 8 {
			told := w.romeo.statuses(transport.Request(fmt.Sprint(i)))
			if len(told) != 2 || told[1].Status != transport.Delivered {
				t.Errorf("of text %d is told %v", i, wentThrough(told))
			}
		}
	})
}
