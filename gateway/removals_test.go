package gateway_test

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

func (l *link) ContactRemoved(_ context.Context, who transport.Address) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, _, _ := l.call("removed", who)
	return now
}

func (l *link) ContactBack(_ context.Context, who transport.Address) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, _, _ := l.call("back", who)
	return now
}

func TestTheNetworkIsToldOnceWhoIsTakenOutOfTheRosterAndWhoComesBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		told := func(removed, back int) {
			t.Helper()
			w.settle()
			w.Skip()
			if r, b := w.phones.callsOf("removed"), w.phones.callsOf("back"); r != removed || b != back {
				t.Errorf("the network was told of %d removals and %d returns, want %d and %d", r, b, removed, back)
			}
		}
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, nursePhone)
		told(0, 0)
		// What a server sends when an item is removed (RFC 6121 §2.5.2).
		w.says(romeo, `<presence type='unsubscribe' to='%s'/>`, nursePhone)
		w.says(romeo, `<presence type='unsubscribed' to='%s'/>`, nursePhone)
		told(1, 0)
		w.says(romeo, `<presence type='unsubscribed' to='%s'/>`, friarPhone) // who never was there
		told(1, 0)
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, nursePhone)
		told(1, 1)
	})
}
