package transport

import (
	"fmt"
	"os"
	"strings"
)

// A Driver makes networks of one kind. The list of drivers is in package
// transports.
type Driver struct {
	Name    string         // in the config: transport = "irc"
	Options func() Options // a fresh set, holding the defaults
}

// Options are a network's own part of the config, the table that bears the
// driver's name. The fields of the implementing struct carry toml tags.
type Options interface {
	// Check looks at the values without connecting to anything. Its error is
	// an *OptionError where one key is to blame.
	Check() error
	// New makes the network. It connects to nothing yet.
	New(env Env) (Network, error)
}

// An OptionError blames a key, given relative to the driver's table:
// "network.libera.address".
type OptionError struct {
	Key     string
	Problem string // what is wrong and what to do
}

func (e *OptionError) Error() string { return e.Key + ": " + e.Problem }

// A Secret is a password or the like. In the config it is a string, or a table
// that says where to find it: { file = "/etc/gatehouse/secret" } or
// { env = "GATEHOUSE_SECRET" }. It does not print.
type Secret struct{ value string }

// NewSecret wraps a value that comes from elsewhere than the config.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the secret itself, for use on the wire only.
func (s Secret) Reveal() string { return s.value }

// IsZero says that there is none.
func (s Secret) IsZero() bool { return s.value == "" }

// String, GoString and MarshalText keep it out of logs and dumps.
func (s Secret) String() string               { return "[secret]" }
func (s Secret) GoString() string             { return "[secret]" }
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// UnmarshalTOML implements toml.Unmarshaler.
func (s *Secret) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		s.value = v
		return nil
	case map[string]any:
		return s.find(v)
	}
	return fmt.Errorf(`a secret is a string, { file = "…" } or { env = "…" }, not %T`, v)
}

func (s *Secret) find(where map[string]any) error {
	if len(where) != 1 {
		return fmt.Errorf(`a secret is found in one place: { file = "…" } or { env = "…" }`)
	}
	for key, v := range where {
		name, ok := v.(string)
		switch {
		case ok && key == "file":
			b, err := os.ReadFile(name)
			if err != nil {
				return fmt.Errorf("read secret: %w", err)
			}
			s.value = strings.TrimRight(string(b), "\r\n")
		case ok && key == "env":
			if s.value = os.Getenv(name); s.value == "" {
				return fmt.Errorf("the environment variable %s is not set: give it the secret", name)
			}
		default:
			return fmt.Errorf(`a secret is found by file or env, not by %q`, key)
		}
		if s.value == "" {
			return fmt.Errorf("the file %s is empty: write the secret into it", name)
		}
	}
	return nil
}
