package irc

import (
	"slices"
	"strconv"

	"gatehouse/gateway/transport"
)

// defaultHistory is how many messages are shown to those who come into a room.
const defaultHistory = "20"

// settings are all fields, in the order in which they are shown.
var settings = slices.Concat([]setting{
	{
		name: "max_history_length", label: "Messages of the history", typ: transport.Text, places: everywhere | atServer,
		help:  "How many of the last messages you get when you come into a channel, unless your client says otherwise.",
		check: checkNumber(0, 1000, defaultHistory),
		standard: func(_ *network, s *server) []string {
			if s != nil { // that of the whole network
				return nil
			}
			return []string{defaultHistory}
		},
	},
	{
		name: "record_history", label: "Keep a history", typ: transport.Bool, places: everywhere,
		help:  "Whether what you see in channels and private messages is kept for you on this gateway.",
		check: checkBool, standard: func(n *network, _ *server) []string { return []string{strconv.FormatBool(n.record)} },
	},
	{
		name: "record_history", label: "Keep a history of this channel", typ: transport.Choice, places: atChannel,
		help: "Unset: as you have set it for all of IRC.", check: checkChoice("unset", "true", "false"), standard: always("unset"),
		options: []transport.Option{{Value: "unset", Label: "unset"}, {Value: "true", Label: "yes"}, {Value: "false", Label: "no"}},
	},
	{
		name: "persistent", label: "Stay in all channels", typ: transport.Bool, places: everywhere,
		help:  "Whether you stay in channels while none of your clients is there.",
		check: checkBool, standard: func(n *network, _ *server) []string { return []string{strconv.FormatBool(n.persistent)} },
	},
	{
		name: "persistent", label: "Stay in this channel", typ: transport.Bool, places: atChannel,
		help:  "Whether you stay in it while none of your clients is there.",
		check: checkBool, standard: always("false"),
	},
	{
		name: "corrections", label: "When you correct a message", typ: transport.Choice, places: everywhere,
		help: "IRC has no corrections: what was said stays, and this is said after it.",
		options: []transport.Option{
			{Value: "diff", Label: "say what has changed (s/old/new/)"},
			{Value: "resend", Label: "say all of it again, and take back the first where that is possible"},
			{Value: "off", Label: "say nothing; your client is told"},
		},
		check: checkChoice("diff", "resend", "off"), standard: always("diff"),
	},
	{
		name: "corrections", label: "When you correct a message here", typ: transport.Choice, places: atChannel,
		help: "Unset: as you have set it for all of IRC.", check: checkChoice("unset", "diff", "resend", "off"), standard: always("unset"),
		options: []transport.Option{{Value: "unset", Label: "unset"}, {Value: "diff", Label: "what has changed"}, {Value: "resend", Label: "all of it again"}, {Value: "off", Label: "nothing"}},
	},
	{
		name: "reactions", label: "When you react to a message", typ: transport.Choice, places: everywhere,
		help: "Where the network has no reactions.",
		options: []transport.Option{
			{Value: "text", Label: "say so"},
			{Value: "off", Label: "say nothing; your client is told"},
		},
		check: checkChoice("text", "off"), standard: always("text"),
	},
	{
		name: "reactions", label: "When you react to a message here", typ: transport.Choice, places: atChannel,
		help: "Unset: as you have set it for all of IRC.", check: checkChoice("unset", "text", "off"), standard: always("unset"),
		options: []transport.Option{{Value: "unset", Label: "unset"}, {Value: "text", Label: "say so"}, {Value: "off", Label: "say nothing"}},
	},
	{
		name: occupantsSetting, label: "Who is shown in channels", typ: transport.Choice, places: atServer,
		help: "In huge channels it saves much to see those alone who say or do something. It counts from the next join on, where the network can do that.",
		options: []transport.Option{
			{Value: allOccupants, Label: "everybody"},
			{Value: seenOccupants, Label: "those who say or do something"},
		},
		check: checkChoice(allOccupants, seenOccupants), standard: always(allOccupants),
	},
	{
		name: occupantsSetting, label: "Who is shown here", typ: transport.Choice, places: atChannel,
		help: "Unset: as you have set it for the network.", check: checkChoice("unset", allOccupants, seenOccupants), standard: always("unset"),
		options: []transport.Option{{Value: "unset", Label: "unset"}, {Value: allOccupants, Label: "everybody"}, {Value: seenOccupants, Label: "those who say or do something"}},
	},
	{
		name: "address", label: "Address", typ: transport.Text, places: atServer,
		help:  "The host to connect to, by name or by number, or the address of a WebSocket such as wss://irc.example.org/socket.",
		check: checkAddress, standard: func(_ *network, s *server) []string { return []string{s.host} },
		hidden: func(n *network, s *server) bool { return n.fixed != nil || !n.any },
	},
	{
		name: "tls_ports", label: "Ports with TLS", typ: transport.Texts, places: atServer,
		help:  "They are tried in this order. With no port at all the usual ones are tried.",
		check: checkPorts, standard: func(_ *network, s *server) []string { return s.standardPorts(true) },
	},
	{
		name: "ports", label: "Ports without TLS", typ: transport.Texts, places: atServer,
		help:  "They are tried when no port with TLS answers. Leave it empty to stay safe from eavesdroppers.",
		check: checkPorts, standard: func(_ *network, s *server) []string { return s.standardPorts(false) },
	},
	{
		name: "verify_cert", label: "Check the server's certificate", typ: transport.Bool, places: atServer,
		help:  "Switch it off only for a server whose certificate is its own, and then give its fingerprint.",
		check: checkBool, standard: always("true"),
	},
	{
		name: "fingerprint", label: "Fingerprint of the server's certificate", typ: transport.Text, places: atServer,
		help:  "In SHA-256 or SHA-512, as hexadecimal digits. No other certificate is then accepted, and this one whoever has signed it.",
		check: checkFingerprint,
	},
	{
		name: "nick", label: "Nick", typ: transport.Text, places: atServer,
		help:  "It is used in place of the one you join the first channel with.",
		check: checkNick,
	},
	{
		name: "username", label: "Username", typ: transport.Text, places: atServer,
		help:  "The part before the @ in what others see as your host.",
		check: checkUsername, hidden: namesAreFixed,
	},
	{
		name: "realname", label: "Real name", typ: transport.Text, places: atServer,
		help:  "What others see in WHOIS.",
		check: checkText(200), hidden: namesAreFixed,
	},
	{
		name: "pass", label: "Server password", typ: transport.Hidden, places: atServer,
		help:  "For PASS, which private servers ask for. It is kept if you leave this empty; - removes it.",
		check: checkSecret,
	},
	{
		name: "sasl_mechanism", label: "Log in with SASL", typ: transport.Choice, places: atServer,
		help: "Automatic takes the best that the server has and for which there is a password or a certificate.",
		options: []transport.Option{
			{Value: "auto", Label: "automatically"},
			{Value: "SCRAM-SHA-256", Label: "by password, without sending it (SCRAM-SHA-256)"},
			{Value: "PLAIN", Label: "by password (PLAIN)"},
			{Value: "EXTERNAL", Label: "by client certificate (EXTERNAL)"},
			{Value: "none", Label: "not at all"},
		},
		check: checkChoice("auto", "SCRAM-SHA-256", "PLAIN", "EXTERNAL", "none"), standard: always("auto"),
	},
	{
		name: "sasl_login", label: "Account", typ: transport.Text, places: atServer,
		help:  "The name you are registered with. Empty: your nick.",
		check: checkText(200),
	},
	{
		name: "sasl_password", label: "Password of the account", typ: transport.Hidden, places: atServer,
		help:  "It is kept if you leave this empty; - removes it.",
		check: checkSecret,
	},
	{
		name: "sasl_required", label: "Don't connect without logging in", typ: transport.Bool, places: atServer,
		help:  "Whether the connection is given up when the server refuses the account. Otherwise you are told, and go on without.",
		check: checkBool, standard: always("true"),
	},
	{
		name: certificateSetting, label: "Client certificate", typ: transport.Hidden, places: atServer,
		help:  "new makes one, in place of the one there is; - removes it. It proves who you are on connections with TLS.",
		check: checkCertificate,
	},
	{
		name: "nickserv", label: "Log in with NickServ where there is no SASL", typ: transport.Bool, places: atServer,
		help:  "With the same account and password.",
		check: checkBool, standard: always("false"),
	},
	{
		name: "nick_recovery", label: "When somebody has your nick", typ: transport.Choice, places: atServer,
		help: "The commands to NickServ need the password of the account. Which of them there is depends on the network.",
		options: []transport.Option{
			{Value: "wait", Label: "take it once it is free"},
			{Value: "REGAIN", Label: "tell NickServ to REGAIN it"},
			{Value: "RECOVER", Label: "tell NickServ to RECOVER it"},
			{Value: "GHOST", Label: "tell NickServ to GHOST them"},
			{Value: "none", Label: "keep the other nick"},
		},
		check: checkChoice("wait", "REGAIN", "RECOVER", "GHOST", "none"), standard: always("wait"),
	},
	{
		name: "after_connect_commands", label: "Commands after connecting", typ: transport.Texts, places: atServer,
		help:  "IRC commands, one a line, sent before channels are joined. WAIT 5 waits five seconds.",
		check: checkCommands,
	},
	{
		name: "throttle_limit", label: "Lines at once", typ: transport.Text, places: atServer,
		help:  "So many lines are sent before they are slowed down. -1: never slow down.",
		check: checkThrottle, standard: func(_ *network, s *server) []string { return []string{s.standardThrottle()} },
	},
	{
		name: "throttle_interval", label: "Seconds between lines", typ: transport.Text, places: atServer,
		help:  "Once they are slowed down.",
		check: checkSeconds, standard: func(_ *network, s *server) []string { return []string{seconds(s.throttle.Interval)} },
	},
	{
		name: "encoding_in", label: "Encoding of what you get", typ: transport.Text, places: atServer | atChannel,
		help:  "What lines are taken for that are not in UTF-8, such as windows-1252 or koi8-r.",
		check: checkEncoding,
	},
	{
		name: "encoding_out", label: "Encoding of what you send", typ: transport.Text, places: atServer | atChannel,
		help:  "Empty: UTF-8. What the encoding lacks becomes a question mark.",
		check: checkEncoding,
	},
}, faceSettings)

func always(value string) func(*network, *server) []string {
	return func(*network, *server) []string { return []string{value} }
}

func namesAreFixed(n *network, _ *server) bool { return n.namesFixed }

// standardPorts are the ports of the config.
func (s *server) standardPorts(secure bool) []string {
	var ports []string
	for _, d := range s.doors {
		if d.tls == secure {
			ports = append(ports, strconv.Itoa(d.port))
		}
	}
	return ports
}

func (s *server) standardThrottle() string {
	if s.throttle.Burst == 0 {
		return "-1"
	}
	return strconv.Itoa(s.throttle.Burst)
}
