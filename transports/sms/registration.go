package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/twilio"
)

const (
	fieldNumbers = "numbers" // of one's own account, where phone is a choice
	choiceOwn    = "own"     // in place of a number: those of one's own account

	maxOwnNumbers = 20
	verifyTime    = 8 * time.Second
)

func (n *Network) gives() bool  { return n.way == registrationPool || n.way == registrationBoth }
func (n *Network) brings() bool { return n.way == registrationOwn || n.way == registrationBoth }

// mayRegister says why somebody can't.
func (n *Network) mayRegister(user string) error {
	switch {
	case n.way == registrationClosed:
		return &transport.Error{Reason: transport.NotAllowed, Text: "Numbers are given out by the operator of this gateway: ask them for one."}
	case !allowed(n.allow, user):
		return &transport.Error{Reason: transport.Forbidden, Text: "The operator of this gateway has not allowed you to register here."}
	}
	return nil
}

// RegistrationForm implements transport.Registration.
func (n *Network) RegistrationForm(_ context.Context, user string, settings map[string]string) (transport.Form, error) {
	user = userKey(user)
	form := transport.Form{Title: n.name}
	e, enrolled := enrolmentOf(settings)
	err := n.mayRegister(user)
	switch {
	case n.isConfigured(user):
		form.Instructions = "The operator of this gateway has given you this. Only they can change it."
		form.Fields = phoneAlone(n.lines.given(user))
		return form, nil
	case err != nil && enrolled:
		form.Instructions = "The operator of this gateway lets nobody change this any more. You can end your registration."
		form.Fields = phoneAlone(e.numbers)
		return form, nil
	case err != nil:
		return form, err
	}
	if n.gives() {
		form.Instructions = "Choose the phone number that is to be yours."
		form.Fields = append(form.Fields, n.poolField(user, e))
	}
	if n.brings() {
		form.Fields = append(form.Fields, n.ownFields(e)...)
		if form.Instructions != "" {
			form.Instructions += " Or bring numbers of your own account with Twilio: then fill in its SID and token."
		} else {
			form.Instructions = "Enter the SID and the auth token of your account with Twilio: your texts go over its numbers."
		}
		form.Instructions += " They are kept encrypted, and whoever runs this gateway could use them."
	}
	return form, nil
}

func phoneAlone(numbers []string) []transport.Field {
	return []transport.Field{{Name: fieldPhone, Label: "Your phone number", Values: listed(numbers)}}
}

func listed(numbers []string) []string {
	if len(numbers) == 0 {
		return nil
	}
	return []string{strings.Join(numbers, ", ")}
}

func (n *Network) poolField(user string, e enrolment) transport.Field {
	f := transport.Field{Name: fieldPhone, Label: "Your phone number", Type: transport.Choice, Required: !n.brings()}
	for _, p := range n.freePool(user) {
		label := p.Number
		if p.Label != "" {
			label += " (" + p.Label + ")"
		}
		f.Options = append(f.Options, transport.Option{Value: p.Number, Label: label})
	}
	if n.brings() {
		f.Options = append(f.Options, transport.Option{Value: choiceOwn, Label: "numbers of my own account with Twilio"})
	}
	switch {
	case e.sid != "":
		f.Values = []string{choiceOwn}
	case len(e.numbers) > 0:
		f.Values = e.numbers[:1]
	}
	if len(f.Options) == 0 {
		f.Help = "None is free at the moment."
	}
	return f
}

// freePool gives those of the operator's numbers that a user may have, their
// own included.
func (n *Network) freePool(user string) (free []PoolNumber) {
	for _, p := range n.pool {
		if allowed(p.Allow, user) && len(n.lines.unused(user, []string{p.Number})) > 0 {
			free = append(free, p)
		}
	}
	return free
}

func (n *Network) ownFields(e enrolment) []transport.Field {
	fields := []transport.Field{
		{Name: fieldSID, Label: "Account SID", Help: `It begins with "AC".`, Required: !n.gives()},
		{Name: fieldToken, Label: "Auth token", Type: transport.Hidden, Required: !n.gives()},
		{Name: fieldPhone, Label: "The numbers to use", Help: "With commas between them; all of the account's if left empty."},
	}
	if n.gives() {
		fields[2].Name = fieldNumbers
	}
	if e.sid != "" {
		fields[0].Values, fields[2].Values = []string{e.sid}, listed(e.numbers)
	}
	return fields
}

