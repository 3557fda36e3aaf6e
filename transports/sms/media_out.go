package sms

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/picture"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Files that people send go along with a text where the provider takes them:
// from where they are, or if that is not good enough, from where the gateway
// hosts them; pictures made smaller if they are too large. Everything else is a
// link in the text.

const (
	kindPrepared = "media out"

	mostFiles    = 10
	prepareTime  = 45 * time.Second
	preparing    = 2 // messages at a time, of the sends that there are
	prepareAgain = 2 * time.Second
	prepareTries = 3         // then a file that can't be fetched is a link
	maxOriginal  = 25 << 20  // bytes that are fetched
	smallPicture = 300 << 10 // for carriers that take little
)

// How the files of an item are sent; what the network refuses is tried in the
// next form.
const (
	asTheyAre = iota
	asSmall
	asLinks
)

// withLinks puts links behind a text.
func withLinks(text string, links ...string) string {
	return strings.TrimPrefix(text+"\n"+strings.Join(links, "\n"), "\n")
}

func linksTo(media []transport.Media) []string {
	links := make([]string, len(media))
	for i, m := range media {
		links[i] = m.URL
	}
	return links
}

// parts gives the texts that a message is sent as, and the files that go with
// the last of them. There is room for the files' links in case they must be.
func (n *Network) parts(text string, media []transport.Media, c provider.Capabilities) ([]string, []transport.Media, error) {
	if len(media) > mostFiles {
		return nil, nil, &transport.Error{Reason: transport.Unacceptable, Text: fmt.Sprintf("A message has at most %d files.", mostFiles)}
	}
	if len(media) == 0 {
		texts, err := n.pieces(text, c.MaxCharacters)
		return texts, nil, err
	}
	whole := withLinks(text, linksTo(media)...)
	if c.Media == nil {
		texts, err := n.pieces(whole, c.MaxCharacters)
		return texts, nil, err
	}
	if checkLength(whole, n.maxSegments, c.MaxCharacters) == nil {
		return []string{text}, media, nil
	}
	if err := checkLength(withLinks("", linksTo(media)...), n.maxSegments, c.MaxCharacters); err != nil {
		return nil, nil, err
	}
	if text == "" {
		return []string{""}, media, nil
	}
	texts, err := n.pieces(text, c.MaxCharacters)
	return append(texts, ""), media, err
}

// prepared is how the files of an item are sent. It is noted before they are,
// so that a text in doubt can be looked for.
type prepared struct {
	Text  string
	Media []string `json:",omitempty"`
	Since time.Time
}

func preparedKey(item transport.OutboxItem) string {
	return fmt.Sprintf("%d.%d", item.Key, item.Fallback)
}

// attach puts the files of an item into what is sent. A *provider.Retry says
// that it is not possible yet.
func (n *Network) attach(ctx context.Context, o *provider.Outgoing, item *transport.OutboxItem, limits *provider.MediaLimits) error {
	if len(item.Media) == 0 {
		return nil
	}
	known, err := n.attachPrepared(ctx, o, *item)
	if known || err != nil {
		return err
	}
	select {
	case n.preparing <- struct{}{}:
		defer func() { <-n.preparing }()
	default:
		return &provider.Retry{After: prepareAgain, Err: errors.New("files of other messages are being fetched")}
	}
	fetching, cancel := context.WithTimeout(ctx, prepareTime)
	p, err := n.prepare(fetching, *item, limits)
	cancel()
	if err != nil {
		item.Attempts++
		return &provider.Retry{Err: err}
	}
	value, err := json.Marshal(p)
	if err == nil {
		err = n.records.Put(ctx, transport.RecordItem{User: item.User, Kind: kindPrepared, Key: preparedKey(*item), Value: value})
	}
	if err != nil {
		return &provider.Retry{After: storeRetry, Err: fmt.Errorf("note how files are sent: %w", err)}
	}
	o.Text, o.Media = p.Text, p.Media
	return nil
}

// attachPrepared does so with what was noted.
func (n *Network) attachPrepared(ctx context.Context, o *provider.Outgoing, item transport.OutboxItem) (known bool, err error) {
	if len(item.Media) == 0 {
		return true, nil
	}
	value, known, err := n.records.Get(ctx, item.User, kindPrepared, preparedKey(item))
	var p prepared
	if err == nil && known {
		err = json.Unmarshal(value, &p)
	}
	if err != nil {
		return false, &provider.Retry{After: storeRetry, Err: fmt.Errorf("read how files are sent: %w", err)}
	}
	if known {
		o.Text, o.Media = p.Text, p.Media
	}
	return known, nil
}

// dropPrepared drops what was noted of an item that is done. It may be lost.
func (n *Network) dropPrepared(ctx context.Context, item transport.OutboxItem) {
	if len(item.Media) == 0 {
		return
	}
	for ; item.Fallback >= asTheyAre; item.Fallback-- {
		if err := n.records.Delete(ctx, item.User, kindPrepared, preparedKey(item)); err != nil {
			n.log.Info("how files were sent is kept for longer than needed", "error", err)
		}
	}
}

// forgetPrepared drops what nobody needs any more.
func (n *Network) forgetPrepared(ctx context.Context, now time.Time) error {
	return n.eachRecord(ctx, kindPrepared, func(r transport.RecordItem) error {
		var p prepared
		if err := json.Unmarshal(r.Value, &p); err == nil && now.Sub(p.Since) < keepTelling {
			return nil
		}
		return n.records.Delete(ctx, r.User, r.Kind, r.Key)
	})
}

