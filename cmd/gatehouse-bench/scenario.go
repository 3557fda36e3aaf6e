package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/wire"
)

const (
	patience = 2 * time.Minute // for a scenario's traffic to arrive
	lorem    = "lorem ipsum dolor sit amet, consectetur adipiscing elit"
)

// Sizes say how much a scenario does.
type sizes struct {
	trips     int           // of the round trip
	listeners int           // of the fan-out
	senders   int           // from XMPP to IRC
	messages  int           // of the fan-out, and of each sender
	crowd     int           // nicks in the big channel
	idle      int           // users, in 3 channels of 50
	rests     time.Duration // before memory is looked at
	users     int           // of the crowd
	lasts     time.Duration
	rate      int // of texts, a second; 0: as fast as they go
	before    int // texts of this trial
}

// Figures are what a scenario measured, by the name of a row of the table.
type figures map[string]float64

func user(i int) string { return fmt.Sprintf("u%d@bench.local/r", i) }

// join brings the users from, from+1, …, to-1 into channels, ofRoom after ofRoom
// and the rest into the last, and waits until each has seen itself there. seen
// is told of all presence in them; it may be nil.
func (t *trial) join(channels []string, from, to int, seen func(*wire.Element)) error {
	rooms := map[string]bool{}
	for _, c := range channels {
		rooms[t.room(c)] = true
	}
	inside := 0
	var refused string
	done := make(chan struct{})
	end := sync.OnceFunc(func() { close(done) })
	t.server.listen(func(e *wire.Element) {
		room, _, _ := strings.Cut(e.Attr("from"), "/")
		if e.Name != "presence" || !rooms[room] {
			return
		}
		if e.Attr("type") == "error" {
			refused = room + ": " + e.Child("jabber:component:accept", "error").Child("urn:ietf:params:xml:ns:xmpp-stanzas", "text").Content()
			end()
			return
		}
		if seen != nil {
			seen(e)
		}
		if isSelf(e) {
			if inside++; inside == to-from {
				end()
			}
		}
	})
	defer t.server.listen(nil)
	joins := make([]string, 0, to-from)
	for u := from; u < to; u++ {
		joins = append(joins, joining(u, t.room(channels[min((u-from)/ofRoom, len(channels)-1)])))
	}
	t.server.send(joins...)
	if err := t.server.wait(done, patience); err != nil {
		return fmt.Errorf("join %s: %d of %d came in: %w", channels[0], inside, to-from, err)
	}
	if refused != "" {
		return fmt.Errorf("join: refused by %s", refused)
	}
	return nil
}

// isSelf says that a presence shows its receiver (XEP-0045 §7.2.2).
func isSelf(e *wire.Element) bool {
	for c := range e.Child("http://jabber.org/protocol/muc#user", "x").Children() {
		if c.Name == "status" && c.Attr("code") == "110" {
			return true
		}
	}
	return false
}

func joining(u int, room string) string {
	return fmt.Sprintf(`<presence from='%s' to='%s/xu%d'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`, user(u), room, u)
}

// bodies calls f with the text of each message, and counts the errors.
func (t *trial) bodies(f func(body string)) (failed *atomic.Int64) {
	failed = &atomic.Int64{}
	t.server.listen(func(e *wire.Element) {
		switch {
		case e.Name != "message":
		case e.Attr("type") == "error":
			failed.Add(1)
		default:
			f(e.Child("jabber:component:accept", "body").Content())
		}
	})
	return failed
}

func groupchat(id, from, room, body string) string {
	return `<message type='groupchat' id='` + id + `' from='` + from + `' to='` + room + `'><body>` + body + `</body></message>`
}

// roundTrip says something in a channel and waits for the answer of somebody on
// IRC, again and again.
func (t *trial) roundTrip(o sizes) (figures, error) {
	bot, err := t.echobot()
	if err != nil {
		return nil, err
	}
	defer bot.close()
	if err := t.join([]string{"#trip"}, 0, 1, nil); err != nil {
		return nil, err
	}
	back := make(chan arrival, o.trips)
	t.bodies(func(body string) {
		if number, ok := strings.CutPrefix(body, "pong "); ok {
			back <- arrives(number)
		}
	})
	defer t.server.listen(nil)
	return t.trips(o, back, func(i int) {
		t.server.send(groupchat(fmt.Sprintf("t%d", i), user(0), t.room("#trip"), fmt.Sprintf("ping %d", i)))
	})
}

