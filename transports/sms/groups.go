package sms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// A group text is a room to its user: phones know no rooms, so what a room has
// is kept here, and each member gets a copy of what is said.
var (
	_ transport.Rooms      = (*session)(nil)
	_ transport.Groups     = (*session)(nil)
	_ transport.Addressing = (*Network)(nil)
	_ transport.Staying    = (*Network)(nil)
)

const (
	maxGroups      = 100 // of one user
	mostMembers    = 30  // of one group, or its address would not fit into a JID
	groupAnswers   = 256 // calls that wait to be answered
	longestSubject = 200 // runes of a group's name
	groupHistory   = 100 // messages of its past that a group shows

	groupRecords = "group" // the kind of Records that holds their names
)

// groups are those that a user is in.
type groups struct {
	mu      sync.Mutex // guards the maps and what they hold
	joined  map[transport.Address]*group
	names   map[string]string            // what the user calls people, by number
	told    map[transport.Address]string // names of senders that the gateway has
	start   sync.Once
	answers chan func(context.Context) transport.Event
}

// A group is one of them. Who else is in it, its address says.
type group struct {
	nick    string // the user's own
	subject transport.Subject
	loaded  bool // subject is known
}

func newGroups() groups {
	return groups{
		joined:  make(map[transport.Address]*group),
		names:   make(map[string]string),
		told:    make(map[transport.Address]string),
		answers: make(chan func(context.Context) transport.Event, groupAnswers),
	}
}

// later has a call answered by what f gives, in the order of the calls.
func (s *session) later(f func(context.Context) transport.Event) error {
	s.groups.start.Do(func() { s.running.Go(s.answerCalls) })
	select {
	case s.groups.answers <- f:
		return nil
	default:
		return &transport.Error{Reason: transport.RateLimited, Text: "Too many requests about groups at once. Try again in a moment."}
	}
}

func (s *session) answerCalls() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case f := <-s.groups.answers:
			if err := s.deliver(s.ctx, f(s.ctx)); err != nil && s.ctx.Err() == nil {
				s.network.log.Error("answer a call about a group", "error", err)
			}
		}
	}
}

// Join implements transport.Rooms. Everybody is in every group that is theirs,
// so nobody is asked.
func (s *session) Join(_ context.Context, room transport.Address, nick string, _ transport.JoinOptions) error {
	if err := s.checkGroup(room); err != nil {
		return err
	}
	s.groups.mu.Lock()
	fresh := s.groups.joined[room] == nil
	if fresh && len(s.groups.joined) >= maxGroups {
		s.groups.mu.Unlock()
		return &transport.Error{Reason: transport.TooMany, Text: fmt.Sprintf("You are in %d group texts already; leave one.", maxGroups)}
	}
	if fresh {
		s.groups.joined[room] = &group{nick: nick}
	}
	s.groups.mu.Unlock()
	err := s.later(func(ctx context.Context) transport.Event { return s.joined(ctx, room) })
	if err != nil && fresh {
		s.forgetGroup(room)
	}
	return err
}

// checkGroup refuses a room that is no group, or whose address has the user's
// own number in it.
func (s *session) checkGroup(room transport.Address) error {
	if !isGroup(room) {
		return &transport.Error{Reason: transport.NotFound, Text: "A group is joined by the numbers of its members, like +15551234567,+15557654321."}
	}
	own, err := s.network.senderOf(s.user, room)
	if err != nil {
		return err
	}
	if others := groupWithout(room, own); others != room {
		return movedTo(others)
	}
	return nil
}

