package gateway_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// A gallery is a web server with pictures, without a network.
type gallery struct {
	mu    sync.Mutex
	shows map[string][]byte
	asked map[string]int
	takes time.Duration
}

func (g *gallery) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	content, there := g.shows[r.URL.String()]
	g.asked[r.URL.String()]++
	takes := g.takes
	g.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	res := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(content)), ContentLength: int64(len(content)), Request: r}
	if !there {
		res.StatusCode = http.StatusNotFound
	}
	return res, nil
}

// hangs puts a picture there.
func (g *gallery) hangs(link string, c color.Color) {
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		m.Set(i%64, i/64, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shows[link] = b.Bytes()
}

// wasAsked gives how often it was asked for anything since the last time.
func (g *gallery) wasAsked() (times int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.asked {
		times += n
	}
	clear(g.asked)
	return times
}

const (
	rose  = "https://example.org/rose.png"
	photo = "{vcard-temp:x:update}x/photo"
)

// inGallery runs a story on a network that tells of its people's faces.
func inGallery(t *testing.T, tell func(t *testing.T, w *world, g *gallery)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gallery{shows: map[string][]byte{}, asked: map[string]int{}}
		g.hangs(rose, color.RGBA{200, 0, 0, 255})
		w := prepareWorld(t)
		w.store, w.web = newMemory(), &http.Client{Transport: g}
		w.verona.info.People = true
		w.start()
		tell(t, w, g)
	})
}

func withFace(nick string, f transport.Face) transport.Member {
	m := member(nick)
	m.Face = &f
	return m
}

// Acquaintance implements transport.Acquaintances.
func (l *link) Acquaintance(who transport.Address) (transport.Member, bool) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	m, ok := l.network.acquaintances[who]
	return m, ok
}

// photoIn gives the hash of the photo in a vCard.
func photoIn(t *testing.T, st stanza.Received) string {
	t.Helper()
	all := Values(st, "vCard/PHOTO/BINVAL")
	if len(all) != 1 || Values(st, "vCard/PHOTO/TYPE")[0] != "image/jpeg" {
		t.Fatalf("%d photos", len(all))
	}
	jpeg, err := base64.StdEncoding.DecodeString(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, format, err := image.Decode(bytes.NewReader(jpeg)); err != nil || format != "jpeg" {
		t.Fatalf("a photo of the format %q: %v", format, err)
	}
	sum := sha1.Sum(jpeg)
	return hex.EncodeToString(sum[:])
}

func TestFacesAreShownInARoom(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.verona.enters(inGarden, withFace("juliet", transport.Face{
			Picture: rose, Name: "Juliet C.", Pronouns: "she/her", Homepage: "https://capulet.example", Status: "on the balcony",
		}))
		w.asksToJoin(orchard, garden, "romeo")
		w.settle()
		w.Expect(occupant(orchard, garden, "juliet", Status("", "on the balcony"), Has("{http://jabber.org/protocol/nick}nick", "Juliet C."),
			Has("{vcard-temp:x:update}x"), HasNot(photo)))
		w.Skip()
		w.pass(time.Second)
		shown := w.Expect(occupant(orchard, garden, "juliet", Has(photo)))
		hash := Values(shown, photo)[0]
		w.joins(cell, garden, "romeo") // who comes later sees it at once
		w.verona.change(func() { w.verona.calls = nil })
		w.asks(orchard, "get", julietInside, vcard)
		w.settle()
		w.verona.tells(romeo, transport.ProfileReceived{Request: w.verona.wish(), Profile: transport.Profile{
			Who: "juliet", Nick: "juliet", FullName: "Juliet Capulet", Idle: -1,
			Face: &transport.Face{Picture: rose, Name: "Juliet C.", Pronouns: "she/her", Homepage: "https://capulet.example", Status: "on the balcony"},
		}})
		st := w.Expect(result(julietInside, orchard, Has("vCard/FN", "Juliet C."), Has("vCard/URL", "https://capulet.example"),
			Has("vCard/DESC", "Status: on the balcony\nPronouns: she/her\nReal name: Juliet Capulet")))
		if got := photoIn(t, st); got != hash {
			t.Errorf("the photo has the hash %s, the presence said %s", got, hash)
		}
		w.asks(orchard, "get", julietInside, vcard4)
		w.Expect(result(julietInside, orchard, Has("vcard/pronouns/text", "she/her"), Has("vcard/url/uri", "https://capulet.example"),
			Has("vcard/note/text", "Status: on the balcony\nReal name: Juliet Capulet"), Has("vcard/photo/uri")))
		if n := g.wasAsked(); n != 1 {
			t.Errorf("the picture was fetched %d times", n)
		}
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace("juliet", transport.Face{})}) // she takes it down
		w.ExpectInAnyOrder(occupant(orchard, garden, "juliet", Has(photo, "")), occupant(cell, garden, "juliet", Has(photo, "")))
		w.asks(orchard, "get", julietInside, vcard) // what was told of her before does not hold
		w.settle()
		w.verona.called(t, "profile juliet", "profile juliet")
	})
}

