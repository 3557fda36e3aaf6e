package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	cheogramHost  = "cheogram.localhost"
	cheogramUser  = `benvolio\40localhost@` + cheogramHost // as Cheogram passes on what its user says
	cheogramPhone = "+15005550077"
)

// cheogram is a component that does as Cheogram does: it has a backend for its
// users' texts, and passes stanzas on.
type cheogram struct{ *person }

func (c *cheogram) sends(to, id, text, extra string) {
	c.t.Helper()
	check(c.t, c.Send(fmt.Sprintf(`<message from="%s/orchard" to="%s" type="chat" id="%s"><body>%s</body>%s</message>`,
		cheogramUser, xmppclient.Escape(to), id, xmppclient.Escape(text), extra)))
}

func to(address string) match {
	return func(s xmppclient.Stanza) bool {
		bare, _, _ := strings.Cut(s.To(), "/")
		return bare == address
	}
}

func TestCheogramHasItsUsersNumbersHere(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{Components: []servers.Component{{Domain: cheogramHost, Secret: secret}}})
	config := strings.Replace(w.sms("sgx = [\"cheogram.localhost\"]\nregistration = \"pool\""), "secret = ", `allow = ["localhost", "cheogram.localhost"]`+"\nsecret = ", 1)
	w.needHTTP()
	w.start(loopbackOnly, fmt.Sprintf("[media]\npublic_url = %q\n", "http://"+w.http+"/media"), config+fmt.Sprintf("[[component.sms.user]]\njid = %q\nnumber = %q\n[[component.sms.number]]\nnumber = \"+15005550088\"\n", cheogramUser, cheogramPhone))
	conn, err := xmppclient.DialComponent(limited(t), w.prosody.ComponentAddr, cheogramHost, secret)
	check(t, err)
	t.Cleanup(conn.Drop)
	cheo := &cheogram{&person{conn, t}}
	texted := func(number, text string) { w.simulatedGetsFrom(cheogramPhone, number, text) }
	comes := func(from, text string, group ...string) { w.simulatedTextTo(cheogramPhone, from, text, group...) }

	// It looks whether its backend takes group texts.
	check(t, cheo.Send(fmt.Sprintf(`<iq from=%q to=%q type="get" id="d1"><query xmlns="http://jabber.org/protocol/disco#info"/></iq>`, cheogramHost, smsHost)))
	info := cheo.gets(id("d1"), typed("result"))
	if got := info.Find("query", "identity"); got.Attr("category") != "gateway" || got.Attr("type") != "sms" {
		t.Errorf("the gateway is %s", info)
	}
	if !slices.ContainsFunc(info.Find("query").FindAll("feature"), func(f *xmppclient.Element) bool { return f.Attr("var") == "http://jabber.org/protocol/address" }) {
		t.Errorf("the gateway takes no group texts: %s", info)
	}

	// It registers people by a command of that name, or by XEP-0077.
	for ask, kind := range map[string]string{
		`<command xmlns="http://jabber.org/protocol/commands" node="jabber:iq:register"/>`: "set",
		`<query xmlns="jabber:iq:register"/>`:                                              "get",
	} {
		check(t, cheo.Send(fmt.Sprintf(`<iq from="%s/orchard" to=%q type=%q id="r-%s">%s</iq>`, strings.Replace(cheogramUser, "benvolio", "romeo", 1), smsHost, kind, kind, ask)))
		if form := cheo.gets(id("r-"+kind), typed("result")); !strings.Contains(form.String(), `var="phone"`) {
			t.Errorf("registering by %s asks %s", ask, form)
		}
	}

	cheo.sends(friend+"@"+smsHost, "c1", "good morrow", wantsReceipt)
	texted(friend, "good morrow")
	if got := cheo.gets(message, from(friend+"@"+smsHost), to(cheogramUser), has("received")).Find("received").Attr("id"); got != "c1" {
		t.Errorf("the receipt is for %q", got)
	}
	cheo.sends("5005550123@"+smsHost, "c2", "as at home", "")
	cheo.gets(message, typed("error"), id("c2"), condition("gone"))
	cheo.sends(landline+"@"+smsHost, "c3", "nobody hears", "")
	cheo.gets(message, from(landline+"@"+smsHost), to(cheogramUser), typed("error"), id("c3"))
	comes(friend, "is the day so young?")
	cheo.gets(message, from(friend+"@"+smsHost), to(cheogramUser), typed("chat"), body("is the day so young?"))

	// Group texts go out with a list of addresses, and come in with one.
	const several = `<addresses xmlns="http://jabber.org/protocol/address">` +
		`<address type="to" uri="sms:` + friend + `"/><address type="to" uri="sms:` + cousin + `"/></addresses>`
	cheo.sends(smsHost, "c4", "supper at nine", several)
	texted(friend, "supper at nine")
	texted(cousin, "supper at nine")
	comes(cousin, "I bring wine", friend)
	in := cheo.gets(message, from(cousin+"@"+smsHost), to(cheogramUser), typed("chat"), body("I bring wine"))
	var others []string
	for _, a := range in.Find("addresses").FindAll("address") {
		others = append(others, a.Attr("type")+" "+a.Attr("jid")+a.Attr("uri"))
	}
	if want := []string{"to " + cheogramUser, "to sms:" + friend}; !slices.Equal(others, want) {
		t.Errorf("a group text is addressed to %q, want %q", others, want)
	}
	const bad = `<addresses xmlns="http://jabber.org/protocol/address"><address type="to" uri="sms:` + friend + `"/><address type="to" uri="sms:nurse"/></addresses>`
	cheo.sends(smsHost, "c5", "to nobody", bad)
	cheo.gets(message, from(smsHost), to(cheogramUser), typed("error"), id("c5"), condition("jid-malformed"))

	// The link to a file is taken out of what is said beside it.
	content := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x00IEND\xaeB\x60\x82")
	picture := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "image/png")
		rw.Write(content)
	}))
	t.Cleanup(picture.Close)
	link := picture.URL + "/torch.png"
	cheo.sends(friend+"@"+smsHost, "c8", "a torch for me "+link, oob(link))
	texted(friend, "a torch for me")
	_, answer := fetched(t, "http://"+w.http+"/"+smsHost+"/messages?number="+url.QueryEscape(friend))
	if !strings.Contains(string(answer), `"media":[{`) || strings.Contains(string(answer), link) {
		t.Errorf("the phone has no file, or its link at Cheogram: %s", answer)
	}

	// Senders that are no phones have the addresses that Cheogram gives them.
	const code = "32665;phone-context=ca-us.phone-context.soprani.ca@" + smsHost
	comes("32665", "Your code is 4711")
	cheo.gets(message, from(code), to(cheogramUser), body("Your code is 4711"))
	cheo.sends(code, "c6", "STOP", "")
	texted("32665", "STOP")
	comes("Bank", "Your account is in order")
	letters := cheo.gets(message, from("68678077;phone-context=alphanumeric.phone-context.soprani.ca@"+smsHost), to(cheogramUser), body("Your account is in order"))
	cheo.sends(letters.From(), "c7", "thanks", "")
	cheo.gets(message, typed("error"), id("c7"), condition("not-allowed"))
}
