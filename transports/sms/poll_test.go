package sms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

// shelf counts what is written.
type shelf struct {
	transporttest.Records
	puts atomic.Int64
}

func (s *shelf) Put(ctx context.Context, r transport.RecordItem) error {
	s.puts.Add(1)
	return s.Records.Put(ctx, r)
}

// mailbox is a carrier that can be asked for what came in.
type mailbox struct {
	*carrier
	every   time.Duration
	silent  bool // it brings no reports by itself
	most    int  // texts of a listing; 0: any number
	mu      sync.Mutex
	texts   []provider.Inbound // the oldest first
	open    time.Time
	err     error
	once    bool // only the first question is answered
	asked   []time.Time
	brought int
}

func (m *mailbox) ListEvery() time.Duration { return m.every }

func (m *mailbox) Capabilities() provider.Capabilities {
	return provider.Capabilities{NoReports: m.silent}
}

func (m *mailbox) Received(_ context.Context, number string, since time.Time, known func(transport.MessageID) bool) (provider.Listing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, time.Now())
	if m.once && len(m.asked) > 1 {
		return provider.Listing{}, errors.New("down")
	}
	if m.err != nil {
		return provider.Listing{}, m.err
	}
	l := provider.Listing{Open: m.open}
	for _, in := range m.texts {
		if in.To != number || in.At.Before(since) || known(in.ID) {
			continue
		}
		if m.most > 0 && len(l.Texts) == m.most {
			l.More = true
			break
		}
		l.Texts = append(l.Texts, in)
	}
	m.brought += len(l.Texts)
	return l, nil
}

// gets adds a text that came so long ago.
func (m *mailbox) gets(id, to string, ago time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts = append(m.texts, provider.Inbound{ID: transport.MessageID(id), From: string(phone), To: to, Text: id, At: time.Now().Add(-ago)})
}

func (m *mailbox) fails(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *mailbox) times() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked)
}

// questions counts what was asked of single texts.
func (m *mailbox) questions() int {
	m.carrier.mu.Lock()
	defer m.carrier.mu.Unlock()
	return m.carrier.asked
}

// startAsking begins a process that asks for texts.
func startAsking(t *testing.T, m *mailbox, records transport.Records, users ...User) *world {
	t.Helper()
	o := Defaults()
	o.Users = users
	ctx, stop := context.WithCancel(context.Background())
	w := &world{t: t, disk: newDisk(), romeo: &inbox{}, stop: stop}
	w.process = &process{Outbox: w.disk, kill: stop}
	m.carrier = &carrier{process: w.process}
	w.carrier = m.carrier
	n, err := newNetwork(o, transport.Env{Outbox: w.process, Records: records}, func(r provider.Receiver, _ *slog.Logger) provider.Provider {
		m.receive = r
		return m
	})
	if err != nil {
		t.Fatal(err)
	}
	w.network = n
	w.link = w.open(romeo, w.romeo)
	w.running.Go(func() { n.Run(ctx) })
	return w
}

func got(i *inbox) []string {
	var texts []string
	for _, m := range i.received() {
		texts = append(texts, m.Text)
	}
	return texts
}

func wantTexts(t *testing.T, i *inbox, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, got(i)); diff != "" {
		t.Error(diff)
	}
}

var romeoAlone = User{JID: romeo, Number: romeoNumber}

func TestTextsAreAskedForAndComeOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: 10 * time.Second}
		m.gets("an hour ago", romeoNumber, time.Hour)
		m.gets("just now", romeoNumber, time.Second)
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		wantTexts(t, w.romeo, "just now")
		m.gets("first", romeoNumber, time.Second)
		m.gets("another's", sharedNumber, time.Second)
		m.gets("second", romeoNumber, 0)
		time.Sleep(12 * time.Second)
		wantTexts(t, w.romeo, "just now", "first", "second")
		time.Sleep(time.Hour)
		wantTexts(t, w.romeo, "just now", "first", "second")
		if n := m.times(); n < 300 || n > 420 || m.brought != 3 {
			t.Errorf("asked %d times in an hour, and told of %d texts", n, m.brought)
		}
		for _, r := range w.romeo.received() {
			if r.Delayed {
				t.Errorf("%q is shown as late", r.Text)
			}
		}
	})
}

func TestWhatCameDuringAnOutageComesAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		m := &mailbox{every: 5 * time.Minute}
		w := startAsking(t, m, records, romeoAlone)
		m.gets("before", romeoNumber, 0)
		time.Sleep(6 * time.Minute)
		wantTexts(t, w.romeo, "before")
		w.ends()
		m.gets("while it was down", romeoNumber, 0)
		time.Sleep(2 * 24 * time.Hour)
		w = startAsking(t, m, records, romeoAlone)
		wantTexts(t, w.romeo, "while it was down")
		if late := w.romeo.received()[0]; !late.Delayed || time.Since(late.Sent).Round(time.Hour) != 48*time.Hour {
			t.Errorf("got %+v", late)
		}
		w.ends()
		m.gets("too long ago", romeoNumber, 0)
		time.Sleep(mostReach + time.Hour)
		m.gets("in time", romeoNumber, time.Minute)
		w = startAsking(t, m, records, romeoAlone)
		defer w.ends()
		wantTexts(t, w.romeo, "in time")
	})
}

func TestATextIsNotTakenFromTheListThatAWebhookHasBrought(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: 5 * time.Minute}
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		synctest.Wait()
		m.gets("twice", romeoNumber, 0)
		if err := w.network.Receive(t.Context(), m.texts[0]); err != nil {
			t.Fatal(err)
		}
		m.gets("missed", romeoNumber, 0)
		time.Sleep(6 * time.Minute)
		wantTexts(t, w.romeo, "twice", "missed")
	})
}

func TestANumbersNewUserDoesNotGetWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		m := &mailbox{every: time.Minute}
		romeosToo := User{JID: romeo, Number: sharedNumber}
		w := startAsking(t, m, records, romeosToo)
		synctest.Wait()
		w.ends()
		m.gets("romeo's alone", sharedNumber, 0)
		time.Sleep(time.Hour)
		m.gets("for both", sharedNumber, time.Second)
		w = startAsking(t, m, records, romeosToo, User{JID: juliet, Number: sharedNumber})
		defer w.ends()
		other := &inbox{}
		defer w.open(juliet, other).Close(context.Background(), "")
		wantTexts(t, w.romeo, "romeo's alone", "for both")
		wantTexts(t, other, "for both")
	})
}

func TestATextThatCanNotBeStoredIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		m := &mailbox{every: time.Minute}
		w := startAsking(t, m, records, romeoAlone)
		synctest.Wait()
		w.romeo.mu.Lock()
		w.romeo.err = errors.New("disk full")
		w.romeo.mu.Unlock()
		m.gets("waits", romeoNumber, 0)
		time.Sleep(3 * time.Hour)
		wantTexts(t, w.romeo)
		if n := m.times(); n < 15 || n > 50 {
			t.Errorf("asked %d times", n)
		}
		w.ends()
		w = startAsking(t, m, records, romeoAlone)
		defer w.ends()
		wantTexts(t, w.romeo, "waits")
	})
}

func TestATextOfWhichPartsAreMissingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: time.Minute}
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		synctest.Wait()
		came := time.Now()
		m.mu.Lock()
		m.open = came
		m.mu.Unlock()
		for range 30 {
			m.gets(fmt.Sprint("later", len(m.texts)), romeoNumber, 0)
			time.Sleep(time.Minute)
		}
		time.Sleep(2 * time.Minute)
		m.mu.Lock()
		m.open = time.Time{}
		m.texts = slices.Insert(m.texts, 0, provider.Inbound{ID: "whole", From: string(phone), To: romeoNumber, Text: "whole", At: came})
		m.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if texts := got(w.romeo); len(texts) != 31 || texts[30] != "whole" {
			t.Errorf("got %v", texts)
		}
	})
}

func TestALongBacklogIsFetchedWithoutABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: time.Hour, most: 7}
		for i := range 100 {
			m.gets(fmt.Sprint(i), romeoNumber, time.Minute)
		}
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		time.Sleep(time.Second)
		synctest.Wait()
		texts := got(w.romeo)
		if len(texts) != 100 || texts[0] != "0" || texts[99] != "99" {
			t.Errorf("got %d: %v", len(texts), texts)
		}
	})
}

func TestAQuietNumberIsSeldomWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		w := startAsking(t, &mailbox{every: 10 * time.Second}, records, romeoAlone)
		defer w.ends()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := records.puts.Load(); n < 5 || n > 13 {
			t.Errorf("%d writes in an hour", n)
		}
	})
}

func TestNobodyCallsAProviderThatWantsItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: 10 * time.Second}
		m.fails(&provider.Retry{After: 10 * time.Minute, Everyone: true, Err: errors.New("429")})
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		synctest.Wait()
		w.mustSend("r1", phone, "waits, too")
		time.Sleep(9 * time.Minute)
		m.fails(nil)
		if n := m.times(); n != 1 || len(w.carrier.texts()) != 0 {
			t.Errorf("listed %d times, sent %v", n, w.carrier.texts())
		}
		time.Sleep(2 * time.Minute)
		if n := m.times(); n < 2 || len(w.carrier.texts()) != 1 {
			t.Errorf("afterwards: listed %d times, sent %v", n, w.carrier.texts())
		}
	})
}

func TestAProviderWithoutReportsIsAskedSoonAndLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mailbox{every: 10 * time.Second, silent: true}
		w := startAsking(t, m, &shelf{}, romeoAlone)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		early := m.questions()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if all := m.questions(); early < 3 || early > 5 || all > 50 {
			t.Errorf("asked %d times in ten seconds, %d in a day", early, all)
		}
		w.mustSend("r2", phone, "hello again")
		w.carrier.mu.Lock()
		w.carrier.status = map[transport.MessageID]provider.Report{"SM2": {ID: "SM2", Status: transport.Delivered}}
		w.carrier.mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Accepted, transport.Delivered}, wentThrough(w.romeo.statuses("r2"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestABacklogIsNoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		m := &mailbox{every: 5 * time.Minute}
		w := startAsking(t, m, records, romeoAlone)
		synctest.Wait()
		w.ends()
		for i := range 500 {
			m.gets(fmt.Sprint("while it was down ", i), romeoNumber, 0)
			time.Sleep(time.Second)
		}
		w = startAsking(t, m, records, romeoAlone)
		defer w.ends()
		synctest.Wait()
		if n := len(got(w.romeo)); n != 500 {
			t.Errorf("%d of 500 texts are shown", n)
		}
		time.Sleep(2 * time.Minute)
		for i := range 500 {
			m.gets(fmt.Sprint("at once ", i), romeoNumber, 0)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(got(w.romeo)); n != 500+Defaults().FloodLimit+1 {
			t.Errorf("%d texts of a flood are shown", n-500)
		}
	})
}

func TestAReportThatCameWhileNobodyTookItIsAskedForAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newDisk(), &carrier{}
		w := start(t, d, c, 0)
		w.mustSend("r1", phone, "hello")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		w.ends()
		c.status = map[transport.MessageID]provider.Report{"SM1": {ID: "SM1", Status: transport.Delivered}}
		w = start(t, d, c, 0)
		defer w.ends()
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]transport.Status{transport.Delivered}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestABacklogIsNotBegunAnewByEachProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &shelf{}
		m := &mailbox{every: 5 * time.Minute, most: 100, once: true}
		w := startAsking(t, m, records, romeoAlone)
		synctest.Wait()
		w.ends()
		for i := range 2 * seenKept {
			m.gets(fmt.Sprint(i), romeoNumber, 0)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * listedBy)
		shown := 0
		for processes := 0; shown < 2*seenKept && processes < seenKept; processes++ {
			m.mu.Lock()
			m.asked = nil
			m.mu.Unlock()
			w = startAsking(t, m, records, romeoAlone)
			synctest.Wait()
			shown += len(got(w.romeo))
			w.ends()
		}
		if shown != 2*seenKept || m.brought > 2*seenKept+100 {
			t.Errorf("of %d texts %d were shown, and %d brought", 2*seenKept, shown, m.brought)
		}
	})
}
