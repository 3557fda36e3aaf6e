package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// What comes from a number that its user has blocked is taken from the
// provider, counted, and shown to nobody. The sender can't tell.

const (
	kindBlock   = "block" // by the number, or how numbers begin: "+1900*"
	maxBlocks   = 500     // of one user
	prefixMark  = "*"
	leastPrefix = 2 // digits
)

// A block is one entry of a user's list.
type block struct {
	Since time.Time
	Texts int // that came since

	Removed bool `json:",omitempty"` // it was blocked by being taken out of the contacts
}

var blockCommands = []ownCommand{
	{
		node: "block-number", word: "block", name: "Block a number, or all that begin alike", ofPeople: true,
		ask: asks("Block a number", "Texts from it are not shown to you any more. Its owner can't tell.",
			transport.Field{Name: numberField, Label: "The number", Help: "+1900* stands for all numbers that begin with +1900.", Required: true}),
		do: blockNumber,
	},
	{
		node: "unblock-number", word: "unblock", name: "Unblock a number", ofPeople: true,
		ask: asks("Unblock a number", "", transport.Field{Name: numberField, Label: "The number, as the list of blocked ones has it", Required: true}),
		do:  unblockNumber,
	},
	{node: "blocked-numbers", word: "blocked", name: "Show whom you have blocked", do: showBlocked},
}

// blockKey reads a number or the beginning of numbers.
func (n *Network) blockKey(user, text string) (string, error) {
	text = strings.TrimSpace(text)
	if begin, is := strings.CutSuffix(text, prefixMark); is {
		digits, err := dialled(begin)
		if err != nil || len(digits) < 1+leastPrefix || digits[0] != '+' || len(digits) > 16 {
			return "", refused(transport.BadRequest, "%q is not how numbers begin. Write at least the country code, like +1900*.", text)
		}
		return digits + prefixMark, nil
	}
	a, err := n.phone(user, text)
	if err != nil {
		if strings.Contains(text, "@") {
			return "", refused(transport.BadRequest, "Numbers are blocked with this. Whoever is to use this gateway no more is blocked with block-address, by an administrator.")
		}
		return "", err
	}
	a, _ = splitOwn(a)
	return string(a), nil
}

func blockNumber(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	key, err := n.blockKey(do.User, do.Answers.Get(numberField))
	if err != nil {
		return "", err
	}
	switch err := n.addBlock(ctx, do.User, key, block{Since: time.Now().UTC()}); {
	case errors.Is(err, errBlockedAlready):
		return key + " was blocked already.", nil
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("%s is blocked.", key), nil
}

var errBlockedAlready = errors.New("the number is blocked already")

// addBlock puts an entry on a user's list, where there is room. One that came of
// a contact's removal becomes the user's own word.
func (n *Network) addBlock(ctx context.Context, user, key string, b block) error {
	all, err := n.records.OfUser(ctx, userKey(user), kindBlock)
	if err != nil {
		return fmt.Errorf("read whom a user has blocked: %w", err)
	}
	for _, r := range all {
		if r.Key != key {
			continue
		}
		var was block
		if json.Unmarshal(r.Value, &was) == nil && was.Removed && !b.Removed {
			was.Removed = false
			return n.putBlock(ctx, userKey(user), key, was)
		}
		return errBlockedAlready
	}
	if len(all) >= maxBlocks {
		return refused(transport.TooMany, "You have blocked %d numbers, which is the limit. One like +1900* stands for many.", maxBlocks)
	}
	return n.putBlock(ctx, userKey(user), key, b)
}

func (n *Network) putBlock(ctx context.Context, user, key string, b block) error {
	value, err := json.Marshal(b)
	if err == nil {
		err = n.records.Put(ctx, transport.RecordItem{User: user, Kind: kindBlock, Key: key, Value: value})
	}
	if errors.Is(err, transport.ErrTooManyRecords) {
		return refused(transport.TooMany, "You have blocked too many numbers.")
	}
	if err != nil {
		return fmt.Errorf("write whom a user has blocked: %w", err)
	}
	return nil
}

func unblockNumber(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	key, err := n.blockKey(do.User, do.Answers.Get(numberField))
	if err != nil {
		return "", err
	}
	_, found, err := n.records.Get(ctx, do.User, kindBlock, key)
	switch {
	case err != nil:
		return "", fmt.Errorf("read whom a user has blocked: %w", err)
	case !found:
		return "", refused(transport.NotFound, "%s is not blocked.", key)
	}
	if err := n.records.Delete(ctx, do.User, kindBlock, key); err != nil {
		return "", fmt.Errorf("unblock a number: %w", err)
	}
	return fmt.Sprintf("%s is not blocked any more.", key), nil
}

func showBlocked(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	all, err := n.records.OfUser(ctx, do.User, kindBlock)
	if err != nil {
		return "", fmt.Errorf("read whom a user has blocked: %w", err)
	}
	if len(all) == 0 {
		return "You have blocked nobody.", nil
	}
	lines := []string{amount(len(all), "number is", "numbers are") + " blocked:"}
	for _, r := range all {
		var b block
		if err := json.Unmarshal(r.Value, &b); err != nil {
			return "", fmt.Errorf("read whom a user has blocked: %w", err)
		}
		lines = append(lines, fmt.Sprintf("• %s since %s, %s", r.Key, b.Since.Format(time.DateOnly), amount(b.Texts, "text", "texts")))
	}
	return strings.Join(lines, "\n"), nil
}

// blockOf gives the entry that blocks a sender.
func (n *Network) blockOf(ctx context.Context, user string, from transport.Address) (key string, b block, blocked bool, err error) {
	all, err := n.records.OfUser(ctx, userKey(user), kindBlock)
	if err != nil {
		return "", b, false, fmt.Errorf("read whom a user has blocked: %w", err)
	}
	for _, r := range all {
		begin, isPrefix := strings.CutSuffix(r.Key, prefixMark)
		if r.Key != string(from) && (!isPrefix || !strings.HasPrefix(string(from), begin)) {
			continue
		}
		if err := json.Unmarshal(r.Value, &b); err != nil {
			return "", b, false, fmt.Errorf("read whom a user has blocked: %w", err)
		}
		return r.Key, b, true, nil
	}
	return "", b, false, nil
}
