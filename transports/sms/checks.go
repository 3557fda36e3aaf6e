package sms

import (
	"time"

	"gatehouse/transports/sms/provider"
)

// A decay says how long to wait before the provider is asked again about a
// text of less than an age.
type decay []struct{ age, wait time.Duration }

var (
	// beside reports, in case one is lost
	seldom = decay{
		{2 * time.Minute, 30 * time.Second},
		{10 * time.Minute, 2 * time.Minute},
		{time.Hour, 5 * time.Minute},
		{6 * time.Hour, time.Hour},
	}
	// in place of reports
	often = decay{
		{6 * time.Second, 2 * time.Second},
		{20 * time.Second, 5 * time.Second},
		{time.Minute, 15 * time.Second},
		{10 * time.Minute, time.Minute},
		{time.Hour, 5 * time.Minute},
		{6 * time.Hour, 30 * time.Minute},
	}
)

const seldomest = 6 * time.Hour

func (d decay) after(age time.Duration) time.Duration {
	for _, step := range d {
		if age < step.age {
			return step.wait
		}
	}
	return seldomest
}

// nextCheck is how long to wait before the trunk's provider, if there still is
// one, is asked again about a text of this age.
func (t *trunk) nextCheck(age time.Duration) time.Duration {
	if t == nil || !t.capabilities().NoReports {
		return seldom.after(age)
	}
	wait := often.after(age)
	if l, ok := t.provider.(provider.Lister); ok && age < time.Minute && l.ListEvery() > 0 {
		wait = min(wait, l.ListEvery()) // it is asked so often anyway
	}
	return wait
}

// firstCheck is the same for a text that was just taken.
func (t *trunk) firstCheck() time.Duration { return t.nextCheck(0) }
