package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/component"
	. "gatehouse/component/componenttest"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway"
	"gatehouse/gateway/store"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
)

// Where the story takes place: a network of people and rooms, and one of phones.
const (
	verona = "verona.example.org"
	phones = "phones.example.org"

	garden  = "#garden@" + verona
	balcony = "#balcony@" + verona

	orchard = "romeo@example.org/orchard"
	cell    = "romeo@example.org/cell"
	romeo   = "romeo@example.org"

	romeoThere = "romeo@" + verona + "/montague.example" // as others see him in rooms
	escalus    = "escalus@example.org"                   // who rules
	castle     = escalus + "/castle"
	tybalt     = "tybalt@example.net/street" // whom the gateway does not serve

	number = "+15551234567"
	phone  = number + "@" + phones
)

// A world is an XMPP server, a gateway with two components on it, and the
// networks behind them.
type world struct {
	files *shelf // where files are hosted; nil: nowhere
	*Server
	t       *testing.T
	path    string // of the store's file; empty: it is in memory
	store   store.Store
	wraps   func(store.Store) store.Store // nil: as it is
	gateway *gateway.Gateway
	verona  *network
	phones  *network
	log     *logBook
	stop    func() // the gateway and its streams, in order
	banned  sync.Map
	plain   bool    // verona can do nothing but send
	keeping *keeper // what is kept of verona's conversations; nil: nothing
	open    bool    // people can register
	linking bool    // they can link rooms
	books   string  // folder of address books
	web     *http.Client

	admin   atomic.Value // a string: the bare address of who is one
	reloads func() ([]string, error)
	forgets func(component, user string) // nil: nothing is kept elsewhere
}

// story runs a test in a bubble of virtual time.
func story(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.store = newMemory()
		w.start()
		tell(t, w)
	})
}

// homeStory is one where verona has only one server.
func homeStory(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.verona.info.Home = "verona"
		w.store = newMemory()
		w.start()
		tell(t, w)
	})
}

// storyOnDisk is for what outlasts the process.
func storyOnDisk(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.path = filepath.Join(t.TempDir(), "gatehouse.db")
		w.start()
		tell(t, w)
	})
}

func prepareWorld(t *testing.T) *world {
	w := &world{
		Server: NewServer(t), t: t, log: &logBook{},
		verona: newNetwork(transport.Info{Name: "Verona", Type: "generic"}),
		phones: newNetwork(transport.Info{Name: "Phones", Type: "phone", AlwaysOn: true, Durable: true, Reachable: true, Groups: true, Prompt: "Which number?", Prompts: map[string]string{"it": "Quale numero?"}}),
	}
	w.phones.users = []string{romeo}
	w.verona.configurable = true
	w.admin.Store(escalus)
	w.reloads = func() ([]string, error) { return nil, nil }
	w.verona.named = []transport.Command{{Node: "leave-verona", Name: "Leave", Does: transport.DoDisconnect, Field: "verona-servers"}}
	t.Cleanup(func() {
		if w.stop != nil {
			w.stop()
		}
	})
	return w
}

