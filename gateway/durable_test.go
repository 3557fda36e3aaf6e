package gateway_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// texts brings messages from a phone to romeo.
func (w *world) texts(ids ...string) {
	for _, id := range ids {
		w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{
			ID: transport.MessageID(id), Chat: number, Text: "text " + id, Sent: time.Now(),
		}})
	}
}

func text(id string, more ...Matcher) Matcher {
	return Message(append([]Matcher{From(phone), To(romeo), Type("chat"), Body("text " + id)}, more...)...)
}

// writes sends a message from romeo to the phone that asks for a receipt.
func (w *world) writes(id string) {
	w.t.Helper()
	w.says(orchard, `<message to='%s' type='chat' id='%s'><body>hello</body><request xmlns='urn:xmpp:receipts'/></message>`, phone, id)
	w.settle()
}

func TestSessionsThatAreAlwaysOnOpenAtStart(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.phones.called(t, "open romeo@example.org")
		w.pass(time.Hour)
		w.phones.called(t)
		w.texts("1")
		w.Expect(text("1", HasNot("delay")))
	})
}

func TestStoredBeforeDeliverReturns(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.breakStream()
		l := w.phones.links[romeo]
		e := transport.MessageReceived{Message: transport.Message{ID: "1", Chat: number, Text: "text 1"}}
		if err := l.sink.Deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		items, err := w.store.Inbox().Pending(t.Context(), phones, romeo, 0, 10)
		if err != nil || len(items) != 1 {
			t.Fatalf("%d items are stored, error %v", len(items), err)
		}
	})
}

func TestMessageNotConfirmedIsSentAgainAfterACrash(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.Pings(LosePings) // and with them the proof that anything arrived
		w.texts("1")
		first := w.Expect(text("1"))
		w.stop()
		w.Skip()
		w.Pings(nil)
		w.start()
		w.Expect(text("1", ID(first.ID)))
		w.ExpectNothing()
	})
}

func TestMessageConfirmedIsNotSentAgain(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.texts("1")
		w.Expect(text("1"))
		w.pass(time.Second)
		w.stop()
		w.Skip()
		w.start()
		w.ExpectNothing()
	})
}

func TestMessageThatTheNetworkRepeatsIsShownOnce(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.texts("1", "1", "2", "1")
		w.Expect(text("1"))
		w.Expect(text("2"))
		w.pass(time.Second)
		w.stop()
		w.Skip()
		w.start()
		w.texts("1")
		w.ExpectNothing()
	})
}

func TestMessagesWithoutIdAreNoDuplicates(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.texts("", "")
		w.Expect(text(""))
		w.Expect(text(""))
	})
}

func TestMessageThatComesLateIsShownWithItsTime(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.breakStream()
		w.texts("1")
		w.phones.tells(romeo, transport.MessageReceived{Message: transport.Message{ID: "2", Chat: number, Text: "text 2"}}) // without a time
		w.pass(2 * time.Minute)
		w.stop()
		w.ComeBack()
		w.start()
		w.Expect(text("1", Has("{urn:xmpp:delay}delay@from", phones), Has("delay@stamp", "2000-01-01T00:00:01.002000Z")))
		w.Expect(text("2", Has("delay@stamp", "2000-01-01T00:00:01.002000Z")))
	})
}

func TestManyStoredMessagesKeepTheirOrderAndLetTheUserIn(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		// While the session waits for the network, messages are stored, and
		// the user asks something.
		w.phones.stalls(romeo)
		w.writes("m1")
		const many = 1000
		for i := range many {
			w.texts(fmt.Sprint(i))
		}
		w.pass(5 * time.Second)
		w.asks(orchard, "get", phones, ping)
		w.pass(6 * time.Second)
		w.Expect(Message(ID("m1"), StanzaError("wait", "remote-server-timeout")))
		answered := -1
		for i := 0; i < many; {
			r := w.Expect()
			if r.Kind == stanza.IQ {
				answered = i
				continue
			}
			if body, _ := r.ReadBody(); body != fmt.Sprintf("text %d", i) {
				t.Fatalf("message %d is %q", i, body)
			}
			i++
		}
		if answered < 0 {
			t.Error("the user was not answered before the last of the messages")
		}
		w.ExpectNothing()
	})
}

// A client that asks for it learns that its message was read (XEP-0333 §4).
func TestWhatIsReadIsMarked(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		write := func(id, asks string) {
			w.says(orchard, `<message to='%s' type='chat' id='%s'><body>hello</body>%s</message>`, phone, id, asks)
			w.settle()
			w.phones.tells(romeo, transport.MessageStatus{Request: w.phones.request(), Chat: number, Status: transport.Displayed})
		}
		const receipt, markable, marker = `<request xmlns='urn:xmpp:receipts'/>`, `<markable xmlns='urn:xmpp:chat-markers:0'/>`, "{urn:xmpp:chat-markers:0}displayed"
		write("m1", receipt+markable)
		w.Expect(Message(From(phone), To(romeo), Type("chat"), Has("{urn:xmpp:receipts}received@id", "m1"), Has(marker+"@id", "m1")))
		write("m2", markable)
		w.Expect(Message(From(phone), HasNot("{urn:xmpp:receipts}received"), Has(marker+"@id", "m2"), Has("{urn:xmpp:hints}store")))
		write("m3", receipt)
		w.Expect(Message(From(phone), Has("{urn:xmpp:receipts}received@id", "m3"), HasNot(marker)))
		write("m4", "")
		w.ExpectNothing()
	})
}

