package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"gatehouse/component"
	"gatehouse/component/stanza"
	"gatehouse/gateway/config"
	"gatehouse/gateway/transport"
)

const (
	healthTime  = 5 * time.Second
	streamTime  = 20 * time.Second
	examineTime = time.Minute // one component's network
)

// A doctor tries a set-up out and says what it finds, a line each.
type doctor struct {
	out     io.Writer
	bad     int
	running map[string]componentHealth // by domain; nil: the gateway is not at work
}

// componentHealth is what /healthz says of one.
type componentHealth struct {
	Domain, Canary, Problem string
	Up                      bool
}

var gradeNames = map[transport.Grade]string{transport.Good: "ok   ", transport.Doubtful: "doubt", transport.Bad: "BAD  "}

func (d *doctor) say(about string, f transport.Finding) {
	if f.Grade == transport.Bad {
		d.bad++
	}
	fmt.Fprintf(d.out, "%s  %s: %s\n", gradeNames[f.Grade], about, f.Text)
}

// examination says everything about one thing.
func (d *doctor) examination(about string) transport.Examination {
	return transport.Examination{Running: d.running != nil, Say: func(f transport.Finding) { d.say(about, f) }}
}

// run looks at everything and gives the number of what is bad. It changes
// nothing, and leaves the streams of a gateway that is at work alone.
func (d *doctor) run(c *config.Config) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	e := d.examination("config")
	e.Good("Everything in it is known and has a sensible value.")
	for _, w := range c.Warnings {
		e.Doubtful(w)
	}
	d.askForHealth(ctx, c.HTTP.Listen)
	for _, cc := range c.Components {
		if d.running != nil {
			d.examineHealth(cc.Domain)
		} else {
			d.examineStream(ctx, cc)
		}
		if x, ok := cc.Options.(transport.Examiner); ok && ctx.Err() == nil {
			limited, cancel := context.WithTimeout(ctx, examineTime)
			x.Examine(limited, d.examination(cc.Domain))
			cancel()
		}
	}
	return d.bad
}

// askForHealth asks a gateway that is at work. There is none if nothing listens.
func (d *doctor) askForHealth(ctx context.Context, listen string) {
	e := d.examination("gateway")
	if listen == "" {
		e.Doubtful("http.listen is empty, so it can't be asked whether it is running. If it is, its streams may be interrupted now.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	address := reachable(listen)
	var answer struct{ Components []componentHealth }
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		e.Bad("http.listen is no address.")
		return
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		e.Good("It is not running: nobody answers at " + address + ".")
		return
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil || len(answer.Components) == 0 {
		e.Bad("Another program answers at " + address + ": choose another address with the key http.listen.")
		return
	}
	d.running = make(map[string]componentHealth)
	for _, h := range answer.Components {
		d.running[h.Domain] = h
	}
	e.Good("It is running, and is asked itself for its streams.")
}

// reachable gives the address at which a listener is called from here.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// examineHealth passes on what the gateway says of a component.
func (d *doctor) examineHealth(domain string) {
	e := d.examination(domain)
	h, ok := d.running[domain]
	switch {
	case !ok:
		e.Bad("The gateway that is running does not know this component: restart it.")
	case !h.Up:
		e.Bad("It has no stream to the XMPP server: " + h.Problem + ".")
	case h.Canary == string(component.CanaryTwin):
		e.Bad("Another connection has this domain, too, and gets a share of its stanzas: stop the other gateway.")
	default:
		e.Good("It is connected to the XMPP server, and what it sends to itself comes back.")
	}
}

// examineStream connects as the component for a moment: the handshake, and
// pings to itself. What comes in meanwhile is sent back.
func (d *doctor) examineStream(ctx context.Context, cc config.Component) {
	e := d.examination(cc.Domain)
	var c *component.Component
	group := component.NewGroup(func(r *stanza.Received) {
		if answer, ok := r.Refuse(stanza.Error{Class: stanza.Wait, Condition: stanza.RecipientUnavailable, Text: "the gateway is not running"}); ok {
			c.TrySend(answer)
		}
	})
	kind, address := cc.Endpoint()
	c = group.Add(component.Options{Domain: cc.Domain, Secret: cc.Secret.Reveal(), Network: kind, Address: address, TLS: cc.TLSConfig})
	ctx, cancel := context.WithTimeout(ctx, streamTime)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		h := c.Health()
		switch {
		case h.Up && h.Canary == component.CanaryTwin:
			e.Bad("Another connection has this domain, too, and gets a share of its stanzas: stop the other gateway.")
		case h.Up && h.Canary != component.CanaryUnknown:
			e.Good("The XMPP server at " + cc.Server + " takes the secret, and what is sent to the component comes back.")
		case h.Problem != "":
			text := "There is no stream to the XMPP server at " + cc.Server + ": " + h.Problem + "."
			if h.Check != "" {
				text += " Check " + h.Check + "."
			}
			e.Bad(text)
		case ctx.Err() != nil:
			e.Bad("The XMPP server at " + cc.Server + " takes the secret, but what is sent to the component does not come back.")
		default:
			<-tick.C
			continue
		}
		break
	}
	cancel()
	<-ended
}