// start starts the gateway as a new process would.
func (w *world) start() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.log, nil))
	if w.path != "" {
		db, err := sqlite.Open(w.path, sqlite.Options{})
		if err != nil {
			w.t.Fatal(err)
		}
		w.store = db
		if err := db.Records(phones).Put(w.t.Context(), knownPhone); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.wraps != nil {
		w.store = w.wraps(w.store)
	}
	db := w.store
	g := gateway.New(gateway.Options{
		Log: log, Store: db, Version: "1.2.3",
		Contacts: []stanza.Field{{Var: "abuse-addresses", Type: "list-multi", Values: []string{"mailto:abuse@example.org"}}},
		Forget: func(component, user string) {
			if w.forgets != nil {
				w.forgets(component, user)
			}
		},
		IsAdmin: func(j jid.JID) bool { return j.String() == w.admin.Load() },
		Reload:  func() ([]string, error) { return w.reloads() },
		HTTP:    w.web,
	})
	w.gateway = g
	group := component.NewGroup(g.Route)
	streaming, closeStreams := context.WithCancel(context.Background())
	working, stopWork := context.WithCancel(context.Background())
	var streams, work sync.WaitGroup
	var components []*component.Component
	for domain, network := range map[string]*network{verona: w.verona, phones: w.phones} {
		c := group.Add(component.Options{
			Domain: domain, Secret: Secret, Dial: w.Dial, Log: log,
			Up:   func() { g.StreamUp(domain) },
			Down: func() { g.StreamDown(domain) },
		})
		host := gateway.Host{Domain: domain, Network: network, Stream: c, Allows: w.allows, AddressBooks: w.books, UsersPlumb: w.linking}
		if w.files != nil {
			host.Files = w.files
		}
		if w.plain {
			host.Network = plainNetwork{network}
		}
		if w.keeping != nil && domain == verona {
			host.Network = keepingNetwork{network, w.keeping}
		}
		if w.open {
			host.Network = enrolling(network)
		}
		g.Add(host)
		components = append(components, c)
	}
	for _, c := range components {
		streams.Go(func() { _ = c.Run(streaming) })
	}
	work.Go(func() {
		if err := g.Run(working); err != nil {
			w.t.Errorf("run: %v", err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		stopWork()
		work.Wait()
		closeStreams()
		streams.Wait()
		if err := db.Close(); err != nil {
			w.t.Errorf("close the store: %v", err)
		}
	})
	w.Connected()
	w.Connected()
	w.settle()
}

// allows serves everybody of example.org who is not banned.
func (w *world) allows(j jid.JID) bool {
	_, banned := w.banned.Load(j.Bare().String())
	return j.Domain == "example.org" && !banned
}

// settle lets everything happen that needs no time, and a little that does: the
// streams prove themselves with pings.
func (w *world) settle() {
	time.Sleep(time.Millisecond)
	synctest.Wait()
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// says sends a stanza of a client's. In the text, single quotes may be used.
func (w *world) says(from, format string, args ...any) {
	w.t.Helper()
	xml := fmt.Sprintf(format, args...)
	kind := strings.TrimLeft(strings.SplitN(xml, " ", 2)[0], "<")
	w.Send(strings.Replace(xml, "<"+kind, "<"+kind+" from='"+from+"'", 1))
}

func (w *world) asksToJoin(client, room, nick string) {
	w.t.Helper()
	w.says(client, `<presence to='%s/%s' id='join'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, room, nick)
}

// joins brings a client into a room and drops the burst.
func (w *world) joins(client, room, nick string) {
	w.t.Helper()
	w.asksToJoin(client, room, nick)
	w.settle()
	w.Skip()
}

func (w *world) leaves(client, room, nick string) {
	w.t.Helper()
	w.says(client, `<presence to='%s/%s' type='unavailable'/>`, room, nick)
}

func (w *world) speaks(client, room, text string) {
	w.t.Helper()
	w.says(client, `<message to='%s' type='groupchat' id='m-%s'><body>%[2]s</body></message>`, room, text)
}

// asks sends an iq with the id "ask".
func (w *world) asks(client, typ, to, query string) {
	w.t.Helper()
	w.says(client, `<iq to='%s' type='%s' id='ask'>%s</iq>`, to, typ, query)
}

func answer(from, to string, more ...Matcher) Matcher {
	return IQ(append([]Matcher{From(from), To(to), ID("ask")}, more...)...)
}

func result(from, to string, more ...Matcher) Matcher {
	return answer(from, to, append(more, Type("result"))...)
}

// breakStream takes the server away, once it surely has all that was sent.
func (w *world) breakStream() {
	w.pass(time.Second)
	w.GoAway()
	w.settle()
}

// restoreStream brings it back and waits until stanzas flow.
func (w *world) restoreStream() {
	w.t.Helper()
	w.ComeBack()
	w.Connected()
	w.Connected()
	w.settle()
}

// occupant matches the presence of somebody in a room.
func occupant(to, room, nick string, more ...Matcher) Matcher {
	return Presence(append([]Matcher{From(room + "/" + nick), To(to), Type("")}, more...)...)
}

// gone matches the presence of somebody who left a room.
func gone(to, room, nick string, more ...Matcher) Matcher {
	return Presence(append([]Matcher{
		From(room + "/" + nick), To(to), Type("unavailable"), Has("{http://jabber.org/protocol/muc#user}x/item@role", "none"),
	}, more...)...)
}

// inRoom matches a message in a room.
func inRoom(to, room, nick, text string, more ...Matcher) Matcher {
	return Message(append([]Matcher{From(room + "/" + nick), To(to), Type("groupchat"), Body(text)}, more...)...)
}

func subject(to, from, text string, more ...Matcher) Matcher {
	return Message(append([]Matcher{From(from), To(to), Type("groupchat"), Subject(text), HasNot("body")}, more...)...)
}

// joinError matches the refusal of a join.
func joinError(to, address, class, condition string) Matcher {
	return Presence(From(address), To(to), StanzaError(class, condition), Has("{http://jabber.org/protocol/muc}x"))
}

// A logBook keeps log lines.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

func (l *logBook) has(text string) bool { return l.count(text) > 0 }

func (l *logBook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(strings.Join(l.lines, ""), text)
}
