package irc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

const (
	portrayed = modern + " setname " + metadataCap
	subscribe = "METADATA * SUB avatar display-name status pronouns homepage"
	roses     = "https://example.org/rose.png?s={size}"
)

// portraysIn is inGardenWith for a server with faces.
func (w *world) portraysIn(isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.accepts()
	c.expect("CAP LS 302", "NICK romeo")
	c.expectPrefix("USER ")
	c.sends(":irc.example.org CAP * LS :" + strings.ReplaceAll(portrayed, metadataCap, metadataCap+"=before-connect,max-subs=100"))
	c.expectPrefix("CAP REQ ")
	c.sends(":irc.example.org CAP * ACK :" + portrayed)
	c.expect("CAP END")
	c.welcome("romeo", isupport...)
	w.sees(transport.LinkUp{Server: "net"})
	return c
}

func (w *world) joined() transport.RoomJoined {
	w.t.Helper()
	e, ok := w.next().(transport.RoomJoined)
	if !ok {
		w.t.Fatal("not joined")
	}
	return e
}

func faceIn(members []transport.Member, nick string) *transport.Face {
	for _, m := range members {
		if m.Nick == nick {
			return m.Face
		}
	}
	return nil
}

func TestFacesAreToldByMETADATA(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.portraysIn("draft/ICON=https://example.org/net.svg")
		w.sees(transport.FaceChanged{Of: "net", Face: &transport.Face{Picture: "https://example.org/net.svg"}})
		c.expect(subscribe, "JOIN #garden")
		c.sends(":irc.example.org 770 romeo avatar display-name status pronouns homepage",
			romeoFull+"JOIN #garden", ":irc.example.org 324 romeo #garden +",
			// In whatever order the server has them.
			":irc.example.org BATCH +f metadata #garden",
			"@batch=f :irc.example.org METADATA #garden avatar * :https://example.org/garden.png",
			"@batch=f :irc.example.org METADATA juliet avatar * :"+roses,
			"@batch=f :irc.example.org METADATA juliet color * :#ff0000",
			"@batch=f :irc.example.org METADATA romeo display-name * :Romeo Montague",
			":irc.example.org BATCH -f",
			":irc.example.org 353 romeo = #garden :@juliet romeo nurse", ":irc.example.org 366 romeo #garden :End")
		e := w.joined()
		if f := faceIn(e.Members, "juliet"); f == nil || *f != (transport.Face{Picture: roses}) {
			t.Errorf("juliet has the face %v", f)
		}
		if f := faceIn(e.Members, "romeo"); f == nil || f.Name != "Romeo Montague" {
			t.Errorf("romeo has the face %v", f)
		}
		if f := faceIn(e.Members, "nurse"); f != nil {
			t.Errorf("the nurse has the face %v", f)
		}
		w.sees(transport.FaceChanged{Of: garden, Face: &transport.Face{Picture: "https://example.org/garden.png"}})
		c.expect("MODE #garden")
		shows := func(f transport.Face) {
			t.Helper()
			e, ok := w.next().(transport.MemberChanged)
			if !ok || e.Nick != "juliet" || e.Face == nil || *e.Face != f {
				t.Fatalf("got %+v, want juliet with %+v", e, f)
			}
		}
		c.sends(julietFull + "METADATA juliet pronouns * :she/her\x02")
		shows(transport.Face{Picture: roses, Pronouns: "she/her"})
		c.sends(":irc.example.org METADATA juliet pronouns * :she/her", ":irc.example.org METADATA stranger avatar * :https://x")
		w.seesNothing()
		c.sends(":irc.example.org METADATA juliet avatar *") // no more
		shows(transport.Face{Pronouns: "she/her"})
		c.sends(julietFull + "NICK :capulet")
		if e, ok := w.next().(transport.MemberRenamed); !ok || e.Face == nil || e.Face.Pronouns != "she/her" {
			t.Errorf("got %+v", e)
		}
		c.sends(":irc.example.org METADATA capulet homepage * :https://capulet.example", ":irc.example.org 766 romeo capulet pronouns :no matching key")
		e1 := w.next().(transport.MemberChanged)
		e2 := w.next().(transport.MemberChanged)
		if e1.Face.Homepage != "https://capulet.example" || *e2.Face != (transport.Face{Homepage: "https://capulet.example"}) {
			t.Errorf("got %+v and %+v", e1.Face, e2.Face)
		}
		c.sends(":irc.example.org METADATA capulet status * :" + strings.Repeat("ä", 400))
		if e := w.next().(transport.MemberChanged); e.Face.Status != strings.Repeat("ä", faceBytes/2) {
			t.Errorf("%d bytes of a status are kept", len(e.Face.Status))
		}
		c.sends(":irc.example.org METADATA #garden avatar *", ":irc.example.org 005 romeo -draft/ICON :are supported")
		w.sees(transport.FaceChanged{Of: garden, Face: &transport.Face{}}, transport.FaceChanged{Of: "net", Face: &transport.Face{}})
	})
}

