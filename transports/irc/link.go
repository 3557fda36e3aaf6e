package irc

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
)

const (
	registrationLimit = 60 * time.Second
	silenceLimit      = 90 * time.Second // then we ask whether the server is there
	pongLimit         = 60 * time.Second
	barrierLimit      = 15 * time.Second
	idleLimit         = 5 * time.Minute // without rooms, after the last private message
	backoffMin        = 2 * time.Second
	backoffMax        = 5 * time.Minute
	steadyAfter       = time.Minute       // a link that was up so long starts its backoff anew
	maxLine           = 8191 + maxLineLen // tags and the rest
)

type phase int

const (
	connecting phase = iota // dialling, or registering where conn is set
	online
	waiting  // for the next try
	quitting // QUIT is on its way, nothing is read any more
)

// A link is one user's connection to one server, with its retries. One
// goroutine reads, and another writes while there is something to send. All below finished is guarded by the session's
// mutex.
type link struct {
	session  *session
	network  *network
	server   *server
	address  transport.Address // of the server
	set      *linkSettings
	door     door // that the connection went through
	ctx      context.Context
	stop     context.CancelFunc
	drained  chan struct{} // a mark that there is room for lines again
	hurry    chan struct{} // ends the wait for the next try
	finished chan struct{}

	phase    phase
	conn     net.Conn // nil between connections
	up       bool     // has ever been online
	upSince  time.Time
	attempts int
	lostAt   time.Time // zero while there is a connection
	wanted   string    // the nick asked for
	nick     string    // the nick we have
	host     string    // our user@host as others see it; empty until known
	is       *isupport // never changed: it may be shared
	caps     capabilities
	users    map[string]*user    // by folded nick
	channels map[string]*channel // by folded name
	talking  map[string]struct{} // folded nicks that a private chat is open with
	batches  map[string]batch    // that are open (IRCv3 batch), by reference
	ctcp     *rate.Limiter       // answers to CTCP
	used     time.Time           // the last private message or raw line

	lastLabel uint64 // of what was sent (IRCv3 labeled-response)
	lastBatch uint64 // of ours (IRCv3 multiline)

	forwarded    string   // the last channel that a JOIN was forwarded to, folded
	listing      *listing // a LIST under way
	channelCount int      // as the server told at the welcome

	outgoing
	writing
	pendings
	starting
	sasl saslLogin
	regaining
	questions
	typings
	asides
	sightings
	metadata
	whoAt   time.Time // when a channel that waits for WHO may be shown; zero: none
	splitAt time.Time // when something about netsplits is due; zero: nothing

	lastRead     time.Time
	resting      bool      // see rest
	pinged       time.Time // zero unless a watchdog's PING is open
	registerBy   time.Time
	quitBy       time.Time
	farewell     string // of the server's ERROR
	nickAttempts int
	account      string     // that we are logged in to
	enrolment    *enrolment // nil: nobody waits for one
	reading
	saidAway  string        // before we were let in
	loggedOut chan struct{} // takes the end of a login; nil: nobody waits
	strict    bool          // a policy of STS was told
	upgraded  int           // the port with TLS that STS has sent us to; 0: none
}

func newLink(s *session, srv *server, nick string) *link {
	l := &link{
		session: s, network: s.network, server: srv, address: s.network.address(srv, ""),
		drained: make(chan struct{}, 1), hurry: make(chan struct{}, 1), finished: make(chan struct{}),
		wanted:   nick,
		set:      s.network.linkSettings(srv, nil),
		channels: make(map[string]*channel), talking: make(map[string]struct{}),
	}
	l.ctx, l.stop = context.WithCancel(s.connecting)
	l.reset()
	return l
}

// reset forgets all that belonged to one connection.
func (l *link) reset() {
	l.conn, l.nick, l.host, l.farewell, l.nickAttempts, l.account = nil, l.wanted, "", "", 0, ""
	l.is = defaultISupport()
	l.caps = capabilities{}
	l.users = make(map[string]*user)
	l.batches, l.reading, l.saidAway = nil, reading{}, ""
	l.ctcp = nil
	l.outgoing, l.writing = newOutgoing(l.set.throttle), writing{}
	l.pendings, l.questions, l.sightings, l.typings, l.asides = pendings{}, questions{}, sightings{}, typings{}, asides{}
	l.metadata = metadata{}
	l.splitAt, l.whoAt = time.Time{}, time.Time{}
	signal(l.drained) // who waits for room hears that the connection is gone
	l.starting, l.sasl, l.regaining = starting{}, saslLogin{}, regaining{}
	l.pinged, l.quitBy = time.Time{}, time.Time{}
}

func (l *link) emit(e transport.Event) {
	l.noteTime(e)
	l.session.events.put(e)
}

// run connects until the link is not wanted any more, or goes on with a
// connection that rested.
func (l *link) run(c *connection) {
	for {
		var err error
		if c == nil {
			c, err = l.connect()
		}
		if err == nil {
			if err = l.read(c); err == errResting {
				l.session.running.Go(func() { l.waitFor(c) })
				return
			}
			err = l.hungUp(c.conn, err)
			c.unhook()
		}
		if c = nil; !l.goesOn(err) {
			l.end()
			return
		}
	}
}

func (l *link) end() {
	l.stop()
	l.network.dismiss(l.session.account.User)
	close(l.finished)
}

// goesOn deals with the end of a connection, and waits for the time of the next
// one. False means that there is to be none.
func (l *link) goesOn(err error) bool {
	if to, ok := errors.AsType[*stsUpgrade](err); ok {
		l.upgrade(to.port)
		return true
	}
	l.renewPolicy()
	retry := l.lost(err)
	l.session.events.deliver()
	if retry == 0 {
		return false
	}
	timer := time.NewTimer(retry)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.hurry:
	case <-l.ctx.Done():
		return false
	}
	return l.retry()
}

