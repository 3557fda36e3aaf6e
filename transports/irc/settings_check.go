package irc

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// checks of a setting's values; see setting.check.

const (
	portsLimit      = 10
	commandsLimit   = 20
	commandWaitMost = 30 * time.Second // of one WAIT
)

func checkBool(values []string) ([]string, string) {
	switch v := oneLine(values); strings.ToLower(v) { // XEP-0004 §3.3 has 1 and 0, too
	case "true", "1", "yes", "on":
		return []string{"true"}, ""
	case "false", "0", "no", "off":
		return []string{"false"}, ""
	case "":
		return nil, ""
	default:
		return nil, fmt.Sprintf("%q is neither true nor false.", clean(v))
	}
}

func checkChoice(options ...string) func([]string) ([]string, string) {
	return func(values []string) ([]string, string) {
		v := oneLine(values)
		if v == "" {
			return nil, ""
		}
		for _, o := range options {
			if strings.EqualFold(o, v) {
				return []string{o}, ""
			}
		}
		return nil, fmt.Sprintf("%q is none of %s.", clean(v), strings.Join(options, ", "))
	}
}

func checkNumber(least, most int, otherwise string) func([]string) ([]string, string) {
	return func(values []string) ([]string, string) {
		v := oneLine(values)
		if v == "" {
			return nil, ""
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return []string{otherwise}, fmt.Sprintf("%q is not a number from %d to %d; it is %s now.", clean(v), least, most, otherwise)
		}
		return []string{strconv.Itoa(n)}, ""
	}
}

// checkThrottle keeps biboumi's meaning: a negative number or an empty text is
// no limit, 0 slows down every line.
func checkThrottle(values []string) ([]string, string) {
	if len(values) == 0 {
		return nil, ""
	}
	v := oneLine(values)
	if v == "" {
		return []string{"-1"}, ""
	}
	n, err := strconv.Atoi(v)
	if err != nil || n > 1e6 {
		return nil, fmt.Sprintf("%q is not a number up to a million.", clean(v))
	}
	return []string{strconv.Itoa(max(n, -1))}, ""
}

func checkSeconds(values []string) ([]string, string) {
	v := oneLine(values)
	if v == "" {
		return nil, ""
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0.1 && f <= 60) {
		return nil, fmt.Sprintf("%q is not a number of seconds from 0.1 to 60.", clean(v))
	}
	return []string{seconds(time.Duration(f * float64(time.Second)))}, ""
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', 4, 64) }

func checkText(most int) func([]string) ([]string, string) {
	return func(values []string) ([]string, string) {
		v := withoutControls(oneLine(values))
		switch {
		case v == "":
			return nil, ""
		case len(v) > most:
			return nil, fmt.Sprintf("It is longer than %d bytes.", most)
		}
		return []string{v}, ""
	}
}

func checkSecret(values []string) ([]string, string) {
	if len(values) == 0 || values[0] == "" || values[0] == "-" {
		return nil, ""
	}
	v := values[0]
	if len(v) > 1000 || strings.ContainsAny(v, "\r\n\x00") {
		return nil, "A password has one line and at most 1000 bytes."
	}
	return []string{v}, ""
}

func checkAddress(values []string) ([]string, string) {
	if a, is, problem := readSocket(oneLine(values)); is {
		switch {
		case problem != "":
			return nil, fmt.Sprintf("%q %s.", clean(oneLine(values)), problem)
		case !a.tls:
			return nil, "A WebSocket needs TLS: wss://."
		case !isIRCPort(a.port):
			return nil, fmt.Sprintf("IRC servers are not on the port %d.", a.port)
		case !validServerName(a.host) && !isIP(a.host):
			return nil, fmt.Sprintf("%q is not a host.", clean(a.host))
		}
		return []string{a.String()}, ""
	}
	v := strings.ToLower(oneLine(values))
	if ip, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil && ip.Zone() == "" {
		return []string{ip.String()}, ""
	}
	switch {
	case v == "":
		return nil, ""
	case !validServerName(v):
		return nil, fmt.Sprintf("%q is not a host.", clean(v))
	}
	return []string{v}, ""
}

// lowPorts are those below 1024 on which IRC servers are found. Behind the
// others there is something else, which is not to be reached through us.
var lowPorts = []int{194, 443, 994}

func isIRCPort(n int) bool {
	return n >= 1024 && n < 1<<16 || slices.Contains(lowPorts, n)
}

func checkPorts(values []string) ([]string, string) {
	ports, complaint := []string{}, ""
	for _, text := range values {
		for v := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
			n, err := strconv.Atoi(v)
			switch {
			case err != nil || n < 1 || n > 65535:
				complaint = fmt.Sprintf("%q is not a port.", clean(v))
			case !isIRCPort(n):
				complaint = fmt.Sprintf("IRC servers are not on the port %d.", n)
			case len(ports) == portsLimit:
				complaint = fmt.Sprintf("There can't be more than %d.", portsLimit)
			default:
				if p := strconv.Itoa(n); !slices.Contains(ports, p) {
					ports = append(ports, p)
				}
			}
		}
	}
	return ports, complaint
}

