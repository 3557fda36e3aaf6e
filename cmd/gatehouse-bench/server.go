package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/socket"
	"gatehouse/component/wire"
)

const (
	domain = "irc.bench.local"
	secret = "benchsecret"
)

// An xmppServer plays the server's side of one component stream (XEP-0114). It
// reads with the gateway's own reader, which is quick enough not to be what is
// measured.
type xmppServer struct {
	conn   net.Conn
	domain string // of the component
	in     *wire.Reader
	heard  atomic.Pointer[func(*wire.Element)]
	ended  chan struct{}
	err    error // why, once ended is closed

	mu  sync.Mutex
	out *bufio.Writer
}

// accept waits for the gateway to connect and to prove who it is.
func accept(ctx context.Context, l net.Listener) (*xmppServer, error) {
	unhook := context.AfterFunc(ctx, func() { l.Close() })
	defer unhook()
	conn, err := l.Accept()
	if err != nil {
		return nil, fmt.Errorf("no gateway connected: %w", errors.Join(context.Cause(ctx), err))
	}
	conn = socket.Direct(conn)
	s := &xmppServer{
		conn: conn, in: wire.NewReader(conn, wire.DefaultLimits), out: bufio.NewWriterSize(conn, 1<<16),
		ended: make(chan struct{}),
	}
	s.listen(nil)
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := s.handshake(); err != nil {
		conn.Close()
		return nil, errors.Join(err, context.Cause(ctx))
	}
	go s.read()
	return s, nil
}

func (s *xmppServer) handshake() error {
	header, err := s.in.Open()
	if err != nil {
		return fmt.Errorf("the gateway's stream header: %w", err)
	}
	s.domain = header.Attr("to")
	const id = "bench1"
	s.send(`<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='` + s.domain + `' id='` + id + `'>`)
	e, err := s.in.Next()
	if err != nil {
		return fmt.Errorf("the gateway's handshake: %w", err)
	}
	sum := sha1.Sum([]byte(id + secret))
	if e.Name != "handshake" || !strings.EqualFold(e.Content(), hex.EncodeToString(sum[:])) {
		return errors.New("the gateway's handshake is wrong")
	}
	s.send(`<handshake/>`)
	return nil
}

func (s *xmppServer) read() {
	defer close(s.ended)
	for {
		e, err := s.in.Next()
		if err != nil {
			s.err = err
			return
		}
		if e.Name == "iq" {
			s.answer(e)
			continue
		}
		(*s.heard.Load())(e)
	}
}

// answer gives what a server and its clients would. A ping to the gateway's own
// domain comes back to it.
func (s *xmppServer) answer(e *wire.Element) {
	if typ := e.Attr("type"); typ != "get" && typ != "set" {
		return
	}
	if e.Child("urn:xmpp:ping", "ping") != nil {
		var w wire.Writer
		if host, _, _ := strings.Cut(e.Attr("to"), "/"); host == s.domain {
			w.Start("", "iq")
			for _, a := range e.Attrs {
				w.Attr(a.Name, a.Value)
			}
			w.Start("urn:xmpp:ping", "ping")
			w.End()
			w.End()
		} else {
			reply(&w, e, "result")
		}
		s.send(string(w.Bytes()))
		return
	}
	var w wire.Writer
	reply(&w, e, "error")
	s.send(string(w.Bytes()))
}

func reply(w *wire.Writer, e *wire.Element, typ string) {
	w.Start("", "iq")
	w.Attr("from", e.Attr("to"))
	w.Attr("to", e.Attr("from"))
	w.Attr("id", e.Attr("id"))
	w.Attr("type", typ)
	if typ == "error" {
		w.Start("", "error")
		w.Attr("type", "cancel")
		w.Start("urn:ietf:params:xml:ns:xmpp-stanzas", "service-unavailable")
		w.End()
		w.End()
	}
	w.End()
}

// listen says who is told of messages and presence from now on. f runs on the
// reader's goroutine; the element is valid while it does.
func (s *xmppServer) listen(f func(*wire.Element)) {
	if f == nil {
		f = func(*wire.Element) {}
	}
	s.heard.Store(&f)
}

func (s *xmppServer) send(stanzas ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range stanzas {
		s.out.WriteString(x)
	}
	s.out.Flush()
}

func (s *xmppServer) close() {
	s.conn.Close()
	<-s.ended
}

// wait waits for done, for the end of the stream, or for limit.
func (s *xmppServer) wait(done <-chan struct{}, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-s.ended:
		return fmt.Errorf("the gateway's stream ended: %w", s.err)
	case <-timer.C:
		return fmt.Errorf("waited %v in vain", limit)
	}
}
