package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"gatehouse/gateway/e2e/carrier"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// carrierVariable makes the test's own program a carrier, see TestMain.
const carrierVariable = "GATEHOUSE_E2E_CARRIER"

func serveAsCarrier() int {
	var o carrier.Options
	err := json.Unmarshal([]byte(os.Getenv(carrierVariable)), &o)
	if err == nil {
		err = carrier.Serve(o)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

const (
	correspondents = 200
	underWay       = 150              // texts without a receipt, at a time
	burst          = 20               // of them, every 20 ms
	anew           = 5 * time.Second  // a client sends a text again without a receipt
	givesUp        = 10 * time.Minute // and no more after this
)

// A flood is many texts each way, as fast as they go.
type flood struct {
	w       *world
	count   int
	carrier *servers.Server
	o       carrier.Options

	mu       sync.Mutex
	romeo    *person // nil while he can't log in
	read     int     // of romeo's log
	begun    map[int]time.Time
	sent     map[int]time.Time
	receipts map[int]bool
	refusals int                        // errors that came back, and were tried again
	seen     map[string]map[string]bool // ids of the messages with a text
	repeats  int
}

func newFlood(t *testing.T, count int, long bool) *flood {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{ConflictResolve: "kick_old", Global: "storage_archive_item_limit = 200000\nmax_archive_query_results = 200000\n"})
	w.needHTTP()
	port, err := servers.FreePort()
	check(t, err)
	f := &flood{
		w: w, count: count, begun: map[int]time.Time{}, sent: map[int]time.Time{}, receipts: map[int]bool{},
		seen: map[string]map[string]bool{},
		o: carrier.Options{
			Fails: long,
			Addr:  fmt.Sprintf("127.0.0.1:%d", port), Ledger: filepath.Join(w.dir, "ledger"),
			InURL:      "http://" + w.http + "/" + smsHost + "/twilio/in",
			AccountSID: "AC00000000000000000000000000000001", Token: "0123456789abcdef0123456789abcdef",
		},
	}
	self, err := os.Executable()
	check(t, err)
	options, err := json.Marshal(f.o)
	check(t, err)
	f.carrier, err = servers.Run(limited(t), "carrier", filepath.Join(w.dir, "carrier"), func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), carrierVariable+"="+string(options))
		return cmd
	}, func(ctx context.Context) error {
		return eventually(ctx, func() error {
			res, err := http.Get("http://" + f.o.Addr)
			if err == nil {
				res.Body.Close()
			}
			return err
		})
	})
	check(t, err)
	t.Cleanup(func() {
		f.carrier.Close()
		if t.Failed() {
			t.Log(f.carrier.Log())
		}
	})
	w.start(w.sms(fmt.Sprintf(`provider = "twilio"
flood_limit = 0
[component.sms.twilio]
account_sid = %q
auth_token = %q
api_base = "http://%s"
public_url = "http://%s/%s"
reconcile = "5s"
mps = 5000.0
`, f.o.AccountSID, f.o.Token, f.o.Addr, w.http, smsHost)))
	return f
}

func (f *flood) contact(i int) string {
	return fmt.Sprintf("+1500555%04d@%s", 1000+i%correspondents, smsHost)
}

// logIn connects romeo, as often as it takes.
func (f *flood) logIn(ctx context.Context) {
	for ctx.Err() == nil {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		client, err := xmppclient.Connect(once, f.w.clients, "romeo@localhost", password, "orchard")
		cancel()
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		f.mu.Lock()
		f.romeo, f.read = &person{client, f.w.t}, 0
		f.mu.Unlock()
		return
	}
}

func (f *flood) logOut() {
	f.mu.Lock()
	romeo := f.romeo
	f.mu.Unlock()
	if romeo == nil {
		return
	}
	select {
	case <-romeo.Done(): // it has read what the server had sent
	case <-time.After(time.Second):
	}
	romeo.Drop()
	f.note()
	f.mu.Lock()
	f.romeo = nil
	f.mu.Unlock()
}

// note takes what came to romeo since the last time.
func (f *flood) note() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.romeo == nil {
		return
	}
	all := f.romeo.All()
	for _, s := range all[f.read:] {
		f.noteStanza(s)
	}
	f.read = len(all)
}

func (f *flood) noteStanza(s xmppclient.Stanza) {
	if s.Kind() != "message" {
		return
	}
	i := -1
	if r := s.Find("received"); r != nil {
		if _, err := fmt.Sscanf(r.Attr("id"), "id-%d", &i); err == nil {
			f.receipts[i] = true
		}
	}
	if s.Type() == "error" {
		if _, err := fmt.Sscanf(s.ID(), "id-%d", &i); err == nil {
			f.refusals++
			f.sent[i] = time.Now().Add(time.Second - anew)
		}
	}
	if text := s.Body(); strings.HasPrefix(text, "in ") && s.Type() != "error" {
		if f.seen[text] == nil {
			f.seen[text] = map[string]bool{}
		} else if f.seen[text][s.ID()] {
			f.repeats++
		}
		f.seen[text][s.ID()] = true
	}
}

