package biboumi

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/store"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
	"gatehouse/transports/irc"
)

const (
	gateway = "irc.example.org"
	romeo   = "romeo@example.org"
)

// schema is what biboumi 9 makes.
const schema = `
CREATE TABLE muclogline_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,uuid_ TEXT,owner_ TEXT,ircchanname_ TEXT,ircservername_ TEXT,date_ INTEGER,body_ TEXT,nick_ TEXT);
CREATE TABLE globaloptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,owner_ TEXT,maxhistorylength_ INTEGER,recordhistory_ INTEGER,persistent_ INTEGER);
CREATE TABLE ircserveroptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,owner_ TEXT,server_ TEXT,pass_ TEXT,tlsports_ TEXT,ports_ TEXT,username_ TEXT,realname_ TEXT,verifycert_ INTEGER,trustedfingerprint_ TEXT,encodingout_ TEXT,encodingin_ TEXT,maxhistorylength_ INTEGER,address_ TEXT,nick_ TEXT,saslpassword_ TEXT,throttlelimit_ INTEGER);
CREATE TABLE ircchanneloptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,owner_ TEXT,server_ TEXT,channel_ TEXT,encodingout_ TEXT,encodingin_ TEXT,maxhistorylength_ INTEGER,persistent_ INTEGER,recordhistory_ INTEGER);
CREATE TABLE roster (local TEXT,remote TEXT);
CREATE TABLE after_connection_commands_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,fk_ INTEGER,afterconnectioncommand_ TEXT);
`

// biboumiWith makes a database of biboumi's.
func biboumiWith(t *testing.T, statements string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "biboumi.sqlite")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(schema + statements); err != nil {
		t.Fatal(err)
	}
	return path
}

