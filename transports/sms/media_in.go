package sms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Files that come with texts are fetched from the provider after the text was
// acknowledged: what has to be fetched is stored before that, and what fails is
// tried again for a day. A file that can't be had at all becomes a note.

const (
	kindMedia = "media in"

	fetchTime     = 90 * time.Second
	fetchParallel = 4 // one user's at a time, so that nobody waits for another's
	fetchFirst    = 3 * time.Second
	fetchMost     = time.Hour
	keepFetching  = 24 * time.Hour
	absentMedia   = 10 * time.Minute // a file that is not there may come yet
	maxFetches    = 4096             // that are known; further ones are in the store
	shortText     = 8 << 10          // a text that comes as a file is shown as one
)

// A mediaJob is a file that is to be fetched for a user.
type mediaJob struct {
	Message transport.Message // as which it is shown; Chat is the sender
	Caption string            // what was said with it, as the text In
	In      transport.MessageID
	At      string   // the number that it came to
	Group   []string // of a group text: the others who got it
	Trunk   string
	Media   provider.Media
	Since   time.Time
}

// A fetch is a mediaJob at work.
type fetch struct {
	user, key string
	mediaJob
	tries   int
	next    time.Time
	found   bool // in the store, at the start: the caption may not be told yet
	running bool
	shown   bool // it has what it is for
	unsure  bool // others may be to have it, too
}

// mediaIn fetches files. Run has the loop.
type mediaIn struct {
	n      *Network
	wake   chan struct{}
	loaded chan struct{} // closed once run knows what waits

	mu      sync.Mutex // never held during I/O
	fetches map[[2]string]*fetch
	more    bool // the store has some that are not known
}

func newMediaIn(n *Network) *mediaIn {
	return &mediaIn{n: n, wake: make(chan struct{}, 1), loaded: make(chan struct{}), fetches: map[[2]string]*fetch{}}
}

// hostsFiles says whether files can be shown to people.
func (n *Network) hostsFiles() bool { return n.files != nil && n.files.Max() > 0 }

// messageOf gives the message that the i-th file of a text becomes.
func messageOf(m transport.Message, i int) transport.Message {
	m.Text = ""
	m.ID = transport.MessageID(fmt.Sprintf("%s/%d", cmp.Or(m.ID, transport.MessageID(rand.Text())), i+1))
	return m
}

// keepMedia stores for a user what is to be fetched once everything is stored.
func (t *trunk) keepMedia(ctx context.Context, user, to string, in provider.Inbound, m transport.Message) (fetches []*fetch, err error) {
	n := t.network
	if len(in.Media) == 0 {
		return nil, nil
	}
	select {
	case <-n.mediaIn.loaded: // else what is noted now may be found there, and be fetched twice
	case <-ctx.Done():
		return nil, fmt.Errorf("note a file: %w", ctx.Err())
	}
	caption := m.Text
	for i, media := range in.Media {
		if media.Data != nil || isLayout(media.Type) {
			continue
		}
		job := mediaJob{
			Message: messageOf(m, i), Caption: caption, In: m.ID, At: to, Group: in.Group, Trunk: t.name, Media: media, Since: time.Now(),
		}
		caption = "" // one of them brings it
		value, err := json.Marshal(job)
		if err != nil {
			return fetches, fmt.Errorf("note a file: %w", err)
		}
		key := string(job.Message.ID)
		err = n.records.Put(ctx, transport.RecordItem{User: user, Kind: kindMedia, Key: key, Value: value})
		if errors.Is(err, transport.ErrTooManyRecords) || errors.Is(err, transport.ErrRecordTooLong) {
			note := job.Message
			note.Text = noteOf(media, "Too many others wait to be fetched.")
			err = n.deliverIn(ctx, user, to, in.Group, note)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return fetches, fmt.Errorf("note a file: %w", err)
		}
		fetches = append(fetches, &fetch{user: user, key: key, mediaJob: job})
	}
	return fetches, nil
}

func (i *mediaIn) add(f *fetch) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id := [2]string{f.user, f.key}
	switch {
	case i.fetches[id] != nil:
	case len(i.fetches) >= maxFetches:
		i.more = true
	default:
		i.fetches[id] = f
	}
}

// start has files fetched. Unsure says that not everybody of the number has
// noted them, so that nobody is the last.
func (i *mediaIn) start(all []*fetch, unsure bool) {
	for _, f := range all {
		f.unsure = unsure
		i.add(f)
	}
	wake(i.wake)
}

// load reads from the store what is not known.
func (i *mediaIn) load(ctx context.Context) error {
	i.mu.Lock()
	i.more = false
	i.mu.Unlock()
	return i.n.eachRecord(ctx, kindMedia, func(r transport.RecordItem) error {
		f := &fetch{user: r.User, key: r.Key, found: true}
		if err := json.Unmarshal(r.Value, &f.mediaJob); err != nil {
			i.n.log.Error("a file to be fetched can't be read, and is given up", "error", err)
			return i.n.records.Delete(ctx, r.User, r.Kind, r.Key)
		}
		i.add(f)
		return nil
	})
}

// run fetches until ctx ends.
func (i *mediaIn) run(ctx context.Context) {
	for i.load(ctx) != nil {
		if !sleep(ctx, storeRetry) {
			return
		}
	}
	close(i.loaded)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	places := make(chan struct{}, fetchParallel)
	for {
		f, wait := i.next(time.Now())
		if f != nil {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			jobs.Go(func() {
				i.end(f, i.n.fetch(ctx, f))
				<-places
				wake(i.wake)
			})
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-i.wake:
		case <-timer.C:
		}
		timer.Stop()
		if i.wants() {
			if err := i.load(ctx); err != nil && ctx.Err() == nil {
				i.n.log.Error("read what files are to be fetched", "error", err)
			}
		}
	}
}

