package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	maxExported   = 20_000  // messages of one file: the newest
	maxExportText = 30_000  // bytes that are told where no file can be had
	maxExportFile = 8 << 20 // bytes of one
)

// exportCommand gives users what is kept of their conversations, as a file
// behind a link, or as text where nothing is hosted.
var exportCommand = command{node: "export", name: "Get what is kept of your conversations", start: func(*session) stage {
	out := ask(transport.Form{
		Title: "Get what is kept", Instructions: "The link to the file works for a while, for everybody who has it.",
		Fields: []transport.Field{
			{Name: "with", Label: "With whom", Help: "Empty is all conversations with one person."},
			{
				Name: "format", Label: "As what", Type: transport.Choice, Values: []string{"text"},
				Options: []transport.Option{{Value: "text", Label: "Text"}, {Value: "json", Label: "JSON, one message on a line"}},
			},
		},
	}, func(s *session, answers transport.Values) stage {
		return stage{work: func(ctx context.Context) stage { return s.export(ctx, answers.Get("with"), answers.Get("format")) }}
	})
	out.fast = true
	return out
}}

func (s *session) export(ctx context.Context, with, format string) stage {
	q := store.ArchiveQuery{Component: s.host.Domain, User: s.bare, Max: archivePage, Last: true}
	if with != "" {
		t, ok := s.host.chatTarget(with)
		if !ok || t.kind == toGateway || t.kind == toServer {
			return undone(fmt.Sprintf("%.80q is nobody's address.", with))
		}
		q.Chat = t.address
	}
	write, name, kind := exportLine, "history.txt", "text/plain"
	if format == "json" {
		write, name, kind = exportJSON, "history.jsonl", "application/jsonl"
	}
	most := int64(maxExportText)
	files := s.host.Files
	if files != nil && files.Max() > 0 {
		most = min(files.Max(), maxExportFile)
	} else {
		files = nil
	}
	lines, whole, err := s.exportLines(ctx, q, write, int(most))
	switch {
	case err != nil:
		return s.failedWith(err)
	case len(lines) == 0:
		return done("Nothing is kept.")
	}
	var text bytes.Buffer
	for i := len(lines) - 1; i >= 0; i-- { // they were read from the newest
		text.WriteString(lines[i])
	}
	says := fmt.Sprintf("%s.", count(len(lines), "message", "messages"))
	if !whole {
		says = fmt.Sprintf("The newest %s.", count(len(lines), "message", "messages"))
	}
	if files == nil {
		return done(says + "\n" + strings.TrimSuffix(text.String(), "\n"))
	}
	file, err := files.Put(ctx, s.bare, transport.File{Name: name, Type: kind, Content: io.NopCloser(&text)})
	if err != nil {
		return s.failedWith(err)
	}
	return done(says + "\n" + file.URL)
}

// exportLines reads backwards from the newest message, until there are enough.
func (s *session) exportLines(ctx context.Context, q store.ArchiveQuery, write func(store.Archived) string, most int) (lines []string, whole bool, err error) {
	for size := 0; ; {
		var page store.ArchivePage
		err := inTurn(ctx, s.host.readers, func() (err error) {
			page, err = s.host.gateway.Store.Archive().Page(ctx, q)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		buryCorrections(page.Messages)
		for i := len(page.Messages) - 1; i >= 0; i-- {
			m, _ := buried(page.Messages[i])
			line := write(m)
			if size += len(line); size > most || len(lines) == maxExported {
				return lines, false, nil
			}
			lines = append(lines, line)
		}
		if page.Complete || len(page.Messages) == 0 {
			return lines, true, nil
		}
		q.Before, q.Last = page.Messages[0].ID, false
	}
}

// exportLine writes a message for people: "2006-01-02 15:04:05Z juliet: hello".
func exportLine(m store.Archived) string {
	who := string(m.Chat)
	switch {
	case m.Nick != "":
		who += " <" + m.Nick + ">"
	case m.Sent:
		who = "to " + who
	}
	return fmt.Sprintf("%s %s: %s\n", m.At.UTC().Format("2006-01-02 15:04:05Z"), who, strings.ReplaceAll(m.Text, "\n", "\n    "))
}

// exportJSON writes it for programs.
func exportJSON(m store.Archived) string {
	line, err := json.Marshal(struct {
		At   time.Time `json:"at"`
		Chat string    `json:"chat"`
		Nick string    `json:"nick,omitempty"`
		Sent bool      `json:"sent"`
		ID   string    `json:"id"`
		Text string    `json:"text"`
	}{m.At.UTC(), string(m.Chat), m.Nick, m.Sent, m.ID, m.Text})
	if err != nil {
		return ""
	}
	return string(line) + "\n"
}
