package sms

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const latest = 366 * 24 * time.Hour // how far ahead a text can be scheduled

var (
	inSpan    = regexp.MustCompile(`^(?:in )?(\d{1,6}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)$`)
	clock     = regexp.MustCompile(`^(?:at )?(\d{1,2})(?:[:.](\d{2}))? ?(am|pm)?$`)
	dateFirst = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})[ t]+(.+)$`)
)

var spans = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// parseWhen reads a time to come, as people write it: "2026-12-24T18:00:00Z",
// "in 2h", "tomorrow 9:00", "friday 18:30", "2026-12-24 18:00", "9:00".
func parseWhen(text string, now time.Time) (time.Time, error) {
	given := strings.TrimSpace(text)
	at, err := readWhen(given, now)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%.80q is no time; write one like: in 2h, tomorrow 9:00, friday 18:30, 2006-01-02 15:04", given)
	case !at.After(now):
		return time.Time{}, fmt.Errorf("%.80q is over: it is %s", given, now.Format("2006-01-02 15:04 MST"))
	case at.Sub(now) > latest:
		return time.Time{}, fmt.Errorf("%.80q is more than a year ahead", given)
	}
	return at, nil
}

func readWhen(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	if m := inSpan.FindStringSubmatch(text); m != nil {
		many, err := strconv.Atoi(m[1])
		if err != nil {
			return time.Time{}, err
		}
		return now.Add(time.Duration(many) * spans[m[2][0]]), nil
	}
	year, month, day := now.Date()
	on := func(days int, rest string) (time.Time, error) {
		hour, minute, err := readClock(rest)
		return time.Date(year, month, day+days, hour, minute, 0, 0, now.Location()), err
	}
	if m := dateFirst.FindStringSubmatch(text); m != nil {
		date, err := time.ParseInLocation("2006-1-2", strings.Join(m[1:4], "-"), now.Location())
		if err != nil {
			return time.Time{}, err
		}
		year, month, day = date.Date()
		return on(0, m[4])
	}
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "today":
		return on(0, rest)
	case "tomorrow":
		return on(1, rest)
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); word == name || word == name[:3] {
			ahead := (int(d) - int(now.Weekday()) + 7) % 7
			at, err := on(ahead, rest)
			if err == nil && !at.After(now) {
				return on(ahead+7, rest)
			}
			return at, err
		}
	}
	at, err := on(0, text)
	if err == nil && !at.After(now) {
		return on(1, text)
	}
	return at, err
}

func readClock(text string) (hour, minute int, err error) {
	m := clock.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("no time of day")
	}
	hour, _ = strconv.Atoi(m[1])
	minute, _ = strconv.Atoi(m[2])
	switch {
	case m[3] != "" && (hour < 1 || hour > 12), hour > 23, minute > 59:
		return 0, 0, fmt.Errorf("no time of day")
	case m[3] == "am" && hour == 12:
		hour = 0
	case m[3] == "pm" && hour < 12:
		hour += 12
	}
	return hour, minute, nil
}

// Quiet hours are a part of each day: "22:00-07:00".
type quietHours struct{ from, to int } // minutes of the day

func parseQuiet(text string) (q quietHours, err error) {
	from, to, ok := strings.Cut(strings.ReplaceAll(strings.ToLower(text), "–", "-"), "-")
	if !ok {
		return q, fmt.Errorf("no two times")
	}
	for _, one := range []struct {
		text    string
		minutes *int
	}{{from, &q.from}, {to, &q.to}} {
		hour, minute, err := readClock(strings.TrimSpace(one.text))
		if err != nil {
			return q, err
		}
		*one.minutes = hour*60 + minute
	}
	if q.from == q.to {
		return q, fmt.Errorf("they never end")
	}
	return q, nil
}

func (q quietHours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", q.from/60, q.from%60, q.to/60, q.to%60)
}

// until gives when they end, if they are now.
func (q quietHours) until(now time.Time) (end time.Time, quiet bool) {
	year, month, day := now.Date()
	minutes := now.Hour()*60 + now.Minute()
	at := func(day int) time.Time {
		return time.Date(year, month, day, q.to/60, q.to%60, 0, 0, now.Location())
	}
	switch {
	case q.from < q.to:
		return at(day), minutes >= q.from && minutes < q.to
	case minutes >= q.from:
		return at(day + 1), true
	}
	return at(day), minutes < q.to
}