// upgrade makes the next connection one with TLS.
func (l *link) upgrade(port int) {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	waiting, open := l.lines, l.pendings
	l.reset()
	l.lines, l.pendings, l.upgraded = waiting, open, port
}

func (l *link) renewPolicy() {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if l.strict {
		l.network.sts.renew(l.set.host)
	}
}

// A connection is one that is read.
type connection struct {
	lineReader
	conn   net.Conn
	unhook func() // is for its end
}

// connect dials and begins to register.
func (l *link) connect() (*connection, error) {
	set, err := l.readSettings()
	if err != nil {
		return nil, err
	}
	if err := l.queueUp(set); err != nil {
		return nil, err
	}
	dialling, cancel := context.WithTimeout(l.ctx, registrationLimit)
	defer cancel()
	conn, through, err := l.network.knock(dialling, l.server, set, l.doorClosed)
	if err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(l.ctx, func() {
		hangUp(conn)
		close(closed)
	})
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	l.conn, l.door = conn, through
	l.writes = func() { l.write(conn) }
	l.lastRead = time.Now()
	l.registerBy = l.lastRead.Add(registrationLimit)
	l.register()
	return &connection{
		lineReader: lineReader{conn: conn}, conn: conn,
		unhook: func() {
			if !stop() {
				<-closed
			}
		},
	}, nil
}

// hungUp closes a connection, and says why it has ended.
func (l *link) hungUp(conn net.Conn, err error) error {
	hangUp(conn)
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.conn = nil // so that the writer ends
	if l.unwritten != nil && errors.Is(err, net.ErrClosed) {
		err = l.unwritten
	}
	return err
}

func (l *link) read(c *connection) error {
	for {
		l.armWatch()
		line, err := c.readLine()
		if err := l.heard(line, err); err != nil {
			return err
		}
	}
}

// heard deals with a line, or with the end of the wait for one.
func (l *link) heard(line []byte, err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = l.guard(l.watch)
	case err == nil:
		err = l.guard(func() error { return l.receiveLine(line) })
	}
	l.session.events.deliver()
	return err
}

// armWatch sets when the reader looks up even if nothing comes.
func (l *link) armWatch() {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.arm()
}

// arm needs mu. It may be called while the reader reads.
func (l *link) arm() {
	if l.conn == nil {
		return
	}
	if l.phase == quitting {
		l.conn.SetReadDeadline(l.quitBy)
		return
	}
	var at time.Time
	if l.pinged.IsZero() {
		at = l.lastRead.Add(silenceLimit)
	} else {
		at = l.pinged.Add(pongLimit)
	}
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	if !l.resting {
		earlier(l.lastRead.Add(restAfter))
	}
	earlier(l.oldestBarrier())
	earlier(l.nextEcho())
	earlier(l.nextWhole())
	earlier(l.nextTyping())
	earlier(l.nextDuty())
	earlier(l.sasl.by)
	earlier(l.regainAt)
	if l.listing != nil {
		earlier(l.listing.until)
	}
	earlier(l.whoAt)
	earlier(l.splitAt)
	earlier(l.nextAsk())
	earlier(l.pollAt)
	earlier(l.syncAt)
	switch l.phase {
	case connecting:
		earlier(l.registerBy)
	case online:
		if len(l.channels) == 0 {
			earlier(l.used.Add(idleLimit))
		}
	}
	l.conn.SetReadDeadline(at)
}

// watch does what is due. Its error ends the connection.
func (l *link) watch() error {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	now := time.Now()
	due := func(t time.Time) bool { return !now.Before(t) }
	switch {
	case l.phase == quitting:
		return errQuit
	case l.phase == connecting && due(l.registerBy):
		return refuse(transport.Unreachable, "%s did not let us in within %v.", l.server.name, registrationLimit)
	case !l.pinged.IsZero() && due(l.pinged.Add(pongLimit)):
		return refuse(transport.Unreachable, "%s does not answer any more.", l.server.name)
	}
	if !l.sasl.by.IsZero() && due(l.sasl.by) {
		if err := l.saslDue(); err != nil {
			return err
		}
	}
	if !l.regainAt.IsZero() && due(l.regainAt) {
		l.regain()
	}
	if l.doDuties(now); l.phase == quitting {
		return nil
	}
	if at := l.oldestBarrier(); !at.IsZero() && due(at) {
		l.barrierMissed()
	}
	l.echoesDue(now)
	l.wholesDue(now)
	l.typingDue(now)
	l.listStalled(now)
	l.whoMissed(now)
	l.splitsDue(now)
	l.asksMissed(now)
	l.pollDue(now)
	l.syncsDue(now)
	if l.pinged.IsZero() && due(l.lastRead.Add(silenceLimit)) {
		l.pinged = now
		l.sendNow("PING", watchdogToken)
	}
	l.leaveIfIdle()
	return l.rest(now)
}

// isOnline is called once the server has let us in. It needs mu.
func (l *link) isOnline() {
	l.phase, l.up, l.upSince, l.lostAt = online, true, time.Now(), time.Time{}
	l.shareISupport()
	if l.used.IsZero() && len(l.channels) == 0 {
		l.used = l.upSince
	}
	l.network.gates.letIn(l.set.host)
	l.emit(transport.LinkUp{Server: l.address})
	l.watchFor(l.session.watched[l.server])
	l.session.log().Info("link up", "server", l.server.name)
	if l.session.away != l.saidAway {
		l.sendAway(l.session.away)
	}
	l.beginFaces()
	l.requestList()
	l.sendEnrolment()
	l.start()
	l.wake()
}
