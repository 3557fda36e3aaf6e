package sms

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// What people send is counted by month and country, and what was kept from
// them by reason. Months and days are those of UTC, as providers' bills are.

const (
	kindUsage   = "usage"
	monthLayout = "2006-01"
	maxListed   = 200 // users in one answer
)

// A monthly is one user's month.
type monthly struct {
	Countries map[string]tally `json:"countries,omitempty"`
	Days      map[int]int      `json:"days,omitempty"`    // parts, by the day of the month
	Dropped   map[string]int   `json:"dropped,omitempty"` // texts that came and were not shown, by reason
}

// A tally is what was sent to one country.
type tally struct {
	Texts, Parts, Files int
	Price               float64 // by the operator's table, until the provider tells its own
	Charged             float64 // what the provider told
}

func (t tally) plus(o tally) tally {
	return tally{t.Texts + o.Texts, t.Parts + o.Parts, t.Files + o.Files, t.Price + o.Price, t.Charged + o.Charged}
}

func (m monthly) total() (all tally) {
	for _, t := range m.Countries {
		all = all.plus(t)
	}
	return all
}

func (m *monthly) add(country string, day int, t tally) {
	if m.Countries == nil {
		m.Countries = map[string]tally{}
	}
	if m.Days == nil {
		m.Days = map[int]int{}
	}
	m.Countries[country] = m.Countries[country].plus(t)
	m.Days[day] += t.Parts
}

// count changes what is known of a user's month. One change of a user's is
// made at a time. An error of the function's changes nothing.
func (n *Network) count(ctx context.Context, user string, at time.Time, change func(*monthly) error) error {
	return n.countWith(ctx, user, at, change, func(r transport.RecordItem) error { return n.records.Put(ctx, r) })
}

// countWith does so, and has write store it.
func (n *Network) countWith(ctx context.Context, user string, at time.Time, change func(*monthly) error, write func(transport.RecordItem) error) error {
	user = userKey(user)
	unlock, err := n.ledgers.lock(ctx, transport.MessageID(user))
	if err != nil {
		return err
	}
	defer unlock()
	month := at.UTC().Format(monthLayout)
	before, found, err := n.records.Get(ctx, user, kindUsage, month)
	if err != nil {
		return fmt.Errorf("read a user's usage: %w", err)
	}
	m, known := n.counted.take(user, before)
	if !known && found {
		if m, err = readMonthly(before); err != nil {
			return err
		}
	}
	if err := change(&m); err != nil {
		return err
	}
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a user's usage: %w", err)
	}
	if err := write(transport.RecordItem{User: user, Kind: kindUsage, Key: month, Value: value}); err != nil {
		return fmt.Errorf("write a user's usage: %w", err)
	}
	n.counted.keep(user, value, m)
	return nil
}

func (n *Network) usageOf(ctx context.Context, user, month string) (m monthly, err error) {
	value, found, err := n.records.Get(ctx, userKey(user), kindUsage, month)
	if err != nil {
		return m, fmt.Errorf("read a user's usage: %w", err)
	}
	if found {
		return readMonthly(value)
	}
	return m, nil
}

func readMonthly(value []byte) (m monthly, err error) {
	if err = json.Unmarshal(value, &m); err != nil {
		err = fmt.Errorf("read a user's usage: %w", err)
	}
	return m, err
}

// countDropped notes that a text was kept from a user. It may be lost.
func (n *Network) countDropped(ctx context.Context, user, reason string) {
	err := n.count(ctx, user, time.Now(), func(m *monthly) error {
		if m.Dropped == nil {
			m.Dropped = map[string]int{}
		}
		m.Dropped[reason]++
		return nil
	})
	if err != nil {
		n.log.Error("count a text that was dropped", "error", err)
	}
}

var usageCommands = []ownCommand{
	{
		node: "usage", name: "Show what you sent",
		ask: asks("What you sent", "", monthField),
		do: func(ctx context.Context, n *Network, do transport.Performance) (string, error) {
			month, err := monthOf(do)
			if err != nil {
				return "", err
			}
			m, err := n.usageOf(ctx, do.User, month)
			if err != nil {
				return "", err
			}
			return strings.Join(append(n.usageLines(month, m), n.quotaLines(do.User, m)...), "\n"), nil
		},
	},
	{
		node: "usage-of-all", name: "Show what everybody sent", admin: true,
		ask: asks("What everybody sent", "", monthField),
		do:  showAllUsage,
	},
}

var monthField = transport.Field{Name: "month", Label: "Of which month", Help: "As 2006-01; empty is this one."}

func monthOf(do transport.Performance) (string, error) {
	text := strings.TrimSpace(do.Answers.Get("month"))
	if text == "" {
		return time.Now().UTC().Format(monthLayout), nil
	}
	if _, err := time.Parse(monthLayout, text); err != nil {
		return "", refused(transport.BadRequest, "Write the month as 2006-01.")
	}
	return text, nil
}

func (n *Network) usageLines(month string, m monthly) []string {
	all := m.total()
	lines := []string{fmt.Sprintf("In %s: %s.", month, n.tallyText(all))}
	for _, country := range slices.Sorted(maps.Keys(m.Countries)) {
		lines = append(lines, fmt.Sprintf("• %s: %s", country, n.tallyText(m.Countries[country])))
	}
	for _, reason := range slices.Sorted(maps.Keys(m.Dropped)) {
		lines = append(lines, fmt.Sprintf("• not shown to you, %s: %s", reason, amount(m.Dropped[reason], "text", "texts")))
	}
	return lines
}

func (n *Network) tallyText(t tally) string {
	text := fmt.Sprintf("%s in %s", amount(t.Texts, "text", "texts"), amount(t.Parts, "part", "parts"))
	if t.Files > 0 {
		text += ", " + amount(t.Files, "file", "files")
	}
	if t.Price > 0 {
		text += ", " + n.money(t.Price)
	}
	if t.Charged > 0 {
		text += fmt.Sprintf(" (%s of it as the provider told)", n.money(t.Charged))
	}
	return text
}

func showAllUsage(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	month, err := monthOf(do)
	if err != nil {
		return "", err
	}
	type row struct {
		user string
		tally
	}
	var rows []row
	var all tally
	err = n.eachRecord(ctx, kindUsage, func(r transport.RecordItem) error {
		var m monthly
		if r.Key != month || json.Unmarshal(r.Value, &m) != nil {
			return nil
		}
		rows = append(rows, row{r.User, m.total()})
		all = all.plus(m.total())
		return nil
	})
	if err != nil {
		return "", err
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(b.Parts, a.Parts), cmp.Compare(a.user, b.user))
	})
	lines := []string{fmt.Sprintf("In %s, %s: %s.", month, amount(len(rows), "user", "users"), n.tallyText(all))}
	for i, r := range rows {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("… and %d more", len(rows)-maxListed))
			break
		}
		lines = append(lines, fmt.Sprintf("• %s: %s", r.user, n.tallyText(r.tally)))
	}
	return strings.Join(lines, "\n"), nil
}
