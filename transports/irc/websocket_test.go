package irc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

// A socketServer is a WebSocket with an IRC server behind it that lets one
// client in.
type socketServer struct {
	*httptest.Server
	got  chan string // the client's lines
	send chan string
}

func newSocketServer(t *testing.T, protocols []string) *socketServer {
	s := &socketServer{got: make(chan string, 100), send: make(chan string, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: protocols})
		if err != nil || r.Header.Get("Origin") == "" || r.URL.RawQuery != "a=b" {
			t.Errorf("a bad handshake: %v, %v", err, r.Header)
			return
		}
		defer ws.CloseNow()
		kind := websocket.MessageText
		if ws.Subprotocol() == socketBinary {
			kind = websocket.MessageBinary
		}
		ctx, cancel := context.WithCancel(r.Context())
		go func() {
			defer cancel()
			for {
				got, line, err := ws.Read(ctx)
				if err != nil {
					return
				}
				if got != kind || strings.ContainsAny(string(line), "\r\n") {
					t.Errorf("a bad message: %v %q", got, line)
				}
				s.got <- string(line)
				if strings.HasPrefix(string(line), "QUIT") {
					return
				}
				if strings.HasPrefix(string(line), "USER ") {
					s.send <- ":irc.example.org 001 romeo :Welcome"
				}
				if string(line) == "JOIN #garden" {
					s.send <- ":romeo!~r@h JOIN #garden"
					s.send <- ":irc.example.org 353 romeo = #garden :romeo juliet"
					s.send <- ":irc.example.org 366 romeo #garden :End"
				}
				if token, ok := strings.CutPrefix(string(line), "PING "); ok {
					s.send <- ":irc.example.org PONG irc.example.org :" + token
				}
			}
		}()
		for {
			select {
			case line := <-s.send:
				if ws.Write(ctx, kind, []byte(line)) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

// gets waits for a line of the client's.
func (s *socketServer) gets(t *testing.T, prefix string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case line := <-s.got:
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-late:
			t.Fatalf("no line %q", prefix)
		}
	}
}

func TestAWebSocketIsALink(t *testing.T) {
	for _, protocols := range [][]string{{socketBinary, socketText}, {socketText}, nil} {
		server := newSocketServer(t, protocols)
		o := Defaults()
		address := strings.Replace(server.URL, "https://", "wss://", 1)
		o.Network = map[string]NetworkOptions{"net": {Address: address + "/socket?a=b"}}
		made, err := o.New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		sink := new(transporttest.Sink)
		n := made.(*network)
		n.servers["net"].tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		opened, err := n.Open(transport.Account{User: romeo}, sink)
		if err != nil {
			t.Fatal(err)
		}
		session := opened.(*session)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := session.Join(ctx, garden, "romeo", transport.JoinOptions{}); err != nil {
			t.Fatal(err)
		}
		transporttest.Await(t, sink, func(transport.LinkUp) bool { return true })
		if got := server.gets(t, "JOIN "); got != "JOIN #garden" {
			t.Errorf("got %q", got)
		}
		transporttest.Await(t, sink, func(transport.RoomJoined) bool { return true })
		if _, err := session.Send(ctx, transport.Message{Chat: garden, Text: "Ätsch\nbätsch"}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"PRIVMSG #garden Ätsch", "PRIVMSG #garden bätsch"} {
			if got := server.gets(t, "PRIVMSG "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		long := strings.Repeat("x", 9000) // with the tags of message-tags
		server.send <- "@+x=" + long[:4000] + " :juliet!j@h PRIVMSG #garden :" + long[:4000]
		if e := transporttest.Await(t, sink, func(transport.MessageReceived) bool { return true }); e.Text != long[:4000] {
			t.Errorf("%d bytes came", len(e.Text))
		}
		start := time.Now()
		if err := session.Close(ctx, "good night"); err != nil {
			t.Error(err)
		}
		if got := server.gets(t, "QUIT"); got != "QUIT :good night" {
			t.Errorf("took leave with %q", got)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("closing took %v", took)
		}
	}
}

func TestWhereThereIsNoWebSocketIsSaid(t *testing.T) {
	server := newSocketServer(t, nil)
	o := Defaults()
	o.Network = map[string]NetworkOptions{"net": {Address: strings.Replace(server.URL, "https://", "wss://", 1) + "/elsewhere"}}
	n, err := o.build()
	if err != nil {
		t.Fatal(err)
	}
	s := n.servers["net"]
	set := n.linkSettings(s, nil)
	_, _, err = n.knock(t.Context(), s, set, func(door, error) {})
	if told, _ := n.explain(s, set, "", err); !strings.Contains(told.Text, "no valid certificate") {
		t.Errorf("a certificate that nobody has signed: %v", told.Text)
	}
	set.tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	_, _, err = n.knock(t.Context(), s, set, func(door, error) {})
	if told, _ := n.explain(s, set, "", err); !strings.Contains(told.Text, "404") {
		t.Errorf("a page that is not there: %v", told.Text)
	}
	s.configured = false // as if somebody had named it: it is at a private address
	_, _, err = n.knock(t.Context(), s, set, func(door, error) {})
	if told, _ := n.explain(s, set, "", err); told.Reason != transport.NotAllowed {
		t.Errorf("a private address: %v", told)
	}
}

func TestAddressesOfWebSockets(t *testing.T) {
	for _, tt := range []struct {
		address string
		secure  bool
		host    string
		path    string
		door    door
	}{
		{"wss://IRC.example.org", true, "irc.example.org", "/", door{443, true}},
		{"wss://irc.example.org:8097/a%20b?c=d", true, "irc.example.org", "/a%20b?c=d", door{8097, true}},
		{"ws://127.0.0.1:8067/", false, "127.0.0.1", "/", door{8067, false}},
		{"wss://[::1]:8097/", true, "::1", "/", door{8097, true}},
	} {
		var s server
		if err := s.setAddress(tt.address, tt.secure); err != nil || s.host != tt.host || s.socket != tt.path || s.doors[0] != tt.door {
			t.Errorf("%s: %v, %q %q %v", tt.address, err, s.host, s.socket, s.doors)
		}
	}
	for _, bad := range []string{"ws://irc.example.org", "https://irc.example.org", "wss://", "wss://u:p@irc.example.org", "wss://irc.example.org/#x", "wss://a b/", "wss://irc.example.org:0/", "wss:///x"} {
		if err := (&server{}).setAddress(bad, true); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for text, want := range map[string]string{
		"wss://IRC.example.org": "wss://irc.example.org:443/", "wss://irc.example.org:8097/Socket": "wss://irc.example.org:8097/Socket",
		"ws://irc.example.org:8067/": "", "wss://irc.example.org:25/": "", "wss://exa_mple!/": "", "wss://u@irc.example.org": "",
	} {
		values, complaint := checkAddress([]string{text})
		if (complaint == "") != (want != "") || want != "" && (len(values) != 1 || values[0] != want) {
			t.Errorf("%s: %q, %q", text, values, complaint)
		}
	}
	o := Defaults()
	o.AnyNetwork = true
	n, err := o.build()
	if err != nil {
		t.Fatal(err)
	}
	set := n.linkSettings(n.server("home"), transport.Values{"address": {"wss://irc.example.org:443/Socket"}, "ports": {"6667"}})
	if set.host != "irc.example.org" || set.socket != "/Socket" || len(set.doors) != 1 || set.doors[0] != (door{443, true}) || !set.chosen {
		t.Errorf("somebody's own: %+v", set)
	}
}
