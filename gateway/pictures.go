package gateway

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/picture"
	"gatehouse/gateway/transport"
)

const (
	maxPictures  = 1024    // of at most 24 KiB, and those that there are none of
	maxPicture   = 2 << 20 // bytes of one that is fetched
	maxPageLink  = 2048    // bytes of a URL
	pictureSide  = "192"   // pixels, where the server can choose
	pictureTime  = 30 * time.Second
	pictureFresh = 24 * time.Hour
	pictureRetry = 15 * time.Minute // after a failure, twice as much after the next
	fetchAtOnce  = 8
)

// pictures are what people's faces show, fetched once for all users: avatars
// from URLs that anybody on a network names.
type pictures struct {
	client *http.Client // nil: nothing is fetched
	pace   *rate.Limiter
	places *sharing      // as many are fetched at once, of which a user on a hostile server has few
	making chan struct{} // and one is made small at a time: a large one takes memory

	mu    sync.Mutex // guards what follows; never held during I/O
	byURL map[string]*portrait
}

// A portrait is what became of one URL.
type portrait struct {
	hash  string // SHA-1 of the JPEG in hex (XEP-0153 §4.1); "": there is none
	jpeg  []byte
	known bool      // it was fetched before, whatever came of it
	until time.Time // it is not fetched again before
	used  time.Time
	fails int
	under chan struct{} // closed once the fetch under way ends; nil: none is
}

func newPictures(client *http.Client) *pictures {
	return &pictures{
		client: client, pace: rate.NewLimiter(rate.Every(200*time.Millisecond), 20),
		places: newSharing(fetchAtOnce, fetchesByUser), making: make(chan struct{}, 1),
		byURL: map[string]*portrait{},
	}
}

// pictureOf gives the URL that a face's picture is fetched from; "": none is.
func pictureOf(f *transport.Face) string {
	if f == nil || f.Picture == "" || len(f.Picture) > maxPageLink {
		return ""
	}
	link := strings.ReplaceAll(f.Picture, "{size}", pictureSide)
	if !hasScheme(link, "https") && !hasScheme(link, "http") {
		return ""
	}
	if u, err := url.Parse(link); err != nil || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return link
}

// known gives what is known of a picture without asking anybody. Due says that
// it should be fetched.
func (p *pictures) known(link string) (is portrait, due bool) {
	if link == "" {
		return is, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	known := p.byURL[link]
	if known == nil {
		return is, p.client != nil
	}
	known.used = now
	return *known, known.under == nil && !now.Before(known.until) && p.client != nil
}

// fetch has a picture fetched for a user, unless that was done. Changed says that it is
// another than before. It waits for others who fetch.
func (p *pictures) fetch(ctx context.Context, user, link string) (changed bool) {
	p.mu.Lock()
	known := p.byURL[link]
	if known == nil {
		if known = p.placeLocked(); known == nil {
			p.mu.Unlock()
			return false // all are being fetched
		}
		p.byURL[link] = known
	}
	known.used = time.Now()
	switch under := known.under; {
	case under != nil:
		p.mu.Unlock()
		select {
		case <-under:
			return true
		case <-ctx.Done():
			return false
		}
	case time.Now().Before(known.until):
		p.mu.Unlock()
		return true
	}
	ended := make(chan struct{})
	known.under = ended
	p.mu.Unlock()

	var jpeg []byte
	err := errPanic
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		known.under = nil
		close(ended)
		changed = known.take(jpeg, err)
	}()
	jpeg, err = p.get(ctx, user, link)
	if errors.Is(ctx.Err(), context.Canceled) {
		err = errNotFetched
	}
	return false
}

var (
	errPanic      = errors.New("making a picture small panicked")
	errNotFetched = errors.New("a picture was not asked for, or nobody waited for it")
)

// take notes what became of a fetch.
func (is *portrait) take(jpeg []byte, err error) (changed bool) {
	now := time.Now()
	if errors.Is(err, errNotFetched) {
		return false // which says nothing about the picture
	}
	if err != nil {
		wait := pictureRetry << min(is.fails, 6)
		is.fails++
		is.until = now.Add(wait + rand.N(wait/2))
		first := !is.known
		is.known = true // what was there before is better than nothing
		return first
	}
	sum := sha1.Sum(jpeg)
	was := is.hash
	is.hash, is.jpeg, is.known, is.fails = hex.EncodeToString(sum[:]), jpeg, true, 0
	is.until = now.Add(pictureFresh)
	return is.hash != was
}

// placeLocked makes place for one more, in that of the one that nobody has
// looked at for the longest time.
func (p *pictures) placeLocked() *portrait {
	if len(p.byURL) >= maxPictures {
		oldest := ""
		for link, other := range p.byURL {
			if other.under == nil && (oldest == "" || other.used.Before(p.byURL[oldest].used)) {
				oldest = link
			}
		}
		if oldest == "" {
			return nil
		}
		delete(p.byURL, oldest)
	}
	return &portrait{}
}

func (p *pictures) get(ctx context.Context, user, link string) ([]byte, error) {
	if p.places.enter(ctx, user) != nil {
		return nil, errNotFetched
	}
	defer p.places.leave(user)
	if p.pace.Wait(ctx) != nil {
		return nil, errNotFetched
	}
	a, err := guarded.Get(ctx, p.client, link, maxPicture, nil)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	content, err := io.ReadAll(a)
	if err != nil {
		return nil, fmt.Errorf("read a picture: %w", err)
	}
	select {
	case p.making <- struct{}{}:
		defer func() { <-p.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return picture.Avatar(content)
}
