package sms

import "sync"

// usersCounted is how many users' months are kept.
const usersCounted = 1024

// Counted are months as they were written last, which for the next text of their
// user are not read from JSON again. Who changes one has taken it.
type counted struct {
	mu     sync.Mutex
	months map[string]countedMonth // by user
}

type countedMonth struct {
	written string
	monthly
}

// take gives the month that was written as that, if it is here.
func (c *counted) take(user string, written []byte) (m monthly, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, known := c.months[user]
	delete(c.months, user)
	if kept.written != string(written) {
		return m, false
	}
	return kept.monthly, known
}

func (c *counted) keep(user string, written []byte, m monthly) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.months) >= usersCounted {
		for other := range c.months { // any one: it is read again
			delete(c.months, other)
			break
		}
	}
	if c.months == nil {
		c.months = make(map[string]countedMonth)
	}
	c.months[user] = countedMonth{string(written), m}
}
