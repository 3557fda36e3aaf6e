package parity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
)

const (
	mamResult = "{urn:xmpp:mam:2}result"
	mamFin    = "{urn:xmpp:mam:2}fin"
	forwarded = mamResult + "/{urn:xmpp:forward:0}forwarded"
)

// past matches what was said in a room before.
func past(r room, nick, text string) Matcher {
	return inRoom(r, nick, text, Has(delay+"@from", r.jid), Has(delay+"@stamp", "*"))
}

func TestWhoComesLaterGetsTheHistoryBeforeTheSubject(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.person("romeo"), s.room("#garden")
			home, cell := romeo.at("home"), romeo.at("cell")
			home.joins(garden)
			home.says(garden, "But, soft!")
			live := home.expects(inRoom(garden, romeo.nick, "But, soft!"))
			cell.asksToJoin(garden)
			cell.expects(self(garden, romeo.nick, standing("admin", "moderator")))
			cell.expects(past(garden, romeo.nick, "But, soft!"), Has(stanzaID+"@id", Values(live, stanzaID+"@id")[0]))
			cell.expects(subject(garden, "", ""))
			cell.hasNothingMore()
		})
	}
}

func TestAJoinSaysHowMuchHistoryItWants(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home := romeo.at("home")
	home.joins(garden)
	say := func(texts ...string) {
		for _, text := range texts {
			home.says(garden, text)
			home.expects(inRoom(garden, romeo.nick, text))
		}
	}
	say("one", "two")
	time.Sleep(3100 * time.Millisecond) // the limits are in seconds
	middle := time.Now()
	say("three", "four")

	for i, tt := range []struct {
		name, limits string
		want         []string
	}{
		{"no characters", "maxchars='0'", nil},
		{"no messages", "maxstanzas='0'", nil},
		{"three messages", "maxstanzas='3'", []string{"two", "three", "four"}},
		{"since a time", fmt.Sprintf("since='%s'", middle.UTC().Format("2006-01-02T15:04:05.000Z")), []string{"three", "four"}},
		{"the last seconds", "seconds='LAST'", []string{"three", "four"}},
		{"the last minute", "seconds='60'", []string{"one", "two", "three", "four"}},
		{"two limits", "seconds='60' maxstanzas='1'", []string{"four"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := romeo.at(fmt.Sprint("client", i))
			last := fmt.Sprint(3 + int(time.Since(middle).Seconds()))
			c.asksToJoin(garden, "<history "+strings.Replace(tt.limits, "LAST", last, 1)+"/>")
			c.expects(self(garden, romeo.nick))
			for _, text := range tt.want {
				c.expects(past(garden, romeo.nick, text))
			}
			c.expects(subject(garden, "", ""))
			c.hasNothingMore()
		})
	}
}

// An archive is what a query of it gave.
type archive struct {
	texts []string
	ids   []string
	fin   stanza.Received
}

// queries asks a room for its archive. The condition is what goes into the
// query.
func (c *client) queries(r room, condition string) archive {
	c.scene.t.Helper()
	c.sends(`<iq to='%s' type='set' id='mam'><query xmlns='urn:xmpp:mam:2' queryid='q1'>%s</query></iq>`, r.jid, condition)
	var a archive
	for {
		got := c.expects(From(r.jid))
		if got.Kind == stanza.IQ {
			a.fin = got
			return a
		}
		if wrong := Message(Has(mamResult+"@queryid", "q1"), Has(forwarded+"/"+delay+"@stamp", "*"),
			Has(forwarded+"/{jabber:client}message@type", "groupchat"), Has(forwarded+"/{jabber:client}message/{jabber:client}body")).Wrong(got); wrong != "" {
			c.scene.t.Fatalf("no message of an archive: %s", wrong)
		}
		a.texts = append(a.texts, Values(got, forwarded+"/message/body")...)
		a.ids = append(a.ids, Values(got, mamResult+"@id")...)
	}
}

