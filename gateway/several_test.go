package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// addressed writes those of a message: "to jid", "bcc uri delivered".
func addressed(all ...string) string {
	var b strings.Builder
	for _, a := range all {
		fields := strings.Fields(a)
		attr := "jid"
		if strings.HasPrefix(fields[1], "sms:") {
			attr = "uri"
		}
		fmt.Fprintf(&b, "<address type='%s' %s='%s'", fields[0], attr, fields[1])
		if len(fields) > 2 {
			b.WriteString(" delivered='true'")
		}
		b.WriteString("/>")
	}
	return "<addresses xmlns='http://jabber.org/protocol/address'>" + b.String() + "</addresses>"
}

func TestMessageToSeveralIsSentToThemAll(t *testing.T) {
	const a, b, c = "+15551234567", "+15557654321", "+15550001111"
	at := "@" + phones
	tests := []struct {
		name, to string
		all      []string
		want     string
	}{
		{name: "two", to: phones, all: []string{"to " + a + at, "cc " + b + at}, want: "#" + a + b},
		{name: "by URIs", to: phones, all: []string{"to sms:" + b, "to sms:%2B15551234567?body=x"}, want: "#" + a + b},
		{name: "one", to: phones, all: []string{"to " + a + at}, want: a},
		{name: "one twice", to: phones, all: []string{"to " + a + at, "cc sms:" + a}, want: a},
		{name: "blind copies apart", to: phones, all: []string{"to " + a + at, "to " + b + at, "bcc " + c + at}, want: "#" + a + b + " " + c},
		{name: "a blind copy alone", to: phones, all: []string{"bcc " + c + at}, want: c},
		{name: "who has it already", to: phones, all: []string{"to " + a + at, "to " + b + at + " delivered"}, want: a},
		{name: "all have it", to: phones, all: []string{"to " + b + at + " delivered"}, want: ""},
		{name: "to one of them", to: a + at, all: []string{"to " + b + at}, want: "#" + a + b},
		{name: "to one of those who have it", to: a + at, all: []string{"to " + a + at + " delivered", "to " + b + at + " delivered"}, want: a},
		{name: "replies are asked for elsewhere", to: phones, all: []string{"to " + a + at, "replyto romeo@example.org"}, want: a},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.says(orchard, `<message to='%s' type='chat' id='m1'><body>hello</body>%s</message>`, tt.to, addressed(tt.all...))
				w.ExpectNothing()
				var got []string
				for _, m := range w.phones.messages() {
					got = append(got, string(m.Chat))
				}
				if strings.Join(got, " ") != tt.want {
					t.Errorf("sent to %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestMessageToSeveralIsRefusedWhole(t *testing.T) {
	at := "@" + phones
	for name, tt := range map[string]struct {
		all             []string
		class, conition string
	}{
		"nothing is relayed":    {[]string{"to +15551234567" + at, "to juliet@example.net"}, "auth", "forbidden"},
		"a bad URI":             {[]string{"to +15551234567" + at, "to sms:%zz"}, "modify", "jid-malformed"},
		"a bad number":          {[]string{"to sms:no%20number"}, "modify", "jid-malformed"},
		"a room":                {[]string{"to #family" + at}, "modify", "jid-malformed"},
		"the gateway":           {[]string{"to " + phones}, "auth", "forbidden"},
		"too many":              {make51(), "modify", "not-acceptable"},
		"nobody to send it to":  {[]string{"replyto +15551234567" + at}, "modify", "bad-request"},
		"more than a group has": {[]string{"to a" + at, "to b" + at, "to crowd" + at}, "modify", "not-acceptable"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.says(orchard, `<message to='%s' id='m1'><body>hello</body>%s</message>`, phones, addressed(tt.all...))
				w.Expect(Message(From(phones), To(orchard), ID("m1"), StanzaError(tt.class, tt.conition)))
				if sent := w.phones.messages(); len(sent) > 0 {
					t.Errorf("sent was %+v", sent)
				}
			})
		})
	}
}

// Whoever sends one message with blind copies gets one error for it; of each copy
// they are told in its own chat.
func TestFailedBlindCopiesAreToldApart(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		at := "@" + phones
		w.says(orchard, `<message to='%s' type='chat' id='m1'><body>hello</body>%s</message>`, phones,
			addressed("bcc +15551234567"+at, "bcc +15557654321"+at, "bcc +15550001111"+at))
		w.settle()
		sent := w.phones.messages()
		if len(sent) != 3 {
			t.Fatalf("%d copies", len(sent))
		}
		for _, m := range sent {
			w.phones.tells(romeo, transport.MessageStatus{Request: m.Request, Chat: m.Chat, Status: transport.Failed, Err: because(transport.Policy)})
		}
		all := w.ExpectInAnyOrder(Message(To(orchard), ID("m1"), StanzaError("modify", "policy-violation")),
			Message(To(romeo), Type("chat"), Body("Your message did not come here. so it is")), Message(To(romeo), Type("chat"), Body("Your message did not come here. so it is")))
		if all[0].From == all[1].From || all[1].From == all[2].From {
			t.Error("they are told in the same chat")
		}
		w.ExpectNothing()
	})
}

func make51() []string {
	var all []string
	for i := range 51 {
		all = append(all, fmt.Sprintf("to +155512345%02d@%s", i, phones))
	}
	return all
}

func TestGroupIsWrittenToWithoutJoiningIt(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.furnish()
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>hello</body></message>`, family)
		w.Expect(Message(From(family), ID("m1"), StanzaError("modify", "not-acceptable")))
		w.joins(cell, family, "romeo")
		w.says(orchard, `<message to='%s' type='chat' id='m2'><body>hello</body></message>`, family)
		w.Expect(Message(From(family+"/romeo"), To(cell), Type("groupchat"), Body("hello")))
		failed := transport.MessageStatus{
			Request: w.phones.messages()[0].Request, Chat: "#family", Who: number, Status: transport.Failed,
			Err: &transport.Error{Reason: transport.Policy, Text: "They have opted out."},
		}
		w.phones.tells(romeo, failed)
		w.Expect(Message(From(family), To(orchard), ID("m2"), StanzaError("modify", "policy-violation"),
			Has("error/text", number+" did not get it: They have opted out.")))
	})
}

// Group implements transport.Groups.
func (l *link) Group(people []transport.Address) (transport.Address, error) {
	group := transport.Address("#")
	for _, p := range people {
		if p == "crowd" {
			return "", &transport.Error{Reason: transport.Unacceptable, Text: "too many people"}
		}
		group += p
	}
	return group, nil
}

// People implements transport.Groups.
func (l *link) People(room transport.Address) (people []transport.Address) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if r := l.network.rooms[room]; r != nil {
		for _, m := range r.members {
			people = append(people, m.Who)
		}
	}
	return people
}
