package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Whoever answers STOP to a number gets nothing more from it: the carriers say
// so, and providers like Twilio see to it. Here that is remembered, so people
// see it in their contacts and are told what to do, and nothing is sent in vain.

const (
	kindOptOut = "optout" // of the network itself; by own number and contact
	optOutCode = "21610"
	loadTime   = 10 * time.Second

	maxOwnOptOuts = 100 // from a number of a user's own account
)

// The words, each alone in a text, in any case
// (https://help.twilio.com/articles/223134027). YES counts for somebody who had
// opted out only.
var (
	stopWords  = []string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
	startWords = []string{"START", "UNSTOP", "YES"}
	helpWords  = []string{"HELP", "INFO"}
)

// optOuts are those who opted out, in memory too: presence is shown from it.
type optOuts struct {
	mu   sync.RWMutex
	keys map[string]bool
}

func optOutKey(own string, contact transport.Address) string {
	contact, _ = splitOwn(contact)
	return own + " " + string(contact)
}

func (o *optOuts) has(own string, contact transport.Address) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.keys[optOutKey(own, contact)]
}

// loadOptOuts reads who has opted out.
func (n *Network) loadOptOuts() error {
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	n.optOuts.keys = map[string]bool{}
	return n.eachRecord(ctx, kindOptOut, func(r transport.RecordItem) error {
		n.optOuts.keys[r.Key] = true
		return nil
	})
}

// setOptOut remembers whether a contact has opted out, and shows it. Changed is
// false if it was so before.
func (n *Network) setOptOut(ctx context.Context, own string, contact transport.Address, out bool) (changed bool, err error) {
	contact, _ = splitOwn(contact)
	if n.optOuts.has(own, contact) == out {
		return false, nil
	}
	key := optOutKey(own, contact)
	if out && n.optOutsFull(own) {
		err = transport.ErrTooManyRecords
	} else if out {
		err = n.records.Put(ctx, transport.RecordItem{Kind: kindOptOut, Key: key, Value: []byte(time.Now().UTC().Format(time.RFC3339))})
	} else {
		err = n.records.Delete(ctx, "", kindOptOut, key)
	}
	if errors.Is(err, transport.ErrTooManyRecords) {
		n.log.Debug("more people have opted out than can be remembered; the provider still knows them")
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("remember who has opted out: %w", err)
	}
	n.optOuts.mu.Lock()
	if out {
		n.optOuts.keys[key] = true
	} else {
		delete(n.optOuts.keys, key)
	}
	n.optOuts.mu.Unlock()
	return true, nil
}

// optOutsFull says that a number of somebody's own account has its share of what
// all numbers can have: they can claim that anybody texted to it.
func (n *Network) optOutsFull(own string) bool {
	if t := n.lines.trunkOf(own); t == nil || t.own.sid == "" {
		return false
	}
	n.optOuts.mu.RLock()
	defer n.optOuts.mu.RUnlock()
	have := 0
	for key := range n.optOuts.keys {
		if strings.HasPrefix(key, own+" ") {
			have++
		}
	}
	return have >= maxOwnOptOuts
}

// showOptOut tells all who share a number how a contact stands.
func (n *Network) showOptOut(ctx context.Context, own string, contact transport.Address) {
	for _, user := range n.usersOf(own) {
		who := n.addressFor(user, contact, own)
		now, _ := n.Absence(user, who)
		if err := n.deliver(ctx, user, transport.PresenceChanged{Who: who, Availability: now}); err != nil {
			n.log.Debug("that somebody opted out or in is not shown", "error", err)
		}
	}
}

// usersOf gives those who have a number.
func (n *Network) usersOf(own string) []string {
	if t := n.lines.trunkOf(own); t != nil {
		return n.lines.usersOf(own, t)
	}
	return nil
}

// Absence implements transport.Absences.
func (n *Network) Absence(user string, who transport.Address) (transport.Availability, bool) {
	here := transport.Availability{Online: true}
	own, err := n.senderOf(user, who)
	if err != nil || !n.optOuts.has(own, who) {
		return here, false
	}
	return transport.Availability{Online: true, Show: "xa", Status: fmt.Sprintf("Opted out of texts from %s. They can send START to it.", own)}, true
}

// refuseOptedOut refuses what would not arrive.
func (n *Network) refuseOptedOut(own string, contact transport.Address) *transport.Error {
	if !n.optOuts.has(own, contact) {
		return nil
	}
	return &transport.Error{
		Reason: transport.Policy, Code: optOutCode,
		Text: fmt.Sprintf("The recipient has opted out of texts from %s. They can send START to it to get texts again.", own),
	}
}

