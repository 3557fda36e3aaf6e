package irc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

// A performed is what a step of a command came to.
type performed struct {
	transport.Stage
	err error
}

// performs takes a step of a command of the network's address; the story plays
// the server meanwhile.
func (w *world) performs(node string, asked int, answers ...string) chan performed {
	values := transport.Values{}
	for i := 0; i < len(answers); i += 2 {
		values[answers[i]] = []string{answers[i+1]}
	}
	done := make(chan performed, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stage, err := w.network.Perform(ctx, transport.Performance{
			Node: node, At: "net", Kind: transport.Server, User: romeo, Asked: asked, Answers: values,
		})
		done <- performed{stage, err}
	}()
	return done
}

func (p performed) asks(t *testing.T, names ...string) map[string]transport.Field {
	t.Helper()
	if p.err != nil || p.Form == nil {
		t.Fatalf("got %+v, want a form", p)
	}
	var got []string
	fields := map[string]transport.Field{}
	for _, f := range p.Form.Fields {
		got = append(got, f.Name)
		fields[f.Name] = f
		if f.Type == transport.Hidden && len(f.Values) > 0 {
			t.Errorf("the secret %s is shown", f.Name)
		}
	}
	if d := cmp.Diff(names, got); d != "" {
		t.Fatalf("fields (-want +got):\n%s", d)
	}
	return fields
}

// The examples are those of IRCv3 account-registration.
func TestAnAccountIsRegisteredAndKept(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.network.settings = &fakeSettings{}
		c := w.inGardenWith("draft/account-registration=custom-account-name,email-required")
		fields := (<-w.performs(registerNode, 0)).asks(t, "account", "password", "email", "code")
		if !fields["email"].Required || fields["account"].Values[0] != "romeo" {
			t.Errorf("asks %+v", fields)
		}
		done := w.performs(registerNode, 1, "account", "montague", "password", "a rose", "email", "romeo@verona.example")
		c.expect("REGISTER montague romeo@verona.example :a rose")
		c.sends(":irc.example.org REGISTER VERIFICATION_REQUIRED montague :Account created, pending verification; a code has been sent")
		now := <-done
		fields = now.asks(t, "account", "code")
		if fields["account"].Values[0] != "montague" || !strings.Contains(now.Form.Instructions, "a code has been sent") {
			t.Errorf("asks %+v", now.Form)
		}
		done = w.performs(registerNode, 2, "account", "montague", "password", "a rose", "code", "wrong")
		c.expect("VERIFY montague wrong")
		c.sends(":irc.example.org FAIL VERIFY INVALID_CODE :Invalid verification code")
		if fields = (<-done).asks(t, "account", "code"); fields["code"].Help != "Invalid verification code" {
			t.Errorf("asks %+v", fields)
		}
		done = w.performs(registerNode, 3, "account", "montague", "password", "a rose", "code", "39gvcdg4myv")
		c.expect("VERIFY montague 39gvcdg4myv")
		c.sends(":irc.example.org VERIFY SUCCESS montague :Account successfully registered",
			":irc.example.org 900 romeo romeo!~romeo@verona.example montague :You are now logged in as montague")
		now = <-done
		want := transport.Values{"sasl_login": {"montague"}, "sasl_password": {"a rose"}}
		if d := cmp.Diff(want, now.Set); d != "" || now.err != nil || !strings.Contains(now.Text, "montague") || strings.Contains(now.Text, "rose") {
			t.Errorf("%+v\n%s", now, d)
		}
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "You are now logged in as montague"}})
		if lines := strings.Join(w.session.Links()[0].Lines, " "); !strings.Contains(lines, "logged in as montague") {
			t.Error(lines)
		}
	})
}

func TestAnAccountHasTheNameOfTheNickWhereItMust(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("draft/account-registration")
		if fields := (<-w.performs(registerNode, 0)).asks(t, "account", "password", "email", "code"); fields["email"].Required {
			t.Error("an address is asked for")
		}
		fields := (<-w.performs(registerNode, 1, "account", "paris", "password", "x")).asks(t, "account", "password", "email", "code")
		if !strings.Contains(fields["account"].Help, "your nick, which is romeo") {
			t.Errorf("asks %+v", fields["account"])
		}
		done := w.performs(registerNode, 1, "account", "Romeo", "password", ":x")
		c.expect("REGISTER * * ::x")
		if other := <-w.performs(registerNode, 1, "account", "romeo", "password", "x"); reasonOf(other.err) != transport.RateLimited {
			t.Errorf("two at once: %+v", other)
		}
		c.sends(":irc.example.org REGISTER SUCCESS romeo :Account successfully registered")
		if now := <-done; now.err != nil || len(now.Set) > 0 || len(now.Warnings) != 2 {
			t.Errorf("without settings: %+v", now)
		}
	})
}

