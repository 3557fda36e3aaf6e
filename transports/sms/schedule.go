package sms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Texts for later are records until their time has come, and go into the outbox
// then: so the texts of now don't wait behind them.

const (
	kindScheduled = "scheduled" // by a small number, for people to write
	maxScheduled  = 100         // of one user

	ownOrigin = "scheduled:" // of those that no client sent

	settingQuiet = "quiet_hours"
)

// A scheduled text waits for its time.
type scheduled struct {
	To, Text string
	When     time.Time
	Origin   string            // the same each time it is tried, so that it is sent once
	Request  transport.Request `json:",omitempty"`
	Media    []transport.Media `json:",omitempty"`
	Quiet    bool              `json:",omitempty"` // it waits for the end of the quiet hours
	Written  time.Time         `json:",omitzero"`  // texts for the same time are sent in this order
}

// A dueText is one whose time has come, with its record.
type dueText struct {
	scheduled
	record transport.RecordItem
}

var quietSetting = setting{
	Field: transport.Field{
		Name: settingQuiet, Label: "Hours in which your texts wait, like 22:00-07:00",
		Help: "In your time zone. What you write then is sent when they end.",
	},
	check: func(_ *Network, _ string, given []string) ([]string, string) {
		text := strings.TrimSpace(strings.Join(given, ""))
		if text == "" {
			return nil, ""
		}
		q, err := parseQuiet(text)
		if err != nil {
			return nil, fmt.Sprintf("%.40q are no hours, write them like 22:00-07:00", text)
		}
		return []string{q.String()}, ""
	},
}

var scheduleCommands = []ownCommand{
	{
		node: "schedule", name: "Send a text later", ofPeople: true,
		ask: asks("Send a text later", "It can be cancelled until then.",
			transport.Field{Name: numberField, Label: "To which number", Required: true},
			transport.Field{Name: "when", Label: "When", Help: "Like: in 2h, tomorrow 9:00, friday 18:30, 2026-12-24 18:00.", Required: true},
			transport.Field{Name: "text", Label: "The text", Required: true}),
		do: scheduleText,
	},
	{node: "scheduled", name: "Show the texts that wait", do: showScheduled},
	{
		node: "cancel", name: "Cancel a text that waits",
		ask: asks("Cancel a text that waits", "", transport.Field{Name: "id", Label: "Its number in the list of scheduled ones", Required: true}),
		do:  cancelScheduled,
	},
}

func scheduleText(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	to, err := n.phoneOf(do)
	if err != nil {
		return "", err
	}
	now := time.Now().In(n.placeOf(do.User))
	when, err := parseWhen(do.Answers.Get("when"), now)
	if err != nil {
		return "", refused(transport.BadRequest, "%s.", err)
	}
	one := scheduled{To: string(to), Text: do.Answers.Get("text"), When: when.UTC(), Origin: ownOrigin + rand.Text()}
	if _, err := n.draftOf(do.User, one); err != nil {
		return "", err
	}
	id, err := n.schedule(ctx, do.User, one)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Your text to %s is sent %s. To cancel it, write: cancel %s", to, timeText(when.In(now.Location())), id), nil
}

func timeText(t time.Time) string { return t.Format("on Monday, 2006-01-02, at 15:04 MST") }

// draftOf makes what a text is sent as once its time has come.
func (n *Network) draftOf(user string, one scheduled) (draft, error) {
	to := transport.Address(one.To)
	if !isGroup(to) {
		if _, err := dialable(to); err != nil {
			return draft{}, err
		}
	}
	return n.draft(user, to, transport.Message{
		Chat: to, Text: one.Text, Media: one.Media, Origin: one.Origin, Request: one.Request,
	}, one.When)
}

// schedule keeps a text for later.
func (n *Network) schedule(ctx context.Context, user string, one scheduled) (id string, err error) {
	unlock, err := n.lockScheduled(ctx, user)
	if err != nil {
		return "", err
	}
	defer unlock()
	all, err := n.records.OfUser(ctx, user, kindScheduled)
	if err != nil {
		return "", fmt.Errorf("read the texts that wait: %w", err)
	}
	if len(all) >= maxScheduled {
		return "", refused(transport.TooMany, "%d texts of yours wait already, which is the limit.", maxScheduled)
	}
	if err := n.roomForLater(ctx, user, len(all)); err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, r := range all {
		taken[r.Key] = true
	}
	for i := 1; id == "" || taken[id]; i++ {
		id = strconv.Itoa(i)
	}
	one.Written = time.Now().UTC()
	value, err := json.Marshal(one)
	if err == nil {
		err = n.records.Put(ctx, transport.RecordItem{User: user, Kind: kindScheduled, Key: id, Value: value})
	}
	switch {
	case errors.Is(err, transport.ErrRecordTooLong):
		return "", refused(transport.TooLong, "The text is too long to be kept for later.")
	case err != nil:
		return "", fmt.Errorf("write a text that waits: %w", err)
	}
	wake(n.scheduling)
	return id, nil
}

