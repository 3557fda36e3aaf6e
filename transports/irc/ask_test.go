package irc

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestCTCPIsPassedOnAFewTimes(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for range 20 {
			c.sends(":juliet!j@h PRIVMSG romeo :\x01VERSION\x01")
		}
		for range 3 {
			w.sees(transport.Queried{From: "juliet%net", Query: transport.QueryVersion})
		}
		w.seesNothing()
		if err := w.session.Reply(context.Background(), "juliet%net", transport.QueryVersion, "", "Balcony \x011.0\r\nQUIT"); err != nil {
			t.Fatal(err)
		}
		c.expect("NOTICE juliet :\x01VERSION Balcony 1.0 QUIT\x01")
		time.Sleep(time.Minute)
		c.sends(":juliet!j@h PRIVMSG romeo :\x01PING 12 34\x01", ":juliet!j@h PRIVMSG #garden :\x01PING 1\x01", ":juliet!j@h PRIVMSG romeo :\x01FINGER\x01")
		w.sees(transport.Queried{From: "juliet%net", Query: transport.QueryPing, Token: "12 34"})
		w.seesNothing()
		w.session.Reply(context.Background(), "juliet%net", transport.QueryPing, "12 34", "")
		c.expect("NOTICE juliet :\x01PING 12 34\x01")
	})
}

func TestWhatTheUsersClientDoesNotKnowIsAnsweredForIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@h PRIVMSG romeo :\x01CLIENTINFO\x01", ":juliet!j@h PRIVMSG romeo :\x01USERINFO\x01")
		c.expect("NOTICE juliet :\x01CLIENTINFO ACTION CLIENTINFO PING SOURCE TIME USERINFO VERSION\x01", "NOTICE juliet :\x01USERINFO romeo\x01")
		c.sends(":juliet!j@h PRIVMSG romeo :\x01DCC SEND dagger 2130706433 1 1\x01")
		if e := w.next().(transport.MessageReceived); e.Chat != "net" || !strings.Contains(e.Text, "juliet") {
			t.Errorf("got %#v", e)
		}
	})
}

func (w *world) asks(t *testing.T, who transport.Address, q transport.Query) {
	t.Helper()
	if err := w.session.Query(context.Background(), who, q, "asked"); err != nil {
		t.Fatal(err)
	}
}

func TestAnswersToCTCPAnswerTheQuestion(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.asks(t, "juliet%net", transport.QueryVersion)
		c.expect("PRIVMSG juliet \x01VERSION\x01")
		c.sends(":nurse!n@h NOTICE romeo :\x01VERSION forged\x01", ":juliet!j@h NOTICE romeo :\x01VERSION Balcony 2.0\x01", ":juliet!j@h NOTICE romeo :\x01VERSION again\x01")
		w.sees(transport.QueryAnswered{Request: "asked", Text: "Balcony 2.0"})
		w.asks(t, "juliet%net", transport.QueryPing)
		token := strings.TrimSuffix(c.expectPrefix("PRIVMSG juliet :\x01PING "), "\x01")
		token = token[strings.LastIndexByte(token, ' ')+1:]
		c.sends(":juliet!j@h NOTICE romeo :\x01PING 0\x01", ":juliet!j@h NOTICE romeo :\x01PING "+token+"\x01")
		w.sees(transport.QueryAnswered{Request: "asked"})
		w.asks(t, "paris%net", transport.QueryTime)
		c.expect("PRIVMSG paris \x01TIME\x01")
		c.sends(":irc.example.org 401 romeo paris :No such nick")
		w.sees(transport.Answered{Request: "asked", Err: because(transport.NotFound)})
		w.asks(t, "juliet%net", transport.QueryTime)
		c.expectPrefix("PRIVMSG juliet")
		time.Sleep(askTime)
		w.sees(transport.Answered{Request: "asked", Err: because(transport.RecipientUnavailable)})
		w.seesNothing()
	})
}

func TestWHOISIsAProfile(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		ask := func(who transport.Address) {
			t.Helper()
			if err := w.session.Profile(context.Background(), who, "who"); err != nil {
				t.Fatal(err)
			}
		}
		ask("juliet%net")
		c.expect("WHOIS juliet juliet")
		c.sends(":s 311 romeo juliet j capulet.example * :Juliet \x02Capulet", ":s 319 romeo juliet :@#garden #ball", ":s 312 romeo juliet irc.example.org :Verona",
			":s 330 romeo juliet capulet :is logged in as", ":s 335 romeo juliet :is a bot", ":s 317 romeo juliet 90 1000000000 :seconds idle, signon time",
			":s 671 romeo juliet :is using a secure connection", ":s 318 romeo juliet :End")
		got := w.next().(transport.ProfileReceived)
		if got.Request != "who" || got.Who != "juliet%net" || got.Nick != "juliet" || got.FullName != "Juliet Capulet" || got.Account != "capulet" ||
			got.Host != "j@capulet.example" || got.Idle != 90*time.Second || !got.Bot {
			t.Errorf("got %#v", got)
		}
		if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, "#ball") || !strings.Contains(notes, "2001-09-09") || !strings.Contains(notes, "secure") {
			t.Errorf("notes:\n%s", notes)
		}
		ask("paris%net") // on a server that ends with the end
		c.expect("WHOIS paris paris")
		c.sends(":s 401 romeo paris :No such nick", ":s 318 romeo paris :End")
		w.sees(transport.Answered{Request: "who", Err: because(transport.NotFound)})
		ask("paris%net") // and on one that doesn't
		c.expect("WHOIS paris paris")
		c.sends(":s 402 romeo paris :No such server")
		w.sees(transport.Answered{Request: "who", Err: because(transport.NotFound)})
		ask("juliet%net")
		c.expect("WHOIS juliet juliet")
		c.hangsUp()
		w.sees(transport.Answered{Request: "who", Err: because(transport.Unreachable)})
	})
}

func TestAWHOISOnTheConsoleIsAnsweredThere(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.says("net", "WHOIS juliet")
		c.expect("WHOIS juliet")
		c.sends(":s 311 romeo juliet j capulet.example * :Juliet", ":s 318 romeo juliet :End of WHOIS")
		want := "juliet j capulet.example * Juliet\njuliet End of WHOIS"
		if e := w.next().(transport.MessageReceived); e.Chat != "net" || e.Text != want {
			t.Errorf("got %#v", e)
		}
	})
}

func TestClocksAreRead(t *testing.T) {
	now := time.Date(1597, 5, 1, 20, 30, 12, 0, time.UTC)
	for text, want := range map[string]string{
		"Sun, 01 May 1597 22:30:10 +0200": "1597-05-01T22:30:10+02:00",
		"1597-05-01T20:30:00Z":            "1597-05-01T20:30:00Z",
		"Sun May  1 15:33:00 1597":        "1597-05-01T15:33:00-05:00",
		"Sun May  1 22:30:00 CEST 1597":   "1597-05-01T22:30:00+02:00",
		"tea time":                        "",
	} {
		got, ok := readTime(text, now)
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q is %v (%v), want %q", text, got, ok, want)
		}
	}
}
