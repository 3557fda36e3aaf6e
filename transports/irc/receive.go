package irc

import (
	"errors"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	// late is how old a message is that counts as delayed.
	late = 10 * time.Second
	// serverTime is the format of the tag time (IRCv3 server-time).
	serverTime = "2006-01-02T15:04:05.000Z"

	usersLimit  = 100_000 // whom one link sees: more than any network has
	sourceLimit = 512     // bytes of a name with its user and host
)

// param gives a parameter, or "" if there are not so many.
func (m *message) param(i int) string {
	if i < 0 || i >= len(m.Params) {
		return ""
	}
	return m.Params[i]
}

// text is the last parameter as plain text.
func (m *message) text() string { return clean(m.param(len(m.Params) - 1)) }

// names are what an error numeric is about: all between our nick and the
// text.
func (m *message) names(fold casemap) map[string]bool {
	names := make(map[string]bool)
	for i := 1; i < len(m.Params)-1; i++ {
		names[fold(m.Params[i])] = true
	}
	return names
}

func (m *message) fromServer() bool {
	return m.host == "" && (m.nick == "" || strings.Contains(m.nick, "."))
}

// receivers handle commands and numerics. They run with the session's mutex
// held; an error ends the connection.
var receivers = map[string]func(*link, *message) error{
	"PING":    receivePing,
	"PONG":    receivePong,
	"ERROR":   receiveError,
	"CAP":     receiveCap,
	"PRIVMSG": receivePrivmsg,
	"NOTICE":  receiveNotice,
	"JOIN":    receiveJoin,
	"PART":    receivePart,
	"KICK":    receiveKick,
	"QUIT":    receiveQuit,
	"NICK":    receiveNick,
	"MODE":    receiveMode,
	"TOPIC":   receiveTopic,
	"AWAY":    receiveAway,
	"CHGHOST": receiveChghost,
	"INVITE":  receiveInvite,
	"FAIL":    receiveFail,
	"WARN":    receiveRemark,
	"NOTE":    receiveRemark,
	"SETNAME": receiveSetname,
	"TAGMSG":  receiveTagmsg,
	"REDACT":  receiveRedact,
	"ACK":     receiveAck,
	"ACCOUNT": receiveAccount,
	"WALLOPS": receiveConsole,

	"001": receiveWelcome,
	"005": receiveISupport,
	"254": receiveChannelCount,
	"263": receiveTryAgain,
	"301": receiveAwayReply,
	"303": receiveIson,
	"276": receiveWhois,
	"307": receiveWhois,
	"311": receiveWhois,
	"312": receiveWhois,
	"313": receiveWhois,
	"315": receiveEndOfWho,
	"317": receiveWhois,
	"318": receiveEndOfWhois,
	"319": receiveWhois,
	"320": receiveWhois,
	"321": receiveListStart,
	"322": receiveListed,
	"323": receiveListEnd,
	"324": receiveChannelModes,
	"331": receiveTopicReply, // no topic
	"332": receiveTopicReply,
	"333": receiveTopicWho,
	"330": receiveWhois,
	"335": receiveWhois,
	"352": receiveWho,
	"341": receiveInviting,
	"353": receiveNames,
	"354": receiveWhox,
	"366": receiveEndOfNames,
	"367": receiveBan,
	"368": receiveBanEnd,
	"376": receiveEndOfMOTD,
	"378": receiveWhois,
	"379": receiveWhois,
	"396": receiveVisibleHost,
	"416": receiveListRefusal,
	"421": receiveListRefusal,
	"422": receiveEndOfMOTD,
	"443": receiveAlreadyIn,
	"512": receiveWatch,
	"600": receiveWatch,
	"601": receiveWatch,
	"602": receiveWatch,
	"604": receiveWatch,
	"605": receiveWatch,
	"671": receiveWhois,
	"730": receiveMonitor,
	"760": receiveMetadataReply,
	"761": receiveMetadataReply,
	"762": skip,
	"766": receiveNoMetadata,
	"770": skip,
	"771": skip,
	"772": skip,
	"774": receiveSyncLater,
	"731": receiveMonitor,
	"734": receiveMonitorFull,
	"728": receiveBan,
	"729": receiveBanEnd,

	"METADATA":     receiveMetadata,
	"MARKREAD":     receiveMarkread,
	"RENAME":       receiveRename,
	"REGISTER":     receiveEnrolled,
	"VERIFY":       receiveEnrolled,
	"AUTHENTICATE": receiveAuthenticate,
	"900":          receiveLoggedIn,
	"901":          receiveLoggedOut,
	"902":          receiveSASLFailure,
	"903":          receiveSASLSuccess,
	"904":          receiveSASLFailure,
	"905":          receiveSASLFailure,
	"906":          receiveSASLFailure,
	"907":          receiveSASLSuccess,
	"908":          receiveSASLMechanisms,
}

