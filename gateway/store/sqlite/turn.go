package sqlite

import "time"

const longestTurn = 4 * time.Millisecond

// A turn is the time for which the writer has kept its processor. Go's scheduler
// takes that away after 10 ms, and then the writer waits behind all goroutines
// that can run, which under load are the hundreds that it has just answered: 5 to
// 25 ms, in which nothing is written. Who gives way before that goes on as soon as
// one other goroutine pauses.
type turn struct{ began time.Time }

func (t *turn) giveWay() {
	if now := time.Now(); now.Sub(t.began) > longestTurn {
		time.Sleep(time.Microsecond)
		t.began = time.Now()
	}
}
