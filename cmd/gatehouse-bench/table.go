package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// A row is one scenario under one condition, and what is compared of it.
type row struct {
	name         string
	history, tls bool
	alone        bool   // it is Gatehouse's alone
	once         bool   // it lasts so long that one run is enough
	crowded      bool   // it needs a crowd in #big, whose coming takes far longer than the rest
	texts        string // the provider of texts
	through      string // the real server that it goes through
	do           func(*trial, sizes) (figures, error)
	sizes        map[string]sizes // by subject: a slow one gets less, as rates are compared
	compare      []comparison
}

// A comparison is one figure and its goal, as a ratio to the other's.
type comparison struct {
	figure string // of the scenario
	what   string
	unit   string
	higher bool    // is better
	goal   float64 // at least, or at most, this many times the other's,
	bound  float64 // or this much
}

func of(ours, theirs sizes) map[string]sizes {
	return map[string]sizes{"gatehouse": ours, "biboumi": theirs}
}

func same(s sizes) map[string]sizes { return of(s, s) }

// rows are the scenarios. Sizes are such that each takes seconds, not
// milliseconds, with either gateway.
var rows = []row{
	{
		name: "round trip, history on", history: true, do: (*trial).roundTrip,
		sizes: of(sizes{trips: 2000}, sizes{trips: 300}),
		compare: []comparison{
			{figure: "p50", what: "p50", unit: "ms", goal: 1. / 50},
			{figure: "p99", what: "p99", unit: "ms", goal: 1. / 50},
		},
	}, {
		name: "round trip without a gateway", alone: true, do: (*trial).shortTrip,
		sizes:   same(sizes{trips: 2000}),
		compare: []comparison{{figure: "p50", what: "p50", unit: "ms"}, {figure: "p99", what: "p99", unit: "ms"}},
	}, {
		name: "round trip, history off", alone: true, do: (*trial).roundTrip,
		sizes:   same(sizes{trips: 2000}),
		compare: []comparison{{figure: "p50", what: "p50", unit: "ms"}, {figure: "p99", what: "p99", unit: "ms"}},
	}, {
		name: "fan-out to 50, history on", history: true, do: (*trial).fanOut,
		sizes: of(sizes{listeners: 50, messages: 4000}, sizes{listeners: 50, messages: 100}),
		compare: []comparison{
			{figure: "rate", what: "stanzas/s", higher: true, goal: 40},
			{figure: "cpu", what: "CPU a stanza", unit: "µs", goal: 1},
		},
	}, {
		name: "fan-out to 50, history off", do: (*trial).fanOut,
		sizes: same(sizes{listeners: 50, messages: 4000}),
		compare: []comparison{
			{figure: "rate", what: "stanzas/s", higher: true, goal: 1.3},
			{figure: "cpu", what: "CPU a stanza", unit: "µs", goal: 0.8},
		},
	}, {
		name: "10 senders to IRC, history on", history: true, do: (*trial).toIRC,
		sizes: of(sizes{senders: 10, messages: 3000}, sizes{senders: 10, messages: 30}),
		compare: []comparison{
			{figure: "rate", what: "messages/s", higher: true, goal: 40},
			{figure: "cpu", what: "CPU a message", unit: "µs", goal: 1},
		},
	}, {
		name: "10 senders to IRC, history off", do: (*trial).toIRC,
		sizes: same(sizes{senders: 10, messages: 3000}),
		compare: []comparison{
			{figure: "rate", what: "messages/s", higher: true, goal: 1.3},
			{figure: "cpu", what: "CPU a message", unit: "µs", goal: 0.8},
		},
	}, {
		name: "join a channel of 10,000", crowded: true, do: (*trial).bigJoin,
		sizes: same(sizes{crowd: 10000}),
		compare: []comparison{
			{figure: "time", what: "time", unit: "ms", goal: 0.5},
			{figure: "cpu", what: "CPU", unit: "ms", goal: 0.7},
		},
	}, {
		name: "idle in 3 channels of 50", do: (*trial).stand,
		sizes:   same(sizes{idle: 300, rests: resting}),
		compare: []comparison{{figure: "memory", what: "memory a user", unit: "KiB", goal: 1}},
	}, {
		name: "idle in 3 channels of 50, TLS to IRC", tls: true, do: (*trial).stand,
		sizes:   same(sizes{idle: 300, rests: resting}),
		compare: []comparison{{figure: "memory", what: "memory a user", unit: "KiB", goal: 1}},
	}, {
		name: "5,000 users, 50 messages/s, 20 minutes", alone: true, once: true, history: true, do: (*trial).steady,
		sizes: same(sizes{users: 5000, lasts: 20 * time.Minute}),
		compare: []comparison{
			{figure: "p50", what: "p50", unit: "ms", bound: 20},
			{figure: "p99", what: "p99", unit: "ms", bound: 20},
			{figure: "growth", what: "memory, last minutes to first", unit: "×", bound: 1.1},
			{figure: "memory", what: "memory a user", unit: "KiB"},
		},
	}, {
		name: "through Prosody", alone: true, history: true, through: "prosody",
		sizes:   same(sizes{listeners: 20, messages: 1000}),
		compare: shares(0.1),
	}, {
		name: "through ejabberd", alone: true, history: true, through: "ejabberd",
		sizes:   same(sizes{listeners: 20, messages: 1000}),
		compare: shares(0.4),
	}, {
		name: "texts out, durable", alone: true, texts: "simulator", do: warm((*trial).textsOut),
		sizes:   same(sizes{messages: 20000}),
		compare: []comparison{{figure: "rate", what: "texts/s", higher: true, bound: 5000}, {figure: "cpu", what: "CPU a text", unit: "µs"}},
	}, {
		name: "texts out, 1,000/s", alone: true, texts: "simulator", do: warm((*trial).textsOut),
		sizes:   same(sizes{messages: 5000, rate: 1000}),
		compare: []comparison{{figure: "p99", what: "p99 until delivered", unit: "ms", bound: 50}},
	}, {
		name: "texts in, durable", alone: true, texts: "twilio", do: warm((*trial).textsIn),
		sizes:   same(sizes{messages: 20000}),
		compare: []comparison{{figure: "rate", what: "texts/s", higher: true, bound: 5000}, {figure: "cpu", what: "CPU a text", unit: "µs"}},
	}, {
		name: "texts in, 1,000/s", alone: true, texts: "twilio", do: warm((*trial).textsIn),
		sizes:   same(sizes{messages: 5000, rate: 1000}),
		compare: []comparison{{figure: "p99", what: "p99 of the webhook", unit: "ms", bound: 50}},
	}, {
		name: "start", alone: true, do: func(t *trial, _ sizes) (figures, error) {
			info, err := os.Stat(t.cmd.Path)
			if err != nil {
				return nil, err
			}
			return figures{"time": ms(t.took), "size": float64(info.Size()) / 1e6}, nil
		},
		sizes: same(sizes{}),
		compare: []comparison{
			{figure: "time", what: "until connected", unit: "ms", bound: 100},
			{figure: "size", what: "size of the program", unit: "MB", bound: 30},
		},
	},
}

