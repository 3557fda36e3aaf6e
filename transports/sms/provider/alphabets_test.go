package provider

import (
	"sync"
	"testing"

	"github.com/warthog618/sms/encoding/gsm7"
)

// The race detector looks on.
func TestAlphabetsAreUsedByManyAtFirst(t *testing.T) {
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			packed, err := gsm7.Encode([]byte("hello €"))
			if err != nil {
				t.Error(err)
			}
			if text, err := gsm7.Decode(packed); err != nil || string(text) != "hello €" {
				t.Errorf("got %q and %v", text, err)
			}
		})
	}
	running.Wait()
}