func (s *session) joined(ctx context.Context, room transport.Address) transport.Event {
	name, err := s.groupName(ctx, room)
	if err != nil {
		s.network.log.Error("read the name of a group", "error", err)
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	g := s.groups.joined[room]
	if g == nil {
		return transport.RoomLeft{Room: room, Why: transport.Parted} // meanwhile
	}
	if !g.loaded && err == nil {
		g.subject, g.loaded = name, true
	}
	return transport.RoomJoined{
		Room: room, Nick: g.nick, Subject: g.subject, Members: s.membersLocked(room, g),
		Modes: transport.RoomModes{MembersOnly: true, Hidden: true},
	}
}

// Leave implements transport.Rooms. What the members text goes on to come.
func (s *session) Leave(_ context.Context, room transport.Address, _ string) error {
	s.forgetGroup(room)
	return s.later(func(context.Context) transport.Event {
		return transport.RoomLeft{Room: room, Why: transport.Parted}
	})
}

func (s *session) forgetGroup(room transport.Address) {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	delete(s.groups.joined, room)
}

// SetNick implements transport.Rooms. Nobody but the user sees it.
func (s *session) SetNick(_ context.Context, room transport.Address, nick string, r transport.Request) error {
	return s.later(func(context.Context) transport.Event {
		s.groups.mu.Lock()
		defer s.groups.mu.Unlock()
		g := s.groups.joined[room]
		switch {
		case g == nil:
			return transport.Answered{Request: r, Err: errNotInGroup}
		case slices.ContainsFunc(s.membersLocked(room, g), func(m transport.Member) bool { return m.Nick == nick }):
			return transport.Answered{Request: r, Err: &transport.Error{Reason: transport.Conflict, Text: "Somebody in this group is called so."}}
		}
		was := g.nick
		g.nick = nick
		return transport.MemberRenamed{Room: room, Was: was, Member: s.selfLocked(room, g)}
	})
}

var errNotInGroup = &transport.Error{Reason: transport.NotJoined, Text: "You are not in this group."}

// SetSubject implements transport.Rooms: it is what the user calls the group.
func (s *session) SetSubject(_ context.Context, room transport.Address, subject string, r transport.Request) error {
	subject = strings.TrimSpace(subject)
	if utf8.RuneCountInString(subject) > longestSubject {
		return &transport.Error{Reason: transport.TooLong, Text: fmt.Sprintf("A group's name has at most %d characters.", longestSubject)}
	}
	return s.later(func(ctx context.Context) transport.Event {
		s.groups.mu.Lock()
		g := s.groups.joined[room]
		if g == nil {
			s.groups.mu.Unlock()
			return transport.Answered{Request: r, Err: errNotInGroup}
		}
		news := transport.Subject{Text: subject, By: g.nick, Sender: s.ownIn(room), At: time.Now()}
		s.groups.mu.Unlock()
		if err := s.keepGroupName(ctx, room, news); err != nil {
			failed := &transport.Error{Reason: transport.Internal, Text: "The name could not be stored. Try again.", Err: err}
			return transport.Answered{Request: r, Err: failed}
		}
		s.groups.mu.Lock()
		defer s.groups.mu.Unlock()
		g.subject, g.loaded = news, true
		return transport.SubjectChanged{Room: room, Subject: news}
	})
}

// groupName reads what the user calls a group.
func (s *session) groupName(ctx context.Context, room transport.Address) (name transport.Subject, err error) {
	value, found, err := s.network.records.Get(ctx, s.user, groupRecords, string(room))
	if err == nil && found {
		err = json.Unmarshal(value, &name)
	}
	if err != nil {
		return name, fmt.Errorf("read the name of a group: %w", err)
	}
	return name, nil
}

func (s *session) keepGroupName(ctx context.Context, room transport.Address, name transport.Subject) error {
	value, err := json.Marshal(name)
	if name.Text == "" {
		err = s.network.records.Delete(ctx, s.user, groupRecords, string(room))
	} else if err == nil {
		err = s.network.records.Put(ctx, transport.RecordItem{User: s.user, Kind: groupRecords, Key: string(room), Value: value})
	}
	if err != nil {
		return fmt.Errorf("store the name of a group: %w", err)
	}
	return nil
}

// Members implements transport.Rooms.
func (s *session) Members(room transport.Address) []transport.Member {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	g := s.groups.joined[room]
	if g == nil {
		return nil
	}
	return s.membersLocked(room, g)
}

func (s *session) membersLocked(room transport.Address, g *group) []transport.Member {
	members := []transport.Member{s.selfLocked(room, g)}
	for _, number := range membersOf(room) {
		members = append(members, transport.Member{
			Nick: s.nickLocked(room, number, g.nick), Role: transport.Participant, Affiliation: transport.MemberOf,
			Who: transport.Address(number), Identity: number,
		})
	}
	return members
}

func (s *session) selfLocked(room transport.Address, g *group) transport.Member {
	own := s.ownIn(room)
	return transport.Member{
		Nick: g.nick, Role: transport.Participant, Affiliation: transport.MemberOf,
		Who: transport.Address(own), Identity: own,
	}
}

// ownIn is the number that the user texts a group from; empty: they have it no
// longer.
func (s *session) ownIn(room transport.Address) string {
	own, err := s.network.senderOf(s.user, room)
	if err != nil {
		return ""
	}
	return own
}

// memberCalled gives the number of a member.
func (s *session) memberCalled(room transport.Address, nick string) (transport.Address, error) {
	for _, m := range s.Members(room) {
		if m.Nick == nick && m.Who != transport.Address(s.ownIn(room)) {
			return m.Who, nil
		}
	}
	return "", &transport.Error{Reason: transport.NotFound, Text: "Nobody in this group is called so."}
}

// Group implements transport.Groups.
func (s *session) Group(people []transport.Address) (transport.Address, error) {
	var numbers []string
	usual := s.ownIn("")
	for _, p := range people {
		number := string(p)
		if !strings.HasPrefix(number, "+") || isGroup(p) {
			return "", &transport.Error{Reason: transport.Unacceptable, Text: fmt.Sprintf("%s can't be in a group: only phones with full numbers can.", p)}
		}
		if number != usual {
			numbers = append(numbers, number)
		}
	}
	if len(numbers) == 0 {
		return "", &transport.Error{Reason: transport.BadRequest, Text: "There is nobody to send it to."}
	}
	a := groupOf(numbers)
	if n := len(membersOf(a)); n > s.network.maxMembers {
		return "", &transport.Error{Reason: transport.Unacceptable, Text: fmt.Sprintf("These are %d numbers, and a group text has at most %d.", n, s.network.maxMembers)}
	}
	return a, nil
}

// inGroup puts a text to one of the user's numbers into the group of all who
// got it.
func (n *Network) inGroup(user, to string, others []string, e transport.MessageReceived) transport.MessageReceived {
	sender := string(e.Chat)
	if len(others) == 0 || !strings.HasPrefix(sender, "+") {
		return e
	}
	numbers := []string{sender}
	for _, other := range others {
		if number, ok := e164(other, n.region); ok && number != to {
			numbers = append(numbers, number)
		}
	}
	room := groupOf(numbers)
	if !isGroup(room) || len(membersOf(room)) > mostMembers {
		return e
	}
	e.Chat, e.Nick, e.Sender, e.Who = room, sender, sender, n.addressFor(user, e.Chat, to)
	n.mu.Lock()
	s := n.sessions[userKey(user)]
	n.mu.Unlock()
	if s != nil {
		e.Nick = s.nickIn(n.addressFor(user, room, to), sender)
	}
	return e
}

// People implements transport.Groups.
func (s *session) People(room transport.Address) []transport.Address {
	var people []transport.Address
	for _, number := range membersOf(room) {
		people = append(people, transport.Address(number))
	}
	return people
}

// Addressed implements transport.Addressing: those are users of SGX clients.
func (n *Network) Addressed(user string) bool {
	_, domain, _ := strings.Cut(user, "@")
	return slices.Contains(n.sgx, domain)
}

// URI implements transport.Addressing (RFC 5724).
func (n *Network) URI(who transport.Address) string {
	contact, _ := splitOwn(who)
	return "sms:" + string(contact)
}

// Stays implements transport.Staying: what is texted to a group comes whether
// or not a client is there.
func (n *Network) Stays(_ string, room transport.Address) bool { return isGroup(room) }
