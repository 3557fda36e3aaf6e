package twilio

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/transports/sms/provider"
)

// Files of conversations are with a service of their own, which gives addresses
// that expire (https://www.twilio.com/docs/conversations/media-support-conversations).
const mediaBase = "https://mcs.us1.twilio.com"

var (
	serviceSID = regexp.MustCompile(`^IS[0-9a-fA-F]{32}$`)
	mediaSID   = regexp.MustCompile(`^ME[0-9a-fA-F]{32}$`)
	mediaPath  = regexp.MustCompile(`^/v1/Services/IS[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}$`)
)

// A groupFile is one of a message, as the API and webhooks write it, which have
// other names for the same.
type groupFile struct {
	SID      string `json:"sid"` // in any case
	MediaSID string `json:"MediaSid"`
	Name     string `json:"filename"`
	Type     string `json:"content_type"`
	Type2    string `json:"ContentType"`
}

// groupMedia gives a message's files, and how many of them can't be had. What is
// no list of files counts as none.
func (p *Provider) groupMedia(service string, list []byte) (media []provider.Media, lost int) {
	var files []groupFile
	if err := json.Unmarshal(list, &files); err != nil {
		return nil, 0
	}
	for i, f := range files {
		sid := cmp.Or(f.SID, f.MediaSID)
		if i >= maxMedia || !serviceSID.MatchString(service) || !mediaSID.MatchString(sid) {
			lost++
			continue
		}
		media = append(media, provider.Media{
			URL:  fmt.Sprintf("%s/v1/Services/%s/Media/%s", p.mediaBase(), service, sid),
			Name: f.Name, Type: cmp.Or(f.Type, f.Type2),
		})
	}
	return media, lost
}

func (p *Provider) mediaBase() string {
	if p.options.APIBase == apiBase {
		return mediaBase
	}
	return p.base
}

// isGroupFile says that a URL is that of what is told of a conversation's file.
func (p *Provider) isGroupFile(u *url.URL) bool {
	return strings.HasPrefix(u.String(), p.mediaBase()+"/") && mediaPath.MatchString(u.Path)
}

// groupFileAt asks where such a file is just now.
func (p *Provider) groupFileAt(ctx context.Context, u *url.URL) (*url.URL, error) {
	var told struct {
		Links struct {
			Content string `json:"content_direct_temporary"`
		} `json:"links"`
	}
	if err := p.readMedia(ctx, u, &told); err != nil {
		return nil, err
	}
	at, err := url.Parse(told.Links.Content)
	if err != nil || at.Host == "" {
		return nil, fmt.Errorf("the address of a file is none: %w", provider.ErrNoMedia)
	}
	return at, nil
}
