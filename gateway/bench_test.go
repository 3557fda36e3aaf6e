package gateway_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway"
	"gatehouse/gateway/store"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
)

// A sink takes stanzas as a stream would, and writes them as XML.
type sinkStream struct {
	w    wire.Writer // TrySend is called by one session
	sent chan stanza.Kind
}

func (s *sinkStream) TrySend(st stanza.Stanza) bool {
	s.w.Reset()
	st.WriteXML(&s.w)
	s.sent <- st.Kind
	return true
}

func (s *sinkStream) Send(_ context.Context, st stanza.Stanza) error {
	s.TrySend(st)
	return nil
}

func (s *sinkStream) Request(context.Context, stanza.Stanza) (stanza.Received, error) {
	return stanza.Received{}, context.Canceled
}

// A quick network takes everything and remembers nothing.
type quickNetwork struct {
	sink chan transport.Sink
	sent chan struct{}
}

func (n *quickNetwork) Info() transport.Info { return transport.Info{Name: "Quick", Type: "generic"} }
func (n *quickNetwork) Resolve(text string) (transport.Address, transport.Kind, error) {
	if text[0] == '#' {
		return transport.Address(text), transport.Room, nil
	}
	return transport.Address(text), transport.Person, nil
}
func (n *quickNetwork) Open(_ transport.Account, sink transport.Sink) (transport.Session, error) {
	n.sink <- sink
	return n, nil
}
func (n *quickNetwork) Send(context.Context, transport.Message) (transport.MessageID, error) {
	n.sent <- struct{}{}
	return "", nil
}
func (n *quickNetwork) Close(context.Context, string) error { return nil }
func (n *quickNetwork) Join(_ context.Context, room transport.Address, nick string, _ transport.JoinOptions) error {
	sink := <-n.sink
	go func() {
		_ = sink.Deliver(context.Background(), transport.RoomJoined{Room: room, Nick: nick, Members: []transport.Member{{Nick: nick, Identity: nick}}})
		n.sink <- sink
	}()
	return nil
}
func (n *quickNetwork) Leave(context.Context, transport.Address, string) error { return nil }
func (n *quickNetwork) SetNick(context.Context, transport.Address, string, transport.Request) error {
	return nil
}
func (n *quickNetwork) SetSubject(context.Context, transport.Address, string, transport.Request) error {
	return nil
}
func (n *quickNetwork) Members(transport.Address) []transport.Member { return nil }

type benchWorld struct {
	testing.TB
	gateway *gateway.Gateway
	network *quickNetwork
	stream  *sinkStream
}

func newBenchWorld(b testing.TB) *benchWorld {
	return newBenchWorldOn(b, newMemory(), func(n *quickNetwork) transport.Network { return n })
}

func newBenchWorldOn(b testing.TB, db store.Store, as func(*quickNetwork) transport.Network) *benchWorld {
	w := &benchWorld{
		TB: b, network: &quickNetwork{sink: make(chan transport.Sink, 1), sent: make(chan struct{}, 1)},
		stream: &sinkStream{sent: make(chan stanza.Kind, 16)},
	}
	w.gateway = gateway.New(gateway.Options{
		Log: slog.New(slog.DiscardHandler), Store: db,
	})
	w.gateway.Add(gateway.Host{
		Domain: verona, Network: as(w.network), Stream: w.stream, Allows: func(jid.JID) bool { return true },
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = w.gateway.Run(ctx); close(done) }()
	b.Cleanup(func() { stop(); <-done })
	if b, ok := b.(*testing.B); ok {
		b.ReportAllocs()
	}
	return w
}

func received(b testing.TB, e *wire.Element) *stanza.Received {
	st, err := stanza.Parse(e)
	if err != nil {
		b.Fatal(err)
	}
	return &st
}

func message(to, typ string) *wire.Element {
	return wire.New(stanza.Namespace, "message", wire.NewText(stanza.Namespace, "body", "But soft! What light through yonder window breaks?")).
		SetAttr("from", orchard).SetAttr("to", to).SetAttr("type", typ).SetAttr("id", "m1")
}

// One message from XMPP to a person on the network.
func BenchmarkMessageToTheNetwork(b *testing.B) {
	w := newBenchWorld(b)
	st := received(b, message("juliet@"+verona, "chat"))
	for b.Loop() {
		w.gateway.Route(st)
		<-w.network.sent
	}
}

// One message from a person on the network to XMPP, serialized.
func BenchmarkMessageToXMPP(b *testing.B) {
	w := newBenchWorld(b)
	w.gateway.Route(received(b, message("juliet@"+verona, "chat")))
	<-w.network.sent
	sink := <-w.network.sink
	e := transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: "O Romeo, Romeo, wherefore art thou Romeo?"}}
	for b.Loop() {
		if err := sink.Deliver(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		<-w.stream.sent
	}
}

// joined brings one client into a room.
func (w *benchWorld) joined() {
	join := wire.New(stanza.Namespace, "presence", wire.New(stanza.MUCNamespace, "x")).
		SetAttr("from", orchard).SetAttr("to", garden+"/romeo")
	w.gateway.Route(received(w.TB, join))
	<-w.stream.sent // romeo
	<-w.stream.sent // the subject
}

// One message to a room and its reflection, serialized.
func BenchmarkMessageToARoomAndBack(b *testing.B) {
	w := newBenchWorld(b)
	w.joined()
	st := received(b, message(garden, "groupchat"))
	for b.Loop() {
		w.gateway.Route(st)
		<-w.network.sent
		<-w.stream.sent
	}
}

// One message from a room to one client, serialized.
func BenchmarkMessageFromARoom(b *testing.B) {
	w := newBenchWorld(b)
	w.joined()
	sink := <-w.network.sink
	e := transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Text: "O Romeo, Romeo, wherefore art thou Romeo?"}}
	for b.Loop() {
		if err := sink.Deliver(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		<-w.stream.sent
	}
}

// A keptNetwork is a quick one of whose conversations an archive is kept.
type keptNetwork struct{ *quickNetwork }

func (keptNetwork) Records(string, transport.Address) (transport.Record, error) {
	return transport.Record{Keep: true, AtJoin: 20}, nil
}

// The same as BenchmarkMessageFromARoom, with the archive on disk.
func BenchmarkMessageFromARoomArchived(b *testing.B) {
	db, err := sqlite.Open(filepath.Join(b.TempDir(), "gatehouse.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	w := newBenchWorldOn(b, db, func(n *quickNetwork) transport.Network { return keptNetwork{n} })
	w.joined()
	sink := <-w.network.sink
	m := transport.Message{Chat: inGarden, Nick: "juliet", Text: "O Romeo, Romeo, wherefore art thou Romeo?"}
	for i := 0; b.Loop(); i++ {
		m.ID = transport.MessageID("an id of the usual length " + strconv.Itoa(i))
		if err := sink.Deliver(b.Context(), transport.MessageReceived{Message: m}); err != nil {
			b.Fatal(err)
		}
		<-w.stream.sent
	}
	if n := db.Archive().Dropped(); n > 0 {
		b.ReportMetric(float64(n)/float64(b.N), "dropped/op")
	}
}