// shares compare our part of the CPU time of a stanza with a real server's.
func shares(most float64) []comparison {
	return []comparison{
		{figure: "ours", what: "CPU a stanza, ours", unit: "µs"},
		{figure: "theirs", what: "CPU a stanza, the server's", unit: "µs"},
		{figure: "share", what: "ours to the server's", unit: "×", bound: most},
	}
}

// small are sizes that any row gets with -quick.
var small = sizes{trips: 50, listeners: 20, senders: 5, messages: 600, crowd: 200, idle: 50, users: 100, lasts: 2 * time.Second}

type bench struct {
	options
	out      io.Writer
	dir      string
	subjects []*subject
	trials   int
	ircd     *servers.InspIRCd // of the row
	ircds    int
	crowd    crowd // that is there for all trials of a row
}

// run does every row with every subject, and prints the table.
func (b *bench) run(ctx context.Context) error {
	var failures []error
	fmt.Fprintln(b.out, "| what | "+b.heads()+" | ratio | goal |")
	fmt.Fprintln(b.out, "|---|"+strings.Repeat("---:|", len(b.subjects))+"---:|---:|")
	for _, r := range rows {
		if !strings.Contains(r.name, b.only) {
			continue
		}
		if err := b.freshIRC(ctx); err != nil {
			return errors.Join(append(failures, err)...)
		}
		medians := make([]figures, len(b.subjects))
		for i, s := range b.subjects {
			if r.alone && i > 0 {
				continue
			}
			m, err := b.measure(ctx, r, s)
			if ctx.Err() != nil {
				return errors.Join(append(failures, context.Cause(ctx))...)
			}
			if err != nil {
				err = fmt.Errorf("%s, %s: %w", r.name, s.name, err)
				fmt.Fprintln(os.Stderr, err) // now, for there may be an hour until the end
				failures = append(failures, err)
			}
			medians[i] = m
		}
		for _, c := range r.compare {
			fmt.Fprintln(b.out, c.line(r.name, medians))
		}
	}
	return errors.Join(failures...)
}

