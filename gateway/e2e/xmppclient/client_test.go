package xmppclient

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
)

var users = map[string]string{"romeo": "r", "juliet": "j"}

// withProsody starts a Prosody with rooms.
func withProsody(t *testing.T) (context.Context, *servers.Prosody) {
	t.Helper()
	servers.Need(t, "prosody")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	s, err := servers.StartProsody(ctx, filepath.Join(t.TempDir(), "prosody"), servers.ProsodyOptions{
		Users: users,
		Host:  "Component \"rooms.localhost\" \"muc\"\nmuc_room_locking = false\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return ctx, s
}

func connect(ctx context.Context, t *testing.T, addr, user string) *Client {
	t.Helper()
	c, err := Connect(ctx, addr, user+"@localhost", users[user], "here")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	if want := user + "@localhost/here"; c.JID() != want {
		t.Fatalf("connected as %s, want %s", c.JID(), want)
	}
	return c
}

func body(text string) func(Stanza) bool {
	return func(s Stanza) bool { return s.Kind() == "message" && s.Body() == text }
}

func TestMessagesArriveWhole(t *testing.T) {
	ctx, s := withProsody(t)
	romeo, juliet := connect(ctx, t, s.ClientAddr, "romeo"), connect(ctx, t, s.ClientAddr, "juliet")
	const text = `<&>"' Grüße 😀` + "\nsecond line"
	if err := romeo.SendMessage(juliet.JID(), "chat", "m1", text, `<request xmlns="urn:xmpp:receipts"/>`); err != nil {
		t.Fatal(err)
	}
	if err := romeo.SendMessage(juliet.JID(), "chat", "m2", "later", ""); err != nil {
		t.Fatal(err)
	}
	// The order of waiting does not matter.
	if _, err := juliet.Wait(ctx, body("later")); err != nil {
		t.Fatal(err)
	}
	got, err := juliet.Wait(ctx, body(text))
	if err != nil {
		t.Fatal(err)
	}
	if got.From() != romeo.JID() || got.To() != juliet.JID() || got.ID() != "m1" || got.Type() != "chat" {
		t.Errorf("addressing: %s", got)
	}
	if got.FindNS("urn:xmpp:receipts", "request") == nil || got.FindNS("urn:xmpp:other", "request") != nil {
		t.Errorf("payload: %s", got)
	}
	if again := juliet.Unread(body(text)); len(again) != 0 {
		t.Errorf("the message is there twice: %v", again)
	}
}

func TestIQsAreAnswered(t *testing.T) {
	ctx, s := withProsody(t)
	romeo := connect(ctx, t, s.ClientAddr, "romeo")
	juliet, err := Dial(ctx, s.ClientAddr, Options{JID: "juliet@localhost", Password: "j", Resource: "bot",
		Answer: func(s Stanza) (string, bool) {
			return `<query xmlns="jabber:iq:version"><name>balcony</name></query>`, s.FindNS("jabber:iq:version", "query") != nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(juliet.Drop)

	if err := romeo.Sync(ctx, "localhost"); err != nil {
		t.Error("ping of the server:", err)
	}
	if err := romeo.Sync(ctx, juliet.JID()); err != nil {
		t.Error("ping of the other client:", err)
	}
	version, err := romeo.IQ(ctx, juliet.JID(), "get", `<query xmlns="jabber:iq:version"/>`)
	if err != nil {
		t.Fatal(err)
	}
	if name := version.Find("query", "name"); name == nil || name.Text != "balcony" {
		t.Errorf("version: %s", version)
	}
	refused, err := romeo.IQ(ctx, juliet.JID(), "get", `<query xmlns="urn:example:unknown"/>`)
	if err != nil {
		t.Fatal(err)
	}
	if refused.Type() != "error" || refused.Condition() != "service-unavailable" {
		t.Errorf("unknown query: %s", refused)
	}
}

func TestRoomsAreJoinedAndLeft(t *testing.T) {
	ctx, s := withProsody(t)
	romeo, juliet := connect(ctx, t, s.ClientAddr, "romeo"), connect(ctx, t, s.ClientAddr, "juliet")
	const room = "garden@rooms.localhost"
	for _, c := range []*Client{romeo, juliet} {
		nick, _, _ := strings.Cut(c.Bare(), "@")
		joined, err := c.JoinRoom(ctx, room, nick, "")
		if err != nil {
			t.Fatal(err)
		}
		if joined.Type() != "" || joined.From() != room+"/"+nick {
			t.Fatalf("join: %s", joined)
		}
	}
	refused, err := juliet.JoinRoom(ctx, room, "romeo", "")
	if err != nil {
		t.Fatal(err)
	}
	if refused.Condition() != "conflict" {
		t.Errorf("join with a nick in use: %s", refused)
	}
	if err := juliet.SendMessage(room, "groupchat", "g1", "O Romeo", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := romeo.Wait(ctx, body("O Romeo")); err != nil {
		t.Error(err)
	}
	if _, err := romeo.LeaveRoom(ctx, room, "romeo"); err != nil {
		t.Error(err)
	}
}

func TestWaitShowsWhatCameInstead(t *testing.T) {
	ctx, s := withProsody(t)
	romeo := connect(ctx, t, s.ClientAddr, "romeo")
	if err := romeo.SendMessage(romeo.JID(), "chat", "m1", "to myself", ""); err != nil {
		t.Fatal(err)
	}
	if err := romeo.Sync(ctx, ""); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := romeo.Wait(short, body("never said"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "to myself") {
		t.Errorf("wait: %v, want what came instead", err)
	}
}

func TestEndOfTheStreamEndsAWait(t *testing.T) {
	ctx, s := withProsody(t)
	romeo := connect(ctx, t, s.ClientAddr, "romeo")
	s.Kill()
	if _, err := romeo.Wait(ctx, body("never said")); err == nil || !strings.Contains(err.Error(), "the stream ended") {
		t.Errorf("wait: %v, want the end of the stream", err)
	}
}

func TestCloseEndsTheStreamCleanly(t *testing.T) {
	ctx, s := withProsody(t)
	romeo := connect(ctx, t, s.ClientAddr, "romeo")
	if err := romeo.Close(); err != nil {
		t.Error(err)
	}
	if err := romeo.Err(); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v, want io.EOF", err)
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	ctx, s := withProsody(t)
	if _, err := Connect(ctx, s.ClientAddr, "romeo@localhost", "wrong", ""); err == nil {
		t.Error("it logged in")
	}
}

func TestEjabberdLogsTheClientIn(t *testing.T) {
	servers.Need(t, "ejabberd")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := servers.StartEjabberd(ctx, filepath.Join(t.TempDir(), "ejabberd"), servers.EjabberdOptions{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	romeo := connect(ctx, t, s.ClientAddr, "romeo")
	if err := romeo.Sync(ctx, "localhost"); err != nil {
		t.Error(err)
	}
	if err := romeo.Close(); err != nil {
		t.Error(err)
	}
}

func TestElementsKeepNamespacesAndText(t *testing.T) {
	const text = `<message xmlns="jabber:client" xml:lang="en" type="chat"><body>a &lt;b&gt; &#34;c&#34;</body><x xmlns="urn:x"><y/><y z="1"/></x></message>`
	d := xml.NewDecoder(strings.NewReader(text))
	start, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	e, err := readElement(d, start.(xml.StartElement))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.String(); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	if !e.Is(nsClient, "message") || e.Attr("lang") != "en" || e.Find("body").Text != `a <b> "c"` {
		t.Errorf("element: %#v", e)
	}
	if n := len(e.Find("x").FindAll("y")); n != 2 {
		t.Errorf("%d y, want 2", n)
	}
	if e.Find("none", "such").Attr("z") != "" || e.Find("none").FindNS("a", "b") != nil {
		t.Error("what is not there should be empty")
	}
}
