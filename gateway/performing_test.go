package gateway_test

import (
	"context"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// Perform implements transport.Performer: "post" asks whom, and then what;
// "toll" is for administrators.
func (n *network) Perform(ctx context.Context, do transport.Performance) (transport.Stage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, strings.TrimSpace("perform "+do.Node+" "+string(do.At)+" "+do.User))
	if err := n.refused["perform"]; err != nil {
		return transport.Stage{}, err
	}
	field := func(name string) transport.Field {
		return transport.Field{Name: name, Label: "The " + name, Required: true}
	}
	switch {
	case do.Node == "toll" && !do.Admin:
		return transport.Stage{}, &transport.Error{Reason: transport.Forbidden, Text: "that is for others"}
	case do.Node == "knock":
		return transport.Stage{Text: "Knocked at " + string(do.At) + " " + do.Answers.Get("how"), Warnings: []string{"Nobody is in."}}, nil
	case do.Asked == 0 && do.Kind == transport.Server:
		return transport.Stage{Form: &transport.Form{Title: "Post", Fields: []transport.Field{field("whom"), field("what")}}, More: true}, nil
	case do.Asked == 1 && do.Kind == transport.Server:
		return transport.Stage{Form: &transport.Form{Title: "Post, at last", Fields: []transport.Field{{Name: "how", Label: "How", Values: []string{"gently"}}}}, Quick: do.Answers.Get("what") == "a note"}, nil
	}
	return transport.Stage{Text: strings.Join([]string{do.Answers.Get("whom"), do.Answers.Get("what"), do.Answers.Get("how")}, ":")}, nil
}

func ownCommands(w *world) {
	w.verona.named = []transport.Command{
		{Node: "post-letter", Word: "post", Name: "Post", Does: transport.DoPerform},
		{Node: "toll", Name: "Take toll", Does: transport.DoPerform, Admin: true},
	}
	w.verona.ofPeople = []transport.Command{{Node: "knock", Name: "Knock", Does: transport.DoPerform}}
}

func TestANetworkDoesCommandsOfItsOwn(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		ownCommands(w)
		for client, want := range map[string]bool{orchard: false, castle: true} {
			list := strings.Join(nodes(w, client, verona), " ")
			if !strings.Contains(list, "post-letter") || strings.Contains(list, "toll") != want {
				t.Errorf("%s is shown %s", client, list)
			}
		}
		session := w.starts(orchard, verona, "post-letter", Has("command/actions/next"))
		w.executes(orchard, verona, "post-letter", session+"action='next'|"+filled("whom=juliet", "what=love"))
		w.Expect(asking(orchard, verona, "post-letter", Has("command/actions/complete"), Has("command/x/title", "Post, at last")))
		w.executes(orchard, verona, "post-letter", session+"action='complete'|"+filled("how=sweetly"))
		w.Expect(completed(orchard, verona, "post-letter", Has(noteOf, "juliet:love:sweetly")))

		w.executes(orchard, "juliet@"+verona, "knock", "")
		w.Expect(completed(orchard, "juliet@"+verona, "knock", Has(noteOf, "Knocked at juliet "), Has(noteOf, "Nobody is in.")))
		w.asks(orchard, "get", "juliet@"+verona, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
		w.Expect(result("juliet@"+verona, orchard, Has("query/feature@var", "http://jabber.org/protocol/commands")))

		for text, want := range map[string]string{
			"post juliet my dear love":              "how: gently",
			"post juliet my dear love how=dearly":   "juliet:my dear love:dearly",
			"post juliet a note":                    "juliet:a note:gently",
			"post what=my love how=softly juliet x": "Missing", // a value goes on until the next name
			"post whom=juliet my love":              "Missing",
			"post what=love whom=juliet how=softly": "juliet:love:softly",
			"post":                                  "whom: (empty)",
			"knock juliet loudly":                   "Knocked at juliet",
			"toll":                                  "only an administrator",
		} {
			if got := w.tellsGateway(orchard, text); !strings.Contains(got, want) {
				t.Errorf("%q is answered by %q, want %q", text, got, want)
			}
		}
		if got := w.tellsGateway(castle, "toll juliet alms how=so"); !strings.Contains(got, "juliet:alms:so") {
			t.Errorf("an administrator is answered by %q", got)
		}
	})
}

func TestACommandOfANetworkFails(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		ownCommands(w)
		w.executes(orchard, verona, "toll", "")
		w.Expect(commandFails(orchard, verona, "cancel", "forbidden"))
		w.verona.change(func() {
			w.verona.refused["perform"] = &transport.Error{Reason: transport.TooMany, Text: "too many letters"}
		})
		w.executes(orchard, verona, "post-letter", "")
		w.Expect(commandFails(orchard, verona, "wait", "service-unavailable", Has("error/text", "too many letters")))
	})
}
