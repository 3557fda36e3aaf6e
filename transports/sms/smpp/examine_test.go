package smpp

import (
	"strings"
	"testing"

	"github.com/linxGnu/gosmpp/data"

	"gatehouse/transports/sms/provider/providertest"
)

func TestExaminationOfAnSMSC(t *testing.T) {
	s := startSMSC(t)
	p := New(testOptions(s.address), newReceiver(), discard)
	says := func(what string, running bool, want string) {
		t.Helper()
		if said := providertest.Examine(t.Context(), p, running); !strings.HasPrefix(said, want) || strings.Contains(said, p.options.Password.Reveal()) {
			t.Errorf("%s: said %s", what, said)
		}
	}
	says("in order", false, "ok The SMSC at "+s.address+" takes the credentials.")
	next(t, s.binds)
	says("the gateway is bound", true, "ok The SMSC was not called")
	select {
	case <-s.binds:
		t.Error("it was called while the gateway is bound")
	default:
	}
	s.refuse = data.ESME_RINVPASWD
	says("another password", false, "BAD The SMSC at "+s.address+" does not let the gateway in")
}
