// Package conversationstest is the part of Twilio's Conversations that group
// texts need, as its documentation has it, in memory.
package conversationstest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is one account.
type Server struct {
	*httptest.Server
	Token string // that webhooks are signed with
	files *httptest.Server

	mu            sync.Mutex
	conversations []*Conversation
	fail          map[string]int // statuses that calls are answered with, by method and path's end, once
	lose          map[string]bool
	calls         []string
}

// A Conversation is a group.
type Conversation struct {
	SID, Name    string
	Participants []Participant
	Messages     []Message
	Hooks        []string
}

// A Participant is somebody in it.
type Participant struct{ SID, Identity, Address, Projected string }

// A Message is one that was said.
type Message struct {
	SID, Author, Body, Attributes string
	Media                         []File
	At                            time.Time
	Delivery                      map[string]string
}

// A File is one of a message.
type File struct{ SID, Name, Type, Content string }

// ChatService is that of the account's conversations.
var ChatService = sid("IS", 1)

// Start starts a server.
func Start(token string) *Server {
	s := &Server{Token: token, fail: map[string]int{}, lose: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/ConversationWithParticipants", s.make)
	mux.HandleFunc("GET /v1/Conversations/{sid}", s.in(func(w http.ResponseWriter, _ *http.Request, c *Conversation) {
		answer(w, 200, map[string]any{"sid": c.SID, "unique_name": c.Name})
	}))
	mux.HandleFunc("GET /v1/Conversations/{sid}/Participants", s.in(s.participants))
	mux.HandleFunc("GET /v1/Conversations/{sid}/Webhooks", s.in(func(w http.ResponseWriter, _ *http.Request, c *Conversation) {
		hooks := []any{}
		for _, h := range c.Hooks {
			hooks = append(hooks, map[string]any{"sid": sid("WH", 1), "target": "webhook", "configuration": map[string]any{"url": h}})
		}
		answer(w, 200, map[string]any{"webhooks": hooks, "meta": meta("webhooks")})
	}))
	mux.HandleFunc("POST /v1/Conversations/{sid}/Webhooks", s.in(func(w http.ResponseWriter, r *http.Request, c *Conversation) {
		c.Hooks = append(c.Hooks, r.FormValue("Configuration.Url"))
		answer(w, 201, map[string]any{"sid": sid("WH", len(c.Hooks))})
	}))
	mux.HandleFunc("POST /v1/Conversations/{sid}/Messages", s.in(s.say))
	mux.HandleFunc("GET /v1/Conversations/{sid}/Messages", s.in(func(w http.ResponseWriter, _ *http.Request, c *Conversation) {
		list := []any{}
		for _, m := range slices.Backward(c.Messages) {
			list = append(list, m.json())
		}
		answer(w, 200, map[string]any{"messages": list, "meta": meta("messages")})
	}))
	mux.HandleFunc("GET /v1/Conversations/{sid}/Messages/{message}", s.in(func(w http.ResponseWriter, r *http.Request, c *Conversation) {
		for _, m := range c.Messages {
			if m.SID == r.PathValue("message") {
				answer(w, 200, m.json())
				return
			}
		}
		notFound(w)
	}))
	mux.HandleFunc("GET /v1/ParticipantConversations", s.of)
	mux.HandleFunc("GET /v1/Services/{service}/Media/{media}", func(w http.ResponseWriter, r *http.Request) {
		if _, _, given := r.BasicAuth(); !given || r.PathValue("service") != ChatService {
			notFound(w)
			return
		}
		answer(w, 200, map[string]any{"sid": r.PathValue("media"), "links": map[string]any{
			"content_direct_temporary": s.files.URL + "/" + r.PathValue("media"),
		}})
	})
	// The content is elsewhere, and whoever has its address gets it.
	s.files = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range s.Conversations() {
			for _, m := range c.Messages {
				for _, f := range m.Media {
					if _, _, given := r.BasicAuth(); r.URL.Path == "/"+f.SID && !given {
						w.Header().Set("Content-Type", f.Type)
						fmt.Fprint(w, f.Content)
						return
					}
				}
			}
		}
		notFound(w)
	}))
	mux.HandleFunc("GET /2010-04-01/Accounts/{account}/Messages.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"messages": []any{}}) // of single people there are none
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		s.mu.Lock()
		s.calls = append(s.calls, call)
		status, lost := s.fail[call], s.lose[call]
		delete(s.fail, call)
		delete(s.lose, call)
		s.mu.Unlock()
		switch {
		case status != 0:
			answer(w, status, map[string]any{"code": 0, "status": status})
		case lost: // it is done, and nobody hears of it
			mux.ServeHTTP(httptest.NewRecorder(), r)
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	return s
}

// Close ends the server.
func (s *Server) Close() {
	s.files.Close()
	s.Server.Close()
}

// told is what is told of a message's files.
func (m Message) told(sid, name, kind string) string {
	files := []map[string]any{}
	for _, f := range m.Media {
		files = append(files, map[string]any{sid: f.SID, name: f.Name, kind: f.Type, "Size": len(f.Content)})
	}
	b, err := json.Marshal(files)
	if err != nil {
		return ""
	}
	return string(b)
}

// Fail answers the next such call, "POST Messages", with a status.
func (s *Server) Fail(call string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[call] = status
}

// Lose does what the next such call wants, and drops the connection.
func (s *Server) Lose(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose[call] = true
}

// Calls counts those of a kind.
func (s *Server) Calls(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == call {
			n++
		}
	}
	return n
}

