package sms

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

// hangsUp is a Twilio that takes every text and closes the connection of the
// first few without an answer.
type hangsUp struct {
	mu    sync.Mutex
	first int
	taken []map[string]string // the oldest first
}

func (h *hangsUp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Method == http.MethodGet {
		var newest []map[string]string
		for _, m := range h.taken {
			if m["to"] == r.FormValue("To") && m["from"] == r.FormValue("From") {
				newest = append([]map[string]string{m}, newest...)
			}
		}
		json.NewEncoder(w).Encode(map[string]any{"messages": newest})
		return
	}
	m := map[string]string{
		"sid": "SM" + string(rune('1'+len(h.taken))), "status": "queued", "direction": "outbound-api",
		"to": r.FormValue("To"), "from": r.FormValue("From"), "body": r.FormValue("Body"),
		"date_created": time.Now().UTC().Format(time.RFC1123Z),
	}
	h.taken = append(h.taken, m)
	if len(h.taken) <= h.first {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
		return
	}
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(m)
}

func (h *hangsUp) texts() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var texts []string
	for _, m := range h.taken {
		texts = append(texts, m["body"])
	}
	return texts
}

func TestTwilioThatTakesATextAndHangsUpGetsItOnce(t *testing.T) {
	api := &hangsUp{first: 1}
	server := httptest.NewServer(api)
	defer server.Close()
	o := Defaults()
	o.Provider = "twilio"
	o.Users = []User{{romeo, romeoNumber}}
	o.Twilio.AccountSID, o.Twilio.AuthToken = "AC00000000000000000000000000000001", transport.NewSecret("secret")
	o.Twilio.APIBase, o.Twilio.PublicURL = server.URL, "https://gw.example.org/sms.example.org"
	records := &transporttest.Records{}
	made, err := o.New(transport.Env{Log: discard, Outbox: &transporttest.Outbox{Records: records}, Records: records})
	if err != nil {
		t.Fatal(err)
	}
	n := made.(*Network)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	defer running.Wait()
	defer stop()
	sink := &transporttest.Sink{}
	link, err := n.Open(transport.Account{User: romeo}, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close(context.Background(), "")
	for _, r := range []transport.Request{"one", "two"} {
		m := transport.Message{Request: r, Chat: phone, Origin: string(r), Text: string(r)}
		if _, err := link.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []transport.MessageStatus{
		{Request: "one", Chat: phone, ID: "SM1", Status: transport.Accepted},
		{Request: "two", Chat: phone, ID: "SM2", Status: transport.Accepted},
	} {
		transporttest.Await(t, sink, func(s transport.MessageStatus) bool { return s == want })
	}
	if diff := cmp.Diff([]string{"one", "two"}, api.texts()); diff != "" {
		t.Error(diff)
	}
}
