package sms

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // where the system has none

	"gatehouse/gateway/transport"
)

var (
	_ transport.Configurable = (*Network)(nil)
	_ transport.Commander    = (*Network)(nil)
	_ transport.Performer    = (*Network)(nil)
	_ transport.Recording    = (*Network)(nil)
)

// Names of settings.
const (
	settingTimezone = "timezone"
	settingHistory  = "history"
)

var timezoneSetting = setting{
	Field: transport.Field{
		Name: settingTimezone, Label: "Your time zone",
		Help: "For the times that you write in commands. Write one like Europe/Berlin.",
	},
	standard: func(n *Network, _ string) []string { return []string{n.timezone} },
	check: func(_ *Network, _ string, given []string) ([]string, string) {
		zone := strings.TrimSpace(strings.Join(given, ""))
		if zone == "" {
			return nil, ""
		}
		if _, err := zoneOf(zone); err != nil {
			return nil, fmt.Sprintf("%.80q is no time zone, write one like Europe/Berlin or America/New_York", zone)
		}
		return []string{zone}, ""
	},
}

// historySetting is off unless the operator says otherwise: the users' own
// servers keep their chats already, and what is not kept can't be lost.
var historySetting = setting{
	Field: transport.Field{
		Name: settingHistory, Type: transport.Bool, Label: "Keep what you and your contacts text, to be read again",
		Help: "Your own server most likely keeps it already.",
	},
	standard: func(n *Network, _ string) []string { return []string{strconv.FormatBool(n.history)} },
	check:    checkBool,
}

func checkBool(_ *Network, _ string, given []string) ([]string, string) {
	switch v := strings.Join(given, ""); v {
	case "true", "false":
		return []string{v}, ""
	case "":
		return nil, ""
	}
	return nil, "it is true or false"
}

// zoneOf reads the name of a time zone. That of the machine is nobody's.
func zoneOf(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") || len(name) > 64 {
		return nil, fmt.Errorf("no time zone %q", name)
	}
	return time.LoadLocation(name)
}

// placeOf is where a user's clock is. It waits for the disk.
func (n *Network) placeOf(user string) *time.Location {
	zone, err := zoneOf(strings.Join(n.setting(user, settingTimezone), ""))
	if err != nil {
		return time.UTC
	}
	return zone
}

// Records implements transport.Recording. What is said in groups is always kept:
// nobody else keeps it for those who are not there.
func (n *Network) Records(user string, at transport.Address) (transport.Record, error) {
	keep := isGroup(at) || strings.Join(n.setting(user, settingHistory), "") == "true"
	return transport.Record{Keep: keep, AtJoin: groupHistory}, nil
}
