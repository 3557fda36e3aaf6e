//go:build !386 && !s390x

package socket

import (
	"net"
	"testing"
)

func TestSocketsAreDirect(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		ours, _ := pair(t, network, func(plain net.Conn) net.Conn {
			if Direct(plain) == plain || Prompt(plain) == plain {
				t.Errorf("%s: it stays as it is", network)
			}
			return plain
		})
		if once := Direct(ours); Direct(once) != once {
			t.Errorf("%s: it is made direct twice", network)
		}
	}
}