func (i *mediaIn) wants() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.more && len(i.fetches) < maxFetches/2
}

// next gives a file that is due, of a user of whom none is fetched just now,
// or how long there is none.
func (i *mediaIn) next(now time.Time) (due *fetch, wait time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	busy := map[string]bool{}
	for _, f := range i.fetches {
		busy[f.user] = busy[f.user] || f.running
	}
	wait = time.Minute
	for _, f := range i.fetches {
		switch {
		case busy[f.user]:
		case f.next.After(now):
			wait = min(wait, f.next.Sub(now))
		case due == nil || f.before(due):
			due = f
		}
	}
	if due != nil {
		due.running = true
	}
	return due, wait
}

// before puts files into the order in which they came.
func (f *fetch) before(other *fetch) bool {
	if c := f.Since.Compare(other.Since); c != 0 {
		return c < 0
	}
	return f.key < other.key
}

// end notes how a fetch went.
func (i *mediaIn) end(f *fetch, done bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f.running = false
	if done {
		delete(i.fetches, [2]string{f.user, f.key})
		return
	}
	f.tries++
	f.next = time.Now().Add(backoff(f.tries, fetchFirst, fetchMost))
}

// isLast says that nobody else waits for the same file. Of those who have it
// and ask, one alone is the last.
func (i *mediaIn) isLast(f *fetch) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	f.shown = true
	for _, other := range i.fetches {
		if other != f && !other.shown && other.Media.URL == f.Media.URL {
			return false
		}
	}
	return !i.more && !f.unsure
}

// fetch is one try. Done means that nothing is left to do.
func (n *Network) fetch(ctx context.Context, f *fetch) (done bool) {
	trying, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	if _, noted, err := n.records.Get(trying, f.user, kindMedia, f.key); err != nil || !noted {
		return err == nil // it is done already, or its user is gone
	}
	if f.found && f.Caption != "" && f.In != "" {
		caption := f.Message
		caption.ID, caption.Text = f.In, f.Caption
		if err := n.deliverIn(trying, f.user, f.At, f.Group, caption); err != nil {
			n.log.Debug("a text with a file is told later", "error", err)
			return n.expired(ctx, f)
		}
		f.found = false
	}
	m := f.Message
	m.Delayed = time.Since(m.Sent) > lateAfter
	if err := n.fetchFrom(trying, f, &m); err != nil {
		why := givenUp(err, time.Since(f.Since))
		n.log.Warn("a file of a text was not fetched", "tries", f.tries+1, "given up", why != "", "error", err)
		if why == "" {
			return false
		}
		m.Text = noteOf(f.Media, why)
	}
	// The file may have taken most of the time.
	telling, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	if m.Text == "" && len(m.Media) == 0 {
		return n.records.Delete(telling, f.user, kindMedia, f.key) == nil
	}
	if err := n.deliverIn(telling, f.user, f.At, f.Group, m); err != nil {
		n.log.Debug("a file is shown later", "error", err)
		return n.expired(ctx, f)
	}
	if err := n.records.Delete(telling, f.user, kindMedia, f.key); err != nil {
		n.log.Error("note that a file was fetched", "error", err)
		return false // it is known by its id when it is shown again
	}
	if source, ok := n.sourceOf(f); ok && len(m.Media) > 0 && n.mediaIn.isLast(f) {
		if err := source.ForgetMedia(telling, f.Media); err != nil {
			n.log.Warn("a file was not removed at the provider", "error", err)
		}
	}
	return true
}

// expired ends what has nobody to be told to for days.
func (n *Network) expired(ctx context.Context, f *fetch) bool {
	if time.Since(f.Since) < keepTelling {
		return false
	}
	return n.records.Delete(ctx, f.user, kindMedia, f.key) == nil
}

func (n *Network) sourceOf(f *fetch) (provider.MediaSource, bool) {
	t := n.lines.trunk(f.Trunk)
	if t == nil {
		return nil, false
	}
	source, ok := t.provider.(provider.MediaSource)
	return source, ok
}

// fetchFrom fetches a file from the provider and puts it into a message.
func (n *Network) fetchFrom(ctx context.Context, f *fetch, m *transport.Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in the provider: %v", r)
		}
	}()
	source, ok := n.sourceOf(f)
	if !ok {
		return errors.New("the provider of the number does not carry files, or is gone")
	}
	file, err := source.FetchMedia(ctx, n.http, f.Media, n.files.Max())
	if err != nil {
		return err
	}
	if isLayout(file.Type) {
		return file.Content.Close()
	}
	file.Name = cmp.Or(file.Name, f.Media.Name)
	return n.show(ctx, f.user, m, file)
}

// givenUp says why a file is not tried again, or is "".
func givenUp(err error, age time.Duration) string {
	told, refused := errors.AsType[*transport.Error](err)
	switch {
	case errors.Is(err, guarded.ErrTooLarge):
		return "It is too large for this gateway."
	case refused && told.Reason != transport.TooMany && told.Reason != transport.Unreachable:
		return told.Text
	case errors.Is(err, provider.ErrNoMedia) && age > absentMedia:
		return "The provider no longer has it."
	case age > keepFetching && refused:
		return told.Text
	case age > keepFetching:
		return "The provider did not give it within 24 hours."
	}
	return ""
}