func TestARefusedRegistrationIsAskedForAgainAtItsField(t *testing.T) {
	for code, field := range map[string]string{
		"ACCOUNT_EXISTS": "account", "BAD_ACCOUNT_NAME": "account", "USERNAME_EXISTS": "account",
		"WEAK_PASSWORD": "password", "INVALID_PASSWORD": "password",
		"INVALID_EMAIL": "email", "UNACCEPTABLE_EMAIL": "email",
		"TEMPORARILY_UNAVAILABLE": "", "ALREADY_AUTHENTICATED": "-", "DISALLOWED": "-",
	} {
		t.Run(code, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith("draft/account-registration=email-required")
				done := w.performs(registerNode, 1, "account", "romeo", "password", "x", "email", "a@b.example")
				c.expect("REGISTER * a@b.example x")
				c.sends(":irc.example.org FAIL REGISTER " + code + " romeo :What the server says")
				now := <-done
				if field == "-" {
					if now.err == nil || now.err.Error() != "What the server says" {
						t.Errorf("got %+v", now)
					}
					return
				}
				fields := now.asks(t, "account", "password", "email", "code")
				if len(now.Warnings) != 1 || now.Warnings[0] != "What the server says" || field != "" && fields[field].Help != "What the server says" {
					t.Errorf("got %+v", now)
				}
				if fields["email"].Values[0] != "a@b.example" {
					t.Error("what was answered is lost")
				}
			})
		})
	}
}

// Who is not let in for lack of an account registers one on the way in.
func TestAnAccountIsRegisteredBeforeOneIsLetIn(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.network.settings = &fakeSettings{}
		const caps = "draft/account-registration=before-connect,email-required sasl=PLAIN"
		hello := func() *fakeConn {
			c := w.accepts()
			c.expect("CAP LS 302", "NICK romeo")
			c.expectPrefix("USER ")
			c.sends(":s CAP * LS :" + caps)
			c.expect("CAP REQ draft/account-registration")
			c.sends(":s CAP * ACK draft/account-registration")
			return c
		}
		down := func(c *fakeConn) {
			c.expect("CAP END")
			c.sends("FAIL * ACCOUNT_REQUIRED :You must log in with SASL to join this server", "ERROR :Closing")
		}
		w.joins(garden, "romeo")
		down(hello())
		left := w.next().(transport.RoomLeft)
		if text := left.Err.Error(); !strings.Contains(text, registerNode) {
			t.Errorf("says %q", text)
		}
		w.next() // LinkDown
		done := w.performs(registerNode, 0)
		c := hello()
		(<-done).asks(t, "account", "password", "email", "code")
		down(c)
		w.next()
		done = w.performs(registerNode, 1, "account", "romeo", "password", "rose", "email", "r@v.example")
		c = hello()
		c.expect("REGISTER * r@v.example rose")
		c.sends(":s REGISTER VERIFICATION_REQUIRED romeo :Look into your mail")
		(<-done).asks(t, "account", "code")
		down(c)
		w.next()
		done = w.performs(registerNode, 2, "account", "romeo", "password", "rose", "email", "r@v.example", "code", "123")
		c = hello()
		c.expect("VERIFY romeo 123")
		c.expectNothing(time.Second) // and no CAP END
		c.sends(":s VERIFY SUCCESS romeo :Account successfully registered", ":s 900 romeo romeo!r@h romeo :You are now logged in as romeo")
		if now := <-done; now.Set.Get("sasl_password") != "rose" {
			t.Errorf("got %+v", now)
		}
		c.expect("CAP END")
		c.welcome("romeo")
		w.sees(transport.LinkUp{Server: "net"})
	})
}

func TestAServerThatLetsInFirstIsToldAgain(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		done := w.performs(registerNode, 1, "account", "romeo", "password", "rose")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.expectPrefix("USER ")
		c.sends(":s CAP * LS :draft/account-registration=before-connect")
		c.expectPrefix("CAP REQ ")
		c.sends(":s CAP * ACK draft/account-registration")
		c.expect("REGISTER * * rose")
		c.sends(":s FAIL REGISTER COMPLETE_CONNECTION_REQUIRED romeo :Come in first")
		c.expect("CAP END")
		c.welcome("romeo")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("REGISTER * * rose")
		c.sends(":s REGISTER SUCCESS romeo :Done")
		if now := <-done; now.err != nil {
			t.Error(now.err)
		}
	})
}

