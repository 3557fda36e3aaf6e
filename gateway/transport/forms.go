package transport

import "context"

// Values are answers to a form, by the name of the field. A field that is not
// there was not answered; one without values was left empty.
type Values map[string][]string

// Get gives the first value of a field, or "".
func (v Values) Get(name string) string {
	if all := v[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// A Form asks a user for something. The gateway shows it as an ad-hoc command,
// as a room's configuration, as a registration and as chat text.
type Form struct {
	Title        string
	Instructions string
	Fields       []Field
}

// Secrets names those of the values that are not to be readable on the disk:
// what no field shows, and lines, which may be commands with passwords in them.
func (f Form) Secrets(values Values) (names []string) {
	open := map[string]bool{}
	for _, field := range f.Fields {
		open[field.Name] = field.Type != Hidden && field.Type != Texts
	}
	for name := range values {
		if !open[name] {
			names = append(names, name)
		}
	}
	return names
}

// A Field is one question of a Form.
type Field struct {
	Name     string // as people write it in chat: "sasl_password"
	Label    string // the question
	Help     string // one sentence more; may be empty
	Type     FieldType
	Long     bool // with Texts: a whole file, which is used and not kept
	Required bool
	Options  []Option // of Choice and Choices
	Values   []string // what holds now; never shown for a Secret
}

// A FieldType says what a Field's values look like.
type FieldType uint8

const (
	Text    FieldType = iota // one line
	Texts                    // lines
	Hidden                   // one line that is not shown: a password
	Bool                     // "true" or "false"
	Choice                   // one of Options
	Choices                  // some of Options
	Note                     // only Label is shown; it asks nothing
)

// An Option is one of those that can be chosen.
type Option struct{ Value, Label string }

// Settings reads what users set, from the gateway's store.
type Settings interface {
	// Of gives what a user set for an address, "" being the whole network.
	// What was not set is not in it.
	Of(user string, at Address) (Values, error)
}

// Configurable is implemented by a Network whose addresses have settings.
type Configurable interface {
	// SettingsForm gives the form for an address of a kind, holding the values
	// given, or else the defaults. "" is the whole network, of kind Server.
	// False means that nothing can be set there. User is whose settings they
	// are; "" is nobody in particular, who sees what anybody may set. It does
	// no I/O.
	SettingsForm(user string, at Address, kind Kind, values Values) (Form, bool)

	// CheckSettings gives the values as they are to be stored, in place of all
	// that was. The values given are those that are stored, with the answers
	// over them; a Hidden field that was left empty was not answered, and one
	// answered with "-" is to be removed. A value that can't be used becomes
	// the default, and a sentence in complaints, which are shown to the user.
	// What is stored may have names that no field has.
	CheckSettings(user string, at Address, kind Kind, values Values) (checked Values, complaints []string)
}

// Reconfigurable is implemented by a Session that uses settings at once.
type Reconfigurable interface {
	// Reconfigured tells that the user changed the settings of an address.
	Reconfigured(at Address)
}

// Registration is implemented by a Network that wants to know something of its
// users before it serves them: the answers are the settings of their account.
// All its methods may wait.
type Registration interface {
	// RegistrationForm gives what is asked, holding the settings of the account
	// that there is; nil if there is none. Fields that are named as those of
	// XEP-0077 are shown to old clients too.
	RegistrationForm(ctx context.Context, user string, settings map[string]string) (Form, error)

	// Register checks the answers to all fields, of which a Hidden one that was
	// left empty is as it was, and gives the settings to be stored. The session
	// is opened anew afterwards. An Error tells the user what is wrong.
	Register(ctx context.Context, user string, answers Values) (settings map[string]string, err error)

	// Unregister ends what an account had on the network, before all that is
	// stored for the user is deleted. With an error the user stays registered.
	Unregister(ctx context.Context, account Account) error
}

// Commander is implemented by a Network that gives ad-hoc commands of its own
// names to what the gateway can do for any network, or does some itself.
type Commander interface {
	// Commands gives those of an address; "" is the gateway itself.
	Commands(at Address, kind Kind) []Command
}

// A Command is one entry in the list of an address's commands.
type Command struct {
	Node, Name string
	Does       CommandAction
	At         Address // what it is done to; "": the address that it is a command of
	Field      string  // of DoDisconnect: what the field with the servers is called; "": "servers"
	Word       string  // what it is called in a chat; "": as the Node
	Admin      bool    // only the gateway's administrators may do it, or see it
}

// A CommandAction is what a Command does.
type CommandAction uint8

const (
	DoConfigure    CommandAction = iota // the address's own settings
	DoConfigureAll                      // the settings of the whole network
	DoShowLinks                         // what is known of the link to the address
	DoDisconnect                        // ends links, of others too for administrators
	DoPerform                           // what the network itself does: see Performer
)

// Links is implemented by a Session with links to servers.
type Links interface {
	// Links tells of the links there are. It does no I/O.
	Links() []LinkInfo
	// Disconnect ends the link to a server and leaves its rooms: RoomLeft and
	// LinkDown events follow.
	Disconnect(server Address, reason string) error
}

// A LinkInfo describes one link to people.
type LinkInfo struct {
	Server Address
	Up     bool
	Lines  []string  // sentences: the host, the port, TLS, since when
	Rooms  []Address // that are joined over it
}