func TestFacesOfPlacesAreShown(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.joins(orchard, garden, "romeo")
		w.subscribes("verona@" + verona)
		w.verona.tells(romeo, transport.FaceChanged{Of: inGarden, Face: &transport.Face{Picture: rose}},
			transport.LinkUp{Server: "verona"}, transport.FaceChanged{Of: "verona", Face: &transport.Face{Picture: rose}})
		w.Expect(bare("verona@"+verona, "", HasNot(photo)))
		w.Expect(bare("verona@"+verona, "", HasNot(photo)))
		w.pass(2 * time.Second)
		all := w.ExpectInAnyOrder(Message(From(garden), To(orchard), StatusCodes("104")), bare("verona@"+verona, "", Has(photo)))
		hash := append(Values(all[0], photo), Values(all[1], photo)...)[0]
		w.asks(orchard, "get", garden, discoInfo)
		w.Expect(result(garden, orchard, Has("query/x/field@var", "muc#roominfo_avatarhash"), Has("query/x/field/value", hash)))
		for _, place := range []string{garden, "verona@" + verona} {
			w.asks(orchard, "get", place, vcard)
			if got := photoIn(t, w.Expect(result(place, orchard))); got != hash {
				t.Errorf("%s has the photo %s", place, got)
			}
		}
		w.verona.tells(romeo, transport.FaceChanged{Of: inGarden, Face: &transport.Face{}})
		w.Expect(Message(From(garden), To(orchard), StatusCodes("104")))
		w.asks(orchard, "get", garden, vcard)
		w.Expect(result(garden, orchard, HasNot("vCard/PHOTO")))
		if n := g.wasAsked(); n != 1 {
			t.Errorf("the picture was fetched %d times", n)
		}
		w.pass(48 * time.Hour)
		w.asks(cell, "get", "verona@"+verona, vcard) // by whom it is not shown
		w.settle()
		w.Skip()
		if n := g.wasAsked(); n != 1 {
			t.Errorf("after a day it was fetched %d times", n)
		}
	})
}

func TestFacesInTheRosterAreShown(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.joins(orchard, garden, "romeo")
		w.subscribes(julietHerself)
		w.verona.tells(romeo, transport.FaceChanged{Of: "juliet", Face: &transport.Face{Picture: rose, Name: "Juliet C.", Status: "awake"}})
		w.pass(time.Minute)
		w.ExpectNothing() // she is not there
		w.verona.tells(romeo, transport.PresenceChanged{Who: "juliet", Availability: transport.Availability{Online: true}})
		w.Expect(bare(julietHerself, "", Status("", "awake"), Has("{http://jabber.org/protocol/nick}nick", "Juliet C."), Has(photo)))
		w.verona.tells(romeo, transport.FaceChanged{Of: "juliet"})
		w.Expect(bare(julietHerself, "", HasNot("status"), Has("{http://jabber.org/protocol/nick}nick", "juliet"), HasNot("{vcard-temp:x:update}x")))
		if n := g.wasAsked(); n != 1 {
			t.Errorf("the picture was fetched %d times", n)
		}
	})
}

func TestPicturesThatNobodySeesAreNotFetched(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.verona.stays = map[string]bool{"romeo@example.org #garden": true}
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.settle()
		w.Skip()
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace("juliet", transport.Face{Picture: rose}), Joined: true},
			transport.FaceChanged{Of: inGarden, Face: &transport.Face{Picture: rose}},
			transport.FaceChanged{Of: "tybalt", Face: &transport.Face{Picture: rose}}, transport.FaceChanged{Of: "verona", Face: &transport.Face{Picture: rose}})
		w.pass(5 * time.Minute)
		for _, never := range []string{"javascript:x", "ftp://example.org/x", "https://", "rose.png", "https://a:b@example.org/", "data:image/png;base64,AAAA"} {
			w.verona.tells(romeo, transport.FaceChanged{Of: inGarden, Face: &transport.Face{Picture: never}})
		}
		w.pass(5 * time.Minute)
		if n := g.wasAsked(); n != 0 {
			t.Errorf("%d pictures were fetched", n)
		}
	})
}