// optedOutNow takes it from the provider that somebody had opted out.
func (n *Network) optedOutNow(ctx context.Context, item transport.OutboxItem) {
	changed, err := n.setOptOut(ctx, string(item.From), item.Chat, true)
	if err != nil {
		n.log.Error("an opt-out is not remembered", "error", err)
	}
	if changed {
		contact, _ := splitOwn(item.Chat)
		n.showOptOut(ctx, string(item.From), contact)
	}
}

// keywordIn gives which of the words a text is, if it is one: "STOP", "START"
// or "HELP". The provider's own word for it comes first.
func keywordIn(in provider.Inbound, knows bool) string {
	if said := strings.ToUpper(strings.TrimSpace(in.OptOut)); said != "" {
		return said
	}
	word := strings.ToUpper(strings.TrimSpace(in.Text))
	switch {
	case !knows:
	case slices.Contains(stopWords, word):
		return "STOP"
	case slices.Contains(startWords, word):
		return "START"
	case slices.Contains(helpWords, word):
		return "HELP"
	}
	return ""
}

// A keyword is one of the words in a text that came.
type keyword struct {
	note    string // for the user to read below the text
	hide    bool   // who has opted out is not shown doing so again
	changes bool   // whether they have, which is
	out     bool   // this now
}

// keyword says what one of the words changes. It is remembered after the text
// is delivered, so that one which comes again because that failed is shown.
func (t *trunk) keyword(own string, contact transport.Address, in provider.Inbound) keyword {
	was := t.network.optOuts.has(own, contact)
	switch said := keywordIn(in, t.capabilities().OptOuts); {
	case said == "STOP" && was:
		return keyword{hide: true}
	case said == "STOP":
		return keyword{
			note:    fmt.Sprintf("\n[With this word they opted out: they get no more texts from %s until they send START to it.]", own),
			changes: true, out: true,
		}
	case said == "START" && was:
		return keyword{note: fmt.Sprintf("\n[They get texts from %s again.]", own), changes: true}
	case said == "HELP":
		return keyword{note: "\n[The provider answers this word by itself.]"}
	}
	return keyword{}
}

// remember does so.
func (k keyword) remember(ctx context.Context, n *Network, own string, contact transport.Address) error {
	if !k.changes {
		return nil
	}
	changed, err := n.setOptOut(ctx, own, contact, k.out)
	if changed {
		n.showOptOut(ctx, own, contact)
	}
	return err
}

var optOutCommands = []ownCommand{
	{node: "opted-out", name: "Show who has opted out of your texts", do: showOptedOut},
	{
		node: "opted-in", name: "Forget that somebody has opted out",
		ask: asks("Forget that somebody has opted out", "Only for somebody who has opted in again elsewhere: your provider may still refuse texts to them.",
			transport.Field{Name: numberField, Label: "Who", Required: true}),
		do: forgetOptOut,
	},
}

func showOptedOut(_ context.Context, n *Network, do transport.Performance) (string, error) {
	var lines []string
	n.optOuts.mu.RLock()
	for _, own := range n.lines.given(do.User) {
		for key := range n.optOuts.keys {
			if contact, of := strings.CutPrefix(key, own+" "); of {
				lines = append(lines, fmt.Sprintf("• %s, from %s", contact, own))
			}
		}
	}
	n.optOuts.mu.RUnlock()
	slices.Sort(lines)
	if len(lines) == 0 {
		return "Nobody has opted out of your texts.", nil
	}
	if len(lines) > maxListed {
		lines = append(lines[:maxListed], fmt.Sprintf("… and %d more", len(lines)-maxListed))
	}
	return "These have opted out of your texts, and can send START to get them again:\n" + strings.Join(lines, "\n"), nil
}

func forgetOptOut(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	contact, err := n.phoneOf(do)
	if err != nil {
		return "", err
	}
	any := false
	for _, own := range n.lines.given(do.User) {
		changed, err := n.setOptOut(ctx, own, contact, false)
		if err != nil {
			return "", err
		}
		if changed {
			any = true
			n.showOptOut(ctx, own, contact)
		}
	}
	if !any {
		return "", refused(transport.NotFound, "%s has not opted out of your texts.", contact)
	}
	return fmt.Sprintf("Texts to %s are sent again.", contact), nil
}
