package biboumi

import (
	"strings"

	"gatehouse/gateway/transport"
)

// What biboumi writes where nothing was chosen. It is not taken over: nobody
// asked to be connected without TLS.
const (
	standardPorts    = "6667"
	standardTLSPorts = "6697;6670"
	standardHistory  = "20"
)

// column is a column of biboumi's and the setting that it is here.
type column struct{ name, setting string }

var (
	serverColumns = []column{
		{"address_", "address"},
		{"pass_", "pass"},
		{"saslpassword_", "sasl_password"},
		{"nick_", "nick"},
		{"username_", "username"},
		{"realname_", "realname"},
		{"trustedfingerprint_", "fingerprint"},
		{"throttlelimit_", "throttle_limit"},
		{"maxhistorylength_", "max_history_length"},
		{"encodingin_", "encoding_in"},
		{"encodingout_", "encoding_out"},
	}
	channelColumns = []column{
		{"encodingin_", "encoding_in"},
		{"encodingout_", "encoding_out"},
	}
	globalColumns = []column{
		{"maxhistorylength_", "max_history_length"},
	}
)

func texts(r record, columns []column) transport.Values {
	v := transport.Values{}
	for _, c := range columns {
		if r[c.name] != "" {
			v[c.setting] = []string{r[c.name]}
		}
	}
	return v
}

// serverSettings are what somebody set for a server.
func serverSettings(r record, commands []string) transport.Values {
	v := texts(r, serverColumns)
	if r["maxhistorylength_"] == standardHistory {
		delete(v, "max_history_length") // what holds everywhere is to hold
	}
	if r["verifycert_"] == "0" {
		v["verify_cert"] = []string{"false"}
	}
	if ports := r["tlsports_"]; ports != standardTLSPorts {
		v["tls_ports"] = portsOf(ports)
	}
	if ports := r["ports_"]; ports != "" && (ports != standardPorts || r["tlsports_"] == "") {
		v["ports"] = portsOf(ports)
	}
	if len(commands) > 0 {
		v["after_connect_commands"] = commands
	}
	return v
}

func portsOf(list string) []string {
	ports := []string{}
	for port := range strings.SplitSeq(list, ";") {
		if port = strings.TrimSpace(port); port != "" {
			ports = append(ports, port)
		}
	}
	return ports
}

// channelSettings are what somebody set for a channel. Whether a history is
// kept is 1 for yes, -1 for no and 0 for neither.
func channelSettings(r record) transport.Values {
	v := texts(r, channelColumns)
	switch r["recordhistory_"] {
	case "1":
		v["record_history"] = []string{"true"}
	case "-1":
		v["record_history"] = []string{"false"}
	}
	if r["persistent_"] == "1" {
		v["persistent"] = []string{"true"}
	}
	return v
}

// globalSettings are what somebody set for everything.
func globalSettings(r record) transport.Values {
	v := texts(r, globalColumns)
	if r["recordhistory_"] == "0" {
		v["record_history"] = []string{"false"}
	}
	if r["persistent_"] == "1" {
		v["persistent"] = []string{"true"}
	}
	return v
}
