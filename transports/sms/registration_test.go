package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

const (
	poolOne   = "+15005550031"
	poolTwo   = "+15005550032"
	poolGated = "+15005550033"

	hisSID   = "AC000000000000000000000000000000aa"
	hisToken = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

func poolOptions() *Options {
	o := Defaults()
	o.Users = []User{{romeo, romeoNumber}, {juliet, sharedNumber}, {nurse, sharedNumber}}
	o.Registration = registrationPool
	o.RegistrationAllow = []string{"example.org"}
	o.Pool = []PoolNumber{
		{Number: poolOne, Label: "Verona"}, {Number: poolTwo},
		{Number: poolGated, Allow: []string{"mercutio@example.org"}},
	}
	return o
}

// stored are the accounts that the gateway keeps.
type stored []transport.Account

func (s stored) All(context.Context) ([]transport.Account, error) { return s, nil }

func networkOf(t *testing.T, o *Options, accounts stored) *Network {
	t.Helper()
	n, err := o.New(transport.Env{Log: discard, Outbox: newDisk(), Records: &transporttest.Records{}, Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	return n.(*Network)
}

func answers(pairs ...string) transport.Values {
	v := transport.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = []string{pairs[i+1]}
	}
	return v
}

// refused wants an error with a reason and a sentence.
func isRefused(t *testing.T, err error, want transport.Reason, says string) {
	t.Helper()
	e, ok := errors.AsType[*transport.Error](err)
	if !ok || e.Reason != want || !strings.Contains(e.Text, says) {
		t.Errorf("got %#v, want reason %d and %q", err, want, says)
	}
}

func offered(t *testing.T, n *Network, user string, settings map[string]string) (values []string) {
	t.Helper()
	form, err := n.RegistrationForm(t.Context(), user, settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range form.Fields[0].Options {
		values = append(values, o.Value)
	}
	return values
}

func TestNumbersOfThePoolAreTakenAndGivenBack(t *testing.T) {
	n := networkOf(t, poolOptions(), nil)
	if diff := cmp.Diff([]string{poolOne, poolTwo, poolGated}, offered(t, n, mercutio, nil)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{poolOne, poolTwo}, offered(t, n, "benvolio@example.org", nil)); diff != "" {
		t.Error(diff)
	}
	settings, err := n.Register(t.Context(), mercutio, answers("phone", "500 555 0031"))
	if err != nil || !cmp.Equal(settings, map[string]string{"phone": poolOne}) {
		t.Fatalf("got %v and %v", settings, err)
	}
	// It is his before the gateway has opened his session.
	_, err = n.Register(t.Context(), "benvolio@example.org", answers("phone", poolOne))
	isRefused(t, err, transport.Conflict, "taken")
	his, err := n.Open(transport.Account{User: mercutio, Settings: settings}, &inbox{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{poolOne}, n.lines.of(mercutio)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{poolTwo}, offered(t, n, "benvolio@example.org", nil)); diff != "" {
		t.Error(diff)
	}
	if got := offered(t, n, mercutio, settings); !slices.Contains(got, poolOne) {
		t.Errorf("who has a number can't keep it: %q", got)
	}

	// He takes another, which gives the first back.
	changed, err := n.Register(t.Context(), mercutio, answers("phone", poolTwo))
	if err != nil {
		t.Fatal(err)
	}
	his.Close(t.Context(), "")
	if his, err = n.Open(transport.Account{User: mercutio, Settings: changed}, &inbox{}); err != nil {
		t.Fatal(err)
	}
	defer his.Close(context.Background(), "")
	if diff := cmp.Diff([]string{poolOne}, offered(t, n, "benvolio@example.org", nil)); diff != "" {
		t.Error(diff)
	}
	if err := n.Unregister(t.Context(), transport.Account{User: mercutio, Settings: changed}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{poolOne, poolTwo}, offered(t, n, "benvolio@example.org", nil)); diff != "" {
		t.Error(diff)
	}
	_, err = n.Open(transport.Account{User: mercutio}, &inbox{})
	isRefused(t, err, transport.NotRegistered, "register with this gateway")
}

func TestRegistrationThatCannotBeIsExplained(t *testing.T) {
	n := networkOf(t, poolOptions(), nil)
	closed := networkOf(t, Defaults(), nil)
	tests := []struct {
		name    string
		network *Network
		user    string
		phone   string
		want    transport.Reason
		says    string
	}{
		{"nothing chosen", n, mercutio, "", transport.Rejected, "Free: " + poolOne},
		{"no number", n, mercutio, "<script>", transport.Rejected, "not one of the numbers"},
		{"a user's", n, mercutio, romeoNumber, transport.Rejected, "not one of the numbers"},
		{"not for them", n, "benvolio@example.org", poolGated, transport.Rejected, "not one of the numbers"},
		{"not allowed", n, "tybalt@example.net", poolOne, transport.Forbidden, "operator"},
		{"the operator's user", n, romeo, poolOne, transport.NotAllowed, "operator"},
		{"closed", closed, mercutio, poolOne, transport.NotAllowed, "operator"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.network.Register(t.Context(), tt.user, answers("phone", tt.phone))
			isRefused(t, err, tt.want, tt.says)
		})
	}
	_, err := closed.RegistrationForm(t.Context(), mercutio, nil)
	isRefused(t, err, transport.NotAllowed, "ask them")
}

func TestOperatorsUsersSeeTheirNumberAndCannotChangeIt(t *testing.T) {
	o := Defaults()
	o.Users = []User{{romeo, romeoNumber}, {romeo, romeoSecond}}
	n := networkOf(t, o, stored{{User: romeo, Settings: map[string]string{"phone": poolOne}}})
	form, err := n.RegistrationForm(t.Context(), romeo, nil)
	if err != nil || form.Fields[0].Values[0] != romeoNumber+", "+romeoSecond {
		t.Errorf("got %+v and %v", form, err)
	}
	isRefused(t, n.Unregister(t.Context(), transport.Account{User: romeo}), transport.NotAllowed, "operator")
	if diff := cmp.Diff([]string{romeoNumber, romeoSecond}, n.lines.of(romeo)); diff != "" {
		t.Error(diff)
	}
}

func TestRegistrationOutlivesARestart(t *testing.T) {
	accounts := stored{
		{User: "benvolio@example.org", Settings: map[string]string{"phone": "+15005550039"}}, // no longer given out
		{User: mercutio, Settings: map[string]string{"phone": poolOne}},
		{User: "paris@example.org", Settings: map[string]string{"phone": poolOne}}, // it can't be
		{User: "rosaline@example.org"},
	}
	synctest.Test(t, func(t *testing.T) {
		n := networkOf(t, poolOptions(), accounts)
		got := map[string][]string{}
		for _, a := range accounts {
			got[a.User] = n.lines.of(a.User)
		}
		if diff := cmp.Diff([]string{poolOne}, got[mercutio]); diff != "" {
			t.Error(diff)
		}
		for _, a := range []transport.Account{accounts[0], accounts[2]} {
			_, err := n.Open(a, &inbox{})
			isRefused(t, err, transport.NotRegistered, "Register again")
		}
		// A text that comes before his session is open waits for that.
		time.AfterFunc(time.Second, func() {
			s, err := n.Open(accounts[1], &inbox{})
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { s.Close(context.Background(), "") })
		})
		in := provider.Inbound{ID: "SM1", From: string(phone), To: poolOne, Text: "O Romeo"}
		if err := n.Receive(t.Context(), in); err != nil {
			t.Error(err)
		}
	})
}

func TestRegisteringAnewKeepsNoNumberFromOthers(t *testing.T) {
	n := networkOf(t, poolOptions(), nil)
	for _, number := range []string{poolOne, poolTwo} {
		if _, err := n.Register(t.Context(), mercutio, answers("phone", number)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{poolOne}, offered(t, n, "benvolio@example.org", nil)); diff != "" {
		t.Error(diff)
	}
}

func TestClaimOfARegistrationThatFailedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := networkOf(t, poolOptions(), nil)
		if _, err := n.Register(t.Context(), mercutio, answers("phone", poolOne)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * claimTime) // the gateway could not store it
		if _, err := n.Register(t.Context(), "benvolio@example.org", answers("phone", poolOne)); err != nil {
			t.Error(err)
		}
	})
}

