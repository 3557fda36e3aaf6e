package irc

import (
	"slices"
	"testing"

	"gatehouse/gateway/transport"
)

func TestAllPrefixesAreTitles(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "multi-prefix draft/oper message-tags", "PREFIX=(Yqohv)!~@%+")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "romeo @juliet !~nurse +benvolio tybalt")
		if e, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatalf("not joined: %#v", e)
		}
		told := func(nick string) []string {
			t.Helper()
			for {
				if e, ok := w.next().(transport.MemberChanged); ok && e.Member.Nick == nick {
					return e.Member.Titles
				}
			}
		}
		c.sends(":nurse!n@h MODE #garden -v+v benvolio juliet")
		if got := told("juliet"); !slices.Equal(got, []string{"Operator", "Voice"}) {
			t.Errorf("juliet is %q", got)
		}
		c.sends(":nurse!n@h MODE #garden +v nurse")
		if got := told("nurse"); !slices.Equal(got, []string{"Mode Y", "Owner", "Voice"}) {
			t.Errorf("nurse is %q", got)
		}
		c.sends("@draft/oper=prince :tybalt!t@h PRIVMSG #garden :rebellious subjects")
		if got := told("tybalt"); !slices.Equal(got, []string{operTitle}) {
			t.Errorf("tybalt is %q", got)
		}
	})
}

// In channels whose WHO is not asked for, or behind its answer, the tags tell it.
func TestTagsTellBotsAndAccounts(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "account-tag message-tags draft/oper", "BOT=B")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "@romeo juliet")
		if e, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatalf("not joined: %#v", e)
		}
		is := func(want transport.Member) {
			t.Helper()
			e, ok := w.next().(transport.MemberChanged)
			if got := e.Member; !ok || got.Nick != want.Nick || got.Bot != want.Bot || got.Account != want.Account || !slices.Equal(got.Titles, want.Titles) {
				t.Errorf("got %+v, want %+v", e.Member, want)
			}
		}
		c.sends("@bot;draft/oper :robodan!r@h JOIN #garden")
		is(transport.Member{Nick: "robodan", Bot: true, Titles: []string{operTitle}})
		c.sends("@draft/bot;account=capulet :juliet!j@h PRIVMSG #garden :beep")
		is(transport.Member{Nick: "juliet", Bot: true})
		is(transport.Member{Nick: "juliet", Bot: true, Account: "capulet"})
		if e, ok := w.next().(transport.MessageReceived); !ok {
			t.Errorf("got %#v", e)
		}
		c.sends("@bot;account=capulet :juliet!j@h PRIVMSG #garden :beep") // no news
		if e, ok := w.next().(transport.MessageReceived); !ok {
			t.Errorf("got %#v", e)
		}
	})
}

func TestWhoIsLoggedInIsBannedByAccountToo(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "account-tag message-tags", "EXTBAN=$,ARar", "ACCOUNTEXTBAN=R,account", "MODES=4")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "@romeo tybalt")
		if e, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatalf("not joined: %#v", e)
		}
		c.expect("MODE #garden")
		c.sends("@account=prince_of_cats :tybalt!t@cats.example PRIVMSG #garden :Boy, this shall not excuse")
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Member.Account != "prince_of_cats" {
			t.Fatalf("got %#v", e)
		}
		if e, ok := w.next().(transport.MessageReceived); !ok {
			t.Fatalf("got %#v", e)
		}
		banned := transport.Outcast
		if err := w.session.Moderate(t.Context(), garden, transport.Action{Nick: "tybalt", Affiliation: &banned, Request: "ban"}); err != nil {
			t.Fatal(err)
		}
		c.expect("MODE #garden +bb *!*@cats.example $R:prince_of_cats")
	})
}