func TestReceiptIsSentOnceTheMessageIsDelivered(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.writes("m1")
		w.phones.called(t, "open romeo@example.org", "send +15551234567  hello")
		delivered := transport.MessageStatus{Request: w.phones.request(), Chat: number, Status: transport.Delivered}
		accepted := delivered
		accepted.Status = transport.Accepted
		w.phones.tells(romeo, accepted)
		w.ExpectNothing()
		w.phones.tells(romeo, delivered, delivered)
		w.Expect(XML(`<message from='+15551234567@phones.example.org' to='romeo@example.org' type='chat' id='*'>
			<received xmlns='urn:xmpp:receipts' id='m1'/></message>`))
		w.ExpectNothing()
	})
}

func TestTheLastWordOnAnItemIsStoredWithIt(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.writes("m1")
		out := w.store.Outbox(phones)
		item := transport.OutboxItem{User: romeo, Chat: number, Text: "hello", Request: w.phones.request()}
		var err error
		if item.Key, _, err = out.Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
		item.State, item.Status = transport.Done, transport.Delivered
		last := transport.MessageStatus{Request: item.Request, Chat: number, Status: transport.Delivered}
		var to transport.Sink
		w.phones.change(func() { to = w.phones.links[romeo].sink })
		if err := transport.Settle(t.Context(), to, nil, last, item); err != nil {
			t.Fatal(err)
		}
		w.Expect(Message(From(phone), Has("{urn:xmpp:receipts}received@id", "m1")))
		done, err := out.In(t.Context(), transport.Done, time.Now(), 0, 2)
		if err != nil || len(done) != 1 || done[0].Status != transport.Delivered {
			t.Errorf("done: %+v, %v", done, err)
		}

		last.Status = transport.Accepted
		if transport.Settle(t.Context(), to, nil, last, item) == nil {
			t.Error("a word that is not the last settled it")
		}
		w.stop()
		if err := transport.Settle(t.Context(), to, nil, last, item); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("once the session is closed: %v", err)
		}
		w.start()
	})
}

func TestReceiptIsSentOnlyToThoseWhoAsked(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, m := range []string{
			`<message to='%s' type='chat' id='m1'><body>hello</body></message>`,
			`<message to='%s' type='chat'><body>hello</body><request xmlns='urn:xmpp:receipts'/></message>`,
		} {
			w.says(orchard, m, phone)
			w.settle()
			w.phones.tells(romeo, transport.MessageStatus{Request: w.phones.request(), Chat: number, Status: transport.Delivered})
		}
		w.phones.tells(romeo, transport.MessageStatus{Request: "m-not a note", Status: transport.Delivered})
		w.ExpectNothing()
	})
}

func TestFailureIsAnErrorForTheMessage(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.writes("m1")
		w.phones.tells(romeo, transport.MessageStatus{
			Request: w.phones.request(), Chat: number, Status: transport.Failed,
			Err: &transport.Error{Reason: transport.Policy, Text: "the recipient has opted out", Code: "21610"},
		})
		w.Expect(XML(`<message from='+15551234567@phones.example.org' to='romeo@example.org/orchard' type='error' id='m1'>
			<error type='modify'>
				<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
				<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>the recipient has opted out</text>
				<network-error xmlns='urn:gatehouse:errors' code='21610'/>
			</error></message>`))
		w.writes("m2")
		w.phones.tells(romeo, transport.MessageStatus{Request: w.phones.request(), Chat: number, Status: transport.Failed})
		w.Expect(Message(ID("m2"), StanzaError("cancel", "undefined-condition")))
		w.ExpectNothing()
	})
}

func TestStatusComesBackAfterARestart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.writes("m1")
		request := w.phones.request()
		w.stop()
		w.Skip()
		w.start()
		w.phones.tells(romeo, transport.MessageStatus{Request: request, Chat: number, Status: transport.Delivered})
		w.Expect(Message(From(phone), Has("{urn:xmpp:receipts}received@id", "m1")))
	})
}

func TestPanicReopensASessionThatIsAlwaysOn(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='%s' type='chat' id='m1'><body>panic</body></message>`, phone)
		w.Expect(Message(ID("m1"), StanzaError("cancel", "internal-server-error")))
		w.pass(11 * time.Second)
		w.phones.called(t, "open romeo@example.org", "close An error in the gateway ended your session", "open romeo@example.org")
		w.texts("1")
		w.Expect(text("1"))
		if n := w.gateway.Counts().Panics; n != 1 {
			t.Errorf("%d panics counted, want 1", n)
		}
	})
}

func TestUserWithoutAccountIsToldAndForgotten(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.phones.refuses("open", because(transport.NotRegistered))
		w.says("benvolio@example.org/street", `<message to='%s' type='chat' id='m1'><body>hello</body></message>`, phone)
		w.Expect(Message(From(phone), ID("m1"), StanzaError("auth", "registration-required")))
		w.pass(10 * time.Minute)
		if n := w.gateway.Counts().Sessions; n != 1 { // romeo's
			t.Errorf("%d sessions are open, want 1", n)
		}
	})
}

func TestStoreThatFailsMakesDeliverFail(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		l := w.phones.links[romeo]
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.sink.Deliver(t.Context(), transport.MessageReceived{Message: transport.Message{Text: "x"}}); err == nil {
			t.Error("the network was told that its message is safe")
		}
	})
}

func TestDeliverAfterTheEndIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		l := w.phones.links[romeo]
		w.stop()
		if err := l.sink.Deliver(t.Context(), transport.MessageReceived{}); err != transport.ErrClosed {
			t.Errorf("deliver after the end: %v, want ErrClosed", err)
		}
	})
}
