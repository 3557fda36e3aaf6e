// Command gatehouse-demo shows the main job on one machine: it starts an XMPP
// server, an IRC server and the gateway on loopback, sends a line each way
// through IRC and a text each way through the phone simulator, says what
// happened, and leaves everything running for you to try.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/gateway/e2e/servers"
)

const (
	ircDomain  = "irc.localhost"
	smsDomain  = "sms.localhost"
	user       = "romeo@localhost"
	password   = "romeo"
	ownNumber  = "+15005550001"
	phone      = "+15551234567"
	secret     = "demo"
	startLimit = time.Minute
	stepLimit  = 20 * time.Second
)

func main() {
	once := flag.Bool("once", false, "stop after the self-check, with its exit status")
	dir := flag.String("dir", "demo-data", "the `FOLDER` for configuration and data; it is made anew")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, *once); err != nil {
		fmt.Fprintln(os.Stderr, "\n✗", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, once bool) error {
	if missing := servers.Missing("prosody", "inspircd"); len(missing) > 0 {
		return fmt.Errorf("not installed: %v; run: scripts/install prosody inspircd (as root), or apt-get install them", missing)
	}
	if err := renew(dir); err != nil {
		return err
	}
	fmt.Println("Gatehouse demo")
	fmt.Println()
	d := &demo{dir: dir}
	defer d.close()
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := d.start(starting); err != nil {
		return err
	}
	fmt.Println()
	if err := d.selfCheck(ctx); err != nil {
		return fmt.Errorf("%w\n\n%s", err, d.gatehouse.Log())
	}
	if once {
		return nil
	}
	d.explain()
	<-ctx.Done()
	fmt.Println("\nStopping.")
	return nil
}

// renew makes the folder anew. One that it did not make is left alone.
func renew(dir string) error {
	mark := filepath.Join(dir, ".gatehouse-demo")
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if _, err := os.Stat(mark); err != nil {
			return fmt.Errorf("%s exists and is not from this demo: choose another folder with -dir", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("make %s anew: %w", dir, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	return os.WriteFile(mark, nil, 0o644)
}
