package sms

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

const goodConfig = `
name = "Texts"
provider = "twilio"
region = "DE"
max_segments = 5
smart_encoding = false

[[user]]
jid = "romeo@example.org"
number = "+15005550001"

[twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = "secret"
public_url = "https://gw.example.org/sms.example.org"

[simulator]
delivery_delay = "250ms"
public = true
fail = { "+15551230000" = 30003 }
`

func TestConfigIsRead(t *testing.T) {
	o := Driver.Options().(*Options)
	md, err := toml.Decode(goodConfig, o)
	if err != nil {
		t.Fatal(err)
	}
	if left := md.Undecoded(); len(left) != 0 {
		t.Errorf("not read: %v", left)
	}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	if o.Simulator.DeliveryDelay != 250*time.Millisecond || o.Simulator.Fail["+15551230000"] != 30003 ||
		o.Twilio.AuthToken.Reveal() != "secret" || o.Twilio.APIBase != "https://api.twilio.com" ||
		o.Users[0] != (User{"romeo@example.org", "+15005550001"}) || o.SmartEncoding {
		t.Errorf("got %+v", o)
	}
	n, err := o.New(transport.Env{Outbox: newDisk(), Records: &transporttest.Records{}})
	if err != nil {
		t.Fatal(err)
	}
	if info := n.Info(); info.Name != "Texts" || info.Type != "sms" || !info.AlwaysOn || !info.Durable {
		t.Errorf("got %+v", info)
	}
	if users := n.(transport.Users).Users(); len(users) != 1 || users[0].User != "romeo@example.org" {
		t.Errorf("got %v", users)
	}
}

func TestDefaultsNeedNothing(t *testing.T) {
	n, err := Driver.Options().New(transport.Env{Outbox: newDisk(), Records: &transporttest.Records{}})
	if err != nil {
		t.Fatal(err)
	}
	if n.(transport.Webhooks).Webhooks() == nil {
		t.Error("the simulator has no page")
	}
}

func TestWrongOptionIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
		key  string
		says string
	}{
		{"no name", func(o *Options) { o.Name = "" }, "name", ""},
		{"no such provider", func(o *Options) { o.Provider = "pigeon" }, "provider", "kannel, signalwire, simulator, smpp, twilio"},
		{"region in small letters", func(o *Options) { o.Region = "us" }, "region", ""},
		{"no segments", func(o *Options) { o.MaxSegments = 0 }, "max_segments", "255"},
		{"no JID", func(o *Options) { o.Users[0].JID = "romeo" }, "user[0].jid", "bare JID"},
		{"full JID", func(o *Options) { o.Users[0].JID = "romeo@example.org/orchard" }, "user[0].jid", "bare JID"},
		{"one user twice", func(o *Options) { o.Users = append(o.Users, User{"ROMEO@example.org", "+15005550001"}) }, "user[1].jid", "twice"},
		{"national number", func(o *Options) { o.Users[0].Number = "500 555 0001" }, "user[0].number", `"+15005550001"`},
		{"no number", func(o *Options) { o.Users[0].Number = "" }, "user[0].number", "E.164"},
		{"slow simulator", func(o *Options) { o.Simulator.DeliveryDelay = -1 }, "simulator.delivery_delay", ""},
		{"strange code", func(o *Options) { o.Simulator.Fail = map[string]int{"+1555": 7} }, "simulator.fail.+1555", "30003"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Defaults()
			o.Users = []User{{"romeo@example.org", "+15005550001"}}
			tt.set(o)
			e, ok := errors.AsType[*transport.OptionError](o.Check())
			if !ok || e.Key != tt.key || !strings.Contains(e.Problem, tt.says) || e.Problem == "" {
				t.Errorf("got %v", e)
			}
		})
	}
}
