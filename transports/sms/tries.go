package sms

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	triesAtOnce = 5 // credentials that are checked
	triesEvery  = 12 * time.Second
	triers      = 1000 // that are remembered
)

// Tries bound how often each user does something.
type tries struct {
	mu     sync.Mutex
	byUser map[string]*rate.Limiter
}

func (t *tries) allow(user string, every time.Duration, atOnce int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byUser[user]
	if l == nil {
		if len(t.byUser) >= triers {
			clear(t.byUser)
		}
		if t.byUser == nil {
			t.byUser = make(map[string]*rate.Limiter)
		}
		l = rate.NewLimiter(rate.Every(every), atOnce)
		t.byUser[user] = l
	}
	return l.Allow()
}
