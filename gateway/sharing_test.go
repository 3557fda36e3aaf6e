package gateway

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPlacesAreSharedBetweenUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharing(3, 2)
		ctx, giveUp := context.WithCancel(t.Context())
		entered := make(chan string, 20)
		ask := func(ctx context.Context, user string) {
			go func() {
				if s.enter(ctx, user) == nil {
					entered <- user
				}
			}()
			synctest.Wait()
		}
		var in []string
		is := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			in = in[:0]
			for len(entered) > 0 {
				in = append(in, <-entered)
			}
			slices.Sort(in)
			if strings.Join(in, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %q entered, want %q", when, in, want)
			}
		}
		for range 5 {
			ask(t.Context(), "tybalt")
		}
		is("one who wants all", "tybalt", "tybalt")
		ask(t.Context(), "romeo")
		is("another", "romeo")
		ask(t.Context(), "juliet")
		ask(ctx, "nurse")
		s.leave("tybalt")
		is("who came later, but had nothing", "juliet")
		giveUp()
		s.leave("tybalt")
		is("who waits still", "tybalt")
		s.leave("romeo")
		is("the next", "tybalt")
		s.leave("juliet")
		is("nobody has more than their part")
		for range 3 {
			s.leave("tybalt")
			synctest.Wait()
		}
		is("the last", "tybalt")
		if len(s.waiting) > 0 || len(s.inside) > 0 || s.free != 3 {
			t.Errorf("left are %d waiting, %v inside, %d free", len(s.waiting), s.inside, s.free)
		}
	})
}
