package sms

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// A Quota is what one user may send at most. A zero is no limit.
type Quota struct {
	PartsPerDay   int      `toml:"parts_per_day"`
	PartsPerMonth int      `toml:"parts_per_month"`
	PricePerMonth float64  `toml:"price_per_month"` // by the table of prices
	Countries     []string `toml:"countries"`       // to which they may send: "US", or "+1"; empty: to all
}

func (q Quota) check(key string, prices Prices) error {
	switch {
	case q.PartsPerDay < 0:
		return &transport.OptionError{Key: key + ".parts_per_day", Problem: "must be 0 or more; 0 is no limit"}
	case q.PartsPerMonth < 0:
		return &transport.OptionError{Key: key + ".parts_per_month", Problem: "must be 0 or more; 0 is no limit"}
	case !(q.PricePerMonth >= 0):
		return &transport.OptionError{Key: key + ".price_per_month", Problem: "must be 0 or more; 0 is no limit"}
	case q.PricePerMonth > 0 && len(prices) == 0:
		return &transport.OptionError{Key: key + ".price_per_month", Problem: `needs prices: say what a part costs, as price = { "+1" = 0.0079 }`}
	}
	for i, c := range q.Countries {
		if !knownRegion(c) && !pricePrefix.MatchString(c) {
			return &transport.OptionError{
				Key:     fmt.Sprintf("%s.countries[%d]", key, i),
				Problem: fmt.Sprintf("%q is no country; write its two capital letters, like \"US\", or how its numbers begin, like \"+1\"", c),
			}
		}
	}
	return nil
}

// lets says that texts may go to somebody.
func (q Quota) lets(to transport.Address) bool {
	return len(q.Countries) == 0 || slices.ContainsFunc(q.Countries, func(c string) bool {
		return c == countryOf(to) || c[0] == '+' && strings.HasPrefix(numberFor(to), c)
	})
}

// quotaOf gives what a user may send.
func (n *Network) quotaOf(user string) Quota {
	if own, ok := n.quotas[userKey(user)]; ok {
		return own
	}
	return n.quota
}

// A charge is what a message takes of a quota.
type charge struct {
	user      string
	at        time.Time
	countries map[string]tally
	tally                         // of all
	to        []transport.Address // each once
	unpriced  transport.Address   // one of them; "": none
}

// chargeOf counts the texts of a message.
func (n *Network) chargeOf(user string, at time.Time, items []transport.OutboxItem) (charge, error) {
	c := charge{user: user, at: at, countries: map[string]tally{}}
	for _, item := range perPerson(items) {
		text := item.Text
		if len(item.Media) > 0 {
			text = withLinks(text, linksTo(item.Media)...) // which it may have to be sent as
		}
		parts, err := segments(text)
		if err != nil {
			return c, &transport.Error{Reason: transport.BadRequest, Text: "The message can't be written as a text.", Err: err}
		}
		price, priced := n.prices.of(item.Chat)
		if !priced {
			c.unpriced = item.Chat
		}
		one := tally{Texts: 1, Parts: max(parts, 1), Files: len(item.Media)}
		one.Price = price * float64(one.Parts)
		country := countryOf(item.Chat)
		c.countries[country] = c.countries[country].plus(one)
		c.tally = c.tally.plus(one)
		if !slices.Contains(c.to, item.Chat) {
			c.to = append(c.to, item.Chat)
		}
	}
	return c, nil
}

// take counts a message that put stores with the new count, or refuses it.
// Limited says that the operator pays.
func (n *Network) take(ctx context.Context, c charge, limited bool, put func(usage transport.RecordItem) error) error {
	q := n.quotaOf(c.user)
	for _, to := range c.to {
		if limited && !q.lets(to) {
			return refused(transport.Forbidden, "Texts to %s are not enabled for you. The operator of this gateway says to which countries you may send: %s.", to, strings.Join(q.Countries, ", "))
		}
	}
	if limited && q.PricePerMonth > 0 && c.unpriced != "" {
		return refused(transport.Forbidden, "What a text to %s costs is not known here, and you may send for %s in a month. The operator of this gateway can add the price.", c.unpriced, n.money(q.PricePerMonth))
	}
	return n.countWith(ctx, c.user, c.at, func(m *monthly) error {
		if limited {
			if err := q.exceeded(n, *m, c); err != nil {
				return err
			}
		}
		for country, t := range c.countries {
			m.add(country, c.at.UTC().Day(), t)
		}
		return nil
	}, put)
}

// exceeded says why a message is too much.
func (q Quota) exceeded(n *Network, m monthly, c charge) error {
	today, all := m.Days[c.at.UTC().Day()], m.total()
	switch {
	case q.PartsPerDay > 0 && today+c.Parts > q.PartsPerDay:
		return refused(transport.RateLimited, "This text has %s, and you have sent %d of the %d that you may send in a day. A new day begins at midnight, UTC.", amount(c.Parts, "part", "parts"), today, q.PartsPerDay)
	case q.PartsPerMonth > 0 && all.Parts+c.Parts > q.PartsPerMonth:
		return refused(transport.RateLimited, "This text has %s, and you have sent %d of the %d that you may send in a month.", amount(c.Parts, "part", "parts"), all.Parts, q.PartsPerMonth)
	case q.PricePerMonth > 0 && all.Price+c.Price > q.PricePerMonth+1e-9:
		return refused(transport.RateLimited, "This text costs %s, and you have sent for %s of the %s that you may send for in a month.", n.money(c.Price), n.money(all.Price), n.money(q.PricePerMonth))
	}
	return nil
}

// giveBack undoes a charge for what was not sent after all. It may be lost.
func (n *Network) giveBack(ctx context.Context, c charge) {
	err := n.count(ctx, c.user, c.at, func(m *monthly) error {
		for country, t := range c.countries {
			m.add(country, c.at.UTC().Day(), tally{Texts: -t.Texts, Parts: -t.Parts, Files: -t.Files, Price: -t.Price})
		}
		return nil
	})
	if err != nil {
		n.log.Error("count back a text that was not sent", "error", err)
	}
}

// giveBackItem does so for one text, which the provider has refused.
func (n *Network) giveBackItem(ctx context.Context, item transport.OutboxItem) {
	if c, err := n.chargeOf(item.User, item.Put, []transport.OutboxItem{item}); err == nil {
		n.giveBack(ctx, c)
	}
}

// quotaLines tell of a user's limits.
func (n *Network) quotaLines(user string, m monthly) (lines []string) {
	q := n.quotaOf(user)
	if q.PartsPerDay > 0 {
		lines = append(lines, fmt.Sprintf("Today: %d of %d parts.", m.Days[time.Now().UTC().Day()], q.PartsPerDay))
	}
	if q.PartsPerMonth > 0 {
		lines = append(lines, fmt.Sprintf("You may send %d parts in a month.", q.PartsPerMonth))
	}
	if q.PricePerMonth > 0 {
		lines = append(lines, fmt.Sprintf("You may send for %s in a month.", n.money(q.PricePerMonth)))
	}
	if len(q.Countries) > 0 {
		lines = append(lines, "You may send to "+strings.Join(q.Countries, ", ")+".")
	}
	return lines
}
