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

// useBundledRoots uses the certificate authorities that Mozilla trusts, which are in this
// program, if the system has none, as in an image from scratch.
func useBundledRoots() error {
	if system, err := x509.SystemCertPool(); err == nil && !system.Equal(x509.NewCertPool()) {
		return nil
	}
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return err
		}
		if root.Constraint == nil {
			pool.AddCert(cert)
		} else {
			pool.AddCertWithConstraint(cert, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
	return nil
}
