package gateway_test

import (
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// What no server takes does not keep the rest of an archive from being read.
func TestAMessageThatIsTooLargeIsReadInPart(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: strings.Repeat("&", 60<<10), ID: "large"})
		w.Expect(inRoom(orchard, garden, "juliet", "This is too large to be shown whole. It begins: "+strings.Repeat("&", 1000)+"…", Has("stanza-id@id", "large")))
		w.hears(1, "after it")
		p := w.reads(orchard, garden, "")
		if len(p.forwarded) != 2 {
			t.Fatalf("%d messages are read", len(p.forwarded))
		}
	})
}
