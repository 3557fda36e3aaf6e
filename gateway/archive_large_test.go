package gateway_test

import (
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

// What no server takes does not keep the rest of an archive from being read.
func TestAMessageThatIsTooLargeIsReadInPart(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: strings.Repeat("&", 60<<10), ID: "large"})
		w.Expect(inRoom(orchard, garden, "juliet", "Something came that is too large to be shown."))
		w.hears(1, "after it")
		p := w.reads(orchard, garden, "")
		if len(p.forwarded) != 2 {
			t.Fatalf("%d messages are read", len(p.forwarded))
		}
	})
}