// checkFingerprint keeps one that is wrong: without it, any certificate would
// do, which is not what somebody wants who gives one.
func checkFingerprint(values []string) ([]string, string) {
	v := withoutControls(oneLine(values))
	if v == "" {
		return nil, ""
	}
	switch pin := fingerprintBytes(v); len(pin) {
	case 32, 64:
		return []string{v}, ""
	case 20:
		return []string{v}, "That is one in SHA-1, which is weak. Better take the one in SHA-256."
	}
	return []string{upTo(v, 200)}, "That is no SHA-256 or SHA-512. It is kept, but no certificate will have it."
}

// fingerprintBytes reads hexadecimal digits with or without colons; nil: they
// are not.
func fingerprintBytes(text string) []byte {
	b, err := hex.DecodeString(strings.Map(func(r rune) rune {
		if r == ':' || r == ' ' || r == '-' {
			return -1
		}
		return r
	}, text))
	if err != nil {
		return nil
	}
	return b
}

func checkNick(values []string) ([]string, string) {
	v := oneLine(values)
	switch {
	case v == "":
		return nil, ""
	case !validNick(v):
		return nil, fmt.Sprintf("%q can't be a nick.", clean(v))
	}
	return []string{v}, ""
}

// checkUsername makes of spaces what biboumi does.
func checkUsername(values []string) ([]string, string) {
	v := strings.ReplaceAll(oneLine(values), " ", "_")
	switch {
	case v == "":
		return nil, ""
	case len(v) > 63 || strings.ContainsAny(v, "@!:*?%") || !printable(v):
		return nil, fmt.Sprintf("%q can't be a user name.", clean(v))
	}
	return []string{v}, ""
}

func checkEncoding(values []string) ([]string, string) {
	v := oneLine(values)
	if v == "" {
		return nil, ""
	}
	if _, err := findEncoding(v); err != nil {
		return nil, err.Error() + "."
	}
	return []string{v}, ""
}

func checkCommands(values []string) ([]string, string) {
	commands, complaint := []string{}, ""
	for _, text := range values {
		for v := range strings.FieldsFuncSeq(withoutCTCP(text), func(r rune) bool { return r == '\n' || r == '\r' }) {
			v = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(v), "/"))
			switch err := badCommand(v); {
			case v == "":
			case err != "":
				complaint = err
			case len(commands) == commandsLimit:
				complaint = fmt.Sprintf("There can't be more than %d.", commandsLimit)
			default:
				commands = append(commands, v)
			}
		}
	}
	return commands, complaint
}

// badCommand says why a line can't be an after-connect command; "" if it can.
func badCommand(text string) string {
	if text == "" {
		return ""
	}
	m, err := ircmsg.ParseLine(text)
	if err != nil {
		return fmt.Sprintf("%q is no IRC command.", clean(text))
	}
	if m.Command == "WAIT" {
		if commandWait(m) <= 0 {
			return fmt.Sprintf("WAIT takes a number of seconds up to %v.", commandWaitMost.Seconds())
		}
		return ""
	}
	if advice, ours := ourCommands[m.Command]; ours {
		return strings.TrimSpace(m.Command + " can't be among them. " + advice)
	}
	if _, err := line(512, m.Command, m.Params...); err != nil {
		return fmt.Sprintf("%q is no IRC command.", clean(text))
	}
	return ""
}

// commandWait reads WAIT seconds; 0: it is no such time.
func commandWait(m ircmsg.Message) time.Duration {
	if len(m.Params) != 1 {
		return 0
	}
	f, err := strconv.ParseFloat(m.Params[0], 64)
	if err != nil || !(f > 0 && f <= commandWaitMost.Seconds()) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}
