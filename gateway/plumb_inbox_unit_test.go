package gateway

// BusyPlumbs keeps all plumbs from their queues, which are full of what is for
// all, until they are released.
func (g *Gateway) BusyPlumbs() (release func()) {
	held := make(chan struct{})
	for _, p := range g.plumbing.plumbs {
		p.in <- plumbEvent{then: func() { <-held }}
		for range plumbInbox + 1 {
			p.in <- plumbEvent{then: func() {}}
		}
	}
	return func() { close(held) }
}
