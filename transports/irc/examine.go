package irc

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gatehouse/gateway/transport"
)

// Examine implements transport.Examiner: it knocks at each configured network,
// and leaves before it says who it is.
func (o *Options) Examine(ctx context.Context, e transport.Examination) {
	n, err := o.build()
	if err != nil {
		e.Bad(err.Error() + ".")
		return
	}
	if len(n.servers) == 0 {
		e.Good("No network is configured: people name the servers.")
	}
	for _, name := range slices.Sorted(maps.Keys(n.servers)) {
		s := n.servers[name]
		set := n.linkSettings(s, nil)
		var shut []door
		conn, d, err := n.knock(ctx, s, set, func(d door, _ error) { shut = append(shut, d) })
		if err != nil {
			told, _ := n.explain(s, set, "", err)
			e.Bad(told.Text)
			continue
		}
		hangUp(conn)
		for _, d := range shut {
			e.Doubtful(fmt.Sprintf("%s does not answer on port %d.", name, d.port))
		}
		if d.tls {
			e.Good(fmt.Sprintf("%s answers on port %d, and its certificate is valid.", name, d.port))
		} else {
			e.Good(fmt.Sprintf("%s answers on port %d, without TLS.", name, d.port))
		}
	}
}
