package irc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

// formNetwork is one where people may name any server.
func formNetwork(t *testing.T, change func(*Options)) *network {
	t.Helper()
	o := Defaults()
	o.AnyNetwork = true
	if change != nil {
		change(o)
	}
	n, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return n.(*network)
}

func fields(t *testing.T, n *network, at transport.Address, kind transport.Kind, v transport.Values) map[string]transport.Field {
	t.Helper()
	form, ok := n.SettingsForm("", at, kind, v)
	if !ok {
		t.Fatalf("%q has no form", at)
	}
	of := map[string]transport.Field{}
	for _, f := range form.Fields {
		if _, twice := of[f.Name]; twice {
			t.Errorf("%q has the field %s twice", at, f.Name)
		}
		of[f.Name] = f
	}
	return of
}

func TestFormsShowWhatHolds(t *testing.T) {
	n := formNetwork(t, func(o *Options) { o.Ports = []int{6667} })
	for _, tt := range []struct {
		at   transport.Address
		kind transport.Kind
		want map[string][]string
	}{
		{"", transport.Server, map[string][]string{
			"max_history_length": {"20"}, "record_history": {"true"}, "persistent": {"false"},
			"corrections": {"diff"}, "reactions": {"text"},
		}},
		{"irc.example.org", transport.Server, map[string][]string{
			"address": {"irc.example.org"}, "ports": {"6667"}, "tls_ports": {"6697", "6670"}, "verify_cert": {"true"},
			"fingerprint": nil, "nick": nil, "username": nil, "realname": nil, "pass": nil,
			"sasl_mechanism": {"auto"}, "sasl_login": nil, "sasl_password": nil, "sasl_required": {"true"},
			"client_certificate": nil, "nickserv": {"false"}, "nick_recovery": {"wait"},
			"after_connect_commands": nil, "throttle_limit": {"10"}, "throttle_interval": {"2"},
			"max_history_length": nil, "encoding_in": nil, "encoding_out": nil, "avatar": nil, "display_name": nil, "follow_profile": {"false"}, "bot": {"false"},
			"occupants": {"all"},
		}},
		{"#garden%irc.example.org", transport.Room, map[string][]string{
			"record_history": {"unset"}, "persistent": {"false"}, "encoding_in": nil, "encoding_out": nil,
			"corrections": {"unset"}, "reactions": {"unset"}, "occupants": {"unset"},
		}},
	} {
		got := map[string][]string{}
		for name, f := range fields(t, n, tt.at, tt.kind, nil) {
			got[name] = f.Values
			if f.Label == "" {
				t.Errorf("%s has no label", name)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.at, d)
		}
	}
	if _, ok := n.SettingsForm("", "juliet%irc.example.org", transport.Person, nil); ok {
		t.Error("a person has settings")
	}
}