func TestPicturesThatFailAreNotFetchedAgainSoon(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		const broken = "https://example.org/broken.png"
		w.verona.enters(inGarden, withFace("juliet", transport.Face{Picture: broken}))
		w.joins(orchard, garden, "romeo")
		show := func() {
			w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace("juliet", transport.Face{Picture: broken})})
			w.pass(2 * time.Second)
			w.Skip()
		}
		for range 20 {
			show()
			w.pass(30 * time.Second)
		}
		if n := g.wasAsked(); n != 1 {
			t.Errorf("it was tried %d times in ten minutes", n)
		}
		g.mu.Lock()
		g.shows[broken] = []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")
		g.mu.Unlock()
		for range 200 {
			show()
			w.pass(time.Minute)
		}
		if n := g.wasAsked(); n < 2 || n > 5 {
			t.Errorf("it was tried %d times in three hours", n)
		}
		g.hangs(broken, color.White)
		w.pass(24 * time.Hour)
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace("juliet", transport.Face{Picture: broken})})
		w.Expect(occupant(orchard, garden, "juliet", Has(photo, "")))
		w.pass(2 * time.Second)
		w.Expect(occupant(orchard, garden, "juliet", Has(photo)))
	})
}

func TestAFloodOfPicturesIsNotAFloodOfFetches(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.joins(orchard, garden, "romeo")
		last := ""
		for i := range 300 {
			last = fmt.Sprintf("https://example.org/%d.png", i)
			g.hangs(last, color.Gray{uint8(i)})
			w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace("juliet", transport.Face{Picture: last})})
			w.pass(100 * time.Millisecond)
		}
		w.Skip()
		w.verona.change(func() {
			w.verona.rooms[inGarden].members = append(w.verona.rooms[inGarden].members, withFace("juliet", transport.Face{Picture: last}))
		})
		w.pass(3 * time.Minute)
		w.Expect(occupant(orchard, garden, "juliet", Has(photo)))
		if n := g.wasAsked(); n > 3 {
			t.Errorf("one person's pictures were fetched %d times in three minutes", n)
		}
		// Many people's come slowly, and all of them.
		for i := range 200 {
			w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: withFace(fmt.Sprintf("n%d", i), transport.Face{Picture: fmt.Sprintf("https://example.org/n%d.png", i)})})
		}
		w.pass(2 * time.Second)
		if n := g.wasAsked(); n < 5 || n > 30 {
			t.Errorf("%d pictures were fetched in two seconds", n)
		}
		w.Skip()
		w.pass(2 * time.Minute)
		w.Skip()
		g.mu.Lock()
		defer g.mu.Unlock()
		if most := slices.Max(slices.Collect(maps.Values(g.asked))); most != 1 || len(g.asked) < 160 {
			t.Errorf("%d pictures were fetched, one of them %d times", len(g.asked), most)
		}
	})
}

func TestClientsThatWantManyPicturesDontAskTheNetworkForAll(t *testing.T) {
	inGallery(t, func(t *testing.T, w *world, g *gallery) {
		w.joins(orchard, garden, "romeo")
		const people = 30
		known := map[transport.Address]transport.Member{}
		for i := range people {
			m := withFace(fmt.Sprintf("n%d", i), transport.Face{Picture: rose})
			known[m.Who] = m
			w.verona.enters(inGarden, m)
		}
		w.verona.change(func() { w.verona.acquaintances = known })
		w.pass(2 * time.Second)
		w.Skip()
		for i := range people {
			w.asks(orchard, "get", fmt.Sprintf("%s/n%d", garden, i), vcard)
		}
		w.settle()
		if n := w.verona.callsOf("profile"); n > 6 {
			t.Errorf("the network was asked %d times", n)
		}
		for i := range people - 5 {
			photoIn(t, w.Expect(IQ(Type("result"), From(fmt.Sprintf("%s/n%d", garden, i+5)))))
		}
	})
}
