package gateway_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse/gateway/transport"
)

// A network is one that does what the test says. A room's address begins with
// "#", "verona" is its server, everything else is a person.
type network struct {
	info  transport.Info
	users []string // known beforehand
	picky bool     // it serves nobody else, unless they have registered

	mu      sync.Mutex
	links   map[string]*link // by user
	rooms   map[transport.Address]*fakeRoom
	refused map[string]error // calls that fail, by name
	denied  map[string]error // calls that an event says have failed
	silent  map[string]bool  // calls that are never answered
	stalled map[string]bool  // users whose calls wait
	calls   []string         // of all users, in order
	sent    []transport.Message
	nextID  transport.MessageID
	wishes  []transport.Request // of calls that are answered by an event
	hang    chan struct{}       // Close waits for it, if set
	listed  []transport.ListedRoom

	configurable bool
	named        []transport.Command // of the gateway itself
	ofPeople     []transport.Command // that the network does itself
	linkInfos    map[string][]transport.LinkInfo
	carries      transport.Features
	carriesOnce  transport.Features // once a message was refused; 0: the same
	prefers      transport.Preference

	acquaintances map[transport.Address]transport.Member
	considers     chan struct{} // Preference waits for it, if set
	portrays      bool
	stays         map[string]bool // rooms that people stay in: "romeo@example.org #garden"
	past          *pastServer     // what it keeps of what was said; nil: nothing
}

type fakeRoom struct {
	members []transport.Member
	subject transport.Subject
	modes   transport.RoomModes
	inside  map[string]string // nicks by user
}

func newNetwork(info transport.Info) *network {
	return &network{
		info: info, links: map[string]*link{}, rooms: map[transport.Address]*fakeRoom{},
		refused: map[string]error{}, denied: map[string]error{}, silent: map[string]bool{}, stalled: map[string]bool{}, stays: map[string]bool{},
	}
}

func (n *network) Info() transport.Info { return n.info }

func (n *network) Resolve(text string) (transport.Address, transport.Kind, error) {
	a := transport.Address(strings.ReplaceAll(text, "_", "-"))
	if plain, is := strings.CutPrefix(text, "sms:"); is && !strings.Contains(text, " ") {
		return "", 0, &transport.Error{Reason: transport.Moved, Redirect: transport.Address(plain)}
	}
	switch {
	case text == "panic":
		panic("an address that nobody expected")
	case strings.Contains(text, " "):
		return "", 0, &transport.Error{Reason: transport.BadAddress, Text: "an address has no spaces"}
	case a == "verona":
		return a, transport.Server, nil
	case strings.HasPrefix(text, "#"):
		return a, transport.Room, nil
	}
	return a, transport.Person, nil
}

func (n *network) Stays(user string, room transport.Address) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stays[user+" "+string(room)]
}

func (n *network) Users() []transport.Account {
	var out []transport.Account
	for _, u := range n.users {
		out = append(out, transport.Account{User: u})
	}
	return out
}

