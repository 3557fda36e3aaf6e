package providertest

import (
	"context"
	"strings"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Examine gives what a provider finds out about its set-up, a line each: "ok",
// "doubt" or "BAD", and the text.
func Examine(ctx context.Context, x provider.Examiner, running bool, numbers ...string) string {
	var lines []string
	x.Examine(ctx, numbers, transport.Examination{Running: running, Say: func(f transport.Finding) {
		lines = append(lines, [...]string{transport.Good: "ok", transport.Doubtful: "doubt", transport.Bad: "BAD"}[f.Grade]+" "+f.Text)
	}})
	return strings.Join(lines, "\n")
}
