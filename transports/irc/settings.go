package irc

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

var (
	_ transport.Configurable = (*network)(nil)
	_ transport.Commander    = (*network)(nil)
)

// A place is what has a form of its own.
type place int

const (
	everywhere place = 1 << iota // the whole network
	atServer
	atChannel
)

// A setting is one field of the forms of its places. Those that biboumi has
// bear its names.
type setting struct {
	name, label, help string
	typ               transport.FieldType
	places            place
	options           []transport.Option

	// standard gives what holds where nothing is set, s being nil for the
	// whole network. nil: nothing, or what holds around the place.
	standard func(n *network, s *server) []string

	// check gives the values as they are kept, and a sentence if they can't
	// be used as they are. Without values the standard holds.
	check func(values []string) (kept []string, complaint string)

	// hidden leaves the field out.
	hidden func(n *network, s *server) bool
}

// place says which form an address has; 0: none.
func (n *network) place(at transport.Address, kind transport.Kind) (place, string, *server) {
	if at == "" {
		return everywhere, "", nil
	}
	name, s, err := n.split(at)
	switch {
	case err != nil:
	case kind == transport.Server && name == "":
		return atServer, "", s
	case kind == transport.Room && s.isChannel(name):
		return atChannel, name, s
	}
	return 0, "", nil
}

// SettingsForm implements transport.Configurable.
func (n *network) SettingsForm(_ string, at transport.Address, kind transport.Kind, values transport.Values) (transport.Form, bool) {
	where, name, s := n.place(at, kind)
	var form transport.Form
	switch where {
	case everywhere:
		form.Title = "Settings for all of IRC"
		form.Instructions = "These hold on every network and in every channel that has no settings of its own."
	case atServer:
		form.Title = "Settings for the network " + s.name
		form.Instructions = "How you connect to " + s.name + ". What changes here holds from the next connection on."
	case atChannel:
		form.Title = "Settings for the channel " + name + " on " + s.name
		form.Instructions = "What is left empty is as for the whole network."
	default:
		return form, false
	}
	for i := range settings {
		f := &settings[i]
		if f.places&where == 0 || f.hidden != nil && f.hidden(n, s) {
			continue
		}
		field := transport.Field{Name: f.name, Label: f.label, Help: f.help, Type: f.typ, Options: f.options}
		if set, ok := values[f.name]; !ok && f.standard != nil {
			field.Values = f.standard(n, s)
		} else if f.typ != transport.Hidden {
			field.Values = set
		}
		form.Fields = append(form.Fields, field)
	}
	if where == atServer {
		form.Fields = append(form.Fields, certificateNote(values)...)
	}
	return form, true
}

// CheckSettings implements transport.Configurable. What is the same as the
// standard is not kept, so that a change of the config reaches everybody who
// did not choose something else.
func (n *network) CheckSettings(_ string, at transport.Address, kind transport.Kind, values transport.Values) (transport.Values, []string) {
	where, _, s := n.place(at, kind)
	checked := transport.Values{}
	var complaints []string
	for i := range settings {
		f := &settings[i]
		given, ok := values[f.name]
		if !ok || f.places&where == 0 || f.hidden != nil && f.hidden(n, s) {
			continue
		}
		var standard []string
		if f.standard != nil {
			standard = f.standard(n, s)
		}
		kept, complaint := f.check(given)
		if complaint != "" {
			complaints = append(complaints, fmt.Sprintf("%s: %s", f.label, complaint))
		}
		switch {
		case len(kept) == 0 && (f.typ != transport.Texts || f.standard == nil), f.standard != nil && slices.Equal(kept, standard):
		default:
			checked[f.name] = kept
		}
	}
	if where == atServer {
		complaints = append(complaints, checkTogether(checked)...)
	}
	return checked, complaints
}

// checkTogether looks at what depends on more than one field.
func checkTogether(v transport.Values) (complaints []string) {
	if ports, ok := v["ports"]; ok && len(ports) > 0 {
		complaints = append(complaints, "Connections to the ports without TLS can be read by everybody on the way.")
	}
	if v.Get("verify_cert") == "false" && v.Get("fingerprint") == "" {
		complaints = append(complaints, "Without a check of the certificate nobody knows who is at the other end. A fingerprint would tell.")
	}
	if v.Get("sasl_mechanism") == "EXTERNAL" && v.Get(certificateSetting) == "" {
		complaints = append(complaints, `EXTERNAL needs a certificate: set "Client certificate" to new.`)
	}
	return complaints
}

// Commands implements transport.Commander: the nodes are biboumi's.
func (n *network) Commands(at transport.Address, kind transport.Kind) []transport.Command {
	disconnect := transport.Command{
		Node: "disconnect-from-irc-server", Name: "Disconnect from IRC servers", Does: transport.DoDisconnect, Field: "irc-servers",
	}
	where, _, _ := n.place(at, kind)
	switch {
	case where == everywhere && n.fixed != nil:
		home := n.address(n.fixed, "")
		return append([]transport.Command{
			disconnect,
			{Node: "global-configure", Name: "Set what holds everywhere", Does: transport.DoConfigureAll},
			{Node: "server-configure", Name: "Set what holds for " + n.fixed.name, Does: transport.DoConfigure, At: home},
			{Node: "get-irc-connection-info", Name: "Show the connection", Does: transport.DoShowLinks, At: home},
		}, accountCommands(home)...)
	case where == everywhere:
		return []transport.Command{
			disconnect,
			{Node: "configure", Name: "Set what holds everywhere", Does: transport.DoConfigureAll},
		}
	case where == atServer:
		return append([]transport.Command{
			{Node: "configure", Name: "Settings for " + string(at), Does: transport.DoConfigure},
			{Node: "get-irc-connection-info", Name: "Show the connection", Does: transport.DoShowLinks},
		}, accountCommands("")...)
	case where == atChannel:
		return []transport.Command{{Node: "configure", Name: "Settings for " + string(at), Does: transport.DoConfigure}}
	}
	return nil
}

// oneLine is the first value without spaces around it.
func oneLine(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return strings.TrimSpace(values[0])
}
