package store

import (
	"context"
	"time"

	"gatehouse/gateway/transport"
)

// Settings keep what users set for an address of a network, or for the whole
// network, whose address is "".
type Settings interface {
	// Get gives what was set; nil if nothing was.
	Get(ctx context.Context, component, user string, at transport.Address) (transport.Values, error)
	// Set replaces all that was set for the address. The values of the fields
	// named in secret are encrypted on the disk.
	Set(ctx context.Context, component, user string, at transport.Address, values transport.Values, secret ...string) error
	Delete(ctx context.Context, component, user string, at transport.Address) error
	// All gives everything that a user set on a component.
	All(ctx context.Context, component, user string) (map[transport.Address]transport.Values, error)
	// For gives what the network of one component reads.
	For(component string) transport.Settings
}

// SettingsTime is how long a network waits for what a user set.
const SettingsTime = 5 * time.Second

// SettingsFor implements Settings.For for any implementation.
func SettingsFor(s Settings, component string) transport.Settings { return settingsOf{s, component} }

type settingsOf struct {
	settings  Settings
	component string
}

func (s settingsOf) Of(user string, at transport.Address) (transport.Values, error) {
	ctx, cancel := context.WithTimeout(context.Background(), SettingsTime)
	defer cancel()
	return s.settings.Get(ctx, s.component, user, at)
}

// Rooms keep the rooms that users are to be in again after a restart.
type Rooms interface {
	// Set adds a room, or replaces its nick and password.
	Set(ctx context.Context, r Room) error
	Delete(ctx context.Context, component, user string, at transport.Address) error
	// OfUser gives a user's rooms on a component, by address.
	OfUser(ctx context.Context, component, user string) ([]Room, error)
	// Users gives the users of a component who have rooms.
	Users(ctx context.Context, component string) ([]string, error)
}

// A Room is one that a user is in.
type Room struct {
	Component string
	User      string
	Address   transport.Address
	Nick      string
	Password  string // encrypted on the disk
}
