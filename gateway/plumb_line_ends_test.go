package gateway_test

import "testing"

// A line end of any kind begins a line, which without a name could be taken for
// another's.
func TestNobodySpeaksAsAnotherBehindALineEnd(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		for _, end := range []string{"&#13;", "&#13;&#10;", "&#x2028;", "&#x2029;", "&#x85;"} {
			c.hears("nurse", "m"+end[2:4], "<body>one"+end+"&lt;romeo&gt; two</body>")
			w.saidIs(end, "<nurse> one\n<nurse> <romeo> two")
		}
		c.hears("a&gt; Yes &lt;b", "m9", "<body>No</body>")
		w.saidIs("brackets in a nick", "<a› Yes ‹b> No")
	})
}