// freshIRC starts an IRC server in place of the last. One that thousands have
// just left is busy with their leaving for more than a minute.
func (b *bench) freshIRC(ctx context.Context) (err error) {
	b.closeIRC()
	b.ircds++
	dir := filepath.Join(b.dir, fmt.Sprintf("inspircd-%d", b.ircds))
	if b.ircd, err = servers.StartInspIRCd(ctx, dir, servers.InspIRCdOptions{TLS: true}); err == nil {
		context.AfterFunc(ctx, b.ircd.Kill) // and a crowd that is still coming is told
	}
	return err
}

func (b *bench) closeIRC() {
	if b.ircd != nil {
		b.ircd.Kill()
	}
	b.crowd.leave()
	b.crowd = nil
}

func (b *bench) heads() string {
	names := make([]string, len(b.subjects))
	for i, s := range b.subjects {
		names[i] = s.name
	}
	return strings.Join(names, " | ")
}

// measure gives the medians of a row's figures.
func (b *bench) measure(ctx context.Context, r row, s *subject) (figures, error) {
	n, size := b.runs, r.sizes[s.name]
	if b.quick {
		size = small
	}
	if b.quick || r.once {
		n = 1
	}
	all := map[string][]float64{}
	for range n {
		f, err := b.once(ctx, r, s, size)
		if err != nil {
			return nil, err
		}
		for name, v := range f {
			all[name] = append(all[name], v)
		}
	}
	medians := figures{}
	for name := range maps.Keys(all) {
		slices.Sort(all[name])
		medians[name] = all[name][len(all[name])/2]
	}
	return medians, nil
}

func (b *bench) once(ctx context.Context, r row, s *subject, size sizes) (figures, error) {
	b.trials++
	o := setup{dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", s.name, b.trials)), irc: b.ircd.Addr, history: r.history, users: 20000}
	if r.crowded && len(b.crowd) == 0 {
		var err error
		if b.crowd, err = gather(b.ircd.Addr, size.crowd); err != nil {
			return nil, err
		}
	}
	if r.texts != "" {
		port, err := servers.FreePort()
		if err != nil {
			return nil, err
		}
		o.texts, o.http = r.texts, fmt.Sprintf("127.0.0.1:%d", port)
	}
	if r.tls {
		o.irc, o.ca = b.ircd.TLSAddr, b.ircd.CA.File
	}
	if r.through != "" {
		return b.through(ctx, r, s, size, o)
	}
	t, err := s.start(ctx, o)
	if err != nil {
		return nil, err
	}
	return t.measure(ctx, r.do, size)
}

// measure does a scenario, and stops the gateway. When no more is to be measured,
// that ends at once, and what waits for it with it.
func (t *trial) measure(ctx context.Context, do func(*trial, sizes) (figures, error), size sizes) (f figures, err error) {
	defer func() {
		if t.stop(); err != nil {
			err = t.explained(err)
		}
	}()
	defer context.AfterFunc(ctx, t.kill)()
	return do(t, size)
}

// line is one line of the table, in Markdown.
func (c comparison) line(row string, medians []figures) string {
	cells := []string{row + ": " + c.what}
	for i, m := range medians {
		switch v, ok := m[c.figure]; {
		case ok:
			cells = append(cells, strings.TrimSpace(amount(v)+" "+c.unit))
		case i > 0 && c.goal == 0:
			cells = append(cells, "–")
		default:
			cells = append(cells, "failed")
		}
	}
	ratio := "–"
	if len(medians) == 2 && medians[0] != nil && medians[1] != nil && medians[1][c.figure] != 0 {
		ratio = times(medians[0][c.figure] / medians[1][c.figure])
	}
	side := "≤ "
	if c.higher {
		side = "≥ "
	}
	goal := ""
	switch {
	case c.goal > 0:
		goal = side + times(c.goal)
	case c.bound > 0:
		goal = side + strings.TrimSpace(amount(c.bound)+" "+c.unit)
	}
	cells = append(cells, ratio, goal)
	return "| " + strings.Join(cells, " | ") + " |"
}

func amount(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func times(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f×", v)
	}
	return fmt.Sprintf("%.3g×", v)
}
