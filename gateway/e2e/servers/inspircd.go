package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// InspIRCdOptions configure an InspIRCd. The zero value is a server without
// TLS and without throttles.
type InspIRCdOptions struct {
	Name        string   // of the server; inspircd.test if empty
	Network     string   // InspTest if empty
	TLS         bool     // listens with TLS too
	CertNames   []string // in the TLS certificate; localhost and 127.0.0.1 if empty
	Password    string   // that clients must send with PASS
	KeepLimits  bool     // keeps InspIRCd's throttles: fakelag, connection and channel limits
	Modules     []string // more modules, without m_ and .so
	Extra       string   // more configuration, in InspIRCd's tags
	CaseMapping string   // rfc1459 (InspIRCd's default) or ascii
	Services    bool     // takes services (StartAtheme), and offers SASL through them
	Ident       bool     // asks clients' machines who they are (RFC 1413)
	STS         bool     // with TLS: tells clients to use only that (IRCv3 sts)
	WebIRC      string   // password with which loopback may name a client's address (WEBIRC)
}

// An InspIRCd is a running InspIRCd with the IRCv3 capabilities that it has.
// OPER oper operpass makes an operator.
type InspIRCd struct {
	*Server
	Addr    string // 127.0.0.1:port
	TLSAddr string // 127.0.0.1:port, empty without TLS
	CA      *CA    // signed the TLS certificate, nil without TLS
	Network string

	name, caseMapping string
	servicesAddr      string // where services link, empty without them
}

// StartInspIRCd starts an InspIRCd with its configuration and data in dir.
func StartInspIRCd(ctx context.Context, dir string, o InspIRCdOptions) (*InspIRCd, error) {
	path, err := program("inspircd")
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	o.Name = orElse(o.Name, "inspircd.test")
	o.Network = orElse(o.Network, "InspTest")
	o.CaseMapping = orElse(o.CaseMapping, "rfc1459")
	i := &InspIRCd{Network: o.Network, name: o.Name, caseMapping: o.CaseMapping}
	ports, err := ircListeners(dir, o.TLS, o.CertNames, &i.Addr, &i.TLSAddr, &i.CA)
	if err != nil {
		return nil, err
	}
	var servicesPort int
	if o.Services {
		if i.servicesAddr, servicesPort, err = loopback(); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(dir, "inspircd.conf")
	err = configure(config, "inspircd.conf.tmpl", map[string]any{
		"Options": o, "Dir": dir, "Ports": ports, "ServicesPort": servicesPort,
		"ServicesName": servicesName, "ServicesPassword": servicesPassword,
	})
	if err != nil {
		return nil, fmt.Errorf("configure inspircd: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "inspircd.motd"), []byte("Hello\n"), 0o600); err != nil {
		return nil, fmt.Errorf("configure inspircd: %w", err)
	}
	arguments := []string{"--nofork", "--config", config}
	if os.Geteuid() == 0 {
		arguments = append(arguments, "--runasroot")
	}
	i.Server = &Server{
		Name:       "inspircd",
		Dir:        dir,
		startLimit: time.Minute,
		command:    func() *exec.Cmd { return exec.Command(path, arguments...) },
		ready:      func(ctx context.Context) error { return accepts(ctx, ports.addrs()...) },
	}
	if err := i.Start(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

// ircPorts are the listeners of an IRC server.
type ircPorts struct {
	Plain, TLS        int // TLS is 0 without TLS
	CertFile, KeyFile string
}

func (p ircPorts) addrs() []string {
	addrs := []string{fmt.Sprintf("127.0.0.1:%d", p.Plain)}
	if p.TLS != 0 {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", p.TLS))
	}
	return addrs
}

// ircListeners chooses an IRC server's ports and makes its certificate.
func ircListeners(dir string, tls bool, names []string, addr, tlsAddr *string, ca **CA) (ircPorts, error) {
	var p ircPorts
	var err error
	if *addr, p.Plain, err = loopback(); err != nil || !tls {
		return p, err
	}
	if *tlsAddr, p.TLS, err = loopback(); err != nil {
		return p, err
	}
	if *ca, err = NewCA(filepath.Join(dir, "tls")); err != nil {
		return p, err
	}
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1"}
	}
	p.CertFile, p.KeyFile, err = (*ca).Issue("server", names...)
	return p, err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
