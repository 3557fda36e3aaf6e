package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

const owner = "{http://jabber.org/protocol/muc#owner}query"

func TestWhatHoldsEverywhereIsSet(t *testing.T) {
	for _, tt := range []struct {
		name       string
		play       func(*testing.T) *scene
		node       string
		persistent string
	}{
		{"with networks", play, "configure", "false"},
		{"on the fixed network", playFixed, "global-configure", "false"},
		{"where rooms are kept by default", func(t *testing.T) *scene { return playOn(t, lasting, "%verona") }, "configure", "true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo := s.client("romeo")
			has := func(length, record string) Matcher {
				return All(asking(tt.node, false), Has(commands+"/x/title"), Has(commands+"/x/instructions"),
					fieldOfType("max_history_length", "text-single"), field("max_history_length", length),
					fieldOfType("record_history", "boolean"), field("record_history", record),
					fieldOfType("persistent", "boolean"), field("persistent", tt.persistent))
			}
			id := romeo.starts(s.domain, tt.node, has("20", "true"))
			romeo.fills(s.domain, tt.node, id, "complete", []string{"record_history", "0", "max_history_length", "42"}, completed(tt.node))
			id = romeo.starts(s.domain, tt.node, has("42", "false"))
			romeo.cancels(s.domain, tt.node, id)
			romeo.starts(s.domain, tt.node, has("42", "false"))
		})
	}
}

func TestTheFixedNetworkIsSetAtTheGateway(t *testing.T) {
	s := playFixed(t)
	romeo := s.client("romeo")
	romeo.starts(s.domain, "server-configure", asking("server-configure", false), noField("address"),
		fieldOfType("nick", "text-single"), fieldOfType("pass", "text-private"))
}

// serverFields are those of a network's form.
var serverFields = All(
	fieldOfType("ports", "text-multi"), fieldOfType("tls_ports", "text-multi"),
	fieldOfType("verify_cert", "boolean"), fieldOfType("fingerprint", "text-single"),
	fieldOfType("throttle_limit", "text-single"), fieldOfType("max_history_length", "text-single"),
	fieldOfType("pass", "text-private"), fieldOfType("sasl_password", "text-private"),
	fieldOfType("after_connect_commands", "text-multi"),
	fieldOfType("nick", "text-single"), fieldOfType("username", "text-single"), fieldOfType("realname", "text-single"),
	fieldOfType("encoding_in", "text-single"), fieldOfType("encoding_out", "text-single"))

func TestANetworkIsSet(t *testing.T) {
	s := play(t)
	romeo := s.client("romeo")
	id := romeo.starts(s.server(), "configure", asking("configure", false), Has(commands+"/x/title"), Has(commands+"/x/instructions"),
		serverFields, field("verify_cert", "true"))
	const pin = "12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12"
	romeo.fills(s.server(), "configure", id, "complete", []string{
		"ports", none, "tls_ports", "6697\n6698", "verify_cert", "1", "fingerprint", pin, "pass", "wherefore",
		"after_connect_commands", "MODE romeo +x\nPRIVMSG friar :hello", "nick", "my_nickname", "username", "username", "throttle_limit", "9999",
		"realname", "realname", "encoding_out", "UTF-8", "encoding_in", "latin-1",
	}, completed("configure"))
	id = romeo.starts(s.server(), "configure", asking("configure", false), serverFields,
		field("ports"), field("tls_ports", "6697"), field("tls_ports", "6698"), field("verify_cert", "true"), field("fingerprint", "*"),
		field("nick", "my_nickname"), field("after_connect_commands", "MODE romeo +x"), field("after_connect_commands", "PRIVMSG friar :hello"),
		field("username", "username"), field("realname", "realname"), field("throttle_limit", "9999"),
		field("encoding_in", "latin-1"), field("encoding_out", "UTF-8"),
		field("pass")) // a password never comes back
	romeo.cancels(s.server(), "configure", id)

	id = romeo.starts(s.server(), "configure", asking("configure", false))
	romeo.fills(s.server(), "configure", id, "complete", []string{
		"pass", "", "after_connect_commands", none, "username", "", "realname", "", "throttle_limit", "",
		"encoding_out", "", "encoding_in", "",
	}, completed("configure"))
	romeo.starts(s.server(), "configure", asking("configure", false), field("pass"), field("after_connect_commands"),
		field("username"), field("realname"), field("encoding_in"), field("encoding_out"), field("throttle_limit", "-1"))
}

func TestValuesThatAreNoneFallBack(t *testing.T) {
	s := play(t)
	romeo := s.client("romeo")
	address := "padua@" + s.domain
	id := romeo.starts(address, "configure", asking("configure", false))
	romeo.fills(address, "configure", id, "next", []string{"throttle_limit", "bleh", "max_history_length", "bleh"},
		Type("result"), Has(commands+"@status", "completed"))
	romeo.starts(address, "configure", asking("configure", false), field("throttle_limit", s.throttle()), field("max_history_length", "20"))
}

func TestARoomIsSet(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.client("romeo"), s.room("#garden")
			fields := All(asking("configure", false), fieldOfType("encoding_in", "text-single"), fieldOfType("encoding_out", "text-single"),
				fieldOfType("record_history", "list-single"))
			romeo.sends(`<iq to='%s' type='set' id='ask'><command xmlns='%s' node='configure' action='execute'><dummy/></command></iq>`, garden.jid, commandsNS)
			got := romeo.expects(IQ(ID("ask"), fields, field("record_history", "unset"), HasNot(commands+"/dummy")))
			romeo.fills(garden.jid, "configure", Values(got, commands+"@sessionid")[0], "complete", []string{
				"ports", none, "encoding_out", "UTF-8", "encoding_in", "latin-1", "record_history", "true",
			}, completed("configure"))
			id := romeo.starts(garden.jid, "configure", fields, Has(commands+"/x/title"),
				field("encoding_in", "latin-1"), field("encoding_out", "UTF-8"), field("record_history", "true"))
			romeo.cancels(garden.jid, "configure", id)
		})
	}
}

func TestARoomIsSetAsItsOwnersDo(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	const get = `<query xmlns='http://jabber.org/protocol/muc#owner'/>`
	romeo.asks("get", garden.jid, get, Type("result"), Has(owner+"/"+form+"@type", "form"),
		fieldOfType("encoding_in", "text-single"), fieldOfType("encoding_out", "text-single"), field("encoding_in"))
	set := func(inside string) string {
		return `<query xmlns='http://jabber.org/protocol/muc#owner'>` + inside + `</query>`
	}
	romeo.asks("set", garden.jid, set(submission("ports", none, "encoding_out", "UTF-8", "encoding_in", "latin-1")), Type("result"))
	romeo.asks("set", garden.jid, set(`<x xmlns='jabber:x:data' type='cancel'/>`), Type("result"))
	romeo.asks("get", garden.jid, get, Type("result"), field("encoding_in", "latin-1"), field("encoding_out", "UTF-8"))
}
