package irc

import (
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestServersLastWordsAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		name, said, text string
		reason           transport.Reason
		permanent        bool
		closes           bool
	}{
		{"InspIRCd kills", "Closing link: (romeo@127.0.0.1) [Killed (oper (enough))]", "Killed (oper (enough))", transport.Unreachable, false, false},
		{"InspIRCd bans", "Closing link: (romeo@127.0.0.1) [G-lined: spam]", "G-lined: spam", transport.Forbidden, true, false},
		{"InspIRCd bans the address", "Closing link: (romeo@127.0.0.1) [Z-lined: spam]", "Z-lined: spam", transport.Forbidden, true, true},
		{"InspIRCd's connectban", "Closing link: (u@h) [Your IP range has been attempting to connect too many times in too short a duration. Wait a while, and you will be able to connect.]",
			"Your IP range has been attempting to connect too many times in too short a duration. Wait a while, and you will be able to connect.", transport.RateLimited, false, true},
		{"InspIRCd's class", "Closing link: (u@h) [No more connections allowed from your host via this connect class (local)]",
			"No more connections allowed from your host via this connect class (local)", transport.TooMany, false, true},
		{"Solanum's ban", "Closing Link: host.example (K-Lined)", "K-Lined", transport.Forbidden, true, false},
		{"Solanum's throttle", "Trying to reconnect too fast.", "Trying to reconnect too fast.", transport.RateLimited, false, true},
		{"Solanum's limit", "Closing Link: host.example (Too many host connections (local))", "Too many host connections (local)", transport.TooMany, false, true},
		{"UnrealIRCd's throttle", "Closing Link: [192.0.2.1] (Throttled: Reconnecting too fast)", "Throttled: Reconnecting too fast", transport.RateLimited, false, true},
		{"UnrealIRCd's limit", "Closing Link: [192.0.2.1] (Too many unknown connections from your IP)", "Too many unknown connections from your IP", transport.TooMany, false, true},
		{"ngIRCd's limit", "Connection refused, too many connections from your IP address!", "Connection refused, too many connections from your IP address!", transport.TooMany, false, true},
		{"ngIRCd's password", "Access denied: Bad password?", "Access denied: Bad password?", transport.NotAuthorized, true, false},
		{"services", "Closing Link: h (Session limit exceeded)", "Session limit exceeded", transport.TooMany, false, true},
		{"services' ban", "Closing Link: h (User has been banned from Verona (duel))", "User has been banned from Verona (duel)", transport.Forbidden, true, false},
		{"a ping timeout", "Closing Link: romeo[192.0.2.1] by irc.example.org (Ping timeout: 240 seconds)", "Ping timeout: 240 seconds", transport.Unreachable, false, false},
		{"a restart", "Server is restarting", "Server is restarting", transport.Unreachable, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, v := judge(tt.said)
			if text != tt.text || v.reason != tt.reason || v.permanent != tt.permanent || (v.close > 0) != tt.closes {
				t.Errorf("%q: %q, %+v", tt.said, text, v)
			}
		})
	}
}

func TestTimesAreSaidInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 seconds", 30 * time.Second: "31 seconds", 2 * time.Minute: "2 minutes", 29*time.Minute + 50*time.Second: "30 minutes",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
