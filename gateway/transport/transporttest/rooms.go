package transporttest

import (
	"context"
	"slices"

	"gatehouse/gateway/transport"
)

const nick = "checker"

// rooms gives the session's rooms. A subject that names a room has to have them.
func (r *trial) rooms() transport.Rooms {
	r.t.Helper()
	rooms, ok := r.session.(transport.Rooms)
	if !ok {
		r.t.Fatalf("the subject names a room, but its session (%T) has no rooms", r.session)
	}
	return rooms
}

// call makes a call that waits for no answer from the network.
func (r *trial) call(name string, f func(ctx context.Context) error) {
	r.t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	var err error
	r.within(soon, name, func() { err = f(ctx) })
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
}

func (r *trial) join() transport.RoomJoined {
	r.t.Helper()
	rooms := r.rooms()
	r.call("Join", func(ctx context.Context) error {
		return rooms.Join(ctx, r.Room, nick, transport.JoinOptions{})
	})
	return Await(r.t, r.sink, r.inRoom)
}

func (r *trial) inRoom(e transport.RoomJoined) bool { return e.Room == r.Room }

func joinIsAnswered(r *trial) {
	r.up()
	joined := r.join()
	self := func(m transport.Member) bool { return m.Nick == joined.Nick }
	switch {
	case joined.Nick == "":
		r.t.Error("RoomJoined has no Nick")
	case !slices.ContainsFunc(joined.Members, self):
		r.t.Errorf("RoomJoined does not count %q, the user, among the members", joined.Nick)
	}
	r.within(atOnce, "Members", func() {
		if !slices.ContainsFunc(r.rooms().Members(r.Room), self) {
			r.t.Errorf("Members does not count %q, the user", joined.Nick)
		}
		r.rooms().Members("no such room")
	})
}

// secondJoinIsAnswered: one more of the user's clients comes in.
func secondJoinIsAnswered(r *trial) {
	r.up()
	first := r.join()
	before := len(r.sink.Events())
	rooms := r.rooms()
	r.call("Join of a room that is joined", func(ctx context.Context) error {
		return rooms.Join(ctx, r.Room, nick+"2", transport.JoinOptions{})
	})
	ctx, cancel := patiently()
	defer cancel()
	n := 0
	e, err := r.sink.Wait(ctx, func(e transport.Event) bool {
		n++
		joined, ok := e.(transport.RoomJoined)
		return n > before && ok && r.inRoom(joined)
	})
	if err != nil {
		r.t.Fatalf("no second RoomJoined: %v", err)
	}
	if again := e.(transport.RoomJoined).Nick; again != first.Nick {
		r.t.Errorf("the second join changed the nick from %q to %q", first.Nick, again)
	}
}

func joinIgnoresTheSink(r *trial) {
	r.up()
	rooms := r.rooms()
	r.block()
	r.call("Join while the sink is blocked", func(ctx context.Context) error {
		return rooms.Join(ctx, r.Room, nick, transport.JoinOptions{})
	})
}

func leaveIsAnswered(r *trial) {
	r.up()
	r.join()
	rooms := r.rooms()
	r.call("Leave", func(ctx context.Context) error { return rooms.Leave(ctx, r.Room, "good night") })
	left := Await(r.t, r.sink, func(e transport.RoomLeft) bool { return e.Room == r.Room })
	if left.Why != transport.Parted || left.Err != nil {
		r.t.Errorf("the room was left for the reason %d with the error %v, want Parted and none", left.Why, left.Err)
	}
}

// wishesAreAnswered: whether they are granted is up to the network.
func wishesAreAnswered(r *trial) {
	r.up()
	r.join()
	rooms := r.rooms()
	r.call("SetSubject", func(ctx context.Context) error {
		return rooms.SetSubject(ctx, r.Room, "a new subject", "subject")
	})
	r.answered("SetSubject", "subject", func(e transport.Event) bool {
		s, ok := e.(transport.SubjectChanged)
		return ok && s.Room == r.Room && s.Text == "a new subject"
	})
	r.call("SetNick", func(ctx context.Context) error {
		return rooms.SetNick(ctx, r.Room, "renamed", "nick")
	})
	r.answered("SetNick", "nick", func(e transport.Event) bool {
		m, ok := e.(transport.MemberRenamed)
		return ok && m.Room == r.Room && m.Nick == "renamed"
	})
}

// answered waits for the event that grants a wish, or for its refusal.
func (r *trial) answered(name string, request transport.Request, granted func(transport.Event) bool) {
	r.t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	e, err := r.sink.Wait(ctx, func(e transport.Event) bool {
		a, ok := e.(transport.Answered)
		return granted(e) || ok && a.Request == request
	})
	if err != nil {
		r.t.Fatalf("%s got no answer: %v", name, err)
	}
	if a, ok := e.(transport.Answered); ok {
		r.typed(name, a.Err)
	}
}
