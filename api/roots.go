package main

import (
	"crypto/x509"
	"slices"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"calling-an-api.example/api/internal/config"
)

// usesTLS reports whether the API connects to a server that needs a certificate. If not, no
// authorities are loaded, which would take 4 MB.
func usesTLS(cfg config.Config) bool {
	return cfg.ReplayStore.URL != nil && cfg.ReplayStore.URL.TLS ||
		slices.ContainsFunc(cfg.Issuers, func(issuer string) bool { return strings.HasPrefix(issuer, "https://") })
}

// authorities returns the certificate authorities for connections to issuers and the replay store:
// the system's and those in additional, in PEM; nil, which means the system's, if there are none.
// If the system has none, as in an image from scratch, those that Mozilla trusts take their place,
// which are in this program, also where nil is used.
func authorities(additional []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		if pool, err = bundled(); err != nil {
			return nil, err
		}
		x509.SetFallbackRoots(pool.Clone())
	}
	if len(additional) == 0 {
		return nil, nil //nolint:nilnil // as tls.Config means it
	}
	pool.AppendCertsFromPEM(additional) // config has checked it
	return pool, nil
}

// bundled returns the certificate authorities that Mozilla trusts.
func bundled() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, err
		}
		if root.Constraint == nil {
			pool.AddCert(cert)
		} else {
			pool.AddCertWithConstraint(cert, root.Constraint)
		}
	}
	return pool, nil
}