// Register implements transport.Registration.
func (n *Network) Register(ctx context.Context, user string, answers transport.Values) (map[string]string, error) {
	user = userKey(user)
	if n.isConfigured(user) {
		return nil, &transport.Error{Reason: transport.NotAllowed, Text: "The operator of this gateway has given you your number. Only they can change it."}
	}
	if err := n.mayRegister(user); err != nil {
		return nil, err
	}
	phone := strings.TrimSpace(answers.Get(fieldPhone))
	if n.gives() {
		number, _ := e164(phone, n.region)
		i := slices.IndexFunc(n.pool, func(p PoolNumber) bool { return p.Number == number && allowed(p.Allow, user) })
		switch {
		case i >= 0:
			return n.takeNumber(user, number)
		case !n.brings() || phone != choiceOwn && answers.Get(fieldSID) == "":
			return nil, n.notGiven(user, phone)
		}
	}
	if n.gives() && phone == choiceOwn || phone == "" {
		phone = answers.Get(fieldNumbers)
	}
	return n.takeAccount(ctx, user, enrolment{
		sid: strings.TrimSpace(answers.Get(fieldSID)), token: transport.NewSecret(strings.TrimSpace(answers.Get(fieldToken))),
	}, phone)
}

func (n *Network) notGiven(user, phone string) error {
	var free []string
	for _, p := range n.freePool(user) {
		free = append(free, p.Number)
	}
	why := "Choose a number."
	if phone != "" {
		why = fmt.Sprintf("%q is not one of the numbers that you can have here.", phone)
	}
	if len(free) == 0 {
		return &transport.Error{Reason: transport.Rejected, Text: why + " None is free at the moment."}
	}
	return &transport.Error{Reason: transport.Rejected, Text: why + " Free: " + strings.Join(free, ", ") + "."}
}

// takeNumber gives a user one of the operator's numbers.
func (n *Network) takeNumber(user, number string) (map[string]string, error) {
	if n.lines.claim(user, []string{number}, operatorTrunk, false) != "" {
		return nil, &transport.Error{Reason: transport.Conflict, Text: number + " is taken by now. Choose another number."}
	}
	return enrolment{numbers: []string{number}}.settings(), nil
}

// takeAccount checks with Twilio what a user says of their account.
func (n *Network) takeAccount(ctx context.Context, user string, e enrolment, wanted string) (map[string]string, error) {
	theirs := n.twilio
	theirs.AccountSID, theirs.AuthToken = e.sid, e.token
	if bad, ok := errors.AsType[*transport.OptionError](theirs.Check()); ok {
		return nil, &transport.Error{Reason: transport.BadRequest, Text: "The account SID or the auth token is none: " + bad.Problem + "."}
	}
	asked, err := n.numbersIn(wanted)
	if err != nil {
		return nil, err
	}
	if !n.tries.allow(user, triesEvery, triesAtOnce) {
		return nil, &transport.Error{Reason: transport.RateLimited, Text: "That were many tries in a short time. Wait a minute.", RetryAfter: time.Minute}
	}
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	has, err := n.ownProvider(e, nil).Numbers(ctx)
	if err != nil {
		return nil, err
	}
	if e.numbers, err = choose(has, asked); err != nil {
		return nil, err
	}
	if taken := n.lines.claim(user, e.numbers, n.ownName(e.sid), true); taken != "" {
		return nil, &transport.Error{Reason: transport.Conflict, Text: taken + " is registered here by somebody else."}
	}
	e.verified = time.Now().Unix()
	return e.settings(), nil
}

// numbersIn reads a list of numbers.
func (n *Network) numbersIn(text string) (numbers []string, err error) {
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		number, ok := e164(one, n.region)
		if !ok {
			return nil, &transport.Error{Reason: transport.BadRequest, Text: fmt.Sprintf("%q is not a phone number. Write numbers like +15551234567, with commas between them.", one)}
		}
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// choose gives those of an account's numbers that are to be used.
func choose(has []twilio.Number, asked []string) (numbers []string, err error) {
	for _, number := range asked {
		i := slices.IndexFunc(has, func(n twilio.Number) bool { return n.Number == number })
		switch {
		case i < 0:
			return nil, &transport.Error{Reason: transport.NotFound, Text: number + " is not a number of this account."}
		case !has[i].Texts:
			return nil, &transport.Error{Reason: transport.Rejected, Text: number + " can't send texts."}
		}
		numbers = append(numbers, number)
	}
	if len(asked) == 0 {
		for _, n := range has {
			if n.Texts {
				numbers = append(numbers, n.Number)
			}
		}
	}
	switch {
	case len(numbers) == 0:
		return nil, &transport.Error{Reason: transport.NotFound, Text: "This account has no number that can send texts. Buy one at Twilio first."}
	case len(numbers) > maxOwnNumbers:
		return nil, &transport.Error{Reason: transport.BadRequest, Text: fmt.Sprintf("Those are %d numbers; up to %d can be used. Say which.", len(numbers), maxOwnNumbers)}
	}
	return numbers, nil
}

// Unregister implements transport.Registration. A number of the operator's can
// be taken by others then; what was set at Twilio for one's own is undone by
// the trunk, as soon as Twilio answers.
func (n *Network) Unregister(_ context.Context, account transport.Account) error {
	if n.isConfigured(account.User) {
		return &transport.Error{Reason: transport.NotAllowed, Text: "The operator of this gateway has given you your number: ask them to take it back."}
	}
	n.release(userKey(account.User))
	return nil
}
