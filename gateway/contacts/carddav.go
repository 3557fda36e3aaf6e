package contacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/emersion/go-vcard"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/carddav"
)

// maxBooks is how many address books of one account are read.
const maxBooks = 20

// A Server is an account on a CardDAV server.
type Server struct {
	URL, User, Password string
	Client              *http.Client // which decides where it may connect to
}

// ErrURL says that an address can't be one of a CardDAV server.
var ErrURL = errors.New("the address of the address book begins with https://")

// CheckURL says whether a password may be sent to an address: only over TLS,
// unless the server is on this machine or in a network of its own.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return ErrURL
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsLoopback() || ip.IsPrivate()) {
			return nil
		}
	}
	return ErrURL
}

// client limits what the server may answer.
func (s Server) client() (c *carddav.Client, etag *string, err error) {
	if err := CheckURL(s.URL); err != nil {
		return nil, nil, err
	}
	etag = new(string)
	c, err = carddav.NewClient(webdav.HTTPClientWithBasicAuth(limited{s.Client, etag}, s.User, s.Password), s.URL)
	return c, etag, err
}

type limited struct {
	*http.Client
	etag *string // of the card that is written
}

func (l limited) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", "gatehouse")
	if r.Method == http.MethodPut && *l.etag != "" {
		r.Header.Set("If-Match", *l.etag) // RFC 6352 §6.3.2: who changed it meanwhile is not undone
	}
	res, err := l.Client.Do(r)
	if err == nil {
		res.Body = &limitedBody{res.Body, MaxBytes}
	}
	return res, err
}

// A limitedBody fails where a LimitReader would end.
type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// Fetch reads all the address books that are at the URL, or else those of the
// account there (RFC 6352 §6.2, RFC 5397).
func (s Server) Fetch(ctx context.Context) ([]Card, error) {
	c, _, err := s.client()
	if err != nil {
		return nil, err
	}
	books, err := s.books(ctx, c)
	if err != nil {
		return nil, err
	}
	var cards []Card
	for _, book := range books[:min(len(books), maxBooks)] {
		query := &carddav.AddressBookQuery{DataRequest: carddav.AddressDataRequest{AllProp: true}}
		objects, err := c.QueryAddressBook(ctx, book.Path, query)
		if err != nil {
			return nil, fmt.Errorf("read the address book %s: %w", book.Path, err)
		}
		for _, o := range objects {
			if card, ok := read(o.Card); ok {
				card.Path = o.Path
				cards = append(cards, card)
			}
			if len(cards) > MaxCards {
				return nil, ErrTooMany
			}
		}
	}
	return cards, nil
}

func (s Server) books(ctx context.Context, c *carddav.Client) ([]carddav.AddressBook, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, ErrURL
	}
	if strings.Trim(u.Path, "/") != "" {
		if books, err := c.FindAddressBooks(ctx, u.Path); err == nil && len(books) > 0 {
			return books, nil
		}
	}
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the account: %w", err)
	}
	home, err := c.FindAddressBookHomeSet(ctx, principal)
	if err != nil {
		return nil, fmt.Errorf("find the address books: %w", err)
	}
	books, err := c.FindAddressBooks(ctx, home)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find the address books: %w", err)
	case len(books) == 0:
		return nil, errors.New("there is no address book at this address")
	}
	return books, nil
}

// Rename gives the person of a card another name. All else on the card stays.
func (s Server) Rename(ctx context.Context, path, name string) error {
	c, etag, err := s.client()
	if err != nil {
		return err
	}
	o, err := c.GetAddressObject(ctx, path)
	if err != nil {
		return fmt.Errorf("read the card: %w", err)
	}
	if o.ETag != "" {
		*etag = strconv.Quote(o.ETag)
	}
	o.Card.SetValue(vcard.FieldFormattedName, name)
	if _, err := c.PutAddressObject(ctx, path, o.Card); err != nil {
		return fmt.Errorf("write the card: %w", err)
	}
	return nil
}
