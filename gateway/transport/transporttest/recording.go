package transporttest

import "gatehouse/gateway/transport"

func isRecording(s Subject) bool { _, ok := s.Network.(transport.Recording); return ok }

func recordsAreKnown(r *trial) {
	for _, at := range []transport.Address{r.Person, r.Room} {
		if at == "" {
			continue
		}
		record, err := r.Network.(transport.Recording).Records(r.Account.User, at)
		if err != nil || record.AtJoin < 0 {
			r.t.Errorf("what is kept of %q is %+v, %v", at, record, err)
		}
	}
}
