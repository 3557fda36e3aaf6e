package sms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// showData shows a user the files that came whole.
func (t *trunk) showData(ctx context.Context, user, to string, in provider.Inbound, m transport.Message) error {
	for i, media := range in.Media {
		if media.Data == nil || isLayout(media.Type) {
			continue
		}
		f := transport.File{Name: media.Name, Type: media.Type, Content: io.NopCloser(strings.NewReader(string(media.Data)))}
		shown := messageOf(m, i)
		err := t.network.show(ctx, user, &shown, f)
		if why, ok := errors.AsType[*transport.Error](err); ok {
			shown.Text, err = noteOf(media, why.Text), nil
		}
		if err == nil {
			err = t.network.deliverIn(ctx, user, to, in.Group, shown)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// show puts a file into a message: as a link, or what it says if it is a text.
func (n *Network) show(ctx context.Context, user string, m *transport.Message, f transport.File) error {
	if kind, _, _ := strings.Cut(f.Type, ";"); strings.TrimSpace(kind) == "text/plain" {
		start, err := io.ReadAll(io.LimitReader(f.Content, shortText+1))
		if err != nil {
			f.Content.Close()
			return fmt.Errorf("fetch a file: %w", err)
		}
		if text := printable(string(start)); len(start) <= shortText && utf8.Valid(start) && strings.TrimSpace(text) != "" {
			f.Content.Close()
			m.Text = text
			return nil
		}
		f.Content = joinedReader{io.MultiReader(strings.NewReader(string(start)), f.Content), f.Content}
	}
	hosted, err := n.files.Put(ctx, user, f)
	if err != nil {
		return err
	}
	m.Media = []transport.Media{hosted}
	return nil
}

type joinedReader struct {
	io.Reader
	io.Closer
}

// isLayout says that a file only tells how the others are laid out, which no
// client shows (OMA MMS Conformance §7).
func isLayout(kind string) bool { return strings.HasPrefix(kind, "application/smil") }

// deliverIn delivers a message that came to one of the user's numbers, in the
// room of the group if it was to one.
func (n *Network) deliverIn(ctx context.Context, user, at string, group []string, m transport.Message) error {
	return n.deliverAt(ctx, user, at, n.inGroup(user, at, group, transport.MessageReceived{Message: m}))
}

// noteOf stands for a file that can't be shown.
func noteOf(m provider.Media, why string) string {
	kind := cmp.Or(m.Type, "file")
	if strings.HasPrefix(kind, "image/") {
		kind = "picture"
	}
	return fmt.Sprintf("[A %s came with this text, but it can't be shown. %s]", printable(kind), why)
}
