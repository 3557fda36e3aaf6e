package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"strings"
	"syscall"

	"gatehouse/gateway/config"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
	"gatehouse/transports/irc/biboumi"
)

const importUsage = `usage: gatehouse [-config FILE] import biboumi [-component DOMAIN] [-write] DATABASE

Takes over what biboumi keeps in its SQLite database, the file db_name of its
configuration: settings, channels that people stay in, subscriptions and the
archive. Without -write it only says what it would do, and biboumi and Gatehouse
may be running. It may be run again: what is there already is left as it is.

`

// An importing is what the command line says of an import.
type importing struct {
	component, file string
	write           bool
}

// parseImport reads what comes behind "import".
func parseImport(args []string, stderr io.Writer) (o importing, err error) {
	flags := flag.NewFlagSet("gatehouse import biboumi", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.component, "component", "", "the `DOMAIN` that biboumi had, if the config has several for IRC")
	flags.BoolVar(&o.write, "write", false, "write it to the store; Gatehouse must not be running")
	flags.Usage = func() {
		fmt.Fprint(stderr, importUsage)
		flags.PrintDefaults()
	}
	if len(args) == 0 || args[0] != "biboumi" {
		flags.Usage()
		return o, errors.New("import from what? Only biboumi is known")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return o, err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return o, errors.New("name one database")
	}
	o.file = flags.Arg(0)
	return o, nil
}

// run does a dry run, and then, if it is to, the import itself.
func (o importing) run(c *config.Config, log *slog.Logger, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cc, err := o.find(c)
	if err != nil {
		return err
	}
	network, err := cc.Options.New(transport.Env{Log: log})
	if err != nil {
		return fmt.Errorf("component %s: %w", cc.Domain, err)
	}
	t := biboumi.Takeover{File: o.file, Component: cc.Domain, Network: network, Out: stdout}
	if err := t.Run(ctx); err != nil {
		return err
	}
	if !o.write {
		fmt.Fprintln(stdout, "Nothing was written. Stop Gatehouse and biboumi, then do it with -write.")
		return nil
	}
	db, err := sqlite.Open(c.Store.Path, sqlite.Options{Log: log, KeyFile: c.Store.KeyFile})
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Fprintln(stdout, "Writing:")
	t.Store = db
	if err := t.Run(ctx); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Done.")
	return nil
}

// find gives the component that takes over.
func (o importing) find(c *config.Config) (*config.Component, error) {
	var found []*config.Component
	var domains []string
	for i := range c.Components {
		cc := &c.Components[i]
		if cc.Transport != "irc" {
			continue
		}
		domains = append(domains, cc.Domain)
		if o.component == "" || o.component == cc.Domain {
			found = append(found, cc)
		}
	}
	switch {
	case len(domains) == 0:
		return nil, errors.New("the config has no component for IRC: add a [[component]] with transport = \"irc\"")
	case len(found) == 0:
		return nil, fmt.Errorf("the config has no component %s for IRC; it has %s", o.component, strings.Join(domains, ", "))
	case len(found) > 1:
		return nil, fmt.Errorf("which component was biboumi? Say -component with one of %s", strings.Join(domains, ", "))
	}
	return found[0], nil
}
