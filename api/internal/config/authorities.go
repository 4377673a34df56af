package config

import (
	"crypto/x509"
	"errors"
	"os"
)

// authorities returns the content of a PEM file with certificate authorities, nil if there is no
// file.
func authorities(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return nil, errors.New("it has no certificate in PEM")
	}
	return content, nil
}
