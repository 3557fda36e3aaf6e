package irc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

// quitGrace is how long a server gets to take our QUIT.
const quitGrace = 2 * time.Second

// session implements transport.Session and the capabilities Rooms, Moderation
// and PresenceUpdates: one user's links. Calls change state and queue lines
// under mu and never wait for the network.
type session struct {
	network *network
	account transport.Account
	events  eventQueue

	connecting context.Context // of all links
	disconnect context.CancelFunc
	running    sync.WaitGroup

	mu       sync.Mutex // guards what follows and all of the links; never held while waiting
	links    map[*server]*link
	closed   bool
	away     string          // the text for AWAY; empty: here
	portrait *transport.Face // who the user is on XMPP; nil: not known
	pastes   int             // long texts that are being stored
	active   time.Time       // when the user sent or joined something last

	watched map[*server]map[string]transport.Address // those in the roster, by name
}

var (
	_ transport.Session         = (*session)(nil)
	_ transport.Rooms           = (*session)(nil)
	_ transport.Splitter        = (*session)(nil)
	_ transport.Moderation      = (*session)(nil)
	_ transport.PresenceUpdates = (*session)(nil)
	_ transport.Reconfigurable  = (*session)(nil)
	_ transport.Links           = (*session)(nil)
	_ transport.Profiles        = (*session)(nil)
	_ transport.Queries         = (*session)(nil)
	_ transport.Acquaintances   = (*session)(nil)
	_ transport.Watching        = (*session)(nil)
)

func newSession(n *network, account transport.Account, sink transport.Sink) *session {
	s := &session{
		network: n, account: account,
		links: make(map[*server]*link), active: time.Now(),
	}
	s.connecting, s.disconnect = context.WithCancel(context.Background())
	s.events.init(sink, &s.mu, &s.running)
	return s
}

// log is made when there is something to say.
func (s *session) log() *slog.Logger {
	if s.network.log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.network.log.With("user", s.account.User)
}

// Close implements transport.Session. Each server is told, and gets a moment
// to hear it.
func (s *session) Close(ctx context.Context, reason string) error {
	s.mu.Lock()
	s.closed = true
	s.events.close()
	var open []*link
	for _, l := range s.links {
		open = append(open, l)
		l.quit(reason)
	}
	s.mu.Unlock()

	grace := time.NewTimer(quitGrace)
	defer grace.Stop()
wait:
	for _, l := range open {
		select {
		case <-l.finished:
		case <-grace.C:
			break wait
		case <-ctx.Done():
			break wait
		}
	}
	s.disconnect()
	s.running.Wait()
	s.network.hasClosed(s)
	return nil
}

// linkTo gives the link to a server and connects if there is none. The caller
// holds mu.
func (s *session) linkTo(srv *server, nick string) (*link, error) {
	if s.closed {
		return nil, refuse(transport.Unreachable, "The session is closed.")
	}
	if l := s.links[srv]; l != nil {
		return l, nil
	}
	if len(s.links) >= s.network.limits.MaxNetworks {
		return nil, refuse(transport.TooMany, "You are connected to %d IRC networks; there can't be more. Leave one first.", len(s.links))
	}
	if err := s.network.admit(s.account.User); err != nil {
		return nil, err
	}
	l := newLink(s, srv, nick)
	s.links[srv] = l
	s.running.Go(func() { l.run(nil) })
	return l, nil
}

// online gives the link to an address's server if it is up. The caller holds
// mu.
func (s *session) online(srv *server) (*link, error) {
	l := s.links[srv]
	switch {
	case l == nil:
		return nil, refuse(transport.NotJoined, "There is no connection to %s.", srv.name)
	case l.phase != online:
		return nil, refuse(transport.Unreachable, "There is no connection to %s just now.", srv.name)
	}
	return l, nil
}

// do calls f with mu held, and has the events that f left delivered.
func (s *session) do(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f()
	s.events.deliverLater()
	return err
}