func TestFacesThatAServerLearnsMeanwhileAreAskedFor(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		c.sends(":irc.example.org CAP romeo NEW :" + metadataCap)
		c.expect("CAP REQ " + metadataCap)
		c.sends(":irc.example.org CAP romeo ACK :" + metadataCap)
		c.expect(subscribe, "METADATA #garden SYNC")
		c.sends(":irc.example.org METADATA juliet avatar * :" + roses)
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Face == nil || e.Face.Picture != roses {
			t.Errorf("got %+v", e)
		}
	})
}

func TestFacesThatArePutOffAreAskedForLater(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.portraysIn()
		c.expect(subscribe, "JOIN #garden")
		c.admits("romeo", "#garden", "@juliet romeo")
		w.joined()
		c.expect("MODE #garden")
		c.sends(":irc.example.org 774 romeo #garden 40")
		began := time.Now()
		c.expect("METADATA #garden SYNC")
		if d := time.Since(began); d < 40*time.Second || d > 51*time.Second {
			t.Errorf("it was asked for after %v", d)
		}
		for range syncLimit - 1 {
			c.sends(":irc.example.org 774 romeo #garden 5")
			c.expect("METADATA #garden SYNC")
		}
		c.sends(":irc.example.org 774 romeo #garden 5") // once too often
		c.expectNothing(20 * time.Second)
		c.sends(":irc.example.org 774 romeo #elsewhere 4", ":irc.example.org FAIL METADATA TOO_MANY_SUBS homepage :Too many", ":irc.example.org FAIL METADATA INVALID_TARGET x :No")
		w.seesNothing()
	})
}

func TestFacesOfWatchedPeopleAreTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.watches("tybalt", "juliet")
		c := w.portraysIn("MONITOR=10")
		c.expect(subscribe, "JOIN #garden")
		got := c.expectPrefix("MONITOR + ")
		if len(got) != len("MONITOR + tybalt,juliet") {
			t.Error(got)
		}
		c.sends(":s 731 romeo :juliet", ":s 730 romeo :Tybalt!t@h", ":s METADATA tybalt status * :fencing")
		w.sees(is("tybalt", there), transport.FaceChanged{Of: "tybalt%net", Face: &transport.Face{Status: "fencing"}})
		c.sends(":s METADATA juliet avatar * :" + roses)
		w.sees(transport.FaceChanged{Of: "juliet%net", Face: &transport.Face{Picture: roses}})
		c.admits("romeo", "#garden", "@juliet romeo")
		if f := faceIn(w.joined().Members, "juliet"); f == nil || f.Picture != roses {
			t.Errorf("in the room she has the face %v", f)
		}
		c.sends(":Tybalt!t@h SETNAME :Prince of Cats")
		w.sees(transport.ProfileChanged{Who: "tybalt%net"})
		if err := w.session.Profile(context.Background(), "nurse%net", "who"); err != nil {
			t.Fatal(err)
		}
		c.expect("MODE #garden", "METADATA nurse GET avatar display-name status pronouns homepage", "WHOIS nurse nurse")
		c.sends(":s 766 romeo nurse avatar :no matching key", ":s 761 romeo nurse display-name * :Angelica",
			":s 311 romeo nurse n h * :Nurse", ":s 318 romeo nurse :End")
		if e, ok := w.next().(transport.ProfileReceived); !ok || e.Face == nil || *e.Face != (transport.Face{Name: "Angelica"}) {
			t.Errorf("got %+v", e)
		}
		c.hangsUp()
		over := map[transport.Event]bool{}
		for range 3 {
			over[w.next()] = true
		}
		for _, e := range []transport.Event{is("tybalt", gone), transport.FaceChanged{Of: "tybalt%net"}, transport.FaceChanged{Of: "juliet%net"}} {
			if !over[e] {
				t.Errorf("once the link is lost, %+v is not told", e)
			}
		}
	})
}