func (n *network) Open(account transport.Account, sink transport.Sink) (transport.Session, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	call := "open " + account.User
	for _, name := range slices.Sorted(maps.Keys(account.Settings)) {
		call += " " + name + " " + account.Settings[name]
	}
	n.calls = append(n.calls, call)
	if err := n.refused["open"]; err != nil {
		return nil, err
	}
	if n.picky && account.Settings == nil && !slices.Contains(n.users, account.User) {
		return nil, because(transport.NotRegistered)
	}
	l := &link{network: n, user: account.User, sink: sink, more: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	n.links[account.User] = l
	l.running.Go(l.deliver)
	return l, nil
}

// A link is one user's session. Its events are delivered in order, however slow
// the gateway is.
type link struct {
	network *network
	user    string
	sink    transport.Sink
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	more    chan struct{}
	events  []transport.Event // guarded by network.mu
}

func (l *link) deliver() {
	for {
		l.network.mu.Lock()
		var e transport.Event
		if len(l.events) > 0 {
			e, l.events = l.events[0], l.events[1:]
		}
		l.network.mu.Unlock()
		if e != nil {
			_ = l.sink.Deliver(l.ctx, e)
			continue
		}
		select {
		case <-l.more:
		case <-l.ctx.Done():
			return
		}
	}
}

// tell queues an event. It is called with mu held.
func (l *link) tell(e transport.Event) {
	l.events = append(l.events, e)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// call notes a call and says how it goes: at once with an error, later with one,
// or never. It is called with mu held.
func (l *link) call(name string, args ...any) (now, later error, never bool) {
	n := l.network
	n.calls = append(n.calls, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	return n.refused[name], n.denied[name], n.silent[name]
}

func (l *link) Send(ctx context.Context, m transport.Message) (transport.MessageID, error) {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stalled[l.user] {
		n.mu.Unlock()
		<-ctx.Done()
		n.mu.Lock()
		return "", ctx.Err()
	}
	if m.Text == "panic" {
		panic("a text that nobody expected")
	}
	if now, _, _ := l.call("send", m.Chat, m.Nick, m.Text); now != nil {
		if n.carriesOnce != 0 {
			n.carries, n.carriesOnce = n.carriesOnce, 0
			delete(n.refused, "send")
		}
		return "", now
	}
	n.sent = append(n.sent, m)
	return n.nextID, nil
}

// Lines is what a text becomes in a room.
func (l *link) Lines(_ transport.Address, text string) (lines []string, otherwise bool) {
	if strings.HasPrefix(text, "/mode ") {
		return nil, true
	}
	lines = strings.Split(text, "\n")
	return lines, len(lines) > 1
}

func (l *link) Close(_ context.Context, reason string) error {
	l.network.mu.Lock()
	l.network.calls = append(l.network.calls, "close "+reason)
	hang := l.network.hang
	l.network.mu.Unlock()
	if hang != nil {
		<-hang
	}
	l.cancel()
	l.running.Wait()
	return nil
}

func (l *link) Join(_ context.Context, a transport.Address, nick string, o transport.JoinOptions) error {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	name := "join"
	if o.AnyNick {
		name = "return"
	}
	now, later, never := l.call(name, a, nick, o.Password)
	switch {
	case now != nil || never:
		return now
	case later != nil:
		l.tell(transport.RoomLeft{Room: a, Why: transport.Refused, Err: later})
		return nil
	}
	r := n.room(a)
	if r.inside[l.user] == "" {
		for slices.ContainsFunc(r.members, named(nick)) {
			nick += "_"
		}
		r.inside[l.user] = nick
		me := transport.Member{Nick: nick, Role: transport.Participant, Who: transport.Address(nick), Host: "montague.example"}
		r.members = append(r.members, me)
		n.others(a, l.user, transport.MemberChanged{Room: a, Member: me})
	}
	l.tell(n.joined(a, l.user))
	return nil
}

func (n *network) joined(a transport.Address, user string) transport.RoomJoined {
	r := n.room(a)
	return transport.RoomJoined{
		Room: a, Nick: r.inside[user], Subject: r.subject, Members: slices.Clone(r.members), Modes: r.modes,
	}
}

func (l *link) Leave(_ context.Context, a transport.Address, reason string) error {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if now, _, never := l.call("leave", a, reason); now != nil || never {
		return now
	}
	r := n.room(a)
	r.members = slices.DeleteFunc(r.members, named(r.inside[l.user]))
	delete(r.inside, l.user)
	l.tell(transport.RoomLeft{Room: a, Why: transport.Parted})
	return nil
}

func (l *link) SetNick(_ context.Context, a transport.Address, nick string, q transport.Request) error {
	return l.ask("nick", q, func(n *network) {
		r := n.room(a)
		was := r.inside[l.user]
		r.inside[l.user] = nick
		n.renames(a, was, nick)
	}, a, nick)
}

func (l *link) SetSubject(_ context.Context, a transport.Address, text string, q transport.Request) error {
	return l.ask("subject", q, func(n *network) {
		n.setsSubject(a, n.room(a).inside[l.user], text)
	}, a, text)
}

func (l *link) Moderate(_ context.Context, a transport.Address, action transport.Action) error {
	what := ""
	if action.Role != nil {
		what = fmt.Sprintf("role %d", *action.Role)
	} else {
		what = fmt.Sprintf("affiliation %d", *action.Affiliation)
	}
	return l.ask("moderate", action.Request, func(*network) {
		l.tell(transport.Answered{Request: action.Request})
	}, a, action.Nick, string(action.Who)+action.Mask, what, action.Reason)
}

// ask makes a call that is answered by an event.
func (l *link) ask(name string, q transport.Request, done func(*network), args ...any) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	now, later, never := l.call(name, args...)
	l.network.wishes = append(l.network.wishes, q)
	switch {
	case now != nil || never:
		return now
	case later != nil:
		l.tell(transport.Answered{Request: q, Err: later})
	default:
		done(l.network)
	}
	return nil
}

func (l *link) Members(a transport.Address) []transport.Member {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return slices.Clone(l.network.room(a).members)
}

func (l *link) SetPresence(_ context.Context, a transport.Availability) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if !a.Online {
		now, _, _ := l.call("absence")
		return now
	}
	now, _, _ := l.call("presence", a.Show, a.Status)
	return now
}

func named(nick string) func(transport.Member) bool {
	return func(m transport.Member) bool { return m.Nick == nick }
}

// room, others, renames and setsSubject are called with mu held.
func (n *network) room(a transport.Address) *fakeRoom {
	if n.rooms[a] == nil {
		n.rooms[a] = &fakeRoom{inside: map[string]string{}}
	}
	return n.rooms[a]
}

func (n *network) others(a transport.Address, but string, e transport.Event) {
	for user := range n.room(a).inside {
		if user != but {
			n.links[user].tell(e)
		}
	}
}

func (n *network) renames(a transport.Address, was, nick string) {
	r := n.room(a)
	i := slices.IndexFunc(r.members, named(was))
	r.members[i].Nick = nick
	n.others(a, "", transport.MemberRenamed{Room: a, Was: was, Member: r.members[i]})
}

func (n *network) setsSubject(a transport.Address, by, text string) {
	n.room(a).subject = transport.Subject{Text: text, By: by}
	n.others(a, "", transport.SubjectChanged{Room: a, Subject: n.room(a).subject})
}

// Phone makes a phone of an address that looks like a number.
func (n *network) Phone(a transport.Address) (string, bool) {
	return string(a), strings.HasPrefix(string(a), "+")
}

// Read puts a country before what looks like a number at home.
func (n *network) Read(user, text string) (transport.Address, transport.Kind, error) {
	if rest, ok := strings.CutPrefix(text, "0"); ok && user == romeo {
		return "", 0, &transport.Error{Reason: transport.Moved, Redirect: transport.Address("+39" + rest)}
	}
	if strings.Contains(text, "_") {
		a, _, _ := n.Resolve(text)
		return "", 0, &transport.Error{Reason: transport.Moved, Redirect: a}
	}
	return n.Resolve(text)
}
