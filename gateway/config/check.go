package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// check looks at the decoded values and completes them.
func (d *decoder) check(c *Config) {
	root := path{}
	for i, rule := range c.Admins {
		if !rule.isAccount() && rule != (Rule{}) {
			d.problem(root.child("admins").index(i), `must be an account, as in "juliet@example.org", not %q`, rule)
		}
	}
	for i, rule := range c.Block {
		if rule.isEverybody() {
			d.problem(root.child("block").index(i), `"*" would block everybody`)
		}
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		d.problem(root.child("log").child("format"), `must be "text" or "json", not %q`, c.Log.Format)
	}
	if c.Store.Path == "" {
		d.problem(root.child("store").child("path"), `is empty: name the file of the database, as in "gatehouse.db"`)
	}
	if c.Store.HistoryAge < 0 {
		d.problem(root.child("store").child("history_age"), `must not be negative: write "8760h" for a year, or "0s" to keep everything`)
	}
	if c.Store.HistoryLength < 0 {
		d.problem(root.child("store").child("history_length"), "must not be negative: 0 keeps everything")
	}
	if c.HTTP.Listen != "" {
		if err := checkEndpoint(c.HTTP.Listen, true); err != nil {
			d.problem(root.child("http").child("listen"), "%s", err)
		}
	}
	d.checkFetch(root.child("fetch"), c.Fetch)
	d.checkMedia(root.child("media"), c.Media)
	d.checkContact(root.child("contact"), c.Contact)
	if len(c.Components) == 0 && !d.hasProblem(root.child("component")) {
		d.problem(root, "has no [[component]]: there is nothing to serve")
	}
	domains := map[string]bool{}
	for i := range c.Components {
		d.checkComponent(root.child("component").index(i), &c.Components[i], domains)
		d.checkOptions(d.options[i], c.Components[i].Options)
	}
}

// checkContact wants URIs (XEP-0157 §3).
func (d *decoder) checkContact(p path, c Contact) {
	for _, field := range c.Fields() {
		name := strings.TrimSuffix(field.Var, "-addresses")
		for i, address := range field.Values {
			uri, err := url.Parse(address)
			if err != nil || uri.Scheme == "" || strings.ContainsFunc(address, isControl) {
				d.problem(p.child(name).index(i), `%q is not a URI: write it as in "mailto:me@example.org" or "xmpp:me@example.org"`, address)
			}
		}
	}
}

func (d *decoder) checkComponent(p path, c *Component, domains map[string]bool) {
	if slices.ContainsFunc(d.found, func(l located) bool { return l.at == p.at }) {
		return // it is not even a table
	}
	d.checkDomain(p.child("domain"), c, domains)
	if c.Secret.IsZero() && !d.hasProblem(p.child("secret")) {
		d.problem(p.child("secret"), `is missing: write the one that the XMPP server has for this component, as a string, { file = "…" } or { env = "…" }`)
	}
	if strings.ContainsFunc(c.Name, isControl) {
		d.problem(p.child("name"), "has a control character")
	}
	if network, address := c.Endpoint(); network == "unix" && address == "" {
		d.problem(p.child("server"), `names no socket: write it as in "unix:/run/xmpp/component.sock"`)
	} else if network != "unix" {
		if err := checkEndpoint(address, false); err != nil {
			d.problem(p.child("server"), "%s", err)
		}
	}
	d.checkTLS(p, c)
}

func (d *decoder) checkDomain(p path, c *Component, domains map[string]bool) {
	if c.Domain == "" {
		if !d.hasProblem(p) {
			d.problem(p, `is missing: write the address of this component, as in "gateway.example.org"`)
		}
		return
	}
	j, err := jid.ParsePrepared(c.Domain)
	switch {
	case err != nil:
		d.problem(p, "%q is no domain: %s", c.Domain, err)
		return
	case j.Local != "" || j.Resource != "":
		d.problem(p, "%q is more than a domain: write %q", c.Domain, j.Domain)
		return
	case domains[j.Domain]:
		d.problem(p, "%q belongs to another component already: every component needs its own", j.Domain)
	}
	c.Domain = j.Domain
	domains[j.Domain] = true
	allow := path{at: strings.TrimSuffix(p.at, "domain") + "allow", key: strings.TrimSuffix(p.key, "domain") + "allow"}
	if len(c.Allow) > 0 || d.hasProblem(allow) {
		return
	}
	_, parent, _ := strings.Cut(j.Domain, ".")
	rule, err := ParseRule(parent)
	if err != nil {
		d.problem(allow, "is missing, and %q has no parent domain to allow: write who may use this component", j.Domain)
		return
	}
	c.Allow = Rules{rule}
}

func (d *decoder) checkTLS(p path, c *Component) {
	if !c.TLS {
		if c.TLSCAFile != "" {
			d.problem(p.child("tls_ca_file"), "has no effect without tls = true")
		}
		if c.TLSServerName != "" {
			d.problem(p.child("tls_server_name"), "has no effect without tls = true")
		}
		return
	}
	c.TLSConfig = &tls.Config{ServerName: c.TLSServerName, MinVersion: tls.VersionTLS12}
	if c.TLSServerName == "" {
		c.TLSConfig.ServerName = c.Domain
		if network, address := c.Endpoint(); network == "tcp" {
			c.TLSConfig.ServerName, _, _ = net.SplitHostPort(address)
		}
	}
	if c.TLSCAFile == "" {
		return
	}
	pem, _, err := readFile(c.TLSCAFile)
	if err != nil {
		d.problem(p.child("tls_ca_file"), "can't be read: %s", err)
		return
	}
	c.TLSConfig.RootCAs = x509.NewCertPool()
	if !c.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
		d.problem(p.child("tls_ca_file"), "%s holds no certificate in PEM", c.TLSCAFile)
	}
}

// checkOptions lets the transport look at what was decoded without a problem.
func (d *decoder) checkOptions(p path, options transport.Options) {
	if options == nil || d.hasProblem(p) {
		return
	}
	d.optionProblems(p, options.Check())
}

func (d *decoder) optionProblems(p path, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			d.optionProblems(p, one)
		}
		return
	}
	if e, ok := errors.AsType[*transport.OptionError](err); ok {
		d.problem(p.below(e.Key), "%s", e.Problem)
		return
	}
	d.problem(p, "%s", err)
}

// checkEndpoint wants host:port. A listener may leave the host out.
func checkEndpoint(address string, listener bool) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New(strconv.Quote(address) + ` is not host:port: write it as in "127.0.0.1:5347"`)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && !listener {
		return errors.New(strconv.Quote(address) + " has no port between 1 and 65535")
	}
	if host == "" && !listener || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == '/' }) {
		return errors.New(strconv.Quote(address) + ` has no host: write it as in "127.0.0.1:5347"`)
	}
	return nil
}

func isControl(r rune) bool {
	return r < ' ' || r == 0x7F || slices.Contains([]rune{0xFFFE, 0xFFFF}, r)
}