// has fails the test unless the archive has these texts, and is or is not the
// whole of what was asked for.
func (a archive) has(t *testing.T, complete bool, texts ...string) {
	t.Helper()
	if got, want := strings.Join(a.texts, ","), strings.Join(texts, ","); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := []Matcher{ID("mam"), Type("result")}
	if complete {
		want = append(want, Has(mamFin+"@complete", "true"))
	} else if v := Values(a.fin, mamFin+"@complete"); len(v) > 0 && v[0] == "true" {
		t.Error("it claims to be complete")
	}
	if len(a.ids) > 0 {
		want = append(want, Has(mamFin+"/set/first", a.ids[0]), Has(mamFin+"/set/last", a.ids[len(a.ids)-1]))
	} else {
		want = append(want, Has(mamFin+"/{http://jabber.org/protocol/rsm}set"))
	}
	if wrong := IQ(want...).Wrong(a.fin); wrong != "" {
		t.Errorf("%s\n%s", wrong, Pretty(a.fin.Element))
	}
}

func page(limits string) string {
	return `<set xmlns='http://jabber.org/protocol/rsm'>` + limits + `</set>`
}

func conditions(fields ...string) string {
	text := `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>`
	for i := 0; i+1 < len(fields); i += 2 {
		text += fmt.Sprintf(`<field var='%s'><value>%s</value></field>`, fields[i], fields[i+1])
	}
	return text + `</x>`
}

func TestARoomHasAnArchive(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.client("romeo"), s.room("#garden")
			romeo.joins(garden)
			for _, text := range []string{"one", "two"} {
				romeo.says(garden, text)
				romeo.expects(inRoom(garden, romeo.nick, text))
			}
			all := romeo.queries(garden, "")
			all.has(t, true, "one", "two")
			romeo.queries(garden, conditions("end", "2000-06-07T00:00:00Z")).has(t, true)
			romeo.queries(garden, conditions("start", "3016-06-07T00:00:00Z")).has(t, true)
			romeo.queries(garden, page("<max>1</max>")).has(t, false, "one")
		})
	}
}

func TestAnArchiveIsAskedByTime(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	say := func(texts ...string) {
		for _, text := range texts {
			romeo.says(garden, text)
			romeo.expects(inRoom(garden, romeo.nick, text))
		}
	}
	now := func() string {
		defer time.Sleep(5 * time.Millisecond) // times are told in milliseconds
		time.Sleep(5 * time.Millisecond)
		return time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	}
	say("one", "two")
	start := now()
	say("three", "four")
	end := now()
	romeo.queries(garden, conditions("start", start, "end", end)).has(t, true, "three", "four")
	romeo.queries(garden, conditions("start", start)).has(t, true, "three", "four")
	romeo.queries(garden, conditions("end", start)).has(t, true, "one", "two")
}

func TestAnArchiveComesInPagesOfAHundred(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	var all []string
	for i := range 150 {
		text := fmt.Sprint(i)
		romeo.says(garden, text)
		all = append(all, text)
	}
	for _, text := range all {
		romeo.expects(inRoom(garden, romeo.nick, text))
	}
	first := romeo.queries(garden, "")
	first.has(t, false, all[:100]...)
	romeo.queries(garden, page("<after>"+first.ids[99]+"</after>")).has(t, true, all[100:]...)
	romeo.sends(`<iq to='%s' type='set' id='bad'><query xmlns='urn:xmpp:mam:2'>%s</query></iq>`, garden.jid, page("<after>nowhere</after>"))
	romeo.expects(IQ(From(garden.jid), ID("bad"), StanzaError("cancel", "item-not-found")))

	last := romeo.queries(garden, page("<before/>"))
	last.has(t, false, all[50:]...)
	romeo.queries(garden, page("<before>"+last.ids[99]+"</before><max>2</max>")).has(t, false, "147", "148")
	romeo.queries(garden, page("<before/><max>0</max>")).has(t, false)
}