func (n *Network) lockScheduled(ctx context.Context, user string) (unlock func(), err error) {
	return n.waiting.lock(ctx, transport.MessageID(user))
}

func showScheduled(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	all, err := n.records.OfUser(ctx, do.User, kindScheduled)
	if err != nil {
		return "", fmt.Errorf("read the texts that wait: %w", err)
	}
	type entry struct {
		id string
		scheduled
	}
	var list []entry
	for _, r := range all {
		one := entry{id: r.Key}
		if err := json.Unmarshal(r.Value, &one.scheduled); err != nil {
			return "", fmt.Errorf("read a text that waits: %w", err)
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return "No text of yours waits.", nil
	}
	slices.SortFunc(list, func(a, b entry) int { return a.When.Compare(b.When) })
	place := n.placeOf(do.User)
	lines := []string{amount(len(list), "text waits", "texts wait") + ":"}
	for _, one := range list {
		text := []rune(strings.Join(strings.Fields(one.Text), " "))
		if len(text) > 80 {
			text = append(text[:79], '…')
		}
		lines = append(lines, fmt.Sprintf("• %s: to %s, %s: %s", one.id, one.To, timeText(one.When.In(place)), string(text)))
	}
	return strings.Join(append(lines, "To cancel one, write: cancel NUMBER"), "\n"), nil
}

func cancelScheduled(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	unlock, err := n.lockScheduled(ctx, do.User)
	if err != nil {
		return "", err
	}
	defer unlock()
	id := strings.TrimSpace(do.Answers.Get("id"))
	_, found, err := n.records.Get(ctx, do.User, kindScheduled, id)
	switch {
	case err != nil:
		return "", fmt.Errorf("read a text that waits: %w", err)
	case !found:
		return "", refused(transport.NotFound, "No text of yours with the number %.20q waits. It may have been sent.", id)
	}
	if err := n.records.Delete(ctx, do.User, kindScheduled, id); err != nil {
		return "", fmt.Errorf("cancel a text: %w", err)
	}
	return "The text is not sent.", nil
}

// tellUser says something to a user that is no message of anybody's. It may be
// lost.
func (n *Network) tellUser(ctx context.Context, user, text string) {
	if err := n.deliver(ctx, user, transport.Notice{Text: text}); err != nil {
		n.log.Info("a notice could not be told", "error", err)
	}
}

// waitForMorning keeps a message for the end of the user's quiet hours. False
// means that it is to be sent now.
func (s *session) waitForMorning(ctx context.Context, to transport.Address, m transport.Message) (waits bool, err error) {
	n := s.network
	q, err := parseQuiet(strings.Join(n.setting(s.user, settingQuiet), ""))
	if err != nil {
		return false, nil
	}
	now := time.Now().In(n.placeOf(s.user))
	end, quiet := q.until(now)
	if !quiet {
		return false, nil
	}
	one := scheduled{To: string(to), Text: m.Text, When: end.UTC(), Origin: cmp.Or(m.Origin, rand.Text()), Request: m.Request, Media: m.Media, Quiet: true}
	all, err := n.records.OfUser(ctx, s.user, kindScheduled)
	if err != nil {
		return false, fmt.Errorf("read the texts that wait: %w", err)
	}
	first := true
	for _, r := range all {
		var other scheduled
		if json.Unmarshal(r.Value, &other) != nil || !other.Quiet || other.To != one.To {
			continue
		}
		first = false
		if other.Origin == one.Origin && other.Text == one.Text && len(other.Media) == len(one.Media) {
			return true, nil // a repetition
		}
	}
	id, err := n.schedule(ctx, s.user, one)
	if err != nil {
		return false, err
	}
	if first {
		s.tellLater(fmt.Sprintf("It is in your quiet hours: your text to %s is sent %s. To cancel it, write: cancel %s", to, timeText(end), id))
	}
	return true, nil
}
