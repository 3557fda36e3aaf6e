package gateway

import (
	"context"
	"fmt"

	"gatehouse/gateway/transport"
)

const (
	rosterKind = "roster" // of the records
	groupKey   = "group"
)

// loadRosterGroup reads in which group of the roster new contacts come.
func (s *session) loadRosterGroup(ctx context.Context) {
	if !s.host.keepsContacts() {
		return
	}
	value, _, err := s.host.gateway.Store.Records(s.host.Domain).Get(ctx, s.user.String(), rosterKind, groupKey)
	if err != nil {
		s.log().Error("the group of new contacts can't be read", "err", err)
	}
	s.rosterGroup = string(value)
}

// groups are those of a new contact.
func (s *session) groups() []string {
	if s.rosterGroup == "" {
		return nil
	}
	return []string{s.rosterGroup}
}

var groupCommand = command{node: "roster-group", name: "Choose the group of new contacts in your roster", start: setRosterGroup}

func setRosterGroup(s *session) stage {
	if !s.isServed() {
		return failed(s.host.notRegistered())
	}
	form := transport.Form{
		Title: "The group of new contacts", Instructions: "Contacts that are put into your roster come in this group. Those that are there stay as they are.",
		Fields: []transport.Field{{Name: "group", Label: "The group", Required: true, Help: "Write - for none."}},
	}
	if s.rosterGroup != "" {
		form.Fields[0].Values = []string{s.rosterGroup}
	}
	return ask(form, func(s *session, answers transport.Values) stage {
		group := cleanName(answers.Get("group"))
		if group == "-" {
			group = ""
		}
		records, user := s.host.gateway.Store.Records(s.host.Domain), s.user.String()
		return stage{work: func(ctx context.Context) stage {
			var err error
			if group == "" {
				err = records.Delete(ctx, user, rosterKind, groupKey)
			} else {
				err = records.Put(ctx, transport.RecordItem{User: user, Kind: rosterKind, Key: groupKey, Value: []byte(group)})
			}
			if err != nil {
				return s.failedWith(err)
			}
			return stage{step: func(s *session, _ context.Context) stage {
				s.rosterGroup = group
				if group == "" {
					return done("New contacts come in no group.")
				}
				return done(fmt.Sprintf("New contacts come in the group %q.", group))
			}}
		}}
	})
}
