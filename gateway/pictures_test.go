package gateway

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Who asked for a picture and left, or a picture that ends its maker, holds it
// back from nobody.
func TestAPictureIsNotLostWithWhoAskedForIt(t *testing.T) {
	const link = "https://example.org/rose.png"
	synctest.Test(t, func(t *testing.T) {
		p := newPictures(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		ctx, leave := context.WithCancel(t.Context())
		go p.fetch(ctx, "romeo", link)
		synctest.Wait()
		leave()
		synctest.Wait()
		if is, due := p.known(link); is.known || !due {
			t.Errorf("known: %v, due: %v", is.known, due)
		}

		p.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("a bad picture") })
		func() {
			defer func() { recover() }()
			p.fetch(t.Context(), "romeo", link)
		}()
		if is, due := p.known(link); is.under != nil || due || p.places.free != fetchAtOnce {
			t.Errorf("it is still being fetched: %v; due: %v", is.under != nil, due)
		}
	})
}
