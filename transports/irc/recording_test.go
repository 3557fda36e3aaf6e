package irc

import (
	"errors"
	"testing"

	"gatehouse/gateway/transport"
)

// stored are what a user set.
type stored map[transport.Address]transport.Values

func (s stored) Of(_ string, at transport.Address) (transport.Values, error) {
	if at == "#broken%libera" {
		return nil, errors.New("the disk is broken")
	}
	return s[at], nil
}

func TestSettingsSayWhatIsKept(t *testing.T) {
	no, on, unset := []string{"false"}, []string{"true"}, []string{"unset"}
	for _, tt := range []struct {
		name string
		set  stored
		at   transport.Address
		want transport.Record
	}{
		{"nothing set", stored{}, "#garden%libera", transport.Record{Keep: true, AtJoin: 20}},
		{"off everywhere", stored{"": {"record_history": no}}, "#garden%libera", transport.Record{AtJoin: 20}},
		{"but on in the channel", stored{"": {"record_history": no}, "#garden%libera": {"record_history": on}}, "#garden%libera", transport.Record{Keep: true, AtJoin: 20}},
		{"or left open there", stored{"": {"record_history": no}, "#garden%libera": {"record_history": unset}}, "#garden%libera", transport.Record{AtJoin: 20}},
		{"off in one channel", stored{"#garden%libera": {"record_history": no}}, "#garden%libera", transport.Record{AtJoin: 20}},
		{"which is not another", stored{"#garden%libera": {"record_history": no}}, "#balcony%libera", transport.Record{Keep: true, AtJoin: 20}},
		{"a number for all", stored{"": {"max_history_length": {"5"}}}, "#garden%libera", transport.Record{Keep: true, AtJoin: 5}},
		{"another for the server", stored{"": {"max_history_length": {"5"}}, "libera": {"max_history_length": {"0"}}}, "#garden%libera", transport.Record{Keep: true}},
		{"a person", stored{"": {"max_history_length": {"5"}}}, "juliet%libera", transport.Record{Keep: true, AtJoin: 5}},
		{"services", stored{"": {"record_history": on}}, "nickserv%libera", transport.Record{}},
		{"the console", stored{}, "libera", transport.Record{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := &network{record: true, settings: tt.set, servers: map[string]*server{"libera": {name: "libera"}}}
			got, err := n.Records("romeo@example.org", tt.at)
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	off := &network{settings: stored{"": {"record_history": on}}, servers: map[string]*server{"libera": {name: "libera"}}}
	for user, want := range map[transport.Address]bool{"#garden%libera": true, "nickserv%libera": false} {
		if got, err := off.Records("romeo@example.org", user); err != nil || got.Keep != want {
			t.Errorf("off by default: %s is kept: %v, %v", user, got.Keep, err)
		}
	}
	off.settings = stored{}
	if got, err := off.Records("romeo@example.org", "#garden%libera"); err != nil || got.Keep {
		t.Errorf("off by default: %v, %v", got, err)
	}
	n := &network{settings: stored{}, servers: map[string]*server{"libera": {name: "libera"}}}
	if _, err := n.Records("romeo@example.org", "#broken%libera"); err == nil {
		t.Error("an error of the disk was hidden")
	}
}
