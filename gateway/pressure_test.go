package gateway_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// A narrow store has room for few messages of each user.
type narrow struct {
	store.Store
	mu    sync.Mutex
	added map[string]int
	room  chan struct{}
}

type narrowArchive struct {
	store.Archive
	*narrow
}

func (n *narrow) Archive() store.Archive { return narrowArchive{n.Store.Archive(), n} }

func (a narrowArchive) Add(m store.Archived) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Archive.Add(m)
	if a.added[m.User]++; a.added[m.User] > 1 {
		return a.room
	}
	return nil
}

func narrowStory(t *testing.T, tell func(w *world, n *narrow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &narrow{added: map[string]int{}, room: make(chan struct{})}
		w := prepareWorld(t)
		w.path = t.TempDir() + "/gatehouse.db"
		w.keeping = &keeper{records: map[transport.Address]transport.Record{}}
		w.wraps = func(s store.Store) store.Store { n.Store = s; return n }
		w.start()
		tell(w, n)
	})
}

func TestWhoFloodsTheArchiveWaitsAloneAndLosesNothing(t *testing.T) {
	narrowStory(t, func(w *world, n *narrow) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a", "b") // and now the disk has enough
		w.joins(julia, balcony, "julia")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "c"})
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>d</body></message>`, garden)
		w.verona.speaks(inBalcony, transport.Message{Nick: "juliet", Text: "to julia"})
		w.Expect(Message(To(julia), Body("to julia")))
		w.ExpectNothing()
		close(n.room)
		w.ExpectInAnyOrder(
			Message(To(orchard), Body("c")),
			Message(To(orchard), Body("d")),
		)
		w.same("the archive", w.reads(orchard, garden, "").count, "4")
	})
}

func TestNobodyIsHeldBackForADiskThatHangs(t *testing.T) {
	narrowStory(t, func(w *world, n *narrow) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a", "b")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "c"})
		w.ExpectNothing()
		w.pass(time.Minute)
		w.Expect(Message(To(orchard), Body("c")))
	})
}