func TestFormsLeaveOutWhatIsTheAdminsToSay(t *testing.T) {
	fixed := func(o *Options) {
		o.AnyNetwork, o.FixedNetwork, o.FixedNames, o.Persistent = false, "net", true, true
		o.Network = map[string]NetworkOptions{"net": {Address: "irc.example.org", TLS: off()}}
	}
	n := formNetwork(t, fixed)
	if f := fields(t, n, "", transport.Server, nil)["persistent"]; !slices.Equal(f.Values, []string{"true"}) {
		t.Errorf("persistent is %v", f.Values)
	}
	of := fields(t, n, "net", transport.Server, nil)
	for _, name := range []string{"address", "username", "realname"} {
		if _, ok := of[name]; ok {
			t.Errorf("%s can be set", name)
		}
	}
	if !slices.Equal(of["ports"].Values, []string{"6667"}) || len(of["tls_ports"].Values) != 0 {
		t.Errorf("ports %v and %v", of["ports"].Values, of["tls_ports"].Values)
	}
	if v, _ := n.CheckSettings("", "net", transport.Server, transport.Values{"address": {"elsewhere.example"}, "realname": {"R"}}); len(v) != 0 {
		t.Errorf("kept %v", v)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	n := formNetwork(t, nil)
	for _, tt := range []struct {
		name     string
		in       []string
		want     []string // nil: not kept
		complain string
	}{
		{"throttle_limit", []string{"bleh"}, nil, "bleh"},
		{"throttle_limit", []string{""}, []string{"-1"}, ""},
		{"throttle_limit", []string{"-7"}, []string{"-1"}, ""},
		{"throttle_limit", []string{"42"}, []string{"42"}, ""},
		{"throttle_limit", []string{"10"}, nil, ""}, // the config's
		{"throttle_interval", []string{"0.5"}, []string{"0.5"}, ""},
		{"throttle_interval", []string{"NaN"}, nil, "NaN"},
		{"max_history_length", []string{"bleh"}, []string{"20"}, "bleh"},
		{"max_history_length", []string{"42"}, []string{"42"}, ""},
		{"ports", nil, nil, ""},
		{"ports", []string{"6667", "25", "x"}, []string{"6667"}, "x"},
		{"tls_ports", nil, []string{}, ""},
		{"throttle_limit", nil, nil, ""},
		{"tls_ports", []string{"6697", "6698"}, []string{"6697", "6698"}, ""},
		{"tls_ports", []string{"7000, 7000\n443"}, []string{"7000", "443"}, ""},
		{"verify_cert", []string{"1"}, nil, ""},
		{"verify_cert", []string{"0"}, []string{"false"}, "fingerprint"},
		{"verify_cert", []string{"perhaps"}, nil, "perhaps"},
		{"fingerprint", []string{"12:12:12"}, []string{"12:12:12"}, "no certificate"},
		{"fingerprint", []string{strings.Repeat("a1", 32)}, []string{strings.Repeat("a1", 32)}, ""},
		{"fingerprint", []string{strings.Repeat("a1", 20)}, []string{strings.Repeat("a1", 20)}, "weak"},
		{"pass", []string{" open sesame"}, []string{" open sesame"}, ""},
		{"pass", []string{"-"}, nil, ""},
		{"pass", []string{"a\r\nQUIT"}, nil, "one line"},
		{"nick", []string{"my_nickname"}, []string{"my_nickname"}, ""},
		{"nick", []string{"two words"}, nil, "two words"},
		{"username", []string{"user name"}, []string{"user_name"}, ""},
		{"username", []string{"u@h"}, nil, "u@h"},
		{"realname", []string{"R\r\nQUIT"}, []string{"RQUIT"}, ""},
		{"encoding_in", []string{"latin-1"}, []string{"latin-1"}, ""},
		{"encoding_out", []string{"UTF-8"}, []string{"UTF-8"}, ""},
		{"encoding_out", []string{"utf-16"}, nil, "ASCII"},
		{"encoding_in", []string{"klingon"}, nil, "klingon"},
		{"sasl_mechanism", []string{"plain"}, []string{"PLAIN"}, ""},
		{"sasl_mechanism", []string{"EXTERNAL"}, []string{"EXTERNAL"}, "certificate"},
		{"sasl_mechanism", []string{"DIGEST-MD5"}, nil, "DIGEST-MD5"},
		{"client_certificate", []string{"mine"}, nil, "new"},
		{"address", []string{"IRC.example.net"}, []string{"irc.example.net"}, ""},
		{"address", []string{"irc.example.net:99"}, nil, "irc.example.net:99"},
		{"address", []string{"irc.example.org"}, nil, ""}, // its own name
		{"after_connect_commands", []string{"first command", "/PRIVMSG NickServ :hello there", "WAIT 5"},
			[]string{"first command", "PRIVMSG NickServ :hello there", "WAIT 5"}, ""},
		{"after_connect_commands", []string{"QUIT", "WAIT for it", "CAP LS", ""}, nil, "CAP"},
		{"after_connect_commands", nil, nil, ""},
		{"unheard_of", []string{"x"}, nil, ""},
	} {
		kept, complaints := n.CheckSettings("", "irc.example.org", transport.Server, transport.Values{tt.name: tt.in})
		want := transport.Values{}
		if tt.want != nil {
			want[tt.name] = tt.want
		}
		if d := cmp.Diff(want, kept); d != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.name, tt.in, d)
		}
		if all := strings.Join(complaints, "\n"); (all == "") != (tt.complain == "") || !strings.Contains(all, tt.complain) {
			t.Errorf("%s %q: the complaints are %q, want one with %q", tt.name, tt.in, complaints, tt.complain)
		}
		if again, _ := n.CheckSettings("", "irc.example.org", transport.Server, kept); !cmp.Equal(again, kept) {
			t.Errorf("%s %q: checked twice it is %v", tt.name, tt.in, again)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	n := formNetwork(t, nil)
	v, complaints := n.CheckSettings("", "irc.example.org", transport.Server, transport.Values{
		"pass": {"rosebud"}, "sasl_password": {"wherefore"}, "client_certificate": {"new"},
	})
	cert, err := readCertificate(v.Get("client_certificate"))
	if err != nil || cert == nil || v.Get("pass") != "rosebud" || v.Get("sasl_password") != "wherefore" {
		t.Fatalf("kept %v, %v", v, err)
	}
	form, _ := n.SettingsForm("", "irc.example.org", transport.Server, v)
	shown := 0
	for _, f := range form.Fields {
		if _, secret := v[f.Name]; secret && (f.Type != transport.Hidden || len(f.Values) > 0) {
			t.Errorf("%s is shown", f.Name)
		}
		if f.Type == transport.Note && strings.Contains(f.Label, "SHA-256") {
			shown++
		}
	}
	if shown != 1 || len(complaints) != 1 || !strings.Contains(complaints[0], fingerprints(cert)) {
		t.Errorf("the fingerprint is shown %d times, and told as %q", shown, complaints)
	}
	again, complaints := n.CheckSettings("", "irc.example.org", transport.Server, v)
	if !cmp.Equal(v, again) || len(complaints) != 0 {
		t.Errorf("checked twice: %v", complaints)
	}
}

func TestCommandsAreBiboumis(t *testing.T) {
	nodes := func(n *network, at transport.Address, kind transport.Kind) string {
		var all []string
		for _, c := range n.Commands(at, kind) {
			all = append(all, c.Node+" "+string(c.At))
		}
		return strings.Join(all, ",")
	}
	n := formNetwork(t, nil)
	fixed := formNetwork(t, func(o *Options) {
		o.AnyNetwork, o.FixedNetwork = false, "net"
		o.Network = map[string]NetworkOptions{"net": {Address: "irc.example.org"}}
	})
	for _, tt := range []struct{ got, want string }{
		{nodes(n, "", transport.Server), "disconnect-from-irc-server ,configure "},
		{nodes(n, "irc.example.org", transport.Server), "configure ,get-irc-connection-info ,register-account ,log-in ,log-out "},
		{nodes(n, "#garden%irc.example.org", transport.Room), "configure "},
		{nodes(n, "juliet%irc.example.org", transport.Person), ""},
		{nodes(fixed, "", transport.Server),
			"disconnect-from-irc-server ,global-configure ,server-configure net,get-irc-connection-info net,register-account net,log-in net,log-out net"},
		{nodes(fixed, "#garden", transport.Room), "configure "},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestWaitsAreBounded(t *testing.T) {
	for text, want := range map[string]string{"WAIT 0.5": "", "WAIT 31": "WAIT", "WAIT -1": "WAIT", "WAIT": "WAIT", "WAIT inf": "WAIT"} {
		if got := badCommand(text); (got == "") != (want == "") {
			t.Errorf("%s: %q", text, got)
		}
	}
	if seconds(1500*time.Millisecond) != "1.5" {
		t.Error(seconds(1500 * time.Millisecond))
	}
}
