package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

// A Host is a Keeper with what else files need. It makes a transport.Files for
// each component.
type Host struct {
	Keeper    *Keeper
	PublicURL string       // where the Keeper's handler is reached; empty: it isn't
	Client    *http.Client // a guarded one
	Log       *slog.Logger
}

// For gives one component's files. Ask, which may be nil, has files for people
// uploaded to their own servers where those take them.
func (h *Host) For(domain string, ask Asker) transport.Files {
	f := &files{Host: h, domain: domain}
	if ask != nil {
		f.uploads = newUploads(domain, ask, h.Client, h.Log)
	}
	return f
}

// ownerOf names a user of a component to the Keeper.
func ownerOf(domain, user string) string { return user + " at " + domain }

// Forget removes what is hosted of a user of a component.
func (h *Host) Forget(domain, user string) {
	if h.Keeper != nil {
		h.Keeper.Forget(ownerOf(domain, user))
	}
}

type files struct {
	*Host
	domain  string
	uploads *uploads // nil: nothing is uploaded
}

// Max implements transport.Files.
func (f *files) Max() int64 {
	if f.PublicURL == "" && f.uploads == nil {
		return 0
	}
	return f.Keeper.MaxFile
}

// Put implements transport.Files.
func (f *files) Put(ctx context.Context, user string, in transport.File) (transport.Media, error) {
	defer in.Content.Close()
	if f.Max() == 0 {
		return transport.Media{}, errNowhere
	}
	p, err := f.Keeper.take(ownerOf(f.domain, user), in.Name, in.Type, in.Content)
	if err != nil {
		return transport.Media{}, told(err)
	}
	defer p.discard()
	m := transport.Media{
		Name: p.Name, Type: p.Type, Size: p.size, SHA256: p.SHA256, Width: p.Width, Height: p.Height,
	}
	if f.uploads != nil {
		if m.URL, err = f.uploads.put(ctx, user, p); err == nil {
			return m, nil
		}
		f.Log.Info("a file was not uploaded to its user's server", "err", err)
		if f.PublicURL == "" {
			return transport.Media{}, &transport.Error{
				Reason: transport.Unreachable, Text: "Your server did not take the file.", Err: err,
			}
		}
	}
	token, err := f.Keeper.keep(p)
	if err != nil {
		return transport.Media{}, told(err)
	}
	m.URL = strings.TrimSuffix(f.PublicURL, "/") + "/" + token + "/" + url.PathEscape(p.Name)
	return m, nil
}

var errNowhere = &transport.Error{
	Reason: transport.Unsupported,
	Text:   "This gateway hosts no files. Its administrator can change that with media.public_url in the configuration.",
}

// told makes of an error one that the user is told.
func told(err error) error {
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, guarded.ErrTooLarge):
		return &transport.Error{Reason: transport.TooLong, Text: "The file is too large for this gateway.", Err: err}
	case errors.Is(err, ErrFull):
		return &transport.Error{Reason: transport.TooMany, Text: "This gateway has no room for more files just now.", Err: err}
	}
	return err
}

// Get implements transport.Files.
func (f *files) Get(ctx context.Context, from string, max int64) (transport.File, error) {
	if token, ok := f.own(from); ok {
		o, err := f.Keeper.open(token)
		if err != nil {
			return transport.File{}, err
		}
		if o.Size() > max {
			o.Close()
			return transport.File{}, guarded.ErrTooLarge
		}
		return transport.File{Name: o.Name, Type: o.Type, Size: o.Size(), Content: o, Public: strings.HasPrefix(from, "https:")}, nil
	}
	a, err := guarded.Get(ctx, f.Client, from, max, nil)
	if err != nil {
		return transport.File{}, fmt.Errorf("fetch a file: %w", err)
	}
	return transport.File{Name: nameIn(a, from), Type: a.Type, Size: a.Size, Content: a, Public: a.Public}, nil
}

// own gives the token of a link of ours: it need not be reachable from here.
func (f *files) own(link string) (token string, ok bool) {
	base := strings.TrimSuffix(f.PublicURL, "/") + "/"
	if f.PublicURL == "" || !strings.HasPrefix(link, base) {
		return "", false
	}
	token, _, _ = strings.Cut(link[len(base):], "/")
	return token, isToken(token)
}

// nameIn is what a file is called where it was fetched from.
func nameIn(a *guarded.Answer, from string) string {
	if _, params, err := mime.ParseMediaType(a.Disposition); err == nil && params["filename"] != "" {
		return params["filename"]
	}
	if u, err := url.Parse(from); err == nil {
		return path.Base(u.Path)
	}
	return ""
}

// NewFile makes a file of what is in memory.
func NewFile(name, kind string, content io.Reader) transport.File {
	return transport.File{Name: name, Type: kind, Content: io.NopCloser(content)}
}
