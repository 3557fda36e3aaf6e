package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/contacts"
	"gatehouse/gateway/transport"
)

const (
	bookKind   = "address book" // of the records
	bookTime   = 2 * time.Minute
	bookEvery  = time.Hour
	bookFirst  = 10 * time.Minute // after a start, that not all are read at once
	bookRetry  = 5 * time.Minute  // after a failure, twice as long after each further one
	bookSlow   = 24 * time.Hour
	maxRenames = 50 // of one reading
	maxAsked   = 20 // contacts of one import that ask for a subscription
)

// Where names in address books come from, in the order in which they count.
const (
	fromServer = "carddav"
	fromFile   = "file"
	fromPaste  = "import"
)

var bookSources = []string{fromServer, fromFile, fromPaste}

// A bookAccount is a user's address book on a CardDAV server.
type bookAccount struct {
	URL, User, Password string
	Rename              bool // names that the user gives in their roster are written back
}

// An addressBook is what a session knows of its user's address books.
type addressBook struct {
	account bookAccount
	next    time.Time // when they are read again; zero: never
	failed  int       // times in a row
	problem string    // why
	reading bool
	tell    bool // the user waits for the outcome
}

// A listing is somebody in an address book, by their address on the network.
type listing struct{ name, path string }

// bookFile is where the operator may put a user's contacts.
func (h *host) bookFile(user jid.JID) string {
	if h.AddressBooks == "" || strings.ContainsAny(user.String(), "/\\\x00") {
		return ""
	}
	return filepath.Join(h.AddressBooks, user.String()+".vcf")
}

// loadBook reads where the user's address book is.
func (s *session) loadBook(ctx context.Context) {
	if !s.host.keepsContacts() {
		return
	}
	value, found, err := s.host.gateway.Store.Records(s.host.Domain).Get(ctx, s.user.String(), bookKind, fromServer)
	if err == nil && found {
		err = json.Unmarshal(value, &s.book.account)
	}
	if err != nil {
		s.log().Error("the user's address book can't be found", "err", err)
	}
	if s.book.account.URL != "" || s.host.AddressBooks != "" {
		s.book.next = time.Now().Add(rand.N(bookFirst))
	}
}

// tidyBook reads the address books when that is due.
func (s *session) tidyBook(now time.Time) {
	if !s.book.next.IsZero() && !now.Before(s.book.next) && s.isServed() {
		s.readBooks()
	}
}

// readBooks reads them aside, and takes their names.
func (s *session) readBooks() {
	if s.book.reading {
		return
	}
	s.book.reading = true
	account, known := s.book.account, maps.Clone(s.contacts)
	s.books.run(s, waitingErrand{
		errand: func(context.Context) func(context.Context) {
			ctx, cancel := context.WithTimeout(s.closing, bookTime)
			defer cancel()
			read, err := s.host.readBooks(ctx, s.user, account, known)
			return func(context.Context) { s.bookRead(account, read, err) }
		},
		failed: func(context.Context) { s.bookRead(account, nil, errors.New("something went wrong in the gateway")) },
	})
}

// readBooks waits for the disk, the server, and the user's own server.
func (h *host) readBooks(ctx context.Context, user jid.JID, account bookAccount, known map[transport.Address]contact) (map[string]map[transport.Address]listing, error) {
	read := map[string]map[transport.Address]listing{}
	if file := h.bookFile(user); file != "" {
		cards, err := readCards(file)
		if err != nil {
			h.log.Error("a user's file of contacts can't be read", "user", user.String(), "err", err)
		} else {
			read[fromFile] = h.listings(user, cards)
		}
	}
	if account.URL == "" {
		return read, nil
	}
	if h.gateway.HTTP == nil {
		return read, errors.New("address books of servers are not read here")
	}
	server := contacts.Server{URL: account.URL, User: account.User, Password: account.Password, Client: h.gateway.HTTP}
	cards, err := server.Fetch(ctx)
	if err != nil {
		return read, err
	}
	read[fromServer] = h.listings(user, cards)
	if account.Rename {
		h.renameCards(ctx, user, server, read[fromServer], known)
	}
	return read, nil
}