// prepare decides how each file of an item is sent.
func (n *Network) prepare(ctx context.Context, item transport.OutboxItem, limits *provider.MediaLimits) (prepared, error) {
	p := prepared{Text: item.Text, Since: time.Now()}
	if limits == nil || n.files == nil || item.Fallback >= asLinks {
		p.Text = withLinks(p.Text, linksTo(item.Media)...)
		return p, nil
	}
	var links []string
	for i, m := range item.Media {
		link := ""
		if i < limits.Files {
			var err error
			if link, err = n.mediaLink(ctx, item, m, limits); err != nil && item.Attempts+1 < prepareTries {
				return p, err
			}
		}
		if link == "" {
			links = append(links, m.URL)
		} else {
			p.Media = append(p.Media, link)
		}
	}
	if len(links) > 0 {
		p.Text = withLinks(p.Text, links...)
	}
	return p, nil
}

// mediaLink gives where the provider can fetch a file in a form that it takes;
// "" if there is none. An error says that the file could not be fetched now.
func (n *Network) mediaLink(ctx context.Context, item transport.OutboxItem, m transport.Media, limits *provider.MediaLimits) (string, error) {
	share := limits.Total / int64(len(item.Media))
	fits := func(kind string, size int64) bool { return size > 0 && size <= min(limits.Types[kind], share) }
	f, err := n.files.Get(ctx, m.URL, maxOriginal)
	if err != nil {
		n.log.Info("a file that is to be sent can't be fetched", "error", err)
		if isFinal(err) {
			err = nil
		}
		return "", err
	}
	defer f.Content.Close()
	kind, _, _ := mime.ParseMediaType(f.Type)
	asItIs := f.Public && item.Fallback == asTheyAre && fits(kind, f.Size)
	switch {
	case asItIs && (!strings.HasPrefix(kind, "image/") || n.files.Max() == 0):
		return m.URL, nil
	case n.files.Max() == 0:
		return "", nil
	}
	content, err := io.ReadAll(f.Content)
	if err != nil {
		if isFinal(err) {
			err = nil
		}
		return "", err
	}
	// Phones show what is told in a picture of the place where it was taken.
	content, changed, broken := stripped(content)
	if asItIs && !changed && !broken {
		return m.URL, nil
	}
	name := cmp.Or(m.Name, f.Name)
	found := http.DetectContentType(content)
	if strings.HasPrefix(found, "image/") && (broken || item.Fallback == asSmall || !fits(found, int64(len(content)))) {
		most := min(limits.Types["image/jpeg"], share)
		if item.Fallback == asSmall {
			most = min(most, smallPicture)
		}
		small, err := picture.Shrink(content, int(most))
		if err != nil {
			n.log.Info("a picture was not made smaller", "error", err)
			return "", nil
		}
		content, kind = small, "image/jpeg"
	} else if limits.Types[found] == 0 && limits.Types[kind] == 0 {
		return "", nil
	}
	hosted, err := n.files.Put(ctx, item.User, transport.File{Name: name, Type: kind, Content: io.NopCloser(bytes.NewReader(content))})
	if err != nil {
		n.log.Warn("a file that is to be sent can't be hosted", "error", err)
		return "", nil
	}
	if kind, _, _ := mime.ParseMediaType(hosted.Type); !fits(kind, hosted.Size) {
		return "", nil
	}
	return hosted.URL, nil
}

// stripped takes out of a picture what is not to be seen in it. One that is
// broken stays as it is.
func stripped(content []byte) (clean []byte, changed, broken bool) {
	clean, changed, err := picture.Strip(content)
	if err != nil {
		return content, false, true
	}
	return clean, changed, false
}

// isFinal says that fetching a file again is no use.
func isFinal(err error) bool {
	answer, answered := errors.AsType[*guarded.StatusError](err)
	return answered && answer.Status/100 == 4 && answer.Status != http.StatusTooManyRequests ||
		errors.Is(err, guarded.ErrTooLarge) || errors.Is(err, guarded.ErrPrivate) || errors.Is(err, guarded.ErrScheme) ||
		errors.Is(err, guarded.ErrDowngrade) || errors.Is(err, guarded.ErrRedirects)
}

// simplerAfter are the failures (https://www.twilio.com/docs/api/errors) after
// which the files of a text are sent in another form.
var simplerAfter = map[string]int{
	"30019": asSmall, "11751": asSmall, // too large for the carrier, for the provider
	"11200": asLinks, "12300": asLinks, "21620": asLinks, "21623": asLinks, // not fetched, not the right type, too many
	"30011": asLinks, "63019": asLinks, // not for this recipient
	"21606": asLinks, "21612": asLinks, "21661": asLinks, // not from this number, which may send texts
}

// simpler puts the files of an item into a simpler form, if why is a reason to.
func (n *Network) simpler(item *transport.OutboxItem, why *transport.Error) bool {
	if why == nil || len(item.Media) == 0 || item.Fallback >= asLinks {
		return false
	}
	form, ok := simplerAfter[why.Code]
	if !ok {
		return false
	}
	item.Fallback = max(form, item.Fallback+1)
	n.log.Info("the files of a text are sent in a simpler form", "to", provider.LastDigits(string(item.Chat)), "code", why.Code)
	return true
}
