package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Some providers tell what a text cost, a while after it was sent. That then
// stands in for the price of the operator's table.

const (
	kindPrice   = "price" // texts whose price is not yet told, by message id
	priceAfter  = time.Minute
	priceTries  = 5
	priceEvery  = 30 * time.Second
	pricesAtime = 50
)

// An unpriced text waits for its price.
type unpriced struct {
	From, Country string
	Put, Ask      time.Time
	Estimate      float64
	Tries         int
}

// awaitPrice has a text's price asked for.
func (n *Network) awaitPrice(ctx context.Context, item transport.OutboxItem) {
	t := n.lines.trunkOf(string(item.From))
	if t == nil || item.ID == "" {
		return
	}
	if _, tells := t.provider.(provider.Pricer); !tells {
		return
	}
	c, err := n.chargeOf(item.User, item.Put, []transport.OutboxItem{item})
	if err != nil {
		return
	}
	one := unpriced{From: string(item.From), Country: countryOf(item.Chat), Put: item.Put, Ask: time.Now().Add(priceAfter), Estimate: c.Price}
	if err := n.putUnpriced(ctx, item.User, string(item.ID), one); err != nil && !errors.Is(err, transport.ErrTooManyRecords) {
		n.log.Error("the price of a text is not asked for", "error", err)
	}
}

func (n *Network) putUnpriced(ctx context.Context, user, id string, one unpriced) error {
	value, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("write a text's price: %w", err)
	}
	return n.records.Put(ctx, transport.RecordItem{User: userKey(user), Kind: kindPrice, Key: id, Value: value})
}

// askPrices asks for prices until ctx ends.
func (n *Network) askPrices(ctx context.Context) {
	for sleep(ctx, priceEvery) {
		left := pricesAtime
		err := n.eachRecord(ctx, kindPrice, func(r transport.RecordItem) error {
			var one unpriced
			if err := json.Unmarshal(r.Value, &one); err != nil || one.Tries >= priceTries {
				return n.records.Delete(ctx, r.User, r.Kind, r.Key)
			}
			if left == 0 || one.Ask.After(time.Now()) {
				return nil
			}
			left--
			return n.askPrice(ctx, r, one)
		})
		if err != nil && ctx.Err() == nil {
			n.log.Error("ask for prices", "error", err)
		}
	}
}

func (n *Network) askPrice(ctx context.Context, r transport.RecordItem, one unpriced) error {
	price, currency, known := n.priceOf(ctx, one.From, transport.MessageID(r.Key))
	if !known {
		one.Tries++
		one.Ask = time.Now().Add(priceAfter << one.Tries)
		return n.putUnpriced(ctx, r.User, r.Key, one)
	}
	if err := n.records.Delete(ctx, r.User, r.Kind, r.Key); err != nil {
		return fmt.Errorf("note a text's price: %w", err)
	}
	if currency != n.currency {
		return nil // it can't be added to the others
	}
	return n.count(ctx, r.User, one.Put, func(m *monthly) error {
		t := m.Countries[one.Country]
		t.Price = math.Max(0, t.Price+price-one.Estimate)
		t.Charged += price
		if m.Countries == nil {
			m.Countries = map[string]tally{}
		}
		m.Countries[one.Country] = t
		return nil
	})
}

func (n *Network) priceOf(ctx context.Context, from string, id transport.MessageID) (price float64, currency string, known bool) {
	t := n.lines.trunkOf(from)
	if t == nil {
		return 0, "", false
	}
	p, ok := t.provider.(provider.Pricer)
	if !ok {
		return 0, "", false
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var err error
	func() {
		defer t.recovered("price", &err)
		price, currency, known, err = p.Price(ctx, id)
	}()
	if err != nil {
		n.log.Debug("ask for the price of a text", "error", err)
	}
	return price, currency, known && err == nil
}
