package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	poolOne   = "+15005550010"
	poolTwo   = "+15005550011"
	poolThree = "+15005550012"

	ownFirst  = "+15005550021"
	ownSecond = "+15005550022"
)

// emulated starts an account at an emulator whose numbers bring texts to the
// address.
func (w *world) emulated(name string, o servers.EmulateOptions) *servers.Emulate {
	w.t.Helper()
	servers.Need(w.t, "emulate")
	e, err := servers.StartEmulate(limited(w.t), filepath.Join(w.dir, name), o)
	check(w.t, err)
	w.t.Cleanup(func() { e.Close() })
	return e
}

// smsFor is the config of an SMS component whose users are pairs of a JID and a
// number.
func (w *world) smsFor(top, provider string, pairs ...string) string {
	text := fmt.Sprintf("\n[[component]]\ntransport = \"sms\"\ndomain = %q\nserver = %q\nsecret = %q\n[component.sms]\n%s\n%s\n",
		smsHost, w.server(smsHost), secret, top, provider)
	for i := 0; i < len(pairs); i += 2 {
		text += fmt.Sprintf("[[component.sms.user]]\njid = \"%s@localhost\"\nnumber = %q\n", pairs[i], pairs[i+1])
	}
	return text
}

func pool(numbers ...string) (text string) {
	for _, n := range numbers {
		text += fmt.Sprintf("[[component.sms.number]]\nnumber = %q\n", n)
	}
	return text
}

// registers sends a registration, or asks for the form if there is nothing.
func (p *person) registers(child string) xmppclient.Stanza {
	p.t.Helper()
	typ := "set"
	if child == "" {
		typ = "get"
	}
	return p.asks(smsHost, typ, `<query xmlns="jabber:iq:register">`+child+`</query>`)
}

// tells writes to the gateway and waits for the answer.
func (p *person) tells(text string) string {
	p.t.Helper()
	p.says(smsHost, "chat", xmppclient.NewID(), text, "")
	return p.gets(message, from(smsHost), typed("chat")).Body()
}

// isInterested asks for the roster: who has not is not told of subscriptions
// that end (RFC 6121 §2.2).
func (p *person) isInterested() {
	p.t.Helper()
	p.asks("", "get", `<query xmlns="jabber:iq:roster"/>`)
}

// offers are the numbers in a form.
func offers(s xmppclient.Stanza, holder string) (numbers []string) {
	for _, f := range s.Find(holder, "x").FindAll("field") {
		for _, o := range f.FindAll("option") {
			numbers = append(numbers, o.Find("value").Text)
		}
	}
	return numbers
}

// texts has somebody text a phone, and gives what the emulator has of it.
func (w *world) texts(p *person, at *servers.Emulate, to, text string) servers.EmulateMessage {
	w.t.Helper()
	was := w.emulate
	defer func() { w.emulate = was }()
	w.emulate = at
	p.says(to, "chat", xmppclient.NewID(), text, "")
	return w.texted(friend, text)
}

// A number is taken by form, command and chat, changed, and given back.
func TestPeopleRegisterForANumber(t *testing.T) {
	for _, on := range []struct {
		server string
		begin  func(*world)
	}{
		{"Prosody", func(w *world) { w.onProsody(servers.ProsodyOptions{}) }},
		{"ejabberd", func(w *world) { w.onEjabberd(servers.EjabberdOptions{}) }},
	} {
		t.Run(on.server, func(t *testing.T) {
			w := newWorld(t)
			on.begin(w)
			w.needHTTP()
			public := "http://" + w.http + "/" + smsHost
			w.emulate = w.emulated("emulate", servers.EmulateOptions{SMSURL: public + "/twilio/in", Numbers: []string{poolOne, poolTwo, poolThree}})
			w.start(w.smsFor(`registration = "pool"`, w.twilio(w.emulate.BaseURL)+fmt.Sprintf("public_url = %q\n", public)+pool(poolOne, poolTwo, poolThree)))
			numbersAreTakenAndGivenBack(w)
		})
	}
}

