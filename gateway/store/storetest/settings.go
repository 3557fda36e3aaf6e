package storetest

import (
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const juliet = "juliet@example.org"

func settingsWork(w *world) {
	s := w.store.Settings()
	get := func(user string, at transport.Address) transport.Values {
		values, err := s.Get(w.Context(), component, user, at)
		w.must(err)
		return values
	}
	w.same("never set", get(romeo, ""), transport.Values(nil))

	whole := transport.Values{"nick": {"romeo"}, "password": {"wherefore\n\"art\""}, "greetings": {"hail", "well met"}, "empty": {}}
	garden := transport.Values{"record_history": {"false"}}
	w.must(s.Set(w.Context(), component, romeo, "", whole, "password", "not there"))
	w.must(s.Set(w.Context(), component, romeo, "#garden", garden))
	w.must(s.Set(w.Context(), component, juliet, "#garden", transport.Values{}))
	w.must(s.Set(w.Context(), "other.example.org", romeo, "#garden", transport.Values{"nick": {"montague"}}))
	w.same("whole network", get(romeo, ""), whole)
	w.same("one room", get(romeo, "#garden"), garden)
	all, err := s.All(w.Context(), component, romeo)
	w.must(err)
	w.same("all of romeo's", all, map[transport.Address]transport.Values{"": whole, "#garden": garden})

	of, err := s.For("other.example.org").Of(romeo, "#garden")
	w.must(err)
	w.same("what the network reads", of, transport.Values{"nick": {"montague"}})
	of, err = s.For(component).Of(romeo, "#balcony")
	w.must(err)
	w.same("what the network reads of an address without settings", of.Get("nick"), "")

	w.must(s.Set(w.Context(), component, romeo, "", transport.Values{"password": {"art"}}, "password"))
	w.same("replaced", get(romeo, ""), transport.Values{"password": {"art"}})
	w.must(s.Delete(w.Context(), component, romeo, ""))
	w.must(s.Delete(w.Context(), component, romeo, ""))
	w.same("deleted", get(romeo, ""), transport.Values(nil))
	w.same("another's", get(juliet, "#garden"), transport.Values{})
}

func roomsWork(w *world) {
	r := w.store.Rooms()
	of := func(user string) []store.Room {
		rooms, err := r.OfUser(w.Context(), component, user)
		w.must(err)
		return rooms
	}
	w.same("at first", of(romeo), []store.Room(nil))
	garden := store.Room{Component: component, User: romeo, Address: "#garden", Nick: "romeo", Password: "rose"}
	balcony := store.Room{Component: component, User: romeo, Address: "#balcony", Nick: "romeo"}
	theirs := store.Room{Component: component, User: juliet, Address: "#garden", Nick: "juliet"}
	elsewhere := store.Room{Component: "other.example.org", User: "tybalt@example.org", Address: "#garden", Nick: "tybalt"}
	for _, one := range []store.Room{garden, balcony, theirs, elsewhere} {
		w.must(r.Set(w.Context(), one))
	}
	w.same("romeo's", of(romeo), []store.Room{balcony, garden})
	users, err := r.Users(w.Context(), component)
	w.must(err)
	w.same("users", users, []string{juliet, romeo})

	garden.Nick, garden.Password = "montague", ""
	w.must(r.Set(w.Context(), garden))
	w.same("replaced", of(romeo), []store.Room{balcony, garden})
	w.must(r.Delete(w.Context(), component, romeo, "#garden"))
	w.must(r.Delete(w.Context(), component, romeo, "#never"))
	w.same("one deleted", of(romeo), []store.Room{balcony})
	w.must(r.Delete(w.Context(), component, juliet, "#garden"))
	users, err = r.Users(w.Context(), component)
	w.must(err)
	w.same("users without juliet", users, []string{romeo})
}
