// Package config reads the TOML file (https://toml.io/en/v1.0.0) into structs
// and checks all of it before anything connects. It knows no network: a
// component's own table is decoded into what its transport.Driver gives.
//
// Files named in the config are relative to the working directory.
package config

import (
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// A Config is the whole file.
type Config struct {
	Admins     Rules       `toml:"admins"` // accounts that may use the admin commands
	Block      Rules       `toml:"block"`  // who is never served
	Log        Log         `toml:"log"`
	Store      Store       `toml:"store"`
	HTTP       HTTP        `toml:"http"`
	Fetch      Fetch       `toml:"fetch"`
	Media      Media       `toml:"media"`
	Contact    Contact     `toml:"contact"`
	Components []Component `toml:"component"`

	// Warnings tell of what works but should not stay so, a line each.
	Warnings []string `toml:"-"`
}

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level `toml:"level"`  // debug, info, warn or error
	Format string     `toml:"format"` // text or json
}

// Store says where the database is.
type Store struct {
	Path    string `toml:"path"`
	KeyFile string `toml:"key_file"` // encrypts users' passwords; empty: Path + ".key"

	HistoryAge    time.Duration `toml:"history_age"`    // how long conversations are kept; 0: for ever
	HistoryLength int           `toml:"history_length"` // messages that a user keeps of each conversation; 0: all
}

// HTTP is the listener for webhooks, metrics and health.
type HTTP struct {
	Listen string `toml:"listen"` // host:port; empty: no listener
}

// Contact holds the contact addresses that service discovery shows, as URIs
// (XEP-0157 §3).
type Contact struct {
	Abuse    []string `toml:"abuse"`
	Admin    []string `toml:"admin"`
	Feedback []string `toml:"feedback"`
	Sales    []string `toml:"sales"`
	Security []string `toml:"security"`
	Status   []string `toml:"status"`
	Support  []string `toml:"support"`
}

// A Component is one address on the XMPP server, and the network behind it.
type Component struct {
	Transport     string           `toml:"transport"` // name of the driver
	Domain        string           `toml:"domain"`    // prepared
	Server        string           `toml:"server"`    // host:port, or unix:path
	Secret        transport.Secret `toml:"secret"`
	TLS           bool             `toml:"tls"` // TLS from the first byte
	TLSCAFile     string           `toml:"tls_ca_file"`
	TLSServerName string           `toml:"tls_server_name"`
	Name          string           `toml:"name"`            // in service discovery; empty: the transport's own
	Allow         Rules            `toml:"allow"`           // never empty: by default the parent domain
	UsersMayPlumb bool             `toml:"users_may_plumb"` // who moderates a room links it with a MUC
	AddressBooks  string           `toml:"address_books"`   // folder with a file of vCards for each user; empty: none

	// Options come from the table that bears the driver's name, on top of the
	// driver's defaults.
	Options transport.Options `toml:"-"`
	// TLSConfig is nil without TLS.
	TLSConfig *tls.Config `toml:"-"`
}

// Default is the config of an empty file.
func Default() Config {
	return Config{
		Log:   Log{Level: slog.LevelInfo, Format: "text"},
		Store: Store{Path: "gatehouse.db"},
		HTTP:  HTTP{Listen: "127.0.0.1:8087"},
		Media: defaultMedia(),
	}
}

// DefaultComponent is a component of which nothing is written. Allow is then
// the parent domain of Domain.
func DefaultComponent() Component {
	return Component{Server: "127.0.0.1:5347"}
}

// Endpoint gives what net.Dial takes to reach the XMPP server.
func (c Component) Endpoint() (network, address string) {
	if path, ok := strings.CutPrefix(c.Server, "unix:"); ok {
		return "unix", path
	}
	return "tcp", c.Server
}

// isLocal says that the way to the server does not leave the machine.
func (c Component) isLocal() bool {
	network, address := c.Endpoint()
	if network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// IsAdmin tells whether the address may use the admin commands.
func (c *Config) IsAdmin(j jid.JID) bool { return c.Admins.match(j) }

// IsBlocked tells whether the address is never served.
func (c *Config) IsBlocked(j jid.JID) bool { return c.Block.match(j) }

// A ContactField is one field of the form with contact addresses.
type ContactField struct {
	Var    string // "abuse-addresses"
	Values []string
}

// Fields gives the fields that have values, in alphabetical order.
func (c Contact) Fields() []ContactField {
	var fields []ContactField
	for _, f := range []ContactField{
		{"abuse-addresses", c.Abuse},
		{"admin-addresses", c.Admin},
		{"feedback-addresses", c.Feedback},
		{"sales-addresses", c.Sales},
		{"security-addresses", c.Security},
		{"status-addresses", c.Status},
		{"support-addresses", c.Support},
	} {
		if len(f.Values) > 0 {
			fields = append(fields, f)
		}
	}
	return fields
}
