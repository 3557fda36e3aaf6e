// Command gatehouse-bench measures a gateway between XMPP and IRC from both
// ends: it plays the XMPP server on the component port, drives a real InspIRCd
// with IRC clients, and reads the gateway's CPU time and memory from /proc. It
// runs the same scenarios over Gatehouse and over biboumi, one after the other
// on one machine, and prints the ratios.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"gatehouse/gateway/e2e/servers"
)

func main() {
	var o options
	flag.IntVar(&o.runs, "runs", 5, "runs of each scenario; the medians are compared")
	flag.BoolVar(&o.quick, "quick", false, "small sizes and one run: shows that nothing is lost, measures nothing")
	flag.StringVar(&o.only, "only", "", "rows to measure: a part of their names")
	flag.BoolVar(&o.alone, "alone", false, "measure Gatehouse alone")
	flag.StringVar(&o.program, "gatehouse", "", "the program to measure; empty: the one beside this")
	flag.StringVar(&o.plot, "plot", "", "measure how the cost grows with the work instead, and draw it into this SVG file")
	flag.StringVar(&o.record, "record", "", "put the table into this Markdown file too, in place of the one between its marks")
	flag.IntVar(&o.most, "most", 10000, "the most users, and people in a channel, of the plot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse-bench:", err)
		os.Exit(1)
	}
}

type options struct {
	runs         int
	quick, alone bool
	only         string
	program      string
	plot, record string
	most         int
}

func run(ctx context.Context, o options, out io.Writer) error {
	if missing := servers.Missing("inspircd", "prosody", "ejabberd"); len(missing) > 0 {
		return fmt.Errorf("missing: %s; run make bench, which installs it", strings.Join(missing, ", "))
	}
	ours, err := gatehouse(o.program)
	if err != nil {
		return err
	}
	subjects := []*subject{ours}
	if !o.alone && o.plot == "" {
		peer, err := biboumi()
		if err != nil {
			return fmt.Errorf("nothing to compare with: %w; or measure Gatehouse alone with -alone", err)
		}
		subjects = append(subjects, peer)
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, out: out, dir: dir, subjects: subjects}
	defer b.closeIRC()
	if o.plot != "" {
		return b.draw(ctx)
	}
	if o.record == "" {
		return b.run(ctx)
	}
	var table strings.Builder
	b.out = io.MultiWriter(out, &table)
	if err := b.run(ctx); err != nil {
		return err
	}
	return record(o.record, table.String())
}

// What a table is put between.
const (
	tableBegins = "<!-- the table of make bench -->\n"
	tableEnds   = "<!-- its end -->\n"
)

// record replaces the table in a file.
func record(file, table string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(b), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the table: a line %q and a line %q", file, tableBegins, tableEnds)
	}
	return os.WriteFile(file, []byte(before+tableBegins+"\n"+table+"\n"+tableEnds+after), 0o644)
}
