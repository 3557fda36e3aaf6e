package gateway_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// A shelf hosts files, as far as there is room.
type shelf struct {
	files map[string]string // by link
	max   int64
}

func (s *shelf) Put(_ context.Context, user string, f transport.File) (transport.Media, error) {
	content, err := io.ReadAll(f.Content)
	link := fmt.Sprintf("https://files.example.org/%s/%d/%s", user, len(s.files)+1, f.Name)
	s.files[link] = string(content)
	return transport.Media{URL: link}, err
}

func (s *shelf) Get(context.Context, string, int64) (transport.File, error) {
	return transport.File{}, &transport.Error{Reason: transport.NotFound, Text: "nothing is fetched here"}
}

func (s *shelf) Max() int64 { return s.max }

// exportStory is one where much was said already.
func exportStory(t *testing.T, files *shelf, tell func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.path = t.TempDir() + "/gatehouse.db"
		w.verona.info.AlwaysOn = true
		w.keeping = &keeper{records: map[transport.Address]transport.Record{}}
		w.files = files
		w.start()
		w.says(orchard, `<message to='juliet@%s' id='first' type='chat'><body>O Juliet</body></message>`, verona)
		w.settle()
		for i := range 120 {
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: fmt.Sprintf("answer %d", i)}})
			w.Expect(Message(From("juliet@"+verona), Body(fmt.Sprintf("answer %d", i))))
		}
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "nurse", Text: "two\nlines"}})
		w.Expect(Message(From("nurse@" + verona)))
		w.settle()
		tell(w)
	})
}

func TestWhatIsKeptIsExportedAsAFile(t *testing.T) {
	files := &shelf{files: map[string]string{}, max: 1 << 20}
	exportStory(t, files, func(w *world) {
		told := w.tellsGateway(orchard, "export")
		link := told[strings.LastIndex(told, "\n")+1:]
		text := files.files[link]
		if !strings.HasPrefix(told, "122 messages.\n") || strings.Count(text, "\n") != 123 ||
			!strings.Contains(strings.SplitN(text, "\n", 2)[0], "to juliet: O Juliet") || !strings.HasSuffix(text, "nurse: two\n    lines\n") {
			t.Errorf("told %q, and the file is %.200q … %q", told, text, text[max(0, len(text)-60):])
		}
		told = w.tellsGateway(orchard, "export with=nurse format=json")
		link = told[strings.LastIndex(told, "\n")+1:]
		if text := files.files[link]; !strings.HasSuffix(link, ".jsonl") || strings.Count(text, "\n") != 1 || !strings.Contains(text, `"chat":"nurse","sent":false`) || !strings.Contains(text, `"text":"two\nlines"`) {
			t.Errorf("told %q, and the file is %q", told, text)
		}
		w.starts(orchard, verona, "export")
		if got := w.tellsGateway(orchard, "export with=two words"); !strings.Contains(got, "nobody's address") {
			t.Errorf("told %q", got)
		}
	})
}

func TestWhatIsKeptIsExportedAsTextWhereNothingIsHosted(t *testing.T) {
	exportStory(t, nil, func(w *world) {
		if told := w.tellsGateway(orchard, "export with=nurse"); !strings.HasPrefix(told, "1 message.\n") || !strings.HasSuffix(told, "nurse: two\n    lines") {
			t.Errorf("told %q", told)
		}
		if told := w.tellsGateway(julia, "export"); told != "Nothing is kept." {
			t.Errorf("another user is told %q", told)
		}
	})
}
