package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	maxMedia = 10
	maxHops  = 5
)

// limits are what Twilio takes
// (https://www.twilio.com/docs/messaging/guides/accepted-mime-types): pictures
// that it makes fit for the carrier, and other files as they are.
var limits = func() *provider.MediaLimits {
	const whole, others = 5 << 20, 500 << 10
	l := &provider.MediaLimits{Files: maxMedia, Total: whole, Types: map[string]int64{
		"image/jpeg": whole, "image/png": whole, "image/gif": whole,
	}}
	for _, t := range []string{
		"audio/mpeg", "audio/mp4", "audio/ogg", "audio/amr", "audio/3gpp", "audio/3gpp2", "audio/wave", "audio/basic", "audio/webm",
		"video/mpeg", "video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/3gpp2",
		"image/bmp", "image/tiff", "text/vcard", "text/csv", "text/calendar", "application/pdf",
	} {
		l.Types[t] = others
	}
	return l
}()

// mediaOf gives the files that came with a text
// (https://www.twilio.com/docs/messaging/guides/webhook-request).
func mediaOf(params url.Values) (media []provider.Media, lost int) {
	n, _ := strconv.Atoi(params.Get("NumMedia"))
	for i := range min(max(n, 0), maxMedia) {
		at := params.Get("MediaUrl" + strconv.Itoa(i))
		if at == "" {
			lost++
			continue
		}
		media = append(media, provider.Media{URL: at, Type: params.Get("MediaContentType" + strconv.Itoa(i))})
	}
	return media, lost
}

// listedMedia gives the files of a text that was found in the list, which says
// only how many there are: the fragment says which of the text's own list.
func (p *Provider) listedMedia(id, count string) (media []provider.Media) {
	n, _ := strconv.Atoi(count)
	for i := range min(max(n, 0), maxMedia) {
		media = append(media, provider.Media{
			URL: fmt.Sprintf("%s/2010-04-01/Accounts/%s/Messages/%s%s#%d", p.base, p.options.AccountSID, url.PathEscape(id), mediaList, i),
		})
	}
	return media
}

const mediaList = "/Media.json"

// find gives where a file is, which listedMedia may have left open
// (https://www.twilio.com/docs/messaging/api/media-resource).
func (p *Provider) find(ctx context.Context, m provider.Media) (*url.URL, error) {
	at, err := url.Parse(m.URL)
	if err != nil {
		return nil, fmt.Errorf("the address of a file is none: %w", provider.ErrNoMedia)
	}
	if p.isGroupFile(at) {
		return p.groupFileAt(ctx, at)
	}
	i, err := strconv.Atoi(at.Fragment)
	if err != nil || !p.isOwn(at) || !strings.HasSuffix(at.Path, mediaList) {
		return at, nil
	}
	at.Fragment = ""
	var list struct {
		Media []struct {
			URI string `json:"uri"`
		} `json:"media_list"`
	}
	if err := p.readMedia(ctx, at, &list); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(list.Media) {
		return nil, provider.ErrNoMedia
	}
	return at.Parse(strings.TrimSuffix(list.Media[i].URI, ".json"))
}

// readMedia reads what the API says of files.
func (p *Provider) readMedia(ctx context.Context, at *url.URL, said any) error {
	res, err := p.media(ctx, http.MethodGet, at)
	if err != nil {
		return err
	}
	a, err := guarded.Read(res, largestAnswer)
	if err != nil {
		return noMedia(err)
	}
	defer a.Close()
	if err := json.NewDecoder(a).Decode(said); err != nil {
		return fmt.Errorf("read what is said of a file: %w", err)
	}
	return nil
}

// noMedia says of an answer whether it means that there is no such file.
func noMedia(err error) error {
	if answer, ok := errors.AsType[*guarded.StatusError](err); ok && (answer.Status == http.StatusNotFound || answer.Status == http.StatusGone) {
		return errors.Join(provider.ErrNoMedia, err)
	}
	return err
}

var _ provider.MediaSource = (*Provider)(nil)

// isOwn says that a URL is at the API, which alone is told the credentials.
func (p *Provider) isOwn(u *url.URL) bool {
	base, err := url.Parse(p.base)
	return err == nil && u.Scheme == base.Scheme && u.Host == base.Host
}

// FetchMedia implements provider.MediaSource. The API redirects to a signed URL
// elsewhere, where the credentials must not go.
func (p *Provider) FetchMedia(ctx context.Context, web *http.Client, m provider.Media, max int64) (transport.File, error) {
	at, err := p.find(ctx, m)
	for range maxHops {
		if err != nil {
			return transport.File{}, err
		}
		if !p.isOwn(at) {
			a, err := guarded.Get(ctx, web, at.String(), max, nil)
			return file(a, m, err)
		}
		var res *http.Response
		if res, err = p.media(ctx, http.MethodGet, at); err != nil {
			return transport.File{}, err
		}
		if res.StatusCode/100 != 3 {
			a, err := guarded.Read(res, max)
			return file(a, m, err)
		}
		res.Body.Close()
		if at, err = at.Parse(res.Header.Get("Location")); err != nil {
			err = errors.New("redirected to no address")
		}
	}
	return transport.File{}, guarded.ErrRedirects
}

// ForgetMedia implements provider.MediaSource.
func (p *Provider) ForgetMedia(ctx context.Context, m provider.Media) error {
	if !p.options.DeleteMedia {
		return nil
	}
	at, err := p.find(ctx, m)
	if errors.Is(err, provider.ErrNoMedia) || err == nil && !p.isOwn(at) {
		return nil
	}
	if err != nil {
		return err
	}
	res, err := p.media(ctx, http.MethodDelete, at)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode/100 != 2 && res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("delete a file: the API answered with status %d", res.StatusCode)
	}
	return nil
}

func (p *Provider) media(ctx context.Context, method string, at *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, provider.WithoutURL(err)
	}
	req.SetBasicAuth(p.options.AccountSID, p.options.AuthToken.Reveal())
	req.Header.Set("User-Agent", "gatehouse")
	res, err := p.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for a file: %w", provider.WithoutURL(err))
	}
	return res, nil
}

func file(a *guarded.Answer, m provider.Media, err error) (transport.File, error) {
	if err != nil {
		return transport.File{}, fmt.Errorf("fetch a file: %w", noMedia(err))
	}
	kind := a.Type
	if kind == "" {
		kind = m.Type
	}
	return transport.File{Name: m.Name, Type: kind, Content: a}, nil
}

// sameMedia says whether a text has as many files as one that is looked for:
// the list doesn't say where they came from.
func sameMedia(count string, media []string) bool {
	n, err := strconv.Atoi(count)
	return err != nil || n == len(media)
}
