package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	cousin   = "+15005550456"
	landline = "+15005550009" // to which the simulator delivers nothing
	family   = friend + "," + cousin + "@" + smsHost
)

// simulatedText sends a text from a simulated phone to romeo, and to a group.
func (w *world) simulatedText(from, text string, group ...string) {
	w.t.Helper()
	w.simulatedTextTo(ownPhone, from, text, group...)
}

func (w *world) simulatedTextTo(to, from, text string, group ...string) {
	w.t.Helper()
	in, err := json.Marshal(map[string]any{"from": from, "to": to, "text": text, "group": group})
	check(w.t, err)
	answer, err := http.Post("http://"+w.http+"/"+smsHost+"/send", "application/json", bytes.NewReader(in))
	check(w.t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the simulator answers %s", answer.Status)
	}
}

// simulatedGets waits until a simulated phone has a text from romeo.
func (w *world) simulatedGets(number, text string) {
	w.t.Helper()
	w.simulatedGetsFrom(ownPhone, number, text)
}

func (w *world) simulatedGetsFrom(from, number, text string) {
	w.t.Helper()
	check(w.t, eventually(limited(w.t), func() error {
		answer, err := http.Get("http://" + w.http + "/" + smsHost + "/messages?number=" + url.QueryEscape(number))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var has struct {
			Texts []struct{ From, To, Text string }
		}
		if err := json.NewDecoder(answer.Body).Decode(&has); err != nil {
			return err
		}
		for _, t := range has.Texts {
			if t.From == from && t.To == number && t.Text == text {
				return nil
			}
		}
		return fmt.Errorf("%s has no text %q among %d", number, text, len(has.Texts))
	}))
}

// features gives what service discovery says of an address.
func (p *person) features(address string) (features []string) {
	p.t.Helper()
	info := p.asks(address, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
	if info.Type() != "result" {
		p.t.Fatalf("disco of %s: %s", address, info)
	}
	for _, f := range info.Find("query").FindAll("feature") {
		features = append(features, f.Attr("var"))
	}
	return features
}

func TestGroupTextIsARoom(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(""))
	romeo := w.logIn("romeo", "orchard")

	// A group has one address.
	wrong, err := romeo.JoinRoom(limited(t), cousin+","+friend+"@"+smsHost, "Romeo", "")
	check(t, err)
	if gone := wrong.Find("error", "gone"); gone == nil || gone.Text != "xmpp:"+strings.ReplaceAll(family, ",", "%2C") && gone.Text != "xmpp:"+family {
		t.Fatalf("the join in another order is answered %s", wrong)
	}
	own, err := romeo.JoinRoom(limited(t), ownPhone+","+family, "Romeo", "")
	check(t, err)
	if own.Condition() != "gone" {
		t.Fatalf("the join with one's own number is answered %s", own)
	}

	self := romeo.joins(family, "Romeo")
	if !self.HasStatus("110") {
		t.Errorf("the own presence is %s", self)
	}
	for _, number := range []string{friend, cousin} {
		seen := romeo.gets(presence, from(family+"/"+number))
		if got := seen.Find("x", "item").Attr("jid"); got != number+"@"+smsHost {
			t.Errorf("%s is shown as %q", number, got)
		}
	}
	wanted := []string{
		"http://jabber.org/protocol/muc", "muc_persistent", "muc_membersonly", "muc_hidden",
		"urn:xmpp:mam:2", "urn:xmpp:sid:0", "urn:xmpp:occupant-id:0",
	}
	check(t, eventually(limited(t), func() error { // that one stays is asked beside the join
		room := romeo.features(family)
		for _, f := range wanted {
			if !slices.Contains(room, f) {
				return fmt.Errorf("the room has not the feature %s", f)
			}
		}
		return nil
	}))
	if !slices.Contains(romeo.features(smsHost), "jabber:iq:gateway") {
		t.Error("clients would make rooms on a gateway without jabber:iq:gateway")
	}

	romeo.says(family, "groupchat", "g1", "supper is at nine", "")
	echo := romeo.gets(message, from(family+"/Romeo"), typed("groupchat"), id("g1"), body("supper is at nine"))
	if echo.Find("stanza-id") == nil {
		t.Errorf("what was said has no stanza-id: %s", echo)
	}
	w.simulatedGets(friend, "supper is at nine")
	w.simulatedGets(cousin, "supper is at nine")
	romeo.says(family+"/"+cousin, "chat", "p1", "bring the nurse", "")
	w.simulatedGets(cousin, "bring the nurse")
	w.simulatedText(cousin, "a reply comes from its sender")
	romeo.gets(message, from(cousin+"@"+smsHost), typed("chat"), body("a reply comes from its sender"))

	// Who gets nothing is named in the room.
	all := friend + "," + landline + "@" + smsHost
	if landline < friend {
		all = landline + "," + friend + "@" + smsHost
	}
	romeo.joins(all, "Romeo")
	romeo.says(all, "groupchat", "g2", "hear ye", "")
	notice := romeo.gets(message, from(all), typed("groupchat"), func(s xmppclient.Stanza) bool { return strings.HasPrefix(s.Body(), landline+" did not get") })
	if notice.Find("subject") != nil {
		t.Errorf("the notice is a subject: %s", notice)
	}

	// The name, and what was said, outlast a crash.
	check(t, romeo.SendMessage(family, "groupchat", "s1", "", "<subject>Capulets</subject>"))
	romeo.gets(message, from(family+"/Romeo"), func(s xmppclient.Stanza) bool { s1 := s.Find("subject"); return s1 != nil && s1.Text == "Capulets" })
	w.simulatedText(friend, "who brings wine?", cousin)
	spoken := romeo.gets(message, from(family+"/"+friend), typed("groupchat"), body("who brings wine?"))
	w.gateway.Kill()
	romeo.Drop()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	w.simulatedText(cousin, "I do", friend)
	romeo = w.logIn("romeo", "orchard")
	call := romeo.gets(message, from(family), has("x", "invite"), body(cousin+": I do"))
	if got := call.Find("x", "invite").Attr("from"); got != family+"/"+cousin {
		t.Errorf("the invitation is from %q", got)
	}
	_, err = romeo.JoinRoom(limited(t), family, "Romeo", "")
	check(t, err)
	for _, text := range []string{"supper is at nine", "who brings wine?", "I do"} {
		if past := romeo.gets(message, in(family), typed("groupchat"), body(text)); past.Find("delay") == nil {
			t.Errorf("the past is shown without its time: %s", past)
		}
	}
	romeo.gets(message, in(family), func(s xmppclient.Stanza) bool { s1 := s.Find("subject"); return s1 != nil && s1.Text == "Capulets" })
	results, fin := romeo.reads(family, queryOfAll)
	if got, want := texts(results, fin), "supper is at nine|who brings wine?|I do"; got != want {
		t.Fatalf("the archive has %s", got)
	}
	wine := slices.IndexFunc(results, func(s xmppclient.Stanza) bool { return strings.Contains(s.String(), "who brings wine?") }) // subjects are among them
	if got, want := results[wine].Find("result").Attr("id"), spoken.Find("stanza-id").Attr("id"); got != want {
		t.Errorf("a message has the id %q in the archive, and the stanza-id %q", got, want)
	}
}
