package sms

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/gateway/transport"
)

// textCommands are about writing texts.
var textCommands = []ownCommand{
	{
		node: "text", name: "Send a text",
		ask: asks("Send a text", "What they answer comes in a chat with their number.",
			transport.Field{Name: numberField, Label: "To which number", Required: true},
			transport.Field{Name: "text", Label: "The text", Required: true}),
		do: sendText,
	},
	{
		node: "cost", name: "Say what a text costs", ofPeople: true,
		ask: asks("What a text costs", "Nothing is sent.",
			transport.Field{Name: numberField, Label: "To which number", Help: "Prices depend on it."},
			transport.Field{Name: "text", Label: "The text", Required: true}),
		do: tellCost,
	},
}

// sendText sends as the user's client would have.
func sendText(ctx context.Context, n *Network, do transport.Performance) (string, error) {
	to, err := n.phoneOf(do)
	if err != nil {
		return "", err
	}
	s := n.sessionOf(do.User)
	if s == nil {
		return "", errNoLine
	}
	if _, err := s.Send(ctx, transport.Message{Chat: to, Text: do.Answers.Get("text")}); err != nil {
		return "", err
	}
	return fmt.Sprintf("Your text to %s is on its way.", to), nil
}

// A measure is what a text is sent as.
type measure struct {
	parts, units int
	ucs2         bool
	odd          string // the first character that the GSM alphabet lacks
	at           int    // which one of the text it is, from 1
}

// measured counts a text exactly as it is sent.
func measured(text string) (m measure, err error) {
	m.units = units(text)
	if m.units > longestText {
		return m, tooLongFor(m.units)
	}
	if m.parts, err = segments(text); err != nil {
		return m, &transport.Error{Reason: transport.BadRequest, Text: "The message can't be written as a text.", Err: err}
	}
	for _, r := range text {
		m.at++
		if !fitsGSM(string(r)) {
			m.ucs2, m.odd = true, string(r)
			break
		}
	}
	return m, nil
}

func (m measure) String() string {
	lines := []string{fmt.Sprintf("%s, %s, in the GSM alphabet (160 to a part, 153 in one of several).", amount(m.parts, "part", "parts"), amount(m.units, "character", "characters"))}
	if m.ucs2 {
		lines = []string{
			fmt.Sprintf("%s, %s, in UCS-2 (70 to a part, 67 in one of several).", amount(m.parts, "part", "parts"), amount(m.units, "character", "characters")),
			fmt.Sprintf("The GSM alphabet, which holds more than twice as many, lacks %q (U+%04X, character %d).", m.odd, []rune(m.odd)[0], m.at),
		}
	}
	return strings.Join(lines, "\n")
}

// amount writes a number of things.
func amount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func tellCost(_ context.Context, n *Network, do transport.Performance) (string, error) {
	text := outgoingText(do.Answers.Get("text"), n.smart)
	if strings.TrimSpace(text) == "" {
		return "", refused(transport.BadRequest, "The message has no text.")
	}
	most := 0
	if t := n.lines.trunkOf(strings.Join(first(n.lines.of(do.User)), "")); t != nil {
		most = t.capabilities().MaxCharacters
	}
	pieces, err := n.pieces(text, most)
	if err != nil {
		return "", err
	}
	parts := 0
	var lines []string
	if len(pieces) > 1 {
		lines = append(lines, fmt.Sprintf("It is sent as %d texts:", len(pieces)))
	}
	for _, piece := range pieces {
		m, err := measured(piece)
		if err != nil {
			return "", err
		}
		parts += m.parts
		lines = append(lines, m.String())
	}
	if do.Answers.Get(numberField) == "" {
		return strings.Join(lines, "\n"), nil
	}
	to, err := n.phoneOf(do)
	if err != nil {
		return "", err
	}
	if _, err := dialable(to); err != nil {
		return "", err
	}
	price, known := n.prices.of(to)
	if !known {
		return strings.Join(append(lines, fmt.Sprintf("The price of a part to %s is not known here.", to)), "\n"), nil
	}
	return strings.Join(append(lines, fmt.Sprintf("To %s: %s × %s = %s", to, amount(parts, "part", "parts"), n.money(price), n.money(float64(parts)*price))), "\n"), nil
}
