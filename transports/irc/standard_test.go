package irc

import (
	"context"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

func TestAStandardReplyAnswersItsCommand(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo")
		c.expect("JOIN #garden")
		c.sends("FAIL JOIN ACCOUNT_REQUIRED #garden :Log in first")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Refused, Reason: "Log in first",
			Err: &transport.Error{Reason: transport.NotAuthorized, Code: "ACCOUNT_REQUIRED"}})
		w.joins(garden, "romeo")
		c.expect("JOIN #garden")
		c.sends("FAIL JOIN CHANNEL_RENAMED #garden #orchard :Renamed")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Refused, Reason: "Renamed",
			Err: &transport.Error{Reason: transport.Moved, Redirect: "#orchard%net", Code: "CHANNEL_RENAMED"}})
	})
}

// Whatever the command, what has its label is the answer to it.
func TestALabelledFailureAnswersItsCommand(t *testing.T) {
	none := transport.RoleNone
	outcast := transport.Outcast
	for line, do := range map[string]func(s *session, r transport.Request) error{
		"TOPIC": func(s *session, r transport.Request) error {
			return s.SetSubject(context.Background(), garden, "roses", r)
		},
		"NICK": func(s *session, r transport.Request) error {
			return s.SetNick(context.Background(), garden, "mercutio", r)
		},
		"INVITE": func(s *session, r transport.Request) error {
			return s.Invite(context.Background(), garden, transport.Invitation{Nick: "nurse", Request: r})
		},
		"KICK": func(s *session, r transport.Request) error {
			return s.Moderate(context.Background(), garden, transport.Action{Nick: "juliet", Role: &none, Request: r})
		},
		"MODE": func(s *session, r transport.Request) error {
			return s.Moderate(context.Background(), garden, transport.Action{Nick: "juliet", Affiliation: new(transport.AffiliationNone), Request: r})
		},
		"MODE ban": func(s *session, r transport.Request) error {
			return s.Moderate(context.Background(), garden, transport.Action{Mask: "x!*@*", Affiliation: &outcast, Request: r})
		},
		"REDACT": func(s *session, r transport.Request) error {
			return s.Retract(context.Background(), transport.Retraction{Chat: garden, ID: "abc", Request: r})
		},
	} {
		t.Run(line, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith(capable)
				c.autoPong.Store(false)
				for _, r := range []transport.Request{"first", "second"} {
					if err := do(w.session, r); err != nil {
						t.Fatal(err)
					}
				}
				first, _ := c.next()
				second, _ := c.next()
				command, _, _ := strings.Cut(line, " ")
				if !strings.HasPrefix(first, "@label=g1 "+command+" ") || !strings.HasPrefix(second, "@label=g2 "+command+" ") {
					t.Fatalf("sent %q, %q", first, second)
				}
				c.sends("@label=g2 :irc.example.org FAIL "+command+" RATE_LIMITED * :Not so fast",
					"@label=g1 :irc.example.org fail "+strings.ToLower(command)+" privs_needed :Nobody may")
				e := w.next()
				if a, ok := e.(transport.Answered); !ok || a.Request != "second" || a.Err.Error() != "Not so fast" || reasonOf(a.Err) != transport.RateLimited {
					t.Errorf("got %#v", e)
				}
				w.sees(transport.Answered{Request: "first", Err: &transport.Error{Reason: transport.Forbidden, Code: "PRIVS_NEEDED"}})
			})
		})
	}
}

func TestAFailureWithoutALabelIsForTheOnlyOneItCanMean(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		subject := func(text string, r transport.Request) {
			if err := w.session.SetSubject(context.Background(), garden, text, r); err != nil {
				t.Fatal(err)
			}
		}
		subject("roses", "first")
		c.expect("TOPIC #garden roses")
		c.sends("FAIL TOPIC WITHERED anything :No roses any more")
		w.sees(transport.Answered{Request: "first", Err: &transport.Error{Reason: transport.Rejected, Code: "WITHERED"}})
		subject("lilies", "second")
		subject("violets", "third")
		w.says(garden, "hm")
		c.expectPrefix("PING gatehouse-1")
		c.expect("TOPIC #garden lilies", "TOPIC #garden violets", "PRIVMSG #garden hm")
		c.sends("FAIL TOPIC RATE_LIMITED #garden :One at a time", "FAIL LIST RATE_LIMITED :No lists now",
			"FAIL PRIVMSG INVALID_UTF8 :What is that")
		w.sees(transport.Notice{From: "net", Text: "One at a time"}, transport.Notice{From: "net", Text: "No lists now"},
			transport.MessageStatus{Request: "said", Chat: garden, Status: transport.Failed, Err: because(transport.BadRequest)})
	})
}

func TestRemarksAreToldByThemselvesOrInTheAnswerOfTheConsole(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":irc.example.org WARN * CERT_EXPIRES :Your certificate ends soon", ":irc.example.org NOTE X")
		w.sees(transport.Notice{From: "net", Text: "Your certificate ends soon"}, transport.Notice{From: "net", Text: "X"})
		w.says("net", "REHASH")
		c.expect("REHASH")
		c.sends("WARN REHASH CERTS_EXPIRED leaf :A certificate has ended", "FAIL REHASH CONFIG_BAD :No config")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "A certificate has ended\nNo config"}})
	})
}

func TestAServerThatWantsAnAccountRefusesTheJoin(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.sends(":irc.example.org NOTE * HELLO :Welcome to the gate", ":irc.example.org FAIL * ACCOUNT_REQUIRED :You must log in with SASL to join this server",
			"ERROR :You must log in with SASL to join this server")
		w.sees(transport.Notice{From: "net", Text: "Welcome to the gate"})
		left := w.next().(transport.RoomLeft)
		err := left.Err.(*transport.Error)
		if err.Reason != transport.NotAuthorized || err.Code != "ACCOUNT_REQUIRED" || !strings.Contains(err.Text, "You must log in with SASL") {
			t.Errorf("refused with %+v", err)
		}
		w.sees(transport.LinkDown{Server: "net", Err: because(transport.NotAuthorized)})
	})
}
