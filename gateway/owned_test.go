package gateway_test

import (
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// Refuse keeps what is juliet's from everybody else.
func (n *network) Refuse(user string, a transport.Address) error {
	if strings.HasPrefix(string(a), "juliets-") && !strings.HasPrefix(user, "juliet@") {
		return &transport.Error{Reason: transport.NotAllowed, Text: "That is Juliet's."}
	}
	return nil
}

func TestSubscriptionToWhatIsAnothersIsDenied(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(romeo, `<presence type='subscribe' to='juliets-nurse@%s' id='s'/>`, verona)
		w.Expect(bare("juliets-nurse@"+verona, "unsubscribed", ID("s"), Has("status", "That is Juliet's.")))
		w.ExpectNothing()
	})
}
