package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

func TestTLSWithACertificateThatIsNotCheckedAndANickThatIsSet(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	pilgrim := "pilgrim" + romeo.nick[len("romeo"):]
	id := romeo.starts(s.server(), "configure", asking("configure", false))
	romeo.fills(s.server(), "configure", id, "next", []string{
		"ports", none, "tls_ports", s.tlsPort(), "verify_cert", "0", "nick", pilgrim,
	}, Has(commands+"@status", "completed"), Type("result"))
	romeo.asksToJoin(garden)
	romeo.awaits(occupant(garden, pilgrim, StatusCodes("110", "210"), standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.starts(s.server(), "get-irc-connection-info", completed("get-irc-connection-info"), tells("port "+s.tlsPort()+" (using TLS"))
}
