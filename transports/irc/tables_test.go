package irc

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func TestCasemaps(t *testing.T) {
	for _, tt := range []struct{ mapping, in, want string }{
		{"ascii", `Ab[]\~É`, `ab[]\~É`},
		{"rfc1459", `Ab[]\~É`, `ab{}|^É`},
		{"rfc1459-strict", `Ab[]\~`, `ab{}|~`},
		{"rfc7613", `AbÉ[`, `abé[`},
		{"unheard-of", `A[`, `a{`},
	} {
		if got := casemapNamed(tt.mapping)(tt.in); got != tt.want {
			t.Errorf("%s folds %q to %q, want %q", tt.mapping, tt.in, got, tt.want)
		}
	}
}

func TestISupportIsRead(t *testing.T) {
	is := defaultISupport()
	is.update(strings.Fields(`CASEMAPPING=ascii CHANTYPES=# PREFIX=(Yqaohv)!~&@%+ CHANMODES=IXbe,k,Hfjl,imnpst,extra NICKLEN=12 ` +
		`TOPICLEN=-5 LINELEN=2048 SAFERATE STATUSMSG=@+ NETWORK=Montagues\x20and\x20Capulets MODES MODES=6 TARGMAX=PRIVMSG:3,JOIN: KICKLEN=x UNKNOWN=1`))
	want := defaultISupport()
	want.casemapping, want.chantypes = "ascii", "#"
	want.prefixModes, want.prefixes = "Yqaohv", "!~&@%+"
	want.lists, want.always, want.whenSet, want.flags = "IXbe", "k", "Hfjl", "imnpst"
	want.nickLen, want.lineLen, want.saferate, want.statusmsg, want.modes = 12, 2048, true, "@+", 6
	want.network = "Montagues and Capulets"
	is.fold, want.fold, want.told = nil, nil, true
	if d := cmp.Diff(want, is, cmp.AllowUnexported(isupport{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	is.update(strings.Fields("-CASEMAPPING -CHANTYPES -PREFIX -CHANMODES -NICKLEN -LINELEN -SAFERATE -STATUSMSG -NETWORK -MODES"))
	is.fold, want = nil, defaultISupport()
	want.fold, want.told = nil, true
	if d := cmp.Diff(want, is, cmp.AllowUnexported(isupport{})); d != "" {
		t.Errorf("after negation (-want +got):\n%s", d)
	}
	is.update([]string{"PREFIX=(ov)@", "PREFIX=(o!)@+", "CHANMODES=b,k"})
	if is.prefixModes != "ov" || is.lists != "b" {
		t.Errorf("broken tokens were taken: %+v", is)
	}
}

func TestModeChangesTakeTheirArguments(t *testing.T) {
	is := defaultISupport()
	is.update(strings.Fields("PREFIX=(ohv)@%+ CHANMODES=beI,k,lf,imnpst"))
	for _, tt := range []struct {
		name, modes, args string
		want              []modeChange
	}{
		{"several signs", "+o-v+m", "juliet romeo", []modeChange{
			{true, 'o', "juliet", true, false}, {false, 'v', "romeo", true, false}, {true, 'm', "", false, true}}},
		{"a list among members", "+bo", "*!*@x juliet", []modeChange{{true, 'b', "*!*@x", false, false}, {true, 'o', "juliet", true, false}}},
		{"a limit set and taken", "+l-l", "5", []modeChange{{true, 'l', "5", false, true}, {false, 'l', "", false, true}}},
		{"a key taken without it", "-k", "", []modeChange{{false, 'k', "", false, true}}},
		{"the query of a list", "b", "", nil},
		{"a member without a nick", "+o", "", nil},
		{"an unknown mode", "+Zo", "juliet", []modeChange{{true, 'Z', "", false, true}, {true, 'o', "juliet", true, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, is.modeChanges(tt.modes, strings.Fields(tt.args)), cmp.AllowUnexported(modeChange{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestALineOfModesHasAnEnd(t *testing.T) {
	is := defaultISupport()
	if n := len(is.modeChanges(strings.Repeat("b", 4000), make([]string, 4000))); n != mostChanges {
		t.Errorf("%d changes were read", n)
	}
}

func TestTheHighestModeIsTheStanding(t *testing.T) {
	is := defaultISupport()
	is.update([]string{"PREFIX=(Yqaohv)!~&@%+"})
	set := func(letters string) (s modeSet) {
		for i := range len(letters) {
			s = s.with(letters[i], true)
		}
		return s
	}
	for _, tt := range []struct {
		modes       string
		moderated   bool
		role        transport.Role
		affiliation transport.Affiliation
	}{
		{"", false, transport.Participant, transport.AffiliationNone},
		{"", true, transport.Visitor, transport.AffiliationNone},
		{"v", true, transport.Participant, transport.MemberOf},
		{"vh", false, transport.Moderator, transport.MemberOf},
		{"ov", false, transport.Moderator, transport.Admin},
		{"ao", false, transport.Moderator, transport.Owner},
		{"q", false, transport.Moderator, transport.Owner},
		{"Yv", true, transport.Moderator, transport.Owner},
	} {
		if r, a := is.standing(set(tt.modes), tt.moderated); r != tt.role || a != tt.affiliation {
			t.Errorf("%q (moderated %v) is role %d and affiliation %d", tt.modes, tt.moderated, r, a)
		}
	}
	plain := defaultISupport() // where q is no mode of members but a list
	if r, _ := plain.standing(set("q"), false); r != transport.Participant {
		t.Errorf("q without PREFIX is role %d", r)
	}
}

func TestFormattingFromIRC(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "hello", "hello"},
		{"bold", "\x02hello\x02 you", "*hello* you"},
		{"all four", "\x02a\x02 \x1db\x1d \x1ec\x1e \x11d\x11", "*a* _b_ ~c~ `d`"},
		{"two at once", "\x02\x1dboth\x0f", "*_both_*"},
		{"colours", "\x0304,05red\x03 \x04ff0000hex\x04 \x1fline\x1f \x16rev", "red hex line rev"},
		{"a colour within bold", "\x02a \x034b\x03 c\x02", "*a b c*"},
		{"spaces at the edges", "a\x02 b \x02c", "a *b* c"},
		{"within a word", "un\x02believ\x02able", "unbelievable"},
		{"before a word", "\x02un\x02able", "unable"},
		{"before a comma", "\x02well\x02, yes", "*well*, yes"},
		{"an asterisk inside", "\x02a*b\x02", "a*b"},
		{"only spaces", "\x02  \x02", "  "},
		{"control characters", "a\x01\x05\x7fb", "a\x7fb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := formatFromIRC(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFormattingToIRC(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"bold", "*hello* you", []string{"\x02hello\x02 you"}},
		{"all four", "*a* _b_ ~c~ `d`", []string{"\x02a\x02 \x1db\x1d \x1ec\x1e \x11d\x11"}},
		{"nested", "*_both_ and*", []string{"\x02\x1dboth\x1d and\x02"}},
		{"code keeps directives", "`*x*`", []string{"\x11*x*\x11"}},
		{"not over lines", "*a\nb*", []string{"*a", "b*"}},
		{"a list", "* one\n* two", []string{"* one", "* two"}},
		{"inside words", "snake_case_name 2*3*4", []string{"snake_case_name 2*3*4"}},
		{"double underscores", "__init__ **x**", []string{"__init__ **x**"}},
		{"a word behind", "~dis~likes", []string{"~dis~likes"}},
		{"a code block", "```\n*x*\n```\n*y*", []string{"```", "*x*", "```", "\x02y\x02"}},
		{"a quotation", "> *x*\n*y*", []string{"> *x*", "\x02y\x02"}},
		{"empty spans", "** **** * *", []string{"** **** * *"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := formatToIRC(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSplitCutsWherePeopleWould(t *testing.T) {
	family := "👩\u200d👩\u200d👧" // one character of 18 bytes
	for _, tt := range []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"short", "hello", 40, []string{"hello"}},
		{"at a space", strings.Repeat("a", 30) + " " + strings.Repeat("b", 20), 40, []string{strings.Repeat("a", 30) + " ", strings.Repeat("b", 20)}},
		{"within a long word", strings.Repeat("a", 50), 40, []string{strings.Repeat("a", 40), strings.Repeat("a", 10)}},
		{"between code points", strings.Repeat("é", 25), 41, []string{strings.Repeat("é", 20), strings.Repeat("é", 5)}},
		{"not within a family", strings.Repeat(family, 3), 40, []string{family + family, family}},
		{"formatting goes on", "\x02" + strings.Repeat("a", 45) + "\x02", 40, []string{"\x02" + strings.Repeat("a", 39), "\x02" + strings.Repeat("a", 6) + "\x02"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := split(tt.text, tt.limit); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBytesBecomeText(t *testing.T) {
	western, err := findEncoding("iso-8859-1")
	if err != nil {
		t.Fatal(err)
	}
	cyrillic, err := findEncoding("koi8-r")
	if err != nil {
		t.Fatal(err)
	}
	if got := decode([]byte("caf\xc3\xa9"), western); got != "café" {
		t.Errorf("UTF-8: %q", got)
	}
	if got := decode([]byte("caf\xe9 \x80"), western); got != "café €" {
		t.Errorf("windows-1252: %q", got)
	}
	if got := decode([]byte("\xf0\xd2\xc9\xd7\xc5\xd4"), cyrillic); got != "Привет" {
		t.Errorf("KOI8-R: %q", got)
	}
	long := strings.Repeat("é", 230)
	if got := decode([]byte(long+"\xc3"), western); got != long {
		t.Errorf("UTF-8 that is cut: %q", got)
	}
	if got := decode([]byte("@+x=\xc3\xa9 :a PRIVMSG b :\xe9"), western); got != "@+x=é :a PRIVMSG b :é" {
		t.Errorf("tags are UTF-8: %q", got)
	}
	for _, label := range []string{"utf-16", "nonsense", ""} {
		if _, err := findEncoding(label); err == nil {
			t.Errorf("the encoding %q is taken", label)
		}
	}
}

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	o := Defaults()
	o.AnyNetwork = true
	o.AllowPrivate = []string{"10.1.0.0/16", "fd00::/64"}
	built, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	n := built.(*network)
	for addr, want := range map[string]bool{
		"130.239.18.119": true, "2a01:4f8::1": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00::1": true, "fd00:0:0:1::1": false,
	} {
		err := n.allowPrivate.Control("tcp", netip.AddrPortFrom(netip.MustParseAddr(addr), portTLS).String(), nil)
		if (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := n.allowPrivate.Control("tcp", "fe80::1%eth0", nil); err == nil {
		t.Error("an address without a port is let through")
	}
}

func TestBackoffStaysInItsBounds(t *testing.T) {
	for attempt := 1; attempt < 40; attempt++ {
		least := min(backoffMin<<min(attempt-1, 10), backoffMax)
		if d := backoff(attempt); d < least || d > backoffMax || d > least*3/2+time.Nanosecond {
			t.Errorf("attempt %d waits %v", attempt, d)
		}
	}
}

func TestAlternativeNicksFit(t *testing.T) {
	for _, tt := range []struct {
		nick    string
		attempt int
		limit   int
		want    string
	}{
		{"romeo", 1, 30, "romeo_"}, {"romeo", 3, 30, "romeo___"}, {"romeo", 5, 30, "romeo_3"},
		{"montague9", 1, 9, "montague_"}, {"éééé", 1, 8, "ééé_"},
	} {
		if got := alternativeNick(tt.nick, tt.attempt, tt.limit); got != tt.want {
			t.Errorf("%s, attempt %d: %q, want %q", tt.nick, tt.attempt, got, tt.want)
		}
	}
}