func network(t *testing.T) transport.Network {
	t.Helper()
	o := irc.Defaults()
	o.Network = map[string]irc.NetworkOptions{"irc.verona.net": {Address: "irc.verona.net"}, "mantua": {Address: "irc.mantua.net"}}
	n, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func newStore(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "gatehouse.db"), sqlite.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// takes runs a takeover, and gives what it said.
func takes(t *testing.T, file string, s store.Store) string {
	t.Helper()
	var out strings.Builder
	err := Takeover{File: file, Component: gateway, Network: network(t), Store: s, Out: &out}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSettingsAreTakenOver(t *testing.T) {
	s := newStore(t)
	said := takes(t, biboumiWith(t, `
INSERT INTO globaloptions_ VALUES (1,'Romeo@example.org',50,0,1);
INSERT INTO ircserveroptions_ VALUES (1,'romeo@example.org','irc.verona.net','wherefore','6697;6670','6667','monty','Romeo M.',0,'','UTF-8','ISO-8859-1',20,'','romeo_','sweet',10);
INSERT INTO after_connection_commands_ VALUES (1,1,'MODE romeo +i'),(2,1,'AWAY :gone');
INSERT INTO ircserveroptions_ VALUES (2,'juliet@example.org','irc.verona.net','','','6667;6668','','',1,'','','',20,'','','',10);
INSERT INTO ircchanneloptions_ VALUES (1,'romeo@example.org','irc.verona.net','#garden','','ISO-8859-15',20,1,-1);
`), s)
	for _, tt := range []struct {
		user string
		at   transport.Address
		want transport.Values
	}{
		{romeo, "", transport.Values{"max_history_length": {"50"}, "record_history": {"false"}, "persistent": {"true"}}},
		{romeo, "irc.verona.net", transport.Values{
			"pass": {"wherefore"}, "username": {"monty"}, "realname": {"Romeo M."}, "verify_cert": {"false"}, "nick": {"romeo_"},
			"sasl_password": {"sweet"}, "encoding_in": {"ISO-8859-1"}, "after_connect_commands": {"MODE romeo +i", "AWAY :gone"},
		}},
		{"juliet@example.org", "irc.verona.net", transport.Values{"tls_ports": {}, "ports": {"6667", "6668"}}},
		{romeo, "#garden%irc.verona.net", transport.Values{"persistent": {"true"}, "record_history": {"false"}, "encoding_in": {"ISO-8859-15"}}},
	} {
		got, err := s.Settings().Get(t.Context(), gateway, tt.user, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		delete(got, "encoding_out") // UTF-8 is what holds anyway
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s, %q (-want +got):\n%s", tt.user, tt.at, d)
		}
	}
	if strings.Contains(said, "sweet") || strings.Contains(said, "wherefore") {
		t.Errorf("the report tells passwords:\n%s", said)
	}
}

func TestRoomsAndSubscriptionsAreTakenOver(t *testing.T) {
	s := newStore(t)
	said := takes(t, biboumiWith(t, `
INSERT INTO ircserveroptions_ (owner_,server_,nick_) VALUES ('romeo@example.org','irc.verona.net','montague');
INSERT INTO ircchanneloptions_ (owner_,server_,channel_,persistent_) VALUES ('romeo@example.org','irc.verona.net','#garden',1), ('juliet@example.org','irc.verona.net','#balcony',1),
	('paris@example.org','irc.verona.net','#square',0);
INSERT INTO roster VALUES ('irc.example.org','romeo@example.org'), ('irc.verona.net@irc.example.org','romeo@example.org'),
	('irc.mantua.net@irc.example.org','romeo@example.org'), ('irc.example.com','romeo@example.org');
`), s)
	rooms := map[string]store.Room{}
	for _, user := range []string{romeo, "juliet@example.org", "paris@example.org"} {
		all, err := s.Rooms().OfUser(t.Context(), gateway, user)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			rooms[string(r.Address)] = r
		}
	}
	want := map[string]store.Room{
		"#garden%irc.verona.net":  {Component: gateway, User: romeo, Address: "#garden%irc.verona.net", Nick: "montague"},
		"#balcony%irc.verona.net": {Component: gateway, User: "juliet@example.org", Address: "#balcony%irc.verona.net", Nick: "juliet"},
	}
	if d := cmp.Diff(want, rooms); d != "" {
		t.Errorf("rooms (-want +got):\n%s", d)
	}
	subs, err := s.Subscriptions().OfUser(t.Context(), gateway, romeo)
	if err != nil {
		t.Fatal(err)
	}
	var contacts []string
	for _, sub := range subs {
		contacts = append(contacts, sub.Contact)
	}
	if d := cmp.Diff([]string{"", "irc.verona.net"}, contacts); d != "" {
		t.Errorf("subscriptions (-want +got):\n%s", d)
	}
	for _, remark := range []string{"which is mantua@irc.example.org here", "another domain than irc.example.org"} {
		if !strings.Contains(said, remark) {
			t.Errorf("the report does not say %q:\n%s", remark, said)
		}
	}
}

func TestTheArchiveIsTakenOverOnce(t *testing.T) {
	file := biboumiWith(t, `
INSERT INTO muclogline_ (uuid_,owner_,ircchanname_,ircservername_,date_,body_,nick_) VALUES
	('u1','romeo@example.org','#garden','irc.verona.net',1600000000,'But, soft!','romeo'),
	('u2','romeo@example.org','#garden','irc.verona.net',1600000000,'Ay me!','juliet'),
	('u3','romeo@example.org','#garden','irc.nowhere.net',1600000001,'lost','juliet'),
	('u4','no address','#garden','irc.verona.net',1600000001,'lost','juliet');
`)
	s := newStore(t)
	if said := takes(t, file, nil); !strings.Contains(said, "2  messages") || !strings.Contains(said, `There is no network "irc.nowhere.net" here.`) || !strings.Contains(said, `an owner that is no address: "no address"`) {
		t.Errorf("the dry run says:\n%s", said)
	}
	takes(t, file, s)
	if said := takes(t, file, s); !strings.Contains(said, "2  left out: messages that were here already") {
		t.Errorf("the second run says:\n%s", said)
	}
	page, err := s.Archive().Page(t.Context(), store.ArchiveQuery{Component: gateway, User: romeo, Chat: "#garden%irc.verona.net", Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range page.Messages {
		got = append(got, m.ID+" "+m.Nick+": "+m.Text+m.At.UTC().Format(" 15:04:05"))
	}
	if d := cmp.Diff([]string{"u1 romeo: But, soft! 12:26:40", "u2 juliet: Ay me! 12:26:40"}, got); d != "" {
		t.Errorf("the archive (-want +got):\n%s", d)
	}
}

func TestWhatPeopleSetHereStays(t *testing.T) {
	s := newStore(t)
	file := biboumiWith(t, `INSERT INTO globaloptions_ VALUES (1,'romeo@example.org',50,0,1);`)
	mine := transport.Values{"max_history_length": {"7"}}
	if err := s.Settings().Set(t.Context(), gateway, romeo, "", mine); err != nil {
		t.Fatal(err)
	}
	takes(t, file, s)
	got, err := s.Settings().Get(t.Context(), gateway, romeo, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(mine, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestOldTablesLackColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.sqlite")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE ircserveroptions_ (id_ INTEGER PRIMARY KEY, owner_ TEXT, server_ TEXT, pass_ TEXT, tlsports_ TEXT);
INSERT INTO ircserveroptions_ VALUES (1,'romeo@example.org','irc.verona.net','wherefore','6697;6670')`); err != nil {
		t.Fatal(err)
	}
	if said := takes(t, path, nil); !strings.Contains(said, "1  settings of an address") {
		t.Errorf("the report says:\n%s", said)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.sqlite")
	db, err := sql.Open("sqlite3", other)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE people (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{text, other, dir, filepath.Join(dir, "none")} {
		err := Takeover{File: file, Component: gateway, Network: network(t), Out: os.Stderr}.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
		if _, e := os.Stat(filepath.Join(dir, "none")); e == nil {
			t.Fatal("a database was made")
		}
	}
}