// Conversations gives what there is.
func (s *Server) Conversations() []Conversation {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Conversation
	for _, c := range s.conversations {
		one := *c
		one.Messages, one.Hooks = slices.Clone(c.Messages), slices.Clone(c.Hooks)
		all = append(all, one)
	}
	return all
}

func (s *Server) in(do func(http.ResponseWriter, *http.Request, *Conversation)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conversations {
			if name := r.PathValue("sid"); name == c.SID || name == c.Name {
				do(w, r, c)
				return
			}
		}
		notFound(w)
	}
}

func (s *Server) make(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		answer(w, 400, map[string]any{"code": 20001})
		return
	}
	c := &Conversation{SID: sid("CH", len(s.conversations)+1), Name: r.FormValue("UniqueName")}
	for i, text := range r.PostForm["Participant"] {
		var p struct {
			Identity string `json:"identity"`
			Binding  struct {
				Address   string `json:"address"`
				Projected string `json:"projected_address"`
			} `json:"messaging_binding"`
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			answer(w, 400, map[string]any{"code": 20001})
			return
		}
		c.Participants = append(c.Participants, Participant{sid("MB", i+1), p.Identity, p.Binding.Address, p.Binding.Projected})
	}
	for _, other := range s.conversations {
		if other.Name == c.Name {
			answer(w, 409, map[string]any{"code": 50353, "status": 409, "message": "Conversation with provided unique name already exists"})
			return
		}
		if other.people() == c.people() {
			answer(w, 409, map[string]any{"code": 50438, "status": 409, "message": "Group MMS with given participant list already exists as Conversation " + other.SID})
			return
		}
	}
	s.conversations = append(s.conversations, c)
	answer(w, 201, map[string]any{"sid": c.SID, "unique_name": c.Name})
}

