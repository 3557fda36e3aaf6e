package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ofRoom    = 50  // users in one channel
	speakers  = 10  // people on IRC, who share the channels
	crowdRate = 50  // messages a second in all
	comeMost  = 500 // users who come at once where there are thousands
)

// steady has thousands of users in three channels each, and some talk in all of
// them for a while. Every message must reach everybody in its channel.
func (t *trial) steady(o sizes) (figures, error) {
	channels, err := t.settle(o.users, comeMost)
	if err != nil {
		return nil, err
	}
	talking := make([]*ircClient, min(speakers, len(channels)))
	for i := range talking {
		var own []string
		for c := i; c < len(channels); c += len(talking) {
			own = append(own, channels[c])
		}
		if talking[i], err = dialIRC(t.irc, "speaker"+strconv.Itoa(i), nil, own...); err != nil {
			return nil, err
		}
		defer talking[i].close()
	}
	time.Sleep(2 * time.Second)

	var mu sync.Mutex
	var late []time.Duration
	count := int(o.lasts/time.Second) * crowdRate
	l := t.newLoad(count * min(ofRoom, o.users))
	failed := t.bodies(func(body string) {
		sent, ok := strings.CutPrefix(body, "at ")
		if !ok {
			return
		}
		if ns, err := strconv.ParseInt(sent, 10, 64); err == nil {
			mu.Lock()
			late = append(late, time.Since(time.Unix(0, ns)))
			mu.Unlock()
		}
		l.count()
	})
	defer t.server.listen(nil)
	var memory []float64 // every second
	tick := time.NewTicker(time.Second / crowdRate)
	defer tick.Stop()
	for i := range count {
		select {
		case <-tick.C:
		case <-t.server.ended:
			return nil, fmt.Errorf("after %d of %d messages the gateway's stream ended: %w", i, count, t.server.err)
		}
		c := rand.IntN(len(channels))
		talking[c%len(talking)].say("PRIVMSG %s :at %d", channels[c], time.Now().UnixNano())
		if i%crowdRate == 0 {
			memory = append(memory, t.memory())
		}
	}
	f, err := l.figures(t, failed)
	if err != nil {
		return nil, err
	}
	slices.Sort(late)
	f["p50"], f["p99"] = ms(late[len(late)/2]), ms(late[len(late)*99/100])
	tenth := max(1, len(memory)/10)
	end := mean(memory[len(memory)-tenth:])
	f["growth"] = end / mean(memory[tenth:][:tenth]) // the first tenth is for what waits from their coming in
	f["memory"] = end / float64(o.users)
	return f, nil
}

func mean(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// settle brings the users into three channels each, ofRoom in one, and so many
// at once.
func (t *trial) settle(users, atOnce int) (channels []string, err error) {
	for c := range 3 {
		for from := 0; from < users; from += atOnce {
			to := min(from+atOnce, users)
			var rooms []string
			for u := from; u < to; u += ofRoom {
				rooms = append(rooms, fmt.Sprintf("#crowd%d-%d", c, u/ofRoom))
			}
			if err := t.join(rooms, from, to, nil); err != nil {
				return nil, err
			}
			channels = append(channels, rooms...)
		}
	}
	return channels, nil
}
