package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const host = "bench.local" // of the real server's users

// A realServer is an XMPP server with the component on it, and how to find it.
type realServer struct {
	*servers.Server
	clients, component string // addresses
}

func startServer(ctx context.Context, name, dir string, users map[string]string) (*realServer, error) {
	components := []servers.Component{{Domain: domain, Secret: secret}}
	if name == "ejabberd" {
		e, err := servers.StartEjabberd(ctx, dir, servers.EjabberdOptions{Domain: host, Users: users, Components: components})
		if err != nil {
			return nil, err
		}
		return &realServer{e.Server, e.ClientAddr, e.ComponentAddrs[domain]}, nil
	}
	p, err := servers.StartProsody(ctx, dir, servers.ProsodyOptions{Domain: host, Users: users, Components: components})
	if err != nil {
		return nil, err
	}
	return &realServer{p.Server, p.ClientAddr, p.ComponentAddr}, nil
}

// through lets somebody on IRC talk to a channel of people with clients on a
// real server, and divides the CPU time of a message between that and us. Both
// handle each stanza once.
func (b *bench) through(ctx context.Context, r row, s *subject, size sizes, o setup) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	users := map[string]string{}
	for i := range size.listeners {
		users[fmt.Sprintf("u%d", i)] = secret
	}
	server, err := startServer(ctx, r.through, filepath.Join(o.dir, r.through), users)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	if _, o.port, err = net.SplitHostPort(server.component); err != nil {
		return nil, err
	}
	t, err := s.launch(o)
	if err != nil {
		return nil, err
	}
	return t.measure(ctx, func(t *trial, size sizes) (figures, error) { return t.talkThrough(ctx, server, size) }, size)
}

func (t *trial) talkThrough(ctx context.Context, server *realServer, size sizes) (figures, error) {
	people, err := t.gatherPeople(ctx, server.clients, size.listeners)
	defer people.leave()
	if err != nil {
		return nil, err
	}
	speaker, err := dialIRC(t.irc, "speaker", nil, "#through")
	if err != nil {
		return nil, err
	}
	defer speaker.close()

	before, theirs := t.cpu(), cpuTime(server.PID())
	for i := range size.messages {
		speaker.say("PRIVMSG #through :through %d %s", i, lorem)
	}
	heard, err := people.hear(ctx, size.messages)
	if want := size.listeners * size.messages; err != nil || heard != want {
		return nil, fmt.Errorf("%d of %d arrived: %w", heard, want, err)
	}
	ours := t.cpu() - before
	theirs = cpuTime(server.PID()) - theirs
	return figures{
		"ours": float64(ours.Microseconds()) / float64(heard), "theirs": float64(theirs.Microseconds()) / float64(heard),
		"share": float64(ours) / float64(theirs),
	}, nil
}

// People are clients in one channel.
type people []*xmppclient.Client

func (p people) leave() {
	for _, one := range p {
		one.Drop()
	}
}

// gatherPeople brings everybody in at once: an IRC server takes a second or more
// for each.
func (t *trial) gatherPeople(ctx context.Context, address string, n int) (all people, err error) {
	errs := make([]error, n)
	all = make(people, n)
	var coming sync.WaitGroup
	for i := range n {
		coming.Go(func() {
			nick := fmt.Sprintf("u%d", i)
			if all[i], errs[i] = xmppclient.Connect(ctx, address, nick+"@"+host, secret, "r"); errs[i] == nil {
				errs[i] = t.comesIn(ctx, all[i], nick)
			}
		})
	}
	coming.Wait()
	all = slices.DeleteFunc(all, func(c *xmppclient.Client) bool { return c == nil })
	return all, errors.Join(errs...)
}

// comesIn joins, once the component serves.
func (t *trial) comesIn(ctx context.Context, c *xmppclient.Client, nick string) error {
	for {
		seen, err := c.JoinRoom(ctx, t.room("#through"), nick, "")
		if err != nil || seen.Type() != stanza.ErrorType {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("join as %s: %s: %w", nick, seen, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond): // the component is not connected yet
		}
	}
}

// hear waits until everybody has heard the last message, and counts what came.
func (p people) hear(ctx context.Context, messages int) (heard int, err error) {
	last := fmt.Sprintf("through %d ", messages-1)
	for _, c := range p {
		_, e := c.Wait(ctx, func(s xmppclient.Stanza) bool { return strings.HasPrefix(s.Body(), last) })
		if e != nil && err == nil {
			err = fmt.Errorf("%s did not hear the last message: %w", c.JID(), e)
		}
		for _, s := range c.All() {
			if strings.HasPrefix(s.Body(), "through ") {
				heard++
			}
		}
	}
	return heard, err
}
