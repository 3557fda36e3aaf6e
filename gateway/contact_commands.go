package gateway

import (
	"context"
	"fmt"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// contactCommands are those about the user's contacts.
func (h *host) contactCommands(t target) []command {
	switch {
	case !h.keepsContacts():
		return nil
	case t.kind == toPerson:
		return []command{{node: "name-contact", name: "Give a name to this contact", word: "name", start: nameContact(t.address)}}
	case t.kind == toGateway:
		return append([]command{{node: "name-contact", name: "Give a name to a contact", word: "name", start: nameContact("")}}, append(bookCommands(), groupCommand)...)
	}
	return nil
}

// contactJID makes the address of a contact from its name in the store.
func (h *host) contactJID(local string) jid.JID { return jid.JID{Local: local, Domain: h.Domain} }

// nameContact asks for a name, and whose it is unless that is known.
func nameContact(who transport.Address) func(*session) stage {
	return func(s *session) stage {
		if !s.isServed() {
			return failed(s.host.notRegistered())
		}
		form := transport.Form{
			Title: "Name a contact", Instructions: "The name is yours alone. It is shown in your roster, unless you gave the contact another name there.",
			Fields: []transport.Field{
				{Name: "contact", Label: "Whom", Required: true},
				{Name: "name", Label: "The name", Required: true, Help: "Write - to go back to the name from your address book or the network."},
			},
		}
		if who != "" {
			form.Fields = form.Fields[1:]
			if set := s.contacts[who].Set; set != "" {
				form.Fields[0].Values = []string{set}
			}
		}
		return ask(form, func(s *session, answers transport.Values) stage {
			a := who
			if a == "" {
				t, ok := s.host.chatTarget(answers.Get("contact"))
				if !ok || t.kind != toPerson {
					return undone(fmt.Sprintf("%q is nobody's address.", answers.Get("contact")))
				}
				a = t.address
			}
			name := cleanName(answers.Get("name"))
			if name == "-" {
				name = ""
			}
			return s.setName(a, name)
		})
	}
}

func (s *session) setName(a transport.Address, name string) stage {
	if !s.changeContact(a, func(c *contact) { c.Set = name }) {
		return failed(overloaded("you have too many contacts here"))
	}
	text := fmt.Sprintf("%s is called %s now.", a, name)
	if name == "" {
		text = fmt.Sprintf("You gave %s no name.", a)
	}
	out := done(text)
	out.next = func(context.Context) { s.renamed(a) }
	return out
}

// renamed has the roster follow a name.
func (s *session) renamed(a transport.Address) {
	g := s.host.grantOf(s.user)
	if s.contacts[a].Known == inRoster || g.Get && g.Set {
		s.bring(false, a)
	}
}
