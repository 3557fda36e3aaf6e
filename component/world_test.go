package component

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/component/componenttest"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const domain = "irc.example.org"

// A world is a server, and one component that keeps a stream to it.
type world struct {
	*componenttest.Server
	t     *testing.T
	group *Group
	c     *Component
	log   *logBook
	came  chan stanza.Received // what the handler was given
	ups   chan bool            // calls of Up and Down
	stop  func() error         // ends Run and gives its error
}

func newWorld(t *testing.T) *world {
	w := prepareWorld(t)
	w.start()
	return w
}

// prepareWorld makes one without starting the component.
func prepareWorld(t *testing.T) *world {
	w := &world{
		Server: componenttest.NewServer(t),
		t:      t,
		log:    &logBook{},
		came:   make(chan stanza.Received, 100_000),
		ups:    make(chan bool, 1000),
	}
	w.group = NewGroup(func(r *stanza.Received) { w.came <- *r })
	w.c = w.add(domain)
	return w
}

func (w *world) add(domain string) *Component {
	return w.group.Add(Options{
		Domain: domain,
		Secret: componenttest.Secret,
		Dial:   w.Dial,
		Log:    slog.New(slog.NewTextHandler(w.log, nil)),
		Up:     func() { w.ups <- true },
		Down:   func() { w.ups <- false },
	})
}

func (w *world) start() { w.stop = w.run(w.c) }

func (w *world) run(c *Component) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	w.t.Cleanup(func() { _ = stop() })
	return stop
}

func (w *world) goesUp() {
	w.t.Helper()
	w.changes(true)
}

func (w *world) goesDown() {
	w.t.Helper()
	w.changes(false)
}

func (w *world) changes(want bool) {
	w.t.Helper()
	select {
	case up := <-w.ups:
		if up != want {
			w.t.Fatalf("stream went up: %v, want %v", up, want)
		}
	case <-time.After(time.Hour):
		w.t.Fatalf("stream did not change within an hour, want up: %v\n%s", want, w.log)
	}
}

// says sends a message that matters.
func (w *world) says(format string, args ...any) {
	w.t.Helper()
	if err := w.c.Send(context.Background(), message(fmt.Sprintf(format, args...))); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

func (w *world) hears(want string) stanza.Received {
	w.t.Helper()
	select {
	case r := <-w.came:
		if got := r.Child(stanza.Namespace, "body").Content(); got != want {
			w.t.Fatalf("component got %q, want %q", got, want)
		}
		return r
	case <-time.After(time.Second):
		w.t.Fatalf("component got nothing, want %q", want)
	}
	panic("unreachable")
}

func (w *world) hearsNothing() {
	w.t.Helper()
	select {
	case r := <-w.came:
		w.t.Fatalf("component got %s", componenttest.Pretty(r.Element))
	case <-time.After(time.Second):
	}
}

func message(text string) stanza.Stanza {
	return stanza.Stanza{
		Kind: stanza.Message,
		Header: stanza.Header{
			From: jid.JID{Local: "juliet"},
			To:   jid.JID{Local: "romeo", Domain: "example.org", Resource: "orchard"},
			Type: stanza.Chat,
			ID:   "id-" + text,
		},
		Payloads: []wire.Payload{wire.NewText(stanza.Namespace, "body", text)},
	}
}

func presence(status string) stanza.Stanza {
	s := message(status)
	s.Kind, s.Type = stanza.Presence, ""
	s.Payloads = []wire.Payload{wire.NewText(stanza.Namespace, "status", status)}
	return s
}

func incoming(text string) string {
	return `<message from="romeo@example.org/orchard" to="juliet@irc.example.org" type="chat"><body>` + text + `</body></message>`
}

// A logBook keeps log lines.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimSpace(string(b)))
	return len(b), nil
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// count tells how many lines have the text.
func (l *logBook) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (w *world) logged(n int, text string) {
	w.t.Helper()
	if got := w.log.count(text); got != n {
		w.t.Errorf("%d log lines have %q, want %d:\n%s", got, text, n, w.log)
	}
}