func numbersAreTakenAndGivenBack(w *world) {
	t := w.t
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.isInterested()
	romeo.says(phone, "chat", "early", "before", "")
	romeo.gets(message, typed("error"), id("early"), condition("registration-required"))

	// XEP-0077.
	form := romeo.registers("")
	if got := offers(form, "query"); form.Find("query", "registered") != nil || !slices.Equal(got, []string{poolOne, poolTwo, poolThree}) {
		t.Errorf("romeo may choose from %q: %s", got, form)
	}
	if s := romeo.registers("<phone>" + friend + "</phone>"); s.Condition() != "not-acceptable" || !strings.Contains(s.Find("error", "text").Text, poolOne) {
		t.Errorf("a number that is not given out: %s", s)
	}
	if s := romeo.registers(filled("FORM_TYPE=jabber:iq:register", "phone="+poolOne)); s.Type() != "result" {
		t.Fatalf("romeo can't register: %s", s)
	}
	romeo.gets(presence, from(smsHost), typed("subscribe"))
	check(t, romeo.SendPresence(smsHost, "subscribed", ""))
	if sent := w.texts(romeo, w.emulate, phone, "Good morrow, cousin"); sent.From != poolOne {
		t.Errorf("the text came from %s, want %s", sent.From, poolOne)
	}
	if form = romeo.registers(""); form.Find("query", "registered") == nil || form.Find("query", "phone").Text != poolOne {
		t.Errorf("romeo is registered, but: %s", form)
	}

	// Ad-hoc, where what is taken is not offered, and refused to old clients.
	if s := benvolio.registers("<phone>" + poolOne + "</phone>"); s.Condition() != "conflict" {
		t.Errorf("a number that is taken: %s", s)
	}
	asked := benvolio.runs(smsHost, "register", "")
	if got := offers(asked, "command"); !slices.Equal(got, []string{poolTwo, poolThree}) {
		t.Errorf("benvolio may choose from %q", got)
	}
	benvolio.ends(benvolio.goesOn(asked, smsHost, "register", "complete", "phone="+poolTwo))
	benvolio.gets(presence, from(smsHost), typed("subscribe"))
	_, err := w.emulate.InboundMessage(limited(t), friend, poolTwo, "Is the day so young?")
	check(t, err)
	benvolio.gets(message, from(phone), body("Is the day so young?"))

	// Chat: the number is changed, and the first is free again.
	if got := benvolio.tells("register phone=" + poolThree); got != "You are registered." {
		t.Errorf("the chat says %q", got)
	}
	if sent := w.texts(benvolio, w.emulate, phone, "But new struck nine"); sent.From != poolThree {
		t.Errorf("the text came from %s, want %s", sent.From, poolThree)
	}
	if s := romeo.registers("<phone>" + poolThree + "</phone>"); s.Condition() != "conflict" {
		t.Errorf("a number that is taken: %s", s)
	}
	if sent := w.texts(romeo, w.emulate, phone, "Ay me!"); sent.From != poolOne {
		t.Errorf("after an edit that failed the text came from %s, want %s", sent.From, poolOne)
	}

	// The end (XEP-0100 §4.3).
	if s := romeo.registers("<remove/>"); s.Type() != "result" {
		t.Fatalf("romeo can't unregister: %s", s)
	}
	romeo.gets(func(s xmppclient.Stanza) bool {
		return s.Kind() == "iq" && strings.Contains(s.String(), `jid="`+smsHost+`"`) && strings.Contains(s.String(), `subscription="none"`)
	})
	romeo.gets(presence, in(smsHost), typed("unavailable"))
	romeo.says(phone, "chat", "late", "after", "")
	romeo.gets(message, typed("error"), id("late"), condition("registration-required"))
	if got := offers(romeo.registers(""), "query"); !slices.Equal(got, []string{poolOne, poolTwo}) {
		t.Errorf("romeo may choose from %q", got)
	}
	if got := benvolio.tells("unregister"); !strings.Contains(got, "deleted") {
		t.Errorf("the chat says %q", got)
	}
	if s := benvolio.registers("<remove/>"); s.Condition() != "registration-required" {
		t.Errorf("benvolio unregisters twice: %s", s)
	}
}