// silent numerics are of no use to anybody.
var silent = map[string]bool{
	"002": true, "003": true, "004": true, "042": true, "221": true, "250": true, "251": true, "252": true, "253": true,
	"254": true, "255": true, "265": true, "266": true, "305": true, "306": true, "329": true, "372": true, "375": true,
}

// early commands count before the server has let us in.
var early = map[string]bool{
	"PING": true, "PONG": true, "ERROR": true, "CAP": true, "NICK": true, "FAIL": true, "WARN": true, "NOTE": true,
	"REGISTER": true, "VERIFY": true,
	"AUTHENTICATE": true, "900": true, "901": true, "902": true, "903": true, "904": true, "905": true, "906": true,
	"907": true, "908": true,
	"001": true, "005": true, "254": true, "376": true, "396": true, "422": true,
}

func skip(*link, *message) error { return nil }

// receiveLine handles one line; its events are queued when it returns.
func (l *link) receiveLine(b []byte) error {
	now := time.Now()
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.lastRead, l.pinged = now, time.Time{}
	if l.phase == quitting {
		return nil
	}
	if n, is := barrierIn(b); is {
		l.barrierReached(n)
		return nil
	}
	m, err := parse(l.decoded(b))
	if err != nil || len(m.Source) > sourceLimit {
		return nil
	}
	m.at = now
	m.read()
	if err := l.receive(m); err != nil || len(l.users) <= usersLimit {
		return err
	}
	return refuse(transport.TooMany, "%s shows more than %d people.", l.server.name, usersLimit)
}

// read takes the source and the time apart. All parameters but the last are
// names, which have no control characters.
func (m *message) read() {
	nick, host, _ := strings.Cut(m.Source, "!")
	m.nick, m.host = clean(nick), clean(host)
	for i := range m.Params {
		if i < len(m.Params)-1 {
			m.Params[i] = clean(m.Params[i])
		}
	}
	if ok, tag := m.GetTag("time"); ok {
		if at, err := time.Parse(time.RFC3339Nano, tag); err == nil && at.Year() > 1970 && at.Before(m.at.Add(time.Hour)) {
			m.at = at.UTC()
		}
	}
}

func (l *link) receive(m *message) error {
	if taken, err := l.enrolmentRefused(m); taken || err != nil {
		return err
	}
	if l.phase == connecting {
		if _, ok := registrationRefusals[m.Command]; ok {
			return l.registrationRefused(m)
		}
		switch {
		case m.Command == "433" || m.Command == "436" || m.Command == "437":
			return l.nickRefused(m)
		case !early[m.Command]:
			return nil
		}
	}
	if l.isPast(m) {
		return nil
	}
	if m.Command == "BATCH" {
		return l.receiveBatch(m)
	}
	if taken, err := l.gather(m); taken {
		return err
	}
	return l.dispatch(m)
}

// dispatch hands a message to its receiver.
func (l *link) dispatch(m *message) error {
	l.overhear(m)
	l.notice(m)
	if f := receivers[m.Command]; f != nil {
		return f(l, m)
	}
	switch {
	case silent[m.Command], l.refusedByLabel(m), l.whoisRefused(m), l.refused(m.Command, m):
		return nil
	case m.Command == "465" || m.Command == "466":
		return l.registrationRefused(m)
	}
	return receiveConsole(l, m)
}

func isNumeric(command string) bool {
	return len(command) == 3 && command[0] >= '0' && command[0] <= '9'
}

func receivePing(l *link, m *message) error {
	l.sendNow("PONG", m.Params...)
	return nil
}

func receivePong(l *link, m *message) error {
	if m.param(len(m.Params)-1) == watchdogToken && l.phase == connecting {
		l.isOnline()
	}
	return nil
}

// receiveError handles ERROR, behind which the server ends the connection.
func receiveError(l *link, m *message) error {
	l.farewell = m.text()
	return errors.New("the server sent ERROR")
}

const batchLimit = 64

// receiveBatch remembers the type of open batches (IRCv3 batch).
func (l *link) receiveBatch(m *message) error {
	reference := m.param(0)
	if name, ok := strings.CutPrefix(reference, "+"); ok {
		err := l.endBatch(name) // one that is open already has come to its end
		if len(l.batches) >= batchLimit {
			return err
		}
		if l.batches == nil {
			l.batches = make(map[string]batch)
		}
		b := batch{typ: m.param(1), whole: l.beginWhole(m, m.param(1))}
		if labelled, label := m.GetTag("label"); labelled {
			b.label = label
		} else if _, outer := m.GetTag("batch"); outer != "" { // one batch in another has its label
			b.label = l.batches[outer].label
		}
		l.batches[name] = b
		return err
	} else if name, ok := strings.CutPrefix(reference, "-"); ok {
		return l.endBatch(name)
	}
	return nil
}

// delayed says whether a message is from the past.
func (l *link) delayed(m *message) bool {
	if ok, reference := m.GetTag("batch"); ok {
		switch l.batches[reference].typ {
		case "chathistory", "draft/chathistory", "znc.in/playback":
			return true
		}
	}
	return time.Since(m.at) > late
}
