package irc

import (
	"context"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// The examples are those of IRCv3 read-marker.
func TestWhatWasReadIsMarkedForwardAlone(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(markerCap + " server-time")
		if !w.session.Carries(garden).Has(transport.CarriesMarkers) || !w.session.Carries("juliet%net").Has(transport.CarriesMarkers) {
			t.Error("markers are not carried")
		}
		at := time.Date(1999, 1, 4, 14, 33, 26, 123_004_000, time.UTC)
		marks := func(chat transport.Address, nick string, at time.Time) {
			t.Helper()
			if err := w.session.MarkDisplayed(context.Background(), transport.Marker{Chat: chat, Nick: nick, At: at}); err != nil {
				t.Error(err)
			}
		}
		c.sends("@msgid=a1;time=1999-01-04T14:33:26.123Z "+julietFull+"PRIVMSG #garden :Ay me!", "@msgid=a2;time=1999-01-04T14:33:26.500Z "+julietFull+"PRIVMSG #garden :O Romeo")
		w.next()
		w.next()
		if err := w.session.MarkDisplayed(context.Background(), transport.Marker{Chat: garden, ID: "a1", At: at.Add(300 * time.Millisecond)}); err != nil {
			t.Error(err)
		}
		c.expect("MARKREAD #garden timestamp=1999-01-04T14:33:26.123Z") // as the server had it
		c.sends(":irc.example.org MARKREAD #garden timestamp=1999-01-04T14:33:26.123Z")
		marks(garden, "", at)
		marks(garden, "", at.Add(-time.Second))
		marks(garden, "", time.Time{})
		marks("juliet%net", "", at.Add(time.Second))
		marks(garden, "juliet", at.Add(2*time.Second))
		marks(garden, "", at.Add(time.Second))
		c.expect("MARKREAD juliet timestamp=1999-01-04T14:33:27.123Z", "MARKREAD juliet timestamp=1999-01-04T14:33:28.123Z",
			"MARKREAD #garden timestamp=1999-01-04T14:33:27.123Z")
		c.sends(":irc.example.org FAIL MARKREAD INVALID_PARAMS #garden :Invalid parameters")
		w.sees(transport.Notice{From: "net", Text: "Invalid parameters"})
		w.seesNothing()
	})
}

func TestWhatWasReadElsewhereIsTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(markerCap)
		read := func(at time.Time, last transport.MessageID) transport.DisplayedElsewhere {
			return transport.DisplayedElsewhere{Chat: garden, At: at, Last: last}
		}
		exactly := func(want time.Time, last transport.MessageID) {
			t.Helper()
			if got := w.next(); got != read(want, last) {
				t.Fatalf("got %#v, want %v", got, want)
			}
		}
		c.sends(":irc.example.org MARKREAD #garden *")
		exactly(time.Time{}, "")
		c.sends("@msgid=a1;time=1999-01-04T14:33:26.123Z "+julietFull+"PRIVMSG #garden :Ay me!", "@msgid=a2;time=1999-01-04T14:33:26.500Z "+julietFull+"PRIVMSG #garden :O Romeo")
		w.next()
		w.next()
		c.sends(":irc.example.org MARKREAD #Garden timestamp=1999-01-04T14:33:26.123Z", ":irc.example.org MARKREAD #garden timestamp=1999-01-04T14:33:25.000Z",
			":irc.example.org MARKREAD #garden timestamp=never", "MARKREAD", ":irc.example.org MARKREAD juliet timestamp=1999-01-04T14:33:26.123Z",
			":irc.example.org MARKREAD #garden *")
		exactly(time.Date(1999, 1, 4, 14, 33, 26, 123_000_000, time.UTC), "a1")
		w.seesNothing()
		if err := w.session.MarkDisplayed(context.Background(), transport.Marker{Chat: garden, At: time.Date(1999, 1, 4, 14, 33, 26, 0, time.UTC)}); err != nil {
			t.Error(err)
		}
		c.expectNothing(time.Second)
	})
}

func TestServersWithoutReadMarkersGetNone(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden()
		err := w.session.MarkDisplayed(context.Background(), transport.Marker{Chat: garden, At: time.Now()})
		if reasonOf(err) != transport.Unsupported || w.session.Carries(garden).Has(transport.CarriesMarkers) {
			t.Error(err)
		}
	})
}