// shortTrip is the round trip of somebody who is on IRC themselves: the part of
// it that is no gateway's.
func (t *trial) shortTrip(o sizes) (figures, error) {
	bot, err := t.echobot()
	if err != nil {
		return nil, err
	}
	defer bot.close()
	back := make(chan arrival, o.trips)
	asker, err := dialIRC(t.irc, "asker", func(_ *ircClient, line string) {
		if _, number, ok := strings.Cut(line, ":pong "); ok {
			back <- arrives(number)
		}
	}, "#trip")
	if err != nil {
		return nil, err
	}
	defer asker.close()
	return t.trips(o, back, func(i int) { asker.say("PRIVMSG #trip :ping %d", i) })
}

// echobot is somebody on IRC in #trip, who answers each ping that they hear.
func (t *trial) echobot() (*ircClient, error) {
	return dialIRC(t.irc, "echobot", func(bot *ircClient, line string) {
		if _, number, ok := strings.Cut(line, ":ping "); ok {
			bot.say("PRIVMSG #trip :pong %s", number)
		}
	}, "#trip")
}

// An arrival is when the answer to a ping was read.
type arrival struct {
	ping int // its number, or -1
	at   time.Time
}

// arrives keeps nothing of its argument, which is the reader's.
func arrives(number string) arrival {
	at := time.Now()
	ping, err := strconv.Atoi(number)
	if err != nil {
		ping = -1
	}
	return arrival{ping, at}
}