func readCards(path string) ([]contacts.Card, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return contacts.Parse(f)
}

// listings finds the addresses of people on the network. A number that two have
// is the first one's.
func (h *host) listings(user jid.JID, cards []contacts.Card) map[transport.Address]listing {
	found := map[transport.Address]listing{}
	for _, c := range cards {
		for _, number := range c.Numbers {
			a, kind, err := h.typed(user.String(), number)
			if _, taken := found[a]; err != nil || kind != transport.Person || taken || len(found) >= maxContacts {
				continue
			}
			found[a] = listing{cleanName(c.Name), c.Path}
		}
	}
	return found
}

// renameCards writes the names back that the user gave in their roster.
func (h *host) renameCards(ctx context.Context, user jid.JID, server contacts.Server, book map[transport.Address]listing, known map[transport.Address]contact) {
	if !h.grantOf(user).Get {
		return
	}
	roster, err := h.readRoster(ctx, user)
	if err != nil {
		h.log.Info("names are not written to an address book", "user", user.String(), "err", err)
		return
	}
	renamed := map[string]bool{} // cards: one with two numbers takes the first name
	for _, a := range slices.Sorted(maps.Keys(book)) {
		l := book[a]
		theirs := cleanName(roster[h.at(a).Local].Name)
		if theirs == "" || theirs == l.name || theirs == known[a].Shown || l.path == "" || renamed[l.path] || len(renamed) >= maxRenames {
			continue
		}
		renamed[l.path] = true
		if err := server.Rename(ctx, l.path, theirs); err != nil {
			h.log.Info("a name could not be written to an address book", "user", user.String(), "err", err)
			continue
		}
		book[a] = listing{theirs, l.path}
	}
}

// bookRead takes what was read, and says when it is read again.
func (s *session) bookRead(account bookAccount, read map[string]map[transport.Address]listing, err error) {
	b := &s.book
	b.reading = false
	if account != b.account { // it was changed meanwhile
		s.readBooks()
		return
	}
	for source, listed := range read {
		s.takeListings(source, listed, true, b.tell)
	}
	wait := bookEvery
	if b.failed, b.problem = 0, ""; err != nil {
		b.failed, b.problem = b.failed+1, err.Error()
		wait = min(bookRetry<<min(b.failed, 10), bookSlow)
		s.log().Info("an address book can't be read", "err", err, "retry", wait)
	}
	b.next = time.Now().Add(wait + rand.N(wait/5))
	if !b.tell {
		return
	}
	b.tell = false
	switch {
	case err != nil:
		s.notify("Your address book can't be read: " + err.Error() + ". It is tried again by and by.")
	case account.URL != "":
		s.notify(fmt.Sprintf("Your address book has %s here.", count(len(read[fromServer]), "contact", "contacts")))
	}
}

// takeListings takes the names of one source. The whole of it ends the names
// that it had before; nobody is taken out of the roster.
func (s *session) takeListings(source string, listed map[transport.Address]listing, whole, mayAsk bool) (taken int) {
	if whole {
		for a, c := range s.contacts {
			if _, still := listed[a]; c.Books[source] != "" && !still {
				s.changeContact(a, func(c *contact) { c.Books = without(c.Books, source) })
			}
		}
	}
	asked := 0
	for _, a := range slices.Sorted(maps.Keys(listed)) {
		was := s.contacts[a]
		fits := s.changeContact(a, func(c *contact) {
			c.Books = without(c.Books, source)
			c.Books[source] = listed[a].name
		})
		if !fits {
			break
		}
		taken++
		ask := mayAsk && was.Known == unknownYet && asked < maxAsked
		if ask {
			asked++
		}
		if was.Known != inRoster || was.given() != s.contacts[a].given() {
			put(&s.toBring, a, s.toBring[a] || ask)
		}
	}
	s.dropGone()
	s.bringNext()
	return taken
}

// dropGone leaves those alone whom the user took out of the roster.
func (s *session) dropGone() {
	maps.DeleteFunc(s.toBring, func(a transport.Address, _ bool) bool { return s.contacts[a].Gone })
}

func without(books map[string]string, source string) map[string]string {
	rest := maps.Clone(books)
	if rest == nil {
		rest = map[string]string{}
	}
	delete(rest, source)
	return rest
}

