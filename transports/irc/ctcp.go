package irc

import (
	"math"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
)

// ctcpRequests are the CTCP requests that are answered: some by the user's
// client, which the gateway asks, the others by us. DCC is told to the user, as
// somebody waits; what is not here is dropped (modern.ircdocs.horse/ctcp.html).
var ctcpRequests = map[string]func(l *link, m *message, args string){
	"VERSION":    func(l *link, m *message, args string) { l.askUser(m, transport.QueryVersion, "") },
	"PING":       func(l *link, m *message, args string) { l.askUser(m, transport.QueryPing, args) },
	"TIME":       func(l *link, m *message, args string) { l.askUser(m, transport.QueryTime, "") },
	"SOURCE":     ctcpAnswer("SOURCE", func(*link) string { return "Gatehouse" }),
	"USERINFO":   ctcpAnswer("USERINFO", (*link).realName),
	"CLIENTINFO": ctcpAnswer("CLIENTINFO", func(*link) string { return "ACTION CLIENTINFO PING SOURCE TIME USERINFO VERSION" }),
	"DCC": func(l *link, m *message, args string) {
		l.console(m.nick + " wants a direct connection (DCC), which can't be made from here.")
	},
}

const maxCTCP = 64 // bytes of what somebody wants to have back

// ctcp makes the text of a CTCP message.
func ctcp(command, text string) string {
	if text = strings.ReplaceAll(text, "\x01", ""); text != "" {
		text = " " + text
	}
	return "\x01" + command + text + "\x01"
}

func ctcpAnswer(command string, text func(*link) string) func(*link, *message, string) {
	return func(l *link, m *message, _ string) {
		l.sendLater("NOTICE", m.nick, ctcp(command, text(l)))
		l.awaitSelfEcho(m.nick)
	}
}

func (l *link) mayAnswer() bool {
	if l.ctcp == nil {
		l.ctcp = rate.NewLimiter(rate.Every(10*time.Second), 3)
	}
	return l.ctcp.Allow()
}

// answerCTCP takes a request. The answers are few, as anybody can ask.
func (l *link) answerCTCP(m *message, command, args string) {
	f := ctcpRequests[command]
	if f == nil || l.is.fold(m.param(0)) != l.is.fold(l.nick) || m.fromServer() || !validNick(m.nick) || !l.mayAnswer() {
		return
	}
	f(l, m, upTo(args, maxCTCP))
}

// askUser lets the gateway answer, which knows the user's clients.
func (l *link) askUser(m *message, q transport.Query, token string) {
	l.emit(transport.Queried{From: l.network.address(l.server, m.nick), Query: q, Token: token})
}

// receiveCTCPReply takes the answer to a question of ours: a NOTICE.
func (l *link) receiveCTCPReply(m *message, command, text string) {
	command = strings.ToUpper(command)
	a := l.openAsk(command, m.nick)
	if a == nil || a.token != "" && a.token != text {
		return // nobody asked
	}
	answer := transport.QueryAnswered{Request: a.request}
	switch command {
	case "VERSION":
		answer.Text = clean(text)
	case "TIME":
		at, ok := readTime(clean(text), m.at)
		if !ok {
			l.failAsk(a, refuse(transport.Unsupported, "%s has %q, which is no time that could be read.", m.nick, clean(text)))
			return
		}
		answer.At = at
	}
	l.answer(a, answer)
}

// ctcpTimes are the forms of a time that clients send, which no specification
// names.
var ctcpTimes = []string{
	time.RFC3339, time.RFC1123Z, time.RFC1123, time.RFC822Z, time.RFC850, time.UnixDate, time.ANSIC, time.RubyDate,
	"Mon, 2 Jan 2006 15:04:05 -0700", "Mon 2 Jan 2006 15:04:05", "Mon, 02 Jan 2006 15:04:05",
	"Mon Jan _2 15:04:05 2006 -0700", "Mon Jan _2 2006 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04:05 -0700",
}

// readTime reads somebody's clock. Where their zone is not told, or only by a
// name, it is what makes their clock right, give or take seven minutes.
func readTime(text string, now time.Time) (time.Time, bool) {
	for _, layout := range ctcpTimes {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if strings.Contains(layout, "-0700") || strings.Contains(layout, "Z07") {
			return at, true
		}
		const quarter = 15 * time.Minute
		clock := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
		zone := time.Duration(math.Round(float64(clock.Sub(now))/float64(quarter))) * quarter
		if zone.Abs() > 14*time.Hour {
			return clock, true
		}
		seconds := int(zone / time.Second)
		return clock.Add(-zone).In(time.FixedZone("", seconds)), true
	}
	return time.Time{}, false
}
