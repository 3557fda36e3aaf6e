// Command gatehouse is a gateway from XMPP to other networks.
//
//	gatehouse [-config FILE] [run | check | doctor | import biboumi | version]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"gatehouse/gateway/config"
	"gatehouse/transports"
)

// version is set by the linker in releases.
var version = ""

const usage = `usage: gatehouse [-config FILE] [COMMAND]

commands:
  run      connect to the XMPP server and work until stopped (the default)
  check    look at the config without connecting to anything
  doctor   try everything out: streams, providers, webhooks
  import   take over what biboumi keeps; "import biboumi -h" tells how
  version  print the version

`

func main() {
	new(collector).set(heapGrowth)
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// command runs one command and gives its exit status: 1 for what went wrong, 2
// for a wrong use or config.
func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gatehouse", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "config.toml", "the `FILE` with the config")
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	name := "run"
	if flags.NArg() > 0 {
		name = flags.Arg(0)
	}
	var take importing
	switch {
	case name == "import":
		var err error
		if take, err = parseImport(flags.Args()[1:], stderr); errors.Is(err, flag.ErrHelp) {
			return 0
		} else if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
	case flags.NArg() > 1 || name != "run" && name != "check" && name != "doctor" && name != "version":
		flags.Usage()
		return 2
	}
	if name == "version" {
		fmt.Fprintln(stdout, "gatehouse", versionText())
		return 0
	}
	c, err := config.Load(*path, transports.All)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if name == "doctor" {
		d := &doctor{out: stdout}
		if d.run(c) > 0 {
			return 1
		}
		return 0
	}
	level := new(slog.LevelVar)
	level.Set(c.Log.Level)
	log := logger(c.Log.Format, level, stderr)
	for _, w := range c.Warnings {
		log.Warn(w)
	}
	if name == "check" {
		fmt.Fprintf(stdout, "%s is in order; components:\n", *path)
		for _, cc := range c.Components {
			fmt.Fprintf(stdout, "  %s (%s), through %s\n", cc.Domain, cc.Transport, cc.Server)
		}
		return 0
	}
	if name == "import" {
		if err := take.run(c, log, stdout); err != nil {
			fmt.Fprintln(stderr, "import:", err)
			return 1
		}
		return 0
	}
	if err := run(c, newLiveConfig(*path, c, log, level), log); err != nil {
		log.Error("stopped", "err", err)
		return 1
	}
	return 0
}

func logger(format string, level slog.Leveler, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}
