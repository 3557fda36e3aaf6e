package componenttest

import (
	"strings"
	"testing"

	"gatehouse/component/stanza"
)

const occupant = `<presence from="#garden@irc.example.org/nurse" to="juliet@example.org/balcony" id="p1">` +
	`<x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="visitor"/>` +
	`<item affiliation="owner" role="moderator"/><status code="110"/><status code="100"/></x><show>away</show></presence>`

func TestMatchersTellWhatIsWrong(t *testing.T) {
	refused := `<message from="a@b" to="c@d" type="error"><error type="wait"><resource-constraint xmlns="` +
		stanza.StanzasNamespace + `"/></error></message>`
	tests := []struct {
		name    string
		matcher Matcher
		xml     string
		wrong   string // part of the complaint, empty if it matches
	}{
		{"kind", Presence(), occupant, ""},
		{"other kind", Message(), occupant, "it is <presence>, want <message>"},
		{"attributes", Presence(From("#garden@irc.example.org/nurse"), ID("*"), Type("")), occupant, ""},
		{"other attribute", To("romeo@example.org"), occupant, `to is "juliet@example.org/balcony", want "romeo@example.org"`},
		{"missing attribute", Type("unavailable"), occupant, `it has no type, want "unavailable"`},
		{"attribute that should not be", ID(""), occupant, `id is "p1", want ""`},
		{"path to one of several", Has("x/item@role", "moderator"), occupant, ""},
		{"path with namespace", Has("{http://jabber.org/protocol/muc#user}x/item"), occupant, ""},
		{"path with another namespace", Has("{urn:other}x"), occupant, "it has no {urn:other}x"},
		{"other value", Has("x/item@role", "none"), occupant, `x/item@role is "visitor" and "moderator", want "none"`},
		{"absence", HasNot("body"), occupant, ""},
		{"presence of what should be absent", HasNot("show"), occupant, `it has show ("away"), want none`},
		{"status codes in any order", StatusCodes("110", "100"), occupant, ""},
		{"one status code too few", StatusCodes("110"), occupant, `status codes are ["100" "110"], want ["110"]`},
		{"show without status", Status("away", ""), occupant, ""},
		{"error", StanzaError("wait", "resource-constraint"), refused, ""},
		{"other condition", StanzaError("wait", "conflict"), refused, "it has no error/"},
		{"whole", XML(`<message type="error" from="a@b" to="*"><error type="wait"><resource-constraint xmlns="` +
			stanza.StanzasNamespace + `"/></error></message>`), refused, ""},
		{"whole, with another namespace", XML(`<message type="error" from="a@b" to="*"><error type="wait"><resource-constraint/></error></message>`),
			refused, "it differs"},
		{"any text", XML(`<message><body>*</body></message>`), `<message><body>hi</body></message>`, ""},
		{"other text", XML(`<message><body>ho</body></message>`), `<message><body>hi</body></message>`, "<body>ho</body>"},
		{"attribute too many", XML(`<message/>`), `<message id="1"/>`, "it differs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := parse(tt.xml)
			if err != nil {
				t.Fatal(err)
			}
			wrong := tt.matcher.wrong(e)
			if (wrong == "") != (tt.wrong == "") || !strings.Contains(wrong, tt.wrong) {
				t.Errorf("says %q, want %q", wrong, tt.wrong)
			}
		})
	}
}

// A failing is a test that fails where it is told to.
type failing struct {
	testing.TB
	said string
}

func (*failing) Helper()        {}
func (*failing) Cleanup(func()) {}

type failed struct{}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = format
	for _, a := range args {
		if s, ok := a.(string); ok {
			f.said += "\n" + s
		}
	}
	panic(failed{})
}

// fails gives what the failed test says.
func fails(expect func(s *Server), stanzas ...string) (said string) {
	t := &failing{}
	s := NewServer(t)
	for _, xml := range stanzas {
		e, err := parse(xml)
		if err != nil {
			return err.Error()
		}
		r, _ := stanza.Parse(e)
		s.queue.push(r)
	}
	defer func() {
		if cause := recover(); cause != nil && cause != any(failed{}) {
			panic(cause)
		}
		said = t.said
	}()
	expect(s)
	return ""
}

func TestFailureShowsTheStanza(t *testing.T) {
	said := fails(func(s *Server) { s.Expect(Message(Body("hi"))) }, `<message from="a@b" to="c@d"><body>ho</body></message>`)
	for _, want := range []string{`body is "ho", want "hi"`, "\t<message from=\"a@b\" to=\"c@d\">\n\t  <body>ho</body>\n\t</message>"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not have %q", said, want)
		}
	}
}

func TestAnyOrderIsAnyOrderAndNotAnyStanza(t *testing.T) {
	both := []string{`<message><body>2</body></message>`, `<message><body>1</body></message>`}
	ok := func(s *Server) {
		got := s.ExpectInAnyOrder(Message(Body("1")), Message(Body("2")))
		if len(got) != 2 || got[0].Child(stanza.Namespace, "body").Content() != "1" {
			t.Error("stanzas are not in the order of the matchers")
		}
	}
	if said := fails(ok, both...); said != "" {
		t.Errorf("failed: %s", said)
	}
	if said := fails(ok, both[0], both[0]); !strings.Contains(said, "none of these") {
		t.Errorf("said %q", said)
	}
}

func TestNothingIsNothing(t *testing.T) {
	if said := fails(func(s *Server) { s.ExpectNothing() }, occupant); !strings.Contains(said, "nurse") {
		t.Errorf("said %q", said)
	}
}
