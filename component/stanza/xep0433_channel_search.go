package stanza

import (
	"strconv"
	"strings"

	"gatehouse/component/wire"
)

// Namespaces of extended channel search (XEP-0433).
const (
	ChannelSearchNamespace = "urn:xmpp:channel-search:0:search"
	searchParams           = "urn:xmpp:channel-search:0:search-params"
	searchOrder            = "urn:xmpp:channel-search:0:order"
	searchErrors           = "urn:xmpp:channel-search:0:error"
)

// The orders of found channels (XEP-0433 §6.1).
const (
	OrderByUsers   = "{" + searchOrder + "}nusers"
	OrderByAddress = "{" + searchOrder + "}address"
)

// A ChannelSearch is what one looks for.
type ChannelSearch struct {
	Text                        string // words, all of which are to be found
	All                         bool
	InName, InText, InAddress   bool
	MinUsers                    int
	Order                       string
	OtherTypes, OrderNotOffered bool // it asks for no rooms of XEP-0045; it asks for another order
}

// ReadChannelSearch reads a submitted form. False means that there is none:
// the form itself is asked for.
func ReadChannelSearch(search *wire.Element) (c ChannelSearch, ok bool) {
	c = ChannelSearch{InName: true, InText: true, InAddress: true, MinUsers: 1, Order: OrderByUsers}
	form := search.Child(FormNamespace, "x")
	if form == nil {
		return c, false
	}
	for field := range form.Children() {
		value := field.Child(FormNamespace, "value").Content()
		is := value == "true" || value == "1"
		switch field.Attr("var") {
		case "q":
			c.Text = strings.TrimSpace(value)
		case "all":
			c.All = is
		case "sinname":
			c.InName = is
		case "sindescription":
			c.InText = is
		case "sinaddr", "sinaddress": // the example has the one, the table the other
			c.InAddress = is
		case "min_users":
			if n, err := strconv.Atoi(value); err == nil {
				c.MinUsers = n
			}
		case "key":
			c.Order = value
			c.OrderNotOffered = value != OrderByUsers && value != OrderByAddress
		case "types":
			c.OtherTypes = true
			for v := range field.Children() {
				if v.Name == "value" && v.Content() == "xep-0045" {
					c.OtherTypes = false
				}
			}
		}
	}
	return c, true
}

// ChannelSearchForm is the form to fill in (XEP-0433 §4.2.1).
func ChannelSearchForm() wire.Payload {
	field := func(name, typ, label, value string, options ...string) *wire.Element {
		f := wire.New(FormNamespace, "field").SetAttr("var", name).SetAttr("type", typ)
		if label != "" {
			f.SetAttr("label", label)
		}
		if value != "" {
			f.Add(wire.NewText(FormNamespace, "value", value))
		}
		for i := 0; i+1 < len(options); i += 2 {
			f.Add(wire.New(FormNamespace, "option", wire.NewText(FormNamespace, "value", options[i])).SetAttr("label", options[i+1]))
		}
		return f
	}
	return wire.New(ChannelSearchNamespace, "search", wire.New(FormNamespace, "x",
		field("FORM_TYPE", "hidden", "", searchParams),
		field("q", "text-single", "Search for", ""),
		field("all", "boolean", "Return all entries", ""),
		field("sinname", "boolean", "Search in names", "true"),
		field("sindescription", "boolean", "Search in topics", "true"),
		field("sinaddress", "boolean", "Search in addresses", "true"),
		field("min_users", "text-single", "Minimum number of users", "1"),
		field("types", "list-multi", "Service types", "xep-0045", "xep-0045", "Multi-user chats"),
		field("key", "list-single", "Sort results by", OrderByUsers, OrderByUsers, "Number of users", OrderByAddress, "Address"),
	).SetAttr("type", "form"))
}

// A FoundChannel is one that a search found.
type FoundChannel struct {
	Address, Name, Description string
	Users                      int
}

// FoundChannels are a page of what a search found.
type FoundChannels struct {
	Channels []FoundChannel
	Page
}

// WriteXML implements wire.Payload.
func (f FoundChannels) WriteXML(w *wire.Writer) {
	const space = ChannelSearchNamespace
	text := func(name, content string) {
		w.Start(space, name)
		w.Text(content)
		w.End()
	}
	w.Start(space, "result")
	for _, c := range f.Channels {
		w.Start(space, "item")
		w.Attr("address", c.Address)
		text("name", c.Name)
		if c.Description != "" {
			text("description", c.Description)
		}
		text("nusers", strconv.Itoa(c.Users))
		text("service-type", "xep-0045")
		w.End()
	}
	f.Page.WriteXML(w)
	w.End()
}

// SearchError is one of XEP-0433's own conditions, for Error.Detail.
func SearchError(name string) *wire.Element { return wire.New(searchErrors, name) }