// sendTexts is romeo's client: it sends each text again, with the same id,
// until its receipt comes, and has so many under way at a time.
func (f *flood) sendTexts(ctx context.Context) {
	first := 0 // all before have a receipt or were given up
	for ctx.Err() == nil && first < f.count {
		f.note()
		f.mu.Lock()
		romeo := f.romeo
		var due []int
		now := time.Now()
		open := 0
		for i := first; i < f.count && open < underWay; i++ {
			begun, ever := f.begun[i]
			if f.receipts[i] || ever && now.Sub(begun) > givesUp {
				if i == first {
					first++
				}
				continue
			}
			open++
			if now.Sub(f.sent[i]) >= anew && len(due) < burst {
				if !ever {
					f.begun[i] = now
				}
				f.sent[i] = now
				due = append(due, i)
			}
		}
		f.mu.Unlock()
		if romeo != nil {
			for _, i := range due {
				romeo.SendMessage(f.contact(i), "chat", fmt.Sprintf("id-%05d", i), fmt.Sprintf("out %05d", i), wantsReceipt)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// receiveTexts has the friend text romeo.
func (f *flood) receiveTexts(ctx context.Context) {
	var texting sync.WaitGroup
	next := make(chan int)
	for range 4 {
		texting.Go(func() {
			for i := range next {
				text := fmt.Sprintf("in %05d", i)
				form := url.Values{"From": {friend}, "To": {ownPhone}, "Body": {text}, "Key": {text}}
				_ = eventually(ctx, func() error {
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+f.o.Addr+"/inbound?"+form.Encode(), nil)
					if err != nil {
						return err
					}
					req.SetBasicAuth(f.o.AccountSID, f.o.Token)
					res, err := http.DefaultClient.Do(req)
					if err != nil {
						return err
					}
					res.Body.Close()
					if res.StatusCode != http.StatusOK {
						return fmt.Errorf("answered %s", res.Status)
					}
					return nil
				})
			}
		})
	}
	for i := range f.count {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	texting.Wait()
}

// kills takes one of the three away every so often, so many times at most.
func (f *flood) kills(ctx context.Context, most int, least, spread time.Duration) (killed map[string]int) {
	killed = map[string]int{}
	each := []struct {
		name   string
		server *servers.Server
	}{{"Gatehouse", f.w.gateway}, {"Prosody", f.w.prosody.Server}, {"the carrier", f.carrier}}
	for n := 0; n < most; n++ {
		select {
		case <-time.After(least + rand.N(spread)):
		case <-ctx.Done():
			return killed
		}
		victim := each[rand.IntN(len(each))]
		if n < len(each) {
			victim = each[n]
		}
		if !victim.server.Running() {
			f.w.t.Errorf("%s has ended by itself\n%s", victim.name, victim.server.Log())
			return killed
		}
		victim.server.Kill()
		killed[victim.name]++
		if victim.server == f.w.prosody.Server {
			f.logOut()
		}
		if err := victim.server.Start(context.WithoutCancel(ctx)); err != nil {
			f.w.t.Error(err)
			return killed
		}
		if victim.server == f.w.prosody.Server {
			f.logIn(ctx)
		}
	}
	return killed
}

// handed says that the gateway's store has all texts of both ways; settled, that
// none of them is under way any more.
func (f *flood) handed() error  { return f.stored(f.count, f.count) }
func (f *flood) settled() error { return f.stored(0, 0) }

func (f *flood) stored(mostOpen, mostPending int) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(f.w.dir, "gatehouse", "gatehouse.db")+"?mode=ro&_busy_timeout=2000")
	if err != nil {
		return err
	}
	defer db.Close()
	count := func(query string) (n int) {
		if e := db.QueryRow(query).Scan(&n); e != nil && err == nil {
			err = e
		}
		return n
	}
	out, open := count(`SELECT count(*) FROM outbox`), count(`SELECT count(*) FROM outbox WHERE state < 3`)
	in, pending := count(`SELECT count(*) FROM inbox WHERE dedupe LIKE 'message:%'`), count(`SELECT count(*) FROM inbox WHERE done_at = 0`)
	if err == nil && (out < f.count || open > mostOpen || in < f.count || pending > mostPending) {
		err = fmt.Errorf("%d texts out, of which %d are under way; %d in; %d events wait", out, open, in, pending)
	}
	return err
}

// archive reads all that the server kept for romeo (XEP-0313): what a client
// misses while its connection breaks, it finds there.
func (f *flood) archive(ctx context.Context) (messages int) {
	for after, whole := "", false; !whole; {
		reader, err := xmppclient.Dial(ctx, f.w.clients, xmppclient.Options{JID: "romeo@localhost", Password: password, Quiet: true})
		check(f.w.t, err)
		answer, err := reader.IQ(ctx, "", "set", `<query xmlns="urn:xmpp:mam:2"><x xmlns="jabber:x:data" type="submit">`+
			`<field var="FORM_TYPE" type="hidden"><value>urn:xmpp:mam:2</value></field><field var="with"><value>`+phone+`</value></field></x>`+
			`<set xmlns="http://jabber.org/protocol/rsm"><max>200000</max>`+after+`</set></query>`)
		check(f.w.t, err)
		fin := answer.Find("fin")
		if fin == nil {
			f.w.t.Fatalf("the archive can't be read: %s", answer)
		}
		f.mu.Lock()
		repeats := f.repeats // of what live clients got, most is there, too
		for _, s := range reader.All() {
			if m := s.Find("result", "forwarded", "message"); m != nil {
				messages++
				f.noteStanza(xmppclient.Stanza{Element: m})
			}
		}
		f.repeats = repeats
		f.mu.Unlock()
		reader.Drop()
		last := answer.Find("fin", "set", "last")
		if whole = last == nil || fin.Attr("complete") == "true"; !whole {
			after = "<after>" + last.Text + "</after>"
		}
	}
	return messages
}

// compare holds the ledger against what was sent, and romeo's messages against
// the ledger.
func (f *flood) compare(killed map[string]int, took time.Duration) {
	t := f.w.t
	t.Helper()
	all, err := carrier.Read(f.o.Ledger)
	check(t, err)
	out := map[string]int{}
	for _, text := range all {
		if !text.Inbound {
			out[text.Body]++
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lostOut, doubledOut, lostIn, doubledIn := 0, 0, 0, 0
	for i := range f.count {
		o, in := out[fmt.Sprintf("out %05d", i)], len(f.seen[fmt.Sprintf("in %05d", i)])
		switch {
		case o == 0:
			lostOut++
		case o > 1:
			doubledOut++
		}
		switch {
		case in == 0:
			lostIn++
		case in > 1:
			doubledIn++
		}
	}
	t.Logf("%d texts each way in %v, killed: %v; to the phones: %d lost, %d doubled; to romeo: %d lost, %d doubled, %d stanzas repeated with the same id; %d receipts, %d refusals that were tried again",
		f.count, took.Round(time.Second), killed, lostOut, doubledOut, lostIn, doubledIn, f.repeats, len(f.receipts), f.refusals)
	if lostOut+doubledOut+lostIn+doubledIn > 0 {
		t.Error("texts were lost or doubled")
	}
}

func (f *flood) run(ctx context.Context, mostKills int, least, spread time.Duration) {
	t := f.w.t
	began := time.Now()
	f.logIn(ctx)
	defer f.logOut()
	working, stop := context.WithCancel(ctx)
	defer stop()
	var texting sync.WaitGroup
	texting.Go(func() { f.sendTexts(working) })
	texting.Go(func() { f.receiveTexts(working) })
	killing, calm := context.WithCancel(working)
	killed := make(chan map[string]int, 1)
	go func() { killed <- f.kills(killing, mostKills, least, spread) }()
	now := func(done func() error) func() error {
		return func() error {
			time.Sleep(500 * time.Millisecond)
			return done()
		}
	}
	check(t, eventually(ctx, now(f.handed)))
	calm()
	count := <-killed
	if err := eventually(ctx, now(f.settled)); err != nil {
		t.Error(err)
	}
	took := time.Since(began)
	stop()
	texting.Wait()
	f.note()
	reading := time.Now()
	n := f.archive(ctx)
	t.Logf("the archive has %d of the friend's messages, which took %v to read", n, time.Since(reading).Round(time.Second))
	f.compare(count, took)
}

// Gatehouse, the XMPP server and the carrier are killed again and again while
// texts go both ways as fast as they can.
func TestSoakAFloodOfTextsLosesAndDoublesNothing(t *testing.T) {
	count, kills, least := 300, 4, 500*time.Millisecond
	rounds := soakRounds(t, 0)
	if rounds > 0 {
		count, kills, least = rounds*50, 1<<30, 3*time.Second
	}
	f := newFlood(t, count, rounds > 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(count)*300*time.Millisecond+3*time.Minute)
	defer cancel()
	f.run(ctx, kills, least, least)
}