// trips times pings until their answers are read, one after the other. While one
// is under way, none of the yardstick's goroutines waits for another.
func (t *trial) trips(o sizes, back <-chan arrival, ping func(i int)) (figures, error) {
	trips := make([]time.Duration, o.trips)
	late := time.NewTimer(patience)
	defer late.Stop()
	for i := range trips {
		late.Reset(patience)
		began := time.Now()
		ping(i)
		select {
		case answer := <-back:
			if answer.ping != i {
				return nil, fmt.Errorf("the answer to ping %d is that to %d", i, answer.ping)
			}
			trips[i] = answer.at.Sub(began)
		case <-t.server.ended:
			return nil, fmt.Errorf("trip %d: the gateway's stream ended: %w", i, t.server.err)
		case <-late.C:
			return nil, fmt.Errorf("trip %d was not over within %v", i, patience)
		}
		time.Sleep(2 * time.Millisecond) // people pause
	}
	slices.Sort(trips)
	return figures{
		"p50": ms(trips[len(trips)/2]), "p99": ms(trips[len(trips)*99/100]),
	}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// A load counts what arrives until all has.
type load struct {
	want  int64
	got   atomic.Int64
	done  chan struct{}
	began time.Time
	cpu   time.Duration
}

func (t *trial) newLoad(want int) *load {
	return &load{want: int64(want), done: make(chan struct{}), began: time.Now(), cpu: t.cpu()}
}

func (l *load) count() {
	if l.got.Add(1) == l.want {
		close(l.done)
	}
}

// figures waits for all, and says how fast it came and what each cost.
func (l *load) figures(t *trial, failed *atomic.Int64) (figures, error) {
	err := t.server.wait(l.done, patience)
	took, cpu := time.Since(l.began), t.cpu()-l.cpu
	if got := l.got.Load(); err != nil || got != l.want || failed.Load() > 0 {
		return nil, fmt.Errorf("%d of %d arrived, %d were refused: %w", got, l.want, failed.Load(), err)
	}
	return figures{
		"rate": float64(l.want) / took.Seconds(),
		"cpu":  float64(cpu.Microseconds()) / float64(l.want),
	}, nil
}

// fanOut lets one person on IRC talk to a channel full of our users.
func (t *trial) fanOut(o sizes) (figures, error) {
	speaker, err := dialIRC(t.irc, "speaker", nil, "#fan")
	if err != nil {
		return nil, err
	}
	defer speaker.close()
	if err := t.join([]string{"#fan"}, 1000, 1000+o.listeners, nil); err != nil {
		return nil, err
	}
	l := t.newLoad(o.listeners * o.messages)
	failed := t.bodies(func(body string) {
		if strings.HasPrefix(body, "fan ") {
			l.count()
		}
	})
	defer t.server.listen(nil)
	for i := range o.messages {
		speaker.add("PRIVMSG #fan :fan %d %s", i, lorem)
		if i%10 == 9 {
			speaker.flush()
		}
	}
	speaker.flush()
	return l.figures(t, failed)
}

// toIRC lets several of our users talk to a channel with one listener on IRC.
func (t *trial) toIRC(o sizes) (figures, error) {
	var l *load
	var ready sync.WaitGroup
	ready.Add(1)
	listener, err := dialIRC(t.irc, "listener", func(_ *ircClient, line string) {
		ready.Wait()
		if strings.Contains(line, ":in ") {
			l.count()
		}
	}, "#in")
	if err != nil {
		return nil, err
	}
	defer listener.close()
	if err := t.join([]string{"#in"}, 3000, 3000+o.senders, nil); err != nil {
		return nil, err
	}
	l = t.newLoad(o.senders * o.messages)
	ready.Done()
	failed := t.bodies(func(string) {})
	defer t.server.listen(nil)
	round := make([]string, o.senders)
	for i := range o.messages {
		for u := range round {
			round[u] = groupchat(fmt.Sprintf("x%d-%d", i, u), user(3000+u), t.room("#in"), fmt.Sprintf("in %d %s", i, lorem))
		}
		t.server.send(round...)
	}
	return l.figures(t, failed)
}

// bigJoin joins a channel where a crowd is, over a link that is up: how long a
// server takes to let somebody in is its own affair.
func (t *trial) bigJoin(o sizes) (figures, error) {
	if err := t.join([]string{"#lobby"}, 5000, 5001, nil); err != nil {
		return nil, err
	}
	seen := 0
	cpu, began := t.cpu(), time.Now()
	if err := t.join([]string{"#big"}, 5000, 5001, func(*wire.Element) { seen++ }); err != nil {
		return nil, err
	}
	took := time.Since(began)
	if seen != o.crowd+1 {
		return nil, fmt.Errorf("joining a channel of %d showed %d people", o.crowd+1, seen)
	}
	return figures{"time": ms(took), "cpu": ms(t.cpu() - cpu)}, nil
}

// A crowd is many people on IRC in one channel.
type crowd []*ircClient

func (c crowd) leave() {
	for _, one := range c {
		one.close()
	}
}

func gather(address string, n int) (all crowd, err error) {
	var mu sync.Mutex
	var coming sync.WaitGroup
	places := make(chan struct{}, comeMost) // a server takes a second or more to let somebody in
	for i := range n {
		places <- struct{}{}
		coming.Go(func() {
			defer func() { <-places }()
			one, e := dialIRC(address, fmt.Sprintf("crowd%d", i), nil, "#big")
			mu.Lock()
			defer mu.Unlock()
			if e != nil {
				err = e
				return
			}
			all = append(all, one)
		})
	}
	coming.Wait()
	return all, err
}

const resting = 5 * time.Second

// stand is the memory that users take who are in three channels and silent.
func (t *trial) stand(o sizes) (figures, error) {
	memory, _, err := t.rest(o, o.idle, ofRoom)
	return figures{"memory": memory / float64(o.idle)}, err
}

// rest gives the memory in KiB that users take who came so many at once and are
// silent now, and the CPU time of their coming.
func (t *trial) rest(o sizes, users, atOnce int) (memory float64, cpu time.Duration, err error) {
	time.Sleep(o.rests) // what starting left over is gone, and counts for nobody
	memory, cpu = t.memory(), t.cpu()
	if _, err := t.settle(users, atOnce); err != nil {
		return 0, 0, err
	}
	cpu = t.cpu() - cpu
	time.Sleep(o.rests)
	return t.memory() - memory, cpu, nil
}