// bySID is what Twilio's address is for several accounts.
func bySID(t *testing.T, accounts ...*servers.Emulate) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, e := range accounts {
			if strings.Contains(r.URL.Path, "/Accounts/"+e.AccountSID) {
				to, _ := url.Parse(e.BaseURL)
				httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Somebody brings an account of their own, beside the operator's.
func TestAccountOfOnesOwn(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	public := "http://" + w.http + "/" + smsHost
	w.emulate = w.emulated("operators", servers.EmulateOptions{SMSURL: public + "/twilio/in", Numbers: []string{ownPhone}})
	his := w.emulated("his", servers.EmulateOptions{
		AccountSID: "AC0000000000000000000000000000000b", Token: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", Numbers: []string{ownFirst, ownSecond},
	})
	w.start(w.smsFor(`registration = "own"`, w.twilio(bySID(t, w.emulate, his))+fmt.Sprintf("public_url = %q\n", public), "romeo", ownPhone))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")

	// Romeo's number is the operator's.
	if s := romeo.registers(""); s.Find("query", "registered") == nil || s.Find("query", "phone").Text != ownPhone {
		t.Errorf("romeo is shown %s", s)
	}
	if s := romeo.registers("<remove/>"); s.Condition() != "not-allowed" {
		t.Errorf("romeo takes back what the operator gave: %s", s)
	}

	fields := func(token, numbers string) string {
		return "<username>" + his.AccountSID + "</username><password>" + token + "</password><phone>" + numbers + "</phone>"
	}
	form := benvolio.registers("")
	if form.Find("query", "username") == nil || form.Find("query", "password") == nil || form.Find("query", "phone") == nil {
		t.Errorf("old clients are shown %s", form)
	}
	if s := benvolio.registers(fields("wrong", ownFirst)); s.Condition() != "not-acceptable" || !strings.Contains(s.String(), "Twilio does not take") {
		t.Errorf("a wrong token: %s", s)
	}
	if s := benvolio.registers(fields(his.Token, friend)); s.Condition() != "not-acceptable" {
		t.Errorf("a number that is not the account's: %s", s)
	}
	if s := benvolio.registers(fields(his.Token, "")); s.Type() != "result" {
		t.Fatalf("benvolio can't register: %s", s)
	}
	if sent := w.texts(benvolio, his, phone, "By my head, here come the Capulets"); sent.From != ownFirst {
		t.Errorf("the text came from %s, want %s", sent.From, ownFirst)
	}
	hooked := func(number string) (string, error) { return his.SMSURL(limited(t), number) }
	check(t, eventually(limited(t), func() error {
		u, err := hooked(ownSecond)
		if err == nil && !strings.HasPrefix(u, public+"/own/") {
			err = fmt.Errorf("texts are brought to %q", u)
		}
		return err
	}))
	brought := func(number, text, chat string) {
		t.Helper()
		_, err := his.InboundMessage(limited(t), friend, number, text)
		check(t, err)
		benvolio.gets(message, from(chat), body(text))
	}
	brought(ownFirst, "By my heel, I care not", phone)
	brought(ownSecond, "Gentlemen, good e'en", friend+";from="+ownSecond+"@"+smsHost)

	// A password that is left empty stays, and an edit that fails changes nothing.
	if s := benvolio.registers(filled("FORM_TYPE=jabber:iq:register", "username="+his.AccountSID, "password=", "phone="+ownSecond)); s.Type() != "result" {
		t.Fatalf("benvolio can't change his numbers: %s", s)
	}
	if s := benvolio.registers(fields("wrong", ownFirst)); s.Condition() != "not-acceptable" {
		t.Errorf("a wrong token: %s", s)
	}
	if sent := w.texts(benvolio, his, phone, "Could you not take some occasion"); sent.From != ownSecond {
		t.Errorf("the text came from %s, want %s", sent.From, ownSecond)
	}

	// It outlives the gateway, and what is kept of it can't be read.
	w.gateway.Kill()
	check(t, w.gateway.Start(context.WithoutCancel(limited(t))))
	brought(ownSecond, "Mercutio, thou consort'st with Romeo", phone)
	if strings.Contains(w.gateway.Log(), his.Token) {
		t.Error("the token is in the log")
	}

	// What is wrong with his does not delay what is the operator's.
	check(t, his.Pause())
	for i := range 5 {
		benvolio.says(phone, "chat", fmt.Sprint("b", i), fmt.Sprint("held up ", i), "")
	}
	w.texts(romeo, w.emulate, phone, "Is the day so young?")
	check(t, his.Resume())
	w.texts(benvolio, his, phone, "Good morrow, cousin")

	if s := benvolio.registers("<remove/>"); s.Type() != "result" {
		t.Fatalf("benvolio can't unregister: %s", s)
	}
	benvolio.says(phone, "chat", "late", "after", "")
	benvolio.gets(message, typed("error"), id("late"), condition("registration-required"))
	check(t, eventually(limited(t), func() error {
		u, err := hooked(ownSecond)
		if err == nil && u != "" {
			err = fmt.Errorf("texts are still brought to %q", u)
		}
		return err
	}))
}

// One person has two numbers, and one of these is another's too.
func TestSeveralNumbersAndSharedOnes(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	public := "http://" + w.http + "/" + smsHost
	w.emulate = w.emulated("emulate", servers.EmulateOptions{SMSURL: public + "/twilio/in", Numbers: []string{ownFirst, ownSecond}})
	w.start(w.smsFor("", w.twilio(w.emulate.BaseURL)+fmt.Sprintf("public_url = %q\n", public),
		"romeo", ownFirst, "romeo", ownSecond, "benvolio", ownSecond))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	over := func(number string) string { return friend + ";from=" + number + "@" + smsHost }
	comes := func(to, text string) {
		t.Helper()
		_, err := w.emulate.InboundMessage(limited(t), friend, to, text)
		check(t, err)
	}
	comes(ownFirst, "to romeo alone")
	romeo.gets(message, from(phone), body("to romeo alone"))
	comes(ownSecond, "to both")
	romeo.gets(message, from(over(ownSecond)), body("to both"))
	benvolio.gets(message, from(phone), body("to both"))
	if len(benvolio.Unread(body("to romeo alone"))) > 0 {
		t.Error("benvolio got what was for romeo")
	}

	if sent := w.texts(romeo, w.emulate, over(ownSecond), "from the second"); sent.From != ownSecond {
		t.Errorf("the text came from %s, want %s", sent.From, ownSecond)
	}
	if sent := w.texts(romeo, w.emulate, phone, "from the first"); sent.From != ownFirst {
		t.Errorf("the text came from %s, want %s", sent.From, ownFirst)
	}
	check(t, romeo.SendPresence(over(ownSecond), "subscribe", ""))
	if nick := romeo.gets(presence, from(over(ownSecond)), typed("subscribe")).Find("nick"); nick == nil || !strings.Contains(nick.Text, ownSecond) {
		t.Errorf("the contact is called %v", nick)
	}
	romeo.says("5005550123;from="+ownSecond+"@"+smsHost, "chat", "m1", "as at home", "")
	if got := romeo.gets(message, typed("error"), id("m1"), condition("gone")).Find("error", "gone"); got == nil || got.Text != "xmpp:"+strings.Replace(over(ownSecond), ";", "%3B", 1) {
		t.Errorf("the redirect leads elsewhere: %v", got)
	}
	benvolio.says(over(ownFirst), "chat", "m2", "not his", "")
	if s := benvolio.gets(message, typed("error"), id("m2"), condition("not-allowed")); !strings.Contains(s.String(), "not one of your numbers") {
		t.Errorf("another's number: %s", s)
	}
	benvolio.isInterested()
	check(t, benvolio.SendPresence(over(ownFirst), "subscribe", ""))
	benvolio.gets(presence, from(over(ownFirst)), typed("unsubscribed"))

	if got := romeo.tells("set number " + ownSecond); got != "Saved." {
		t.Errorf("the chat says %q", got)
	}
	if sent := w.texts(romeo, w.emulate, phone, "now from the second"); sent.From != ownSecond {
		t.Errorf("the text came from %s, want %s", sent.From, ownSecond)
	}
	comes(ownFirst, "to the first")
	romeo.gets(message, from(over(ownFirst)), body("to the first"))
	if got := benvolio.tells("set number " + ownFirst); !strings.Contains(got, "not one of your numbers") {
		t.Errorf("the chat says %q", got)
	}
}
