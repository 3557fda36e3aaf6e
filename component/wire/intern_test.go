package wire

import (
	"strings"
	"testing"
	"unsafe"
)

func TestWellKnownNamesAreAllInTheTable(t *testing.T) {
	for _, name := range strings.Fields(wellKnownNames) {
		r := &Reader{buf: []byte("x" + name)}
		got := r.intern(1, len(r.buf))
		if got != name || unsafe.StringData(got) == &r.buf[1] {
			t.Errorf("%q is %q and not of the table", name, got)
		}
	}
	r := &Reader{buf: []byte("garden")}
	if got := r.intern(0, 6); got != "garden" {
		t.Errorf("another name is %q", got)
	}
}
