package sms

import (
	"fmt"
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
)

// Cheogram, a gateway whose users have their numbers with others (the SGX
// contract, wiki.soprani.ca/SGX), knows phones by +digits and all other senders
// by digits and a context of its own:
//
//	32665;phone-context=ca-us.phone-context.soprani.ca          a short code of Canada and the US
//	3547…;phone-context=alphanumeric.phone-context.soprani.ca   letters, each as its code point less 30
//	15;phone-context=anonymous.phone-context.soprani.ca         nobody, of six kinds
//
// Its users see them so. To everybody else these are other spellings.
const (
	sgxShort     = contextParam + cheogramNANP + cheogramContext
	sgxLetters   = contextParam + "alphanumeric" + cheogramContext
	sgxAnonymous = contextParam + "anonymous" + cheogramContext

	sgxOffset     = 30
	sgxWithheld   = "15"
	sgxMostDigits = 120
)

// fromSGX gives the address that one in Cheogram's form stands for.
func fromSGX(a transport.Address, region string) (transport.Address, bool) {
	s := strings.ToLower(string(a))
	i := strings.Index(s, contextParam)
	if i < 1 || !strings.HasSuffix(s, cheogramContext) || strings.Trim(s[:i], "0123456789") != "" {
		return "", false
	}
	digits := s[:i]
	switch s[i:] {
	case sgxShort:
		of, _ := contextRegion(cheogramNANP, region)
		return shortCode(digits, of)
	case sgxAnonymous:
		if len(digits) == 2 && digits >= "13" && digits <= "18" {
			return anonymous, true
		}
	case sgxLetters:
		letters, ok := sgxDecoded(digits)
		if !ok {
			return "", false
		}
		found := lettersAddress(letters)
		return found, found != ""
	}
	return "", false
}

// sgxForm gives an address in Cheogram's form.
func sgxForm(a transport.Address) transport.Address {
	s := string(a)
	if a == anonymous {
		return sgxWithheld + sgxAnonymous
	}
	if letters, ok := strings.CutSuffix(s, lettersSuffix); ok {
		plain, _ := unescaped(letters)
		var b strings.Builder
		for _, r := range plain {
			b.WriteString(strconv.Itoa(int(r) - sgxOffset))
		}
		return transport.Address(b.String() + sgxLetters)
	}
	if number, context, ok := strings.Cut(s, contextParam); ok && (context == "us" || context == "ca") {
		return transport.Address(number + sgxShort)
	}
	return a
}

// sgxDecoded reads letters again. Some have one digit and some two, so there are
// several ways: that is taken which has the most letters, and the fewest marks.
func sgxDecoded(digits string) (string, bool) {
	if len(digits) > sgxMostDigits {
		return "", false
	}
	type way struct {
		cost int
		text string
		is   bool
	}
	ways := make([]way, len(digits)+1)
	ways[len(digits)] = way{is: true}
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] == '0' {
			continue
		}
		for size := 1; size <= 2 && i+size <= len(digits); size++ {
			n, err := strconv.Atoi(digits[i : i+size])
			rest := ways[i+size]
			if err != nil || !rest.is || n < 2 || n > 96 { // ASCII that is shown
				continue
			}
			c := rune(n + sgxOffset)
			if cost := rest.cost + sgxCost(c); !ways[i].is || cost < ways[i].cost {
				ways[i] = way{cost, string(c) + rest.text, true}
			}
		}
	}
	return ways[0].text, ways[0].is
}

func sgxCost(c rune) int {
	switch {
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return 0
	case c == ' ', c >= '0' && c <= '9':
		return 2
	}
	return 5
}

// plainAddress gives an address as it is to everybody but users of Cheogram.
func (n *Network) plainAddress(a transport.Address) transport.Address {
	contact, own := splitOwn(a)
	if plain, ok := fromSGX(contact, n.region); ok {
		return withOwn(plain, own)
	}
	return a
}

// resolveSGX resolves what is in Cheogram's form. Where there are users of
// Cheogram, Refuse tells the others the right spelling.
func (n *Network) resolveSGX(text string, plain transport.Address) (transport.Address, transport.Kind, error) {
	if len(n.sgx) > 0 && text == strings.ToLower(text) {
		return transport.Address(text), transport.Person, nil
	}
	return "", 0, &transport.Error{Reason: transport.Moved, Redirect: plain, Text: fmt.Sprintf("The address of this number is %s.", plain)}
}

// refuseSGX keeps everybody but users of Cheogram from its forms.
func (n *Network) refuseSGX(user string, a transport.Address) error {
	if plain := n.plainAddress(a); plain != a && !n.Addressed(user) {
		return &transport.Error{Reason: transport.Moved, Redirect: plain, Text: fmt.Sprintf("The address of this number is %s.", plain)}
	}
	return nil
}
