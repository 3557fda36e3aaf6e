package sms

import (
	"slices"
	"sync"
)

// A line is a phone number, the trunk that carries it, and whose it is.
type line struct {
	trunk *trunk
	users []string // by userKey; several may share a number
}

// Lines are the numbers that texts are sent from and come to. They come and go
// at run time.
type lines struct {
	mu       sync.RWMutex // never held during I/O
	byNumber map[string]*line
	byUser   map[string][]string // a user's numbers, in the order in which they were given
	chosen   map[string]string   // what a user sends from, if they chose
	trunks   map[string]*trunk   // by name
	claims   map[string]claim    // by number
	changed  chan struct{}       // wakes Run: a trunk came or went
}

func newLines() *lines {
	return &lines{
		byNumber: make(map[string]*line), byUser: make(map[string][]string), chosen: make(map[string]string),
		trunks: make(map[string]*trunk), claims: make(map[string]claim), changed: make(chan struct{}, 1),
	}
}

// assign gives a user one more number, which the trunk carries. False means
// that another trunk has it.
func (l *lines) assign(user, number string, t *trunk) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.byNumber[number]
	switch {
	case was == nil:
		was = &line{trunk: t}
		l.byNumber[number] = was
	case was.trunk != t:
		return false
	}
	if !slices.Contains(was.users, user) {
		was.users = append(was.users, user)
		l.byUser[user] = append(l.byUser[user], number)
	}
	return true
}

// of gives a user's numbers, the first being what they send from.
func (l *lines) of(user string) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	numbers := slices.Clone(l.byUser[userKey(user)])
	if i := slices.Index(numbers, l.chosen[userKey(user)]); i > 0 {
		chosen := numbers[i]
		numbers = slices.Insert(slices.Delete(numbers, i, i+1), 0, chosen)
	}
	return numbers
}

// given gives them in the order in which the user got them.
func (l *lines) given(user string) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.byUser[userKey(user)])
}

// prefer makes one of a user's numbers what they send from.
func (l *lines) prefer(user, number string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number == "" {
		delete(l.chosen, userKey(user))
		return
	}
	l.chosen[userKey(user)] = number
}

// usersOf gives whose a number is, as far as the trunk carries it.
func (l *lines) usersOf(number string, t *trunk) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if found := l.byNumber[number]; found != nil && found.trunk == t {
		return slices.Clone(found.users)
	}
	return nil
}

// numbersOf gives the numbers that a trunk carries, and whose they are.
func (l *lines) numbersOf(t *trunk) map[string][]string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	numbers := make(map[string][]string)
	for number, found := range l.byNumber {
		if found.trunk == t {
			numbers[number] = slices.Clone(found.users)
		}
	}
	return numbers
}

// trunkOf gives the trunk that carries a number; nil means that nobody has it.
func (l *lines) trunkOf(number string) *trunk {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if found := l.byNumber[number]; found != nil {
		return found.trunk
	}
	return nil
}

// connect adds a trunk. Its provider's work begins at once, or with Run.
func (l *lines) connect(t *trunk) {
	l.mu.Lock()
	l.trunks[t.name] = t
	l.mu.Unlock()
	wake(l.changed)
}

func (l *lines) trunk(name string) *trunk {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.trunks[name]
}

func (l *lines) countTrunks() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.trunks)
}

func (l *lines) allTrunks() []*trunk {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*trunk, 0, len(l.trunks))
	for _, t := range l.trunks {
		all = append(all, t)
	}
	return all
}

// trunkFor gives the trunk over which a user sends from a number; nil means
// that it is not theirs.
func (l *lines) trunkFor(user, number string) *trunk {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if found := l.byNumber[number]; found != nil && slices.Contains(found.users, userKey(user)) {
		return found.trunk
	}
	return nil
}