func (c *Conversation) people() string {
	var all []string
	for _, p := range c.Participants {
		all = append(all, p.Address+p.Projected)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func (s *Server) participants(w http.ResponseWriter, _ *http.Request, c *Conversation) {
	list := []any{}
	for _, p := range c.Participants {
		binding := map[string]any{"type": "sms", "address": p.Address}
		if p.Projected != "" {
			binding = map[string]any{"type": "sms", "projected_address": p.Projected}
		}
		list = append(list, map[string]any{"sid": p.SID, "identity": p.Identity, "messaging_binding": binding})
	}
	answer(w, 200, map[string]any{"participants": list, "meta": meta("participants")})
}

func (s *Server) say(w http.ResponseWriter, r *http.Request, c *Conversation) {
	m := Message{SID: sid("IM", len(c.Messages)+1), Author: r.FormValue("Author"), Body: r.FormValue("Body"), Attributes: r.FormValue("Attributes"), At: time.Now()}
	c.Messages = append(c.Messages, m)
	answer(w, 201, m.json())
}

func (s *Server) of(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, c := range s.conversations {
		if slices.ContainsFunc(c.Participants, func(p Participant) bool { return p.Identity == r.FormValue("Identity") }) {
			list = append(list, map[string]any{"conversation_sid": c.SID, "chat_service_sid": ChatService, "conversation_date_updated": time.Now().UTC().Format(time.RFC3339)})
		}
	}
	answer(w, 200, map[string]any{"conversations": list, "meta": meta("conversations")})
}

// Text has a member say something, and calls the webhooks unless it is silent.
// It gives what they answer.
func (s *Server) Text(conversation, author, body string, silent bool, files ...File) []int {
	s.mu.Lock()
	var params url.Values
	var hooks []string
	for _, c := range s.conversations {
		if c.SID == conversation {
			m := Message{SID: sid("IM", len(c.Messages)+1), Author: author, Body: body, Attributes: "{}", Media: files, At: time.Now()}
			c.Messages, hooks = append(c.Messages, m), slices.Clone(c.Hooks)
			params = url.Values{
				"EventType": {"onMessageAdded"}, "ConversationSid": {conversation}, "MessageSid": {m.SID}, "Author": {author},
				"Body": {body}, "DateCreated": {m.At.UTC().Format(time.RFC3339Nano)}, "Source": {"SMS"}, "ChatServiceSid": {ChatService},
			}
			if len(files) > 0 {
				params.Set("Media", m.told("Sid", "Filename", "ContentType"))
			}
		}
	}
	s.mu.Unlock()
	if silent {
		return nil
	}
	return s.call(hooks, params)
}

// Report tells how a message fared with a member.
func (s *Server) Report(conversation, message, participant, status string, code int) []int {
	hooks := []string{}
	for _, c := range s.Conversations() {
		if c.SID == conversation {
			hooks = c.Hooks
		}
	}
	return s.call(hooks, url.Values{
		"EventType": {"onDeliveryUpdated"}, "ConversationSid": {conversation}, "MessageSid": {message},
		"ParticipantSid": {participant}, "Status": {status}, "ErrorCode": {fmt.Sprint(code)},
	})
}

func (s *Server) call(hooks []string, params url.Values) (statuses []int) {
	for _, hook := range hooks {
		keys := []string{}
		for key := range params {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		mac := hmac.New(sha1.New, []byte(s.Token))
		mac.Write([]byte(hook))
		for _, key := range keys {
			mac.Write([]byte(key + params.Get(key)))
		}
		r, err := http.NewRequest(http.MethodPost, hook, strings.NewReader(params.Encode()))
		if err != nil {
			return append(statuses, 0)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			return append(statuses, 0)
		}
		got.Body.Close()
		statuses = append(statuses, got.StatusCode)
	}
	return statuses
}

func (m Message) json() map[string]any {
	delivery := any(nil)
	if m.Delivery != nil {
		delivery = m.Delivery
	}
	media := any(nil)
	if len(m.Media) > 0 {
		media = json.RawMessage(m.told("sid", "filename", "content_type"))
	}
	return map[string]any{
		"media": media, "sid": m.SID, "author": m.Author, "body": m.Body, "attributes": m.Attributes, "delivery": delivery,
		"date_created": m.At.UTC().Format(time.RFC3339),
	}
}

// Deliver says how far a message got with all.
func (s *Server) Deliver(conversation, message string, delivery map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conversations {
		for i := range c.Messages {
			if c.SID == conversation && c.Messages[i].SID == message {
				c.Messages[i].Delivery = delivery
			}
		}
	}
}

func sid(kind string, n int) string { return fmt.Sprintf("%s%032x", kind, n) }

func meta(key string) map[string]any {
	return map[string]any{"key": key, "page": 0, "page_size": 50, "next_page_url": nil}
}

func notFound(w http.ResponseWriter) {
	answer(w, 404, map[string]any{"code": 20404, "status": 404, "message": "not found"})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
