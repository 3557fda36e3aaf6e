package irc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// certificateSetting keeps a user's client certificate and its key, as base64
// of the two in DER, separated by a dot: a Hidden value has one line.
const certificateSetting = "client_certificate"

// makeCertificate makes a certificate that proves only that it is the same one
// again (certfp). It bears no name, and ends with no date (RFC 5280 §4.1.2.5).
func makeCertificate() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "IRC"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(der) + "." + base64.StdEncoding.EncodeToString(keyDER), nil
}

// readCertificate gives nil for an empty text.
func readCertificate(text string) (*tls.Certificate, error) {
	if text == "" {
		return nil, nil
	}
	cert, key, _ := strings.Cut(text, ".")
	der, err := base64.StdEncoding.DecodeString(cert)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	keyDER, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("key of the client certificate: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, fmt.Errorf("key of the client certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: parsed}, nil
}

// checkCertificate lets nothing in but the word "new" and what it has made
// before.
func checkCertificate(values []string) ([]string, string) {
	v := oneLine(values)
	switch {
	case v == "", v == "-":
		return nil, ""
	case strings.EqualFold(v, "new"):
		made, err := makeCertificate()
		if err != nil {
			return nil, "None could be made."
		}
		cert, err := readCertificate(made)
		if err != nil {
			return nil, "None could be made."
		}
		return []string{made}, "A new one was made. " + fingerprints(cert) + " Tell NickServ: CERT ADD and the one that it wants."
	}
	if cert, err := readCertificate(v); err != nil || cert == nil {
		return nil, `Write "new" to have one made.`
	}
	return []string{v}, ""
}

// fingerprints are what services know a certificate by.
func fingerprints(cert *tls.Certificate) string {
	der := cert.Certificate[0]
	short, long := sha256.Sum256(der), sha512.Sum512(der)
	return fmt.Sprintf("Its fingerprint is %s in SHA-256 and %s in SHA-512.", hex.EncodeToString(short[:]), hex.EncodeToString(long[:]))
}

// certificateNote shows the fingerprint of the certificate there is.
func certificateNote(values transport.Values) []transport.Field {
	cert, err := readCertificate(values.Get(certificateSetting))
	if err != nil || cert == nil {
		return nil
	}
	return []transport.Field{{Type: transport.Note, Label: "You have a client certificate. " + fingerprints(cert)}}
}
