package sms

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// A group text has the numbers of its members as its address, but for the
// user's own: each once, in order, in E.164, with commas between them.
const groupSeparator = ","

// isGroup says that an address is a group's. Names of senders may have commas.
func isGroup(a transport.Address) bool {
	return strings.HasPrefix(string(a), "+") && strings.Contains(string(a), groupSeparator)
}

// isGroupText says that somebody wrote the address of a group.
func isGroupText(text string) bool {
	if len(text) > longestInput || !utf8.ValidString(text) || !strings.Contains(text, groupSeparator) {
		return false
	}
	return !strings.HasSuffix(strings.ToLower(strings.TrimSpace(text)), lettersSuffix)
}

// membersOf gives the numbers in the address of a group.
func membersOf(a transport.Address) []string {
	others, _ := splitOwn(a)
	return strings.Split(string(others), groupSeparator)
}

// groupOf gives the address of a group of these numbers. Of a single one it is
// the person's.
func groupOf(numbers []string) transport.Address {
	sorted := slices.Compact(slices.Sorted(slices.Values(numbers)))
	return transport.Address(strings.Join(sorted, groupSeparator))
}

// resolveGroup reads the numbers of a group, of which it may have so many.
func resolveGroup(text, region string, most int) (transport.Address, transport.Kind, error) {
	var numbers []string
	for part := range strings.SplitSeq(text, groupSeparator) {
		a, err := resolvePart(withoutScheme(strings.TrimSpace(part)), region)
		if err != nil {
			return "", transport.Room, err
		}
		if !strings.HasPrefix(string(a), "+") {
			return "", transport.Room, badAddress(fmt.Sprintf("%s can't be in a group: only phones with full numbers can.", part))
		}
		numbers = append(numbers, string(a))
	}
	a := groupOf(numbers)
	if n := len(membersOf(a)); n > most {
		return "", transport.Room, &transport.Error{
			Reason: transport.BadAddress,
			Text:   fmt.Sprintf("These are %d numbers, and a group text has at most %d.", n, most),
		}
	}
	if string(a) != text {
		return "", transport.Room, movedTo(a)
	}
	return a, transport.Room, nil
}

// movedTo tells the one spelling of a group's address.
func movedTo(a transport.Address) error {
	if !isGroup(a) {
		return &transport.Error{Reason: transport.Moved, Redirect: a, Text: fmt.Sprintf("That is one number, whose address is %s.", a)}
	}
	return &transport.Error{Reason: transport.Moved, Redirect: a, Text: fmt.Sprintf("The address of this group is %s.", a)}
}

// groupWithout gives the address of a group with a number left out.
func groupWithout(a transport.Address, number string) transport.Address {
	_, own := splitOwn(a)
	return withOwn(groupOf(slices.DeleteFunc(membersOf(a), func(n string) bool { return n == number })), own)
}
