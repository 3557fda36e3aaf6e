package simulator

import (
	"context"
	"net/http"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// An Attachment is a file that went along with a text.
type Attachment struct {
	URL  string `json:"url,omitempty"`  // to a phone: where it is
	Name string `json:"name,omitempty"` // from a phone
}

// An upload is a file that a phone sends.
type upload struct {
	Name string
	Type string
	Data []byte // in JSON, base64
}

// limits are what the phones take: what most real ones can show.
var limits = func() *provider.MediaLimits {
	const most = 5 << 20
	l := &provider.MediaLimits{Files: 10, Total: most, Types: map[string]int64{}}
	for _, t := range []string{"image/jpeg", "image/png", "image/gif", "audio/mpeg", "audio/amr", "video/mp4", "text/vcard"} {
		l.Types[t] = most
	}
	return l
}()

func linked(links []string) (all []Attachment) {
	for _, link := range links {
		all = append(all, Attachment{URL: link})
	}
	return all
}

// FetchMedia implements provider.MediaSource, for what one user sends another.
func (p *Provider) FetchMedia(ctx context.Context, web *http.Client, m provider.Media, max int64) (transport.File, error) {
	a, err := guarded.Get(ctx, web, m.URL, max, nil)
	if err != nil {
		return transport.File{}, err
	}
	return transport.File{Name: m.Name, Type: a.Type, Content: a}, nil
}

// ForgetMedia implements provider.MediaSource.
func (p *Provider) ForgetMedia(context.Context, provider.Media) error { return nil }
