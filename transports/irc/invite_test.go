package irc

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

func TestInvitationsAreAnswered(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		notice := func(text string) transport.Event { return transport.RoomNotice{Room: garden, Text: text} }
		refused := func(r transport.Reason) transport.Event { return transport.Answered{Request: "1", Err: because(r)} }
		for _, tt := range []struct {
			line string
			want []transport.Event
		}{
			{":s 341 romeo Nurse #garden", []transport.Event{notice("Nurse has been invited to #garden"), transport.Answered{Request: "1"}}},
			{":s 341 romeo #garden nurse", []transport.Event{notice("nurse has been invited to #garden"), transport.Answered{Request: "1"}}},
			{":s 443 romeo nurse #garden :is already on channel", []transport.Event{notice("nurse is already on channel #garden"), refused(transport.Conflict)}},
			{":s 401 romeo nurse :No such nick/channel", []transport.Event{refused(transport.NotFound)}},
			{":s 482 romeo #garden :You're not channel operator", []transport.Event{refused(transport.Forbidden)}},
			{":s 442 romeo #garden :You're not on that channel", []transport.Event{refused(transport.NotJoined)}},
		} {
			if err := w.session.Invite(context.Background(), garden, transport.Invitation{Nick: "nurse", Request: "1"}); err != nil {
				t.Fatal(err)
			}
			c.expect("INVITE nurse #garden")
			c.sends(tt.line)
			w.sees(tt.want...)
		}
		if err := w.session.Invite(context.Background(), garden, transport.Invitation{Who: "juliet%net", Request: "2"}); err != nil {
			t.Fatal(err)
		}
		c.expect("INVITE juliet #garden")
		w.sees(transport.Answered{Request: "2"}) // a server that says nothing has done it
		c.sends(":juliet!j@c INVITE nurse #garden", ":juliet!j@c INVITE nurse #elsewhere", ":juliet!j@c INVITE romeo #bad,name")
		w.sees(notice("juliet has invited nurse to #garden"))
		w.seesNothing()
		for want, i := range map[transport.Reason]transport.Invitation{
			transport.BadRequest: {Nick: "no nick"},
			transport.NotFound:   {Who: "net"},
		} {
			if err := w.session.Invite(context.Background(), garden, i); reasonOf(err) != want {
				t.Errorf("%+v: %v", i, err)
			}
		}
		if err := w.session.Invite(context.Background(), "#tomb%net", transport.Invitation{Nick: "nurse"}); reasonOf(err) != transport.NotJoined {
			t.Errorf("a room that we are not in: %v", err)
		}
	})
}