// exchange is Twilio with accounts and their numbers.
type exchange struct {
	mu       sync.Mutex
	down     bool
	tokens   map[string]string            // by account
	accounts map[string]map[string]string // where the numbers' texts are brought
	sent     []string                     // "account from to text"
}

func (x *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	sid, token, _ := r.BasicAuth()
	numbers := x.accounts[sid]
	_, path, _ := strings.Cut(r.URL.Path, "/Accounts/"+sid)
	switch {
	case x.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case numbers == nil || x.tokens[sid] != token:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":20003}`)
	case path == ".json":
		fmt.Fprint(w, `{"status":"active"}`)
	case path == "/IncomingPhoneNumbers.json":
		var list []map[string]any
		for n, u := range numbers {
			list = append(list, map[string]any{
				"sid": "PN" + n[1:], "phone_number": n, "sms_url": u,
				"capabilities": map[string]bool{"sms": !strings.HasSuffix(n, "9")},
			})
		}
		json.NewEncoder(w).Encode(map[string]any{"incoming_phone_numbers": list})
	case strings.HasPrefix(path, "/IncomingPhoneNumbers/PN"):
		numbers["+"+strings.TrimSuffix(strings.TrimPrefix(path, "/IncomingPhoneNumbers/PN"), ".json")] = r.FormValue("SmsUrl")
		fmt.Fprint(w, `{}`)
	case path == "/Messages.json" && r.Method == http.MethodPost:
		x.sent = append(x.sent, strings.Join([]string{sid, r.FormValue("From"), r.FormValue("To"), r.FormValue("Body")}, " "))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"sid":"SM%d","status":"queued"}`, len(x.sent))
	case path == "/Messages.json":
		fmt.Fprint(w, `{"messages":[]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (x *exchange) url(sid, number string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.accounts[sid][number]
}

func (x *exchange) texts() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.sent)
}

