package config

import (
	"crypto/x509"
	"errors"
	"os"
)

// authorities returns the system's certificate authorities and those in a PEM file, for
// connections to issuers; nil, which means the system's, if there is no file.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // as tls.Config means it
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("it has no certificate in PEM")
	}
	return pool, nil
}
