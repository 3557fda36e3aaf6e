package smpp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.smpp].
type Options struct {
	Address      string           `toml:"address"` // host:port of the SMSC
	SystemID     string           `toml:"system_id"`
	Password     transport.Secret `toml:"password"`
	SystemType   string           `toml:"system_type"` // what some SMSCs ask for
	TLS          bool             `toml:"tls"`
	CAFile       string           `toml:"ca_file"`       // who signed the SMSC's certificate; empty: the system's authorities
	Window       int              `toml:"window"`        // texts that wait for an answer at a time
	PlainNumbers string           `toml:"plain_numbers"` // what numbers of no given type are: "international" or "national"
	ReceiptIDs   string           `toml:"receipt_ids"`   // how receipts write message ids: "same", "decimal" or "hex"
}

// Defaults are the options that suit most SMSCs.
func Defaults() Options {
	return Options{TLS: true, Window: 10, PlainNumbers: international, ReceiptIDs: same}
}

const (
	international = "international"
	national      = "national"

	same    = "same"
	decimal = "decimal"
	hex     = "hex"
)

// Check looks at the values without connecting to anything.
func (o Options) Check() error {
	host, port, err := net.SplitHostPort(o.Address)
	number, portErr := strconv.Atoi(port)
	switch {
	case o.Address == "":
		return optionError("address", `is missing; write the SMSC's, like "smpp.example.net:3550"`)
	case err != nil || host == "" || portErr != nil || number < 1 || number > 65535:
		return optionError("address", `is not a host with a port; write it like "smpp.example.net:3550"`)
	case o.SystemID == "" || len(o.SystemID) > 15: // SMPP 3.4 §5.2.1
		return optionError("system_id", "must have 1 to 15 characters; the operator of the SMSC gives it")
	case o.Password.IsZero():
		return optionError("password", `is missing; write { file = "/etc/gatehouse/smpp-password" } and put it there`)
	case len(o.Password.Reveal()) > 8: // §5.2.2
		return optionError("password", "has more than the 8 characters that SMPP allows")
	case len(o.SystemType) > 12: // §5.2.3
		return optionError("system_type", "has more than the 12 characters that SMPP allows")
	case o.Window < 1 || o.Window > 1000:
		return optionError("window", "must be from 1 to 1000")
	case o.PlainNumbers != international && o.PlainNumbers != national:
		return optionError("plain_numbers", `must be "international" or "national"`)
	case o.ReceiptIDs != same && o.ReceiptIDs != decimal && o.ReceiptIDs != hex:
		return optionError("receipt_ids", `must be "same", "decimal" or "hex"`)
	}
	if _, err := o.tlsConfig(); err != nil {
		return optionError("ca_file", err.Error())
	}
	return nil
}

// tlsConfig gives nil without TLS.
func (o Options) tlsConfig() (*tls.Config, error) {
	if !o.TLS {
		return nil, nil
	}
	host, _, _ := net.SplitHostPort(o.Address)
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if o.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("holds no certificate")
	}
	return config, nil
}

func optionError(key, problem string) error {
	return &transport.OptionError{Key: "smpp." + key, Problem: problem}
}