func TestFacesOfOneLinkAreBounded(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.portraysIn()
		c.expect(subscribe, "JOIN #garden")
		c.sends(romeoFull + "JOIN #garden")
		for i := range strangerFaces + 10 {
			c.sends(fmt.Sprintf(":s METADATA n%d avatar * :https://example.org", i))
		}
		c.sends(":irc.example.org 324 romeo #garden +", ":s 353 romeo = #garden :@juliet romeo", ":s 366 romeo #garden :End")
		w.joined()
		w.session.mu.Lock()
		l := w.session.links[w.network.server("net")]
		if len(l.strangers) != 0 || len(l.faces) != 0 {
			t.Errorf("%d strangers and %d faces are kept", len(l.strangers), len(l.faces))
		}
		w.session.mu.Unlock()
		c.sends(":s METADATA juliet avatar * :https://example.org", julietFull+"PART #garden")
		w.next()
		w.next()
		w.session.mu.Lock()
		defer w.session.mu.Unlock()
		if len(l.faces) != 0 {
			t.Errorf("%d faces are kept of those who left", len(l.faces))
		}
	})
}

func TestUserIsShownAsTheyWish(t *testing.T) {
	v := transport.Values{"avatar": {roses}, "display_name": {"Romeo M."}, "bot": {"true"}, "realname": {"Romeo Montague"}}
	withSettings(t, v, func(w *world, set *fakeSettings) {
		c := w.portraysIn("BOT=B")
		c.expect(subscribe, "METADATA * SET avatar "+roses, "METADATA * SET display-name :Romeo M.", "MODE romeo +B", "JOIN #garden")
		c.sends(":s 761 romeo romeo avatar * :"+roses, ":s FAIL METADATA KEY_NO_PERMISSION display-name * :No names here", romeoFull+"MODE romeo :+B")
		c.admits("romeo", "#garden", "@juliet romeo")
		if e, ok := w.next().(transport.MessageReceived); !ok || e.Chat != "net" || !strings.Contains(e.Text, "No names here") {
			t.Errorf("got %+v, want to hear that the name is refused", e)
		}
		w.joined()
		c.expect("MODE #garden")
		set.set("net", transport.Values{"avatar": {"-"}, "realname": {"Romeo of Mantua"}})
		w.session.Reconfigured("net")
		c.expect("METADATA * SET avatar", "MODE romeo -B", "SETNAME :Romeo of Mantua")
		w.session.Reconfigured("net")
		c.expectNothing(time.Minute)
		for _, refusal := range []string{"RATE_LIMITED romeo Avatar 5 * :Slower", "LIMIT_REACHED romeo :Slower"} {
			c.sends(":s FAIL METADATA "+refusal, ":s FAIL METADATA "+refusal)
			if e, ok := w.next().(transport.MessageReceived); !ok || !strings.Contains(e.Text, "Slower") {
				t.Errorf("%s: got %+v", refusal, e)
			}
			w.seesNothing()
			set.set("net", transport.Values{"avatar": {roses}, "realname": {"Romeo of Mantua"}})
			w.session.Reconfigured("net")
			c.expect("METADATA * SET avatar " + roses)
		}
	})
	for _, wrong := range []string{"javascript:alert(1)", "https://", "https://a b", "ftp://example.org/x", "https://u:p@example.org/x"} {
		if kept, complaint := checkPicture([]string{wrong}); len(kept) != 0 || complaint == "" {
			t.Errorf("%q is kept as %q", wrong, kept)
		}
	}
	if kept, _ := checkPicture([]string{roses}); len(kept) != 1 {
		t.Error("a picture is refused")
	}
}