// eventually wants something to be so before long.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so that %s", what)
		}
	}
}

const (
	ownFirst  = "+15005550051"
	ownSecond = "+15005550052"
	ownVoice  = "+15005550059"
)

// onExchange makes a network whose users may bring accounts, and runs it.
func onExchange(t *testing.T, way string) (*exchange, *Network) {
	x := &exchange{
		tokens:   map[string]string{hisSID: hisToken},
		accounts: map[string]map[string]string{hisSID: {ownFirst: "", ownSecond: "https://elsewhere.example/", ownVoice: ""}},
	}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	o := poolOptions()
	o.Registration = way
	o.Twilio.APIBase, o.Twilio.PublicURL = server.URL, "https://gw.example.org/sms.example.org"
	n := networkOf(t, o, nil)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return x, n
}

func own(pairs ...string) transport.Values {
	v := answers("username", hisSID, "password", hisToken)
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = []string{pairs[i+1]}
	}
	return v
}

func TestOwnAccountIsCheckedUsedAndLeft(t *testing.T) {
	x, n := onExchange(t, registrationOwn)
	settings, err := n.Register(t.Context(), mercutio, own("phone", ownSecond+", "+ownFirst))
	if err != nil {
		t.Fatal(err)
	}
	account := transport.Account{User: mercutio, Settings: settings}
	his, err := n.Open(account, &inbox{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { his.Close(context.Background(), "") }()
	if diff := cmp.Diff([]string{ownSecond, ownFirst}, n.lines.of(mercutio)); diff != "" {
		t.Error(diff)
	}
	here := "https://gw.example.org/sms.example.org/own/" + n.ownName(hisSID) + "/twilio/in#rc=5&rp=all"
	eventually(t, "texts are brought here", func() bool { return x.url(hisSID, ownFirst) == here && x.url(hisSID, ownSecond) == here })
	if got := x.url(hisSID, ownVoice); got != "" {
		t.Errorf("a number that is not used is set to %q", got)
	}
	if _, err := his.Send(t.Context(), transport.Message{Chat: phone, Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	want := []string{hisSID + " " + ownSecond + " " + string(phone) + " hello"}
	eventually(t, "the text is sent over the account", func() bool { return cmp.Equal(want, x.texts()) })

	// One number fewer: Twilio is told for which.
	fewer, err := n.Register(t.Context(), mercutio, own("phone", ownFirst))
	if err != nil {
		t.Fatal(err)
	}
	his.Close(t.Context(), "")
	account.Settings = fewer
	if his, err = n.Open(account, &inbox{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "texts to the other go where they went before", func() bool { return x.url(hisSID, ownSecond) == "https://elsewhere.example/" })

	if err := n.Unregister(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is brought here any more", func() bool { return x.url(hisSID, ownFirst) == "" })
	if n.lines.trunk(n.ownName(hisSID)) != nil {
		t.Error("the provider is still at work")
	}
}

func TestARevokedTokenIsShownAndToldOfOnce(t *testing.T) {
	x, n := onExchange(t, registrationOwn)
	settings, err := n.Register(t.Context(), mercutio, own("phone", ownFirst))
	if err != nil {
		t.Fatal(err)
	}
	account, seen := transport.Account{User: mercutio, Settings: settings}, &inbox{}
	his, err := n.Open(account, seen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { his.Close(context.Background(), "") }()
	count := func(i *inbox) (up, down, notices int) {
		for _, e := range i.all() {
			switch e := e.(type) {
			case transport.LinkUp:
				up++
			case transport.LinkDown:
				if why, ok := errors.AsType[*transport.Error](e.Err); ok && why.Reason == transport.NotAuthorized && e.RetryIn == 0 {
					down++
				}
			case transport.Notice:
				if e.Text == saidRevoked {
					notices++
				}
			}
		}
		return up, down, notices
	}
	sets := func(token string) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.tokens[hisSID] = token
	}
	tries := func(i int) {
		t.Helper()
		if _, err := his.Send(t.Context(), transport.Message{Chat: phone, Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	trunk := n.lines.trunkOf(ownFirst)
	eventually(t, "the account is in use", func() bool {
		trunk.trust.mu.Lock()
		defer trunk.trust.mu.Unlock()
		return trunk.trust.state == trusted && x.url(hisSID, ownFirst) != ""
	})
	sets("another")
	tries(1)
	eventually(t, "it is shown as refused, and told", func() bool { _, down, notices := count(seen); return down == 1 && notices == 1 })

	// Who comes now is shown it, too.
	other := &inbox{}
	his.Close(t.Context(), "")
	if his, err = n.Open(account, other); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new session is shown it", func() bool { _, down, _ := count(other); return down == 1 })

	sets(hisToken)
	tries(2)
	eventually(t, "it is shown as good again", func() bool { up, _, _ := count(other); return up == 2 })
	sets("another")
	tries(3)
	eventually(t, "it is shown as refused again", func() bool { _, down, _ := count(other); return down == 2 })
	if _, _, notices := count(other); notices != 0 {
		t.Errorf("it is told %d times more", notices)
	}
}

func TestAccountThatCannotBeUsedIsNotRegistered(t *testing.T) {
	x, n := onExchange(t, registrationOwn)
	if _, err := n.Register(t.Context(), "benvolio@example.org", own("phone", ownFirst)); err != nil {
		t.Fatal(err)
	}
	x.mu.Lock()
	x.tokens["AC000000000000000000000000000000bb"] = hisToken
	x.accounts["AC000000000000000000000000000000bb"] = map[string]string{ownFirst: "", "+15005550009": ""}
	x.mu.Unlock()
	tests := []struct {
		name    string
		answers transport.Values
		want    transport.Reason
		says    string
	}{
		{"no SID", own("username", ""), transport.BadRequest, "account SID"},
		{"no token", own("password", ""), transport.BadRequest, "auth token"},
		{"a SID with a path", own("username", "AC/../x"), transport.BadRequest, "account SID"},
		{"wrong token", own("password", "wrong"), transport.NotAuthorized, "Twilio does not take"},
		{"not their number", own("phone", "+15005550123"), transport.NotFound, "not a number of this account"},
		{"a number without texts", own("phone", ownVoice), transport.Rejected, "can't send texts"},
		{"no number", own("phone", "my phone"), transport.BadRequest, "not a phone number"},
		{"another's number", own("username", "AC000000000000000000000000000000bb", "phone", ownFirst), transport.Conflict, "somebody else"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := n.Register(t.Context(), fmt.Sprintf("user%d@example.org", i), tt.answers)
			isRefused(t, err, tt.want, tt.says)
			if err != nil && strings.Contains(err.Error(), hisToken) {
				t.Error("the token is in the error")
			}
		})
	}
	x.mu.Lock()
	x.down = true
	x.mu.Unlock()
	_, err := n.Register(t.Context(), mercutio, own())
	isRefused(t, err, transport.Unreachable, "Try again")
	for range 2 * triesAtOnce { // others are let in meanwhile, where tries take long
		_, err = n.Register(t.Context(), mercutio, own())
		if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.RateLimited {
			break
		}
	}
	isRefused(t, err, transport.RateLimited, "Wait")
}

func TestTwoPeopleShareAnAccountOfTheirOwn(t *testing.T) {
	x, n := onExchange(t, registrationOwn)
	var open []transport.Session
	register := func(user, token, numbers string) {
		t.Helper()
		settings, err := n.Register(t.Context(), user, own("password", token, "phone", numbers))
		if err != nil {
			t.Fatal(err)
		}
		s, err := n.Open(transport.Account{User: user, Settings: settings}, &inbox{})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	defer func() {
		for _, s := range open {
			s.Close(context.Background(), "")
		}
	}()
	register(mercutio, hisToken, ownFirst)
	eventually(t, "texts are brought here", func() bool { return x.url(hisSID, ownFirst) != "" })
	first := n.lines.trunkOf(ownFirst)

	// The token is changed, and only the second of them knows.
	const newToken = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	x.mu.Lock()
	x.tokens[hisSID] = newToken
	x.mu.Unlock()
	first.own.verified -= 60
	register("benvolio@example.org", newToken, ownFirst)
	now := n.lines.trunkOf(ownFirst)
	if now == first || now.own.token.Reveal() != newToken {
		t.Error("the old token is used")
	}
	if got := n.lines.usersOf(ownFirst, now); len(got) != 2 {
		t.Errorf("the number has the users %q", got)
	}
	if err := n.Unregister(t.Context(), transport.Account{User: "benvolio@example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := open[0].Send(t.Context(), transport.Message{Chat: phone, Text: "still here"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the one who is left is served", func() bool { return len(x.texts()) == 1 })
	if x.url(hisSID, ownFirst) == "" {
		t.Error("texts are no longer brought to the one who is left")
	}
}

func TestFormOffersBothWays(t *testing.T) {
	_, n := onExchange(t, registrationBoth)
	if diff := cmp.Diff([]string{poolOne, poolTwo, poolGated, choiceOwn}, offered(t, n, mercutio, nil)); diff != "" {
		t.Error(diff)
	}
	settings, err := n.Register(t.Context(), mercutio, own("phone", choiceOwn))
	if err != nil || len(strings.Split(settings["phone"], ", ")) != 2 {
		t.Errorf("got %v and %v", settings, err)
	}
	// As clients without forms write it.
	settings, err = n.Register(t.Context(), mercutio, own("phone", ownSecond))
	if err != nil || settings["phone"] != ownSecond {
		t.Errorf("got %v and %v", settings, err)
	}
	settings, err = n.Register(t.Context(), mercutio, own("phone", poolTwo)) // the rest is left from before
	if err != nil || !cmp.Equal(settings, map[string]string{"phone": poolTwo}) {
		t.Errorf("got %v and %v", settings, err)
	}
	_, err = n.Register(t.Context(), mercutio, answers("phone", choiceOwn))
	isRefused(t, err, transport.BadRequest, "account SID")
	_, err = n.Register(t.Context(), mercutio, answers("phone", ownFirst))
	isRefused(t, err, transport.Rejected, "not one of the numbers")
}

func TestPoolKeepsTheContract(t *testing.T) {
	transporttest.RunInBubble(t, func(t *testing.T) transporttest.Subject {
		outbox := &transporttest.Outbox{Records: &transporttest.Records{}}
		o := poolOptions()
		account := transport.Account{User: mercutio, Settings: map[string]string{"phone": poolOne}}
		made, err := o.New(transport.Env{Log: discard, Outbox: outbox, Records: outbox.Records, Accounts: stored{account}})
		if err != nil {
			t.Fatal(err)
		}
		return transporttest.Subject{
			Network: made, Account: account, Person: phone, Outbox: outbox, Answers: answers("phone", poolTwo),
			Inbound: func(text string) error {
				return made.(*Network).Receive(context.Background(), provider.Inbound{
					ID: transport.MessageID("SM" + text), From: string(phone), To: poolOne, Text: text,
				})
			},
		}
	})
}
