package sqlite

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// sealedStore makes a store with a password in its settings, one in its rooms
// and one in an account, closed.
func sealedStore(t *testing.T, o Options) (path string) {
	t.Helper()
	path = newPath(t)
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	values := transport.Values{"nick": {"romeo"}, "password": {"wherefore-art-thou"}}
	if err := s.Settings().Set(t.Context(), "a", "b", "c", values, "password"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rooms().Set(t.Context(), store.Room{Component: "a", User: "b", Address: "c", Nick: "romeo", Password: "by-any-other-name"}); err != nil {
		t.Fatal(err)
	}
	account := transport.Account{User: "b", Settings: map[string]string{"token": "parting-is-such-sweet-sorrow"}}
	if err := s.Accounts().Set(t.Context(), "a", account); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPasswordsAreNotInTheFile(t *testing.T) {
	path := sealedStore(t, Options{})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte("romeo")) {
		t.Error("the nick is not in the file: the test looks at the wrong one")
	}
	for _, secret := range []string{"wherefore-art-thou", "by-any-other-name", "parting-is-such-sweet-sorrow"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%s can be read", secret)
		}
	}
	if info, err := os.Stat(path + ".key"); err != nil || info.Mode().Perm() != 0o600 || info.Size() != keyLength {
		t.Errorf("key: %v, %v", info, err)
	}
}

func TestAStoreWithoutItsKeyIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(key string) error
		want  string
	}{
		"missing": {os.Remove, "is missing, without which the passwords in it can't be read: put it back"},
		"another": {func(key string) error {
			return os.WriteFile(key, bytes.Repeat([]byte{7}, keyLength), 0o600)
		}, "is not the one that this store was made with: put that one back"},
		"cut off": {func(key string) error { return os.Truncate(key, 5) }, "is no key of a store: it has 5 bytes, not 32"},
	} {
		t.Run(name, func(t *testing.T) {
			path := sealedStore(t, Options{})
			key, err := os.ReadFile(path + ".key")
			if err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(path + ".key"); err != nil {
				t.Fatal(err)
			}
			s, err := Open(path, Options{})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path+".key") {
				t.Fatalf("error: %v", err)
			}
			if err := os.WriteFile(path+".key", key, 0o600); err != nil {
				t.Fatal(err)
			}
			values, err := openTest(t, path).Settings().Get(t.Context(), "a", "b", "c")
			if err != nil || values.Get("password") != "wherefore-art-thou" {
				t.Errorf("with the key again: %v, %v", values, err)
			}
		})
	}
}

func TestTheKeyMayLieElsewhere(t *testing.T) {
	o := Options{KeyFile: newPath(t) + "-elsewhere"}
	path := sealedStore(t, o)
	if _, err := os.Stat(path + ".key"); err == nil {
		t.Error("a key lies beside the store")
	}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rooms, err := s.Rooms().OfUser(t.Context(), "a", "b")
	if err != nil || len(rooms) != 1 || rooms[0].Password != "by-any-other-name" {
		t.Errorf("%v, %v", rooms, err)
	}
}

func TestASealedValueOpensOnlyInItsPlace(t *testing.T) {
	path := sealedStore(t, Options{})
	runSQL(t, path, "UPDATE settings SET user = 'somebody else'")
	if values, err := openTest(t, path).Settings().Get(t.Context(), "a", "somebody else", "c"); err == nil {
		t.Errorf("it is %v", values)
	}
}
