package sms

import (
	"maps"
	"slices"
	"time"
)

const claimTime = time.Minute // from the registration to the session that uses it

// A claim keeps a number for a user whose registration is about to be stored.
type claim struct {
	user  string
	trunk string // its name
	until time.Time
}

// claim keeps numbers for a user, or gives the first that is not free for them.
// A shared number may be others' too, over the same trunk.
func (l *lines) claim(user string, numbers []string, trunk string, shared bool) (taken string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for number, c := range l.claims {
		if now.After(c.until) {
			delete(l.claims, number)
		}
	}
	for _, number := range numbers {
		if !l.isFree(user, number, trunk, shared) {
			return number
		}
	}
	for number, c := range l.claims {
		if c.user == user {
			delete(l.claims, number) // of a registration that this one replaces
		}
	}
	for _, number := range numbers {
		l.claims[number] = claim{user, trunk, now.Add(claimTime)}
	}
	return ""
}

// isFree says that a user may have a number. The caller has the lock.
func (l *lines) isFree(user, number, trunk string, shared bool) bool {
	if has := l.byNumber[number]; has != nil {
		others := slices.ContainsFunc(has.users, func(u string) bool { return u != user })
		if has.trunk.name != trunk || others && !shared {
			return false
		}
	}
	c, claimed := l.claims[number]
	return !claimed || c.user == user || time.Now().After(c.until) || shared && c.trunk == trunk
}

// unused gives those of the numbers that a user may have for themselves.
func (l *lines) unused(user string, numbers []string) (free []string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, number := range numbers {
		if l.isFree(user, number, operatorTrunk, false) {
			free = append(free, number)
		}
	}
	return free
}

// settle gives a user these numbers of a trunk and takes all others from them,
// or gives the first that is not free for them. Trunks that carry nothing any
// more are gone then.
func (l *lines) settle(user string, numbers []string, t *trunk, shared bool) (taken string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, number := range numbers {
		if !l.isFree(user, number, t.name, shared) {
			return number
		}
	}
	for _, number := range l.byUser[user] {
		if has := l.byNumber[number]; has != nil && !(has.trunk == t && slices.Contains(numbers, number)) {
			has.users = slices.DeleteFunc(has.users, func(u string) bool { return u == user })
			if len(has.users) == 0 {
				delete(l.byNumber, number)
			}
		}
	}
	delete(l.byUser, user)
	for _, number := range numbers {
		if c, ok := l.claims[number]; ok && c.user == user {
			delete(l.claims, number)
		}
		has := l.byNumber[number]
		if has == nil {
			has = &line{trunk: t}
			l.byNumber[number] = has
		}
		if !slices.Contains(has.users, user) {
			has.users = append(has.users, user)
		}
		l.byUser[user] = append(l.byUser[user], number)
	}
	if len(numbers) == 0 {
		delete(l.byUser, user)
		delete(l.chosen, user)
	}
	l.dropIdle()
	return ""
}

// dropIdle ends the trunks of users' own that carry no number. The caller has
// the lock.
func (l *lines) dropIdle() {
	carrying := map[*trunk]bool{}
	for _, has := range l.byNumber {
		carrying[has.trunk] = true
	}
	for name, t := range l.trunks {
		if name != operatorTrunk && !carrying[t] {
			delete(l.trunks, name)
		}
	}
	wake(l.changed)
}

// carriedBy gives the numbers of a trunk.
func (l *lines) carriedBy(t *trunk) []string {
	return slices.Sorted(maps.Keys(l.numbersOf(t)))
}

// replace puts a trunk in the place of another of the same name, whose numbers
// it carries from now on.
func (l *lines) replace(old, by *trunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, has := range l.byNumber {
		if has.trunk == old {
			has.trunk = by
		}
	}
	l.trunks[by.name] = by
	wake(l.changed)
}
