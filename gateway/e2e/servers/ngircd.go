package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// NgIRCdOptions configure an ngIRCd. The zero value is a server without TLS
// and without throttles.
type NgIRCdOptions struct {
	Name       string   // of the server, with a dot; ngircd.test if empty
	Network    string   // NgTest if empty
	TLS        bool     // listens with TLS too
	CertNames  []string // in the TLS certificate; localhost and 127.0.0.1 if empty
	Password   string   // that clients must send with PASS
	NickLength int      // 30 if zero
	KeepLimits bool     // keeps ngIRCd's throttles: penalties, connection and channel limits
	Extra      string   // more sections
}

// An NgIRCd is a running ngIRCd: plain RFC 2812, with almost no IRCv3.
// OPER oper operpass makes an operator.
type NgIRCd struct {
	*Server
	Addr    string // 127.0.0.1:port
	TLSAddr string // 127.0.0.1:port, empty without TLS
	CA      *CA    // signed the TLS certificate, nil without TLS
	Network string
}

// StartNgIRCd starts an ngIRCd with its configuration in dir.
func StartNgIRCd(ctx context.Context, dir string, o NgIRCdOptions) (*NgIRCd, error) {
	path, err := program("ngircd")
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	o.Name = orElse(o.Name, "ngircd.test")
	o.Network = orElse(o.Network, "NgTest")
	if o.NickLength == 0 {
		o.NickLength = 30
	}
	n := &NgIRCd{Network: o.Network}
	ports, err := ircListeners(dir, o.TLS, o.CertNames, &n.Addr, &n.TLSAddr, &n.CA)
	if err != nil {
		return nil, err
	}
	// Without parameters ngIRCd makes some at every start, which can take long.
	dhFile := filepath.Join(dir, "ffdhe2048.pem")
	dh, err := templates.ReadFile("templates/ffdhe2048.pem") // RFC 7919 §A.1
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(dhFile, dh, 0o600); err != nil {
		return nil, fmt.Errorf("configure ngircd: %w", err)
	}
	config := filepath.Join(dir, "ngircd.conf")
	err = configure(config, "ngircd.conf.tmpl", map[string]any{"Options": o, "Ports": ports, "DHFile": dhFile})
	if err != nil {
		return nil, fmt.Errorf("configure ngircd: %w", err)
	}
	n.Server = &Server{
		Name:       "ngircd",
		Dir:        dir,
		startLimit: time.Minute,
		command:    func() *exec.Cmd { return exec.Command(path, "--nodaemon", "--config", config) },
		ready:      func(ctx context.Context) error { return accepts(ctx, ports.addrs()...) },
	}
	if err := n.Start(ctx); err != nil {
		return nil, err
	}
	return n, nil
}