func TestRegistrationThatDoesNotComeAboutIsTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("batch")
		if now := <-w.performs(registerNode, 0); reasonOf(now.err) != transport.Unsupported {
			t.Errorf("got %+v", now)
		}
		if now := <-w.performs("no-such-command", 0); now.err == nil {
			t.Error("done")
		}
		c.sends(":s CAP romeo NEW draft/account-registration")
		c.expectPrefix("CAP REQ ")
		c.sends(":s CAP romeo ACK draft/account-registration")
		synctest.Wait()
		done := w.performs(registerNode, 1, "account", "romeo", "password", "x")
		c.expect("REGISTER * * x")
		if now := <-done; reasonOf(now.err) != transport.Unreachable || !strings.Contains(now.err.Error(), "log in") {
			t.Errorf("silence: %+v", now)
		}
		done = w.performs(registerNode, 1, "account", "romeo", "password", "x")
		c.expect("REGISTER * * x")
		c.sends(":s 421 romeo REGISTER :Unknown command")
		if now := <-done; reasonOf(now.err) != transport.Unsupported {
			t.Errorf("421: %+v", now)
		}
		for _, wrong := range [][]string{{"password", "x\ny"}, {"password", "x", "email", "a b"}, {"password", "x", "email", ":a"}} {
			if now := <-w.performs(registerNode, 1, append(wrong, "account", "romeo")...); reasonOf(now.err) != transport.BadRequest {
				t.Errorf("%q: %+v", wrong, now)
			}
		}
		done = w.performs(registerNode, 1, "account", "romeo", "password", "x")
		c.expect("REGISTER * * x")
		c.hangsUp()
		if now := <-done; now.err == nil {
			t.Errorf("hung up: %+v", now)
		}
	})
}

func TestOneLogsInAndOut(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.network.settings = &fakeSettings{}
		now := <-w.performs(loginNode, 1, "account", "montague", "password", "rose")
		if now.err != nil || now.Set.Get("sasl_login") != "montague" || !strings.Contains(now.Text, "next connection") {
			t.Errorf("without a connection: %+v", now)
		}
		c := w.inGardenWith("batch")
		if now := <-w.performs(loginNode, 1, "account", "montague", "password", "rose"); reasonOf(now.err) != transport.Unsupported {
			t.Errorf("without SASL: %+v", now)
		}
		c.sends(":s CAP romeo NEW :sasl=PLAIN")
		synctest.Wait()
		fields := (<-w.performs(loginNode, 0)).asks(t, "account", "password")
		if fields["account"].Values[0] != "romeo" || !fields["password"].Required {
			t.Errorf("asks %+v", fields)
		}
		done := w.performs(loginNode, 1, "account", "montague", "password", "thorn")
		c.expect("CAP REQ sasl")
		c.sends(":s CAP romeo ACK sasl")
		if got := c.authenticates("PLAIN"); !strings.HasSuffix(got, "\x00montague\x00thorn") {
			t.Errorf("sent %q", got)
		}
		c.sends(":s 904 romeo :SASL authentication failed")
		if fields = (<-done).asks(t, "account", "password"); !strings.Contains(fields["password"].Help, "SASL authentication failed") {
			t.Errorf("asks %+v", fields)
		}
		done = w.performs(loginNode, 2, "account", "montague", "password", "rose")
		c.authenticates("PLAIN")
		c.logsIn("montague")
		now = <-done
		if now.Set.Get("sasl_password") != "rose" || !strings.Contains(now.Text, "as montague") {
			t.Errorf("got %+v", now)
		}
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "You are now logged in"}})
		done = w.performs(loginNode, 1, "account", "paris", "password", "x")
		c.authenticates("PLAIN")
		c.sends(":s 907 romeo :You have already authenticated using SASL")
		if fields = (<-done).asks(t, "account", "password"); !strings.Contains(fields["password"].Help, "as montague already") {
			t.Errorf("asks %+v", fields)
		}
		done = w.performs(logoutNode, 0)
		c.expect("PRIVMSG NickServ LOGOUT")
		c.sends(":s 901 romeo romeo!r@h :You are now logged out")
		now = <-done
		if now.Set.Get("sasl_password") != "-" || !strings.Contains(now.Text, "logged out") {
			t.Errorf("got %+v", now)
		}
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "You are now logged out"}})
	})
}

func TestServicesThatDoNotLogOutAreTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.network.settings = &fakeSettings{}
		c := w.inGarden()
		if now := <-w.performs(logoutNode, 0); now.err != nil || len(now.Warnings) > 0 {
			t.Errorf("not logged in: %+v", now)
		}
		c.sends(":s 900 romeo romeo!r@h montague :You are now logged in")
		w.next()
		done := w.performs(logoutNode, 0)
		c.expect("PRIVMSG NickServ LOGOUT")
		if now := <-done; len(now.Warnings) != 1 {
			t.Errorf("got %+v", now)
		}
	})
}

// A connection that is just being refused is no place for a registration.
func TestARegistrationThatCameTooLateIsMadeAnew(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		hello := func() *fakeConn {
			c := w.accepts()
			c.expect("CAP LS 302", "NICK romeo")
			c.expectPrefix("USER ")
			c.sends(":s CAP * LS :draft/account-registration=before-connect")
			c.expectPrefix("CAP REQ ")
			c.sends(":s CAP * ACK draft/account-registration")
			return c
		}
		w.joins(garden, "romeo")
		c := hello()
		c.expect("CAP END")
		done := w.performs(registerNode, 1, "account", "romeo", "password", "rose")
		synctest.Wait()
		c.sends("FAIL * ACCOUNT_REQUIRED :You must log in")
		c = hello()
		c.expect("REGISTER * * rose")
		c.sends(":s REGISTER SUCCESS romeo :Done")
		if now := <-done; now.err != nil {
			t.Error(now.err)
		}
	})
}
