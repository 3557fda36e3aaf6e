package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/wire"
	"gatehouse/gateway"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
	"gatehouse/transports/irc"
)

// A crossing is one user in one channel, with the whole gateway between an XMPP
// and an IRC server that allocate nothing of their own.
type crossing struct {
	testing.TB
	xmpp    *xmppServer
	irc     *quietIRC
	stanzas chan struct{} // one for each message that came to the user
}

const (
	crossingUser = "romeo@example.org/orchard"
	crossingRoom = "#garden%bench@" + domain
)

func newCrossing(tb testing.TB, history, echoes bool) *crossing {
	tb.Helper()
	c := &crossing{TB: tb, stanzas: make(chan struct{}, 1<<16)}
	c.irc = newQuietIRC(tb, echoes)
	log := slog.New(slog.DiscardHandler)
	db, err := sqlite.Open(filepath.Join(tb.TempDir(), "gatehouse.db"), sqlite.Options{Log: log})
	c.must(err)
	o := irc.Defaults()
	off := false
	o.Record = history
	o.Throttle.Burst = 0
	o.Network = map[string]irc.NetworkOptions{"bench": {Address: c.irc.listener.Addr().String(), TLS: &off}}
	network, err := o.New(transport.Env{Log: log, Settings: db.Settings().For(domain), Records: db.Records(domain)})
	c.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	defer l.Close()
	g := gateway.New(gateway.Options{Log: log, Store: db})
	group := component.NewGroup(g.Route)
	stream := group.Add(component.Options{
		Domain: domain, Secret: secret, Network: "tcp", Address: l.Addr().String(), Log: log,
		Up: func() { g.StreamUp(domain) }, Down: func() { g.StreamDown(domain) },
	})
	g.Add(gateway.Host{Domain: domain, Network: network, Stream: stream, Allows: func(jid.JID) bool { return true }})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() { _ = g.Run(ctx); ended <- struct{}{} }()
	go func() { _ = stream.Run(ctx); ended <- struct{}{} }()
	c.xmpp, err = accept(ctx, l)
	c.must(err)
	tb.Cleanup(func() {
		stop()
		<-ended
		<-ended
		c.xmpp.close()
		c.irc.listener.Close()
		c.must(db.Close())
	})
	c.xmpp.listen(func(e *wire.Element) {
		if e.Name == "message" {
			c.stanzas <- struct{}{}
		}
	})
	c.xmpp.send("<presence from='" + crossingUser + "' to='" + crossingRoom + "/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	c.await(c.stanzas) // the subject, which ends a join
	return c
}

func (c *crossing) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *crossing) await(done <-chan struct{}) {
	c.Helper()
	c.must(c.xmpp.wait(done, 10*time.Second))
}

// A quietIRC is an IRC server that lets one client into one channel.
type quietIRC struct {
	listener net.Listener
	echoes   bool // what is said is shown to who said it (IRCv3 echo-message)
	conn     net.Conn
	lines    chan struct{} // one for each PRIVMSG that came
}

func newQuietIRC(tb testing.TB, echoes bool) *quietIRC {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &quietIRC{listener: l, echoes: echoes, lines: make(chan struct{}, 1<<16)}
	go s.serve()
	return s
}

func (s *quietIRC) serve() {
	conn, err := s.listener.Accept()
	if err != nil {
		return
	}
	s.conn = conn
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	out := make([]byte, 0, 1<<10)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		line = bytes.TrimRight(line, "\r\n")
		var tags []byte
		if bytes.HasPrefix(line, []byte("@")) {
			tags, line, _ = bytes.Cut(line, []byte(" "))
		}
		command, rest, _ := bytes.Cut(line, []byte(" "))
		out = out[:0]
		switch string(command) {
		case "PRIVMSG":
			s.lines <- struct{}{}
			if s.echoes {
				out = append(append(append(append(out, tags...), " :romeo!~romeo@bench "...), line...), "\r\n"...)
			}
		case "QUIT":
			return
		case "PING":
			out = append(append(append(out, ":irc.bench PONG irc.bench "...), rest...), "\r\n"...)
		case "CAP":
			if bytes.HasPrefix(rest, []byte("LS")) {
				out = append(out, ":irc.bench CAP * LS :server-time message-tags account-tag"...)
				if s.echoes {
					out = append(out, " echo-message batch labeled-response"...)
				}
				out = append(out, "\r\n"...)
			} else if wanted, ok := bytes.CutPrefix(rest, []byte("REQ ")); ok {
				out = append(append(append(out, ":irc.bench CAP * ACK "...), wanted...), "\r\n"...)
			}
		case "USER":
			out = append(out, ":irc.bench 001 romeo :Welcome\r\n:irc.bench 422 romeo :No MOTD\r\n"...)
		case "JOIN":
			out = append(out, ":romeo!~romeo@bench JOIN #garden\r\n:irc.bench 324 romeo #garden +\r\n"+
				":irc.bench 353 romeo = #garden :romeo juliet\r\n:irc.bench 366 romeo #garden :End\r\n"...)
		}
		if len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}
}

// aMessage is what clients send, with what they add to it.
const aMessage = "<message from='" + crossingUser + "' to='" + crossingRoom + "' type='groupchat' id='m1' xml:lang='en'>" +
	"<body>But soft! What light through yonder window breaks?</body><active xmlns='http://jabber.org/protocol/chatstates'/>" +
	"<origin-id xmlns='urn:xmpp:sid:0' id='m1'/></message>"

// aLine is what servers with IRCv3 send. A time to come counts as now.
var aLine = []byte("@time=2030-01-02T03:04:05.678Z;msgid=2MTX~1700000000~17;account=juliet :juliet!~juliet@verona.example PRIVMSG #garden :O Romeo, Romeo, wherefore art thou Romeo?\r\n")

// toIRC is one message to a channel, with what the user is shown of it.
func (c *crossing) toIRC() {
	c.xmpp.send(aMessage)
	c.hears(c.irc.lines)
	c.hears(c.stanzas)
}

// toXMPP is one message from a channel.
func (c *crossing) toXMPP() {
	id := aLine[bytes.Index(aLine, []byte("~17;"))-10:][:10]
	for i := len(id) - 1; ; i-- { // the next number
		if id[i]++; id[i] <= '9' {
			break
		}
		id[i] = '0'
	}
	if _, err := c.irc.conn.Write(aLine); err != nil {
		c.Fatal(err)
	}
	c.hears(c.stanzas)
}

// hears waits without a timer, which would be counted.
func (c *crossing) hears(done <-chan struct{}) {
	select {
	case <-done:
	case <-c.xmpp.ended:
		c.Fatal("the gateway's stream ended")
	}
}

func BenchmarkAcross(b *testing.B) {
	for _, history := range []bool{false, true} {
		c := newCrossing(b, history, false)
		for _, way := range []struct {
			name  string
			cross func()
		}{{"to IRC", c.toIRC}, {"to XMPP", c.toXMPP}} {
			b.Run(fmt.Sprintf("%s, history %v", way.name, history), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					way.cross()
				}
			})
		}
	}
}
