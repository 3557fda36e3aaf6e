package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// subscribes makes romeo a subscriber, as his server would, and drops what comes.
func (w *world) subscribes(to string) {
	w.t.Helper()
	w.says(romeo, `<presence type='subscribe' to='%s'/>`, to)
	w.settle()
	w.Skip()
	w.says(romeo, `<presence type='subscribed' to='%s'/>`, to)
	w.settle()
}

func bare(from, typ string, more ...Matcher) Matcher {
	return Presence(append([]Matcher{From(from), To(romeo), Type(typ)}, more...)...)
}

func TestSubscriptionIsGrantedShownAndAskedBackOnce(t *testing.T) {
	for _, tt := range []struct {
		name, to string
		shown    []Matcher
	}{
		{"gateway", verona, []Matcher{bare(verona, "", Has("c@ver"))}},
		{"server whose link is down", "verona@" + verona, nil},
		{"somebody reachable", phone, []Matcher{bare(phone+"/phone", "", Has("c@ver"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.says(romeo, `<presence type='subscribe' to='%s' id='s'/>`, tt.to)
				w.Expect(bare(tt.to, "subscribed", ID("s")))
				w.ExpectInAnyOrder(tt.shown...)
				w.Expect(bare(tt.to, "subscribe", Has("{http://jabber.org/protocol/nick}nick")))
				w.ExpectNothing()
				// Prosody acknowledges ours twice, and some servers repeat theirs.
				for _, typ := range []string{"subscribed", "subscribed", "unavailable"} {
					w.says(romeo, `<presence type='%s' to='%s'/>`, typ, tt.to)
				}
				w.ExpectNothing()
				w.says(romeo, `<presence type='subscribe' to='%s'/>`, tt.to)
				w.Expect(bare(tt.to, "subscribed"))
				w.ExpectInAnyOrder(tt.shown...)
				w.ExpectNothing()
			})
		})
	}
}

func TestSubscriptionToSomebodyWhoseAvailabilityIsUnknownShowsNothing(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(romeo, `<presence type='subscribe' to='juliet@%s'/>`, verona)
		w.Expect(bare("juliet@"+verona, "subscribed"))
		w.Expect(bare("juliet@"+verona, "subscribe"))
		w.ExpectNothing()
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.PresenceChanged{Who: "juliet", Availability: transport.Availability{Online: true, Show: "away", Status: "asleep"}})
		w.Expect(bare("juliet@"+verona, "", Status("away", "asleep")))
		w.verona.tells(romeo, transport.PresenceChanged{Who: "juliet"})
		w.Expect(bare("juliet@"+verona, "unavailable"))
		w.verona.tells(romeo, transport.PresenceChanged{Who: "nurse", Availability: transport.Availability{Online: true}})
		w.ExpectNothing()
	})
}

func TestSubscriptionFromAFullAddressCountsForThePerson(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence type='unsubscribe' to='%s'/>`, verona)
		w.Expect(bare(verona, "unavailable"))
		w.Expect(bare(verona, "unsubscribed"))
	})
}

func TestSubscriptionToARoomOrABadAddressIsDenied(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range []string{garden, "two\\20words@" + verona, "the_nurse@" + verona} {
			w.says(romeo, `<presence type='subscribe' to='%s' id='s'/>`, to)
			w.Expect(bare(to, "unsubscribed", ID("s"), Has("status")))
		}
		w.ExpectNothing()
	})
}

func TestUnsubscriptionTakesPresenceBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.subscribes(phone)
		w.says(romeo, `<presence type='unsubscribe' to='%s'/>`, phone)
		w.Expect(bare(phone+"/phone", "unavailable"))
		w.Expect(bare(phone, "unsubscribed"))
		w.Expect(bare(phone, "unsubscribe")) // it leaves the user's roster wholly
		w.says(romeo, `<presence type='unsubscribed' to='%s'/>`, phone)
		w.ExpectNothing()
		subs, err := w.store.Subscriptions().OfUser(t.Context(), phones, romeo)
		if err != nil || len(subs) > 0 {
			t.Errorf("subscriptions left: %v, %v", subs, err)
		}
	})
}

func TestProbeIsAnsweredWithPresence(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(romeo, `<presence type='probe' to='%s'/>`, verona)
		w.Expect(bare(verona, ""))
		w.says(orchard, `<presence type='probe' to='%s'/>`, phone)
		w.Expect(bare(phone+"/phone", ""))
		w.says(romeo, `<presence type='probe' to='verona@%s'/>`, verona)
		w.Expect(bare("verona@"+verona, "unavailable"))
		w.says(romeo, `<presence type='probe' to='juliet@%s'/>`, verona)
		w.says(romeo, `<presence type='probe' to='%s'/>`, garden)
		w.says(romeo, `<presence type='probe' to='two\20words@%s'/>`, verona)
		w.ExpectNothing()
	})
}

func TestPresenceOfClientsIsNotAnsweredButWithAFarewell(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range []string{verona, "verona@" + verona, "juliet@" + verona, phone} {
			w.says(orchard, `<presence to='%s'/>`, to)
			w.says(orchard, `<presence to='%s' type='unavailable'/>`, to)
		}
		w.Expect(Presence(From(phone+"/phone"), To(orchard), Type("unavailable"))) // it was told that the client is there
		w.ExpectNothing()
	})
}

func TestServerIsShownAsItsLinkIs(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.subscribes("verona@" + verona)
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
		w.Expect(bare("verona@"+verona, ""))
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", Err: because(transport.Unreachable), RetryIn: time.Second})
		w.Expect(bare("verona@"+verona, "unavailable"))
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"}, transport.LinkUp{Server: "padua"})
		w.Expect(bare("verona@"+verona, ""))
		w.ExpectNothing()
	})
}

func TestSubscribersAreGreetedAtStartAndToldAtStop(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.subscribes(verona)
		w.subscribes(phone)
		w.subscribes("juliet@" + verona)
		w.Skip()
		w.stop()
		w.ExpectInAnyOrder(bare(verona, "unavailable"), bare(phone+"/phone", "unavailable"))
		w.ExpectNothing()
		w.start()
		w.ExpectInAnyOrder(bare(verona, "", Has("c")), bare(phone+"/phone", "", Has("c")))
		w.ExpectNothing()
		w.says(romeo, `<presence type='subscribe' to='juliet@%s'/>`, verona)
		w.Expect(bare("juliet@"+verona, "subscribed")) // and it is known that we asked back
		w.ExpectNothing()
	})
}

func TestSubscribersAreGreetedAgainWhenTheStreamIsBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.subscribes(verona)
		w.Skip()
		w.breakStream()
		w.restoreStream()
		w.Expect(bare(verona, ""))
		w.ExpectNothing()
	})
}