// bookCommands are those about address books.
func bookCommands() []command {
	return []command{
		{node: "import-contacts", name: "Take over contacts from vCards", start: importContacts},
		{node: "address-book", name: "Read names from your address book (CardDAV)", start: setBook},
	}
}

func importContacts(s *session) stage {
	if !s.isServed() {
		return failed(s.host.notRegistered())
	}
	return ask(transport.Form{
		Title: "Import contacts", Instructions: "Paste the text of a file with vCards (.vcf), as address books export it.",
		Fields: []transport.Field{{Name: "vcard", Label: "The vCards", Type: transport.Texts, Long: true, Required: true}},
	}, func(s *session, answers transport.Values) stage {
		return stage{work: func(context.Context) stage {
			cards, err := contacts.Parse(strings.NewReader(strings.Join(answers["vcard"], "\n")))
			if err != nil {
				return undone("The vCards can't be read: " + err.Error())
			}
			listed := s.host.listings(s.user, cards)
			return stage{step: func(s *session, _ context.Context) stage {
				n := s.takeListings(fromPaste, listed, false, true)
				return done(fmt.Sprintf("%s taken over, from %s with a number.", count(n, "contact", "contacts"), count(len(cards), "card", "cards")))
			}}
		}}
	})
}

func setBook(s *session) stage {
	if !s.isServed() {
		return failed(s.host.notRegistered())
	}
	a := s.book.account
	form := transport.Form{
		Title: "Your address book", Instructions: "It is read once an hour. Nobody is removed from it, or from your roster. Without an address, this ends.",
		Fields: []transport.Field{
			{Name: "url", Label: "Its address on the CardDAV server", Values: []string{a.URL}},
			{Name: "user", Label: "Your name there", Values: []string{a.User}},
			{Name: "password", Label: "Your password there", Type: transport.Hidden, Help: "Leave it empty to keep the one that is stored."},
			{Name: "rename", Label: "Write names that you give in your roster back to it", Type: transport.Bool, Values: []string{fmt.Sprint(a.Rename)}},
		},
	}
	if a.Password != "" {
		form.Fields[2].Values = []string{a.Password} // not shown, but that there is one
	}
	if s.book.problem != "" {
		form.Fields = append(form.Fields, transport.Field{Name: "problem", Type: transport.Note, Label: "At the last try: " + s.book.problem})
	}
	return ask(form, func(s *session, answers transport.Values) stage {
		now := bookAccount{
			URL: strings.TrimSpace(answers.Get("url")), User: answers.Get("user"), Password: answers.Get("password"),
			Rename: answers.Get("rename") == "true",
		}
		if now.Password == "" && now.URL == s.book.account.URL { // another server does not get it
			now.Password = s.book.account.Password
		}
		return s.keepBook(now)
	})
}

func (s *session) keepBook(now bookAccount) stage {
	if now.URL == "" {
		now = bookAccount{}
	} else if err := contacts.CheckURL(now.URL); err != nil {
		return failed(notAcceptable(err.Error()))
	}
	records, user := s.host.gateway.Store.Records(s.host.Domain), s.user.String()
	return stage{work: func(ctx context.Context) stage {
		value, err := json.Marshal(now)
		switch {
		case err != nil:
		case now.URL == "":
			err = records.Delete(ctx, user, bookKind, fromServer)
		default:
			err = records.Put(ctx, transport.RecordItem{User: user, Kind: bookKind, Key: fromServer, Value: value})
		}
		if err != nil {
			return s.failedWith(err)
		}
		return stage{step: func(s *session, _ context.Context) stage {
			s.book.account, s.book.failed, s.book.problem = now, 0, ""
			if now.URL == "" {
				s.takeListings(fromServer, nil, true, false)
				return done("Your address book is not read any more.")
			}
			s.book.tell = true
			s.readBooks()
			return done("Your address book is read now, and once an hour.")
		}}
	}}
}

func (h *host) notRegistered() stanza.Error {
	return stanza.Error{Class: stanza.Auth, Condition: stanza.RegistrationRequired, Text: "you are not registered. " + h.howToRegister()}
}
