package main

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"

	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/dpop/valkeystore"
	"calling-an-api.example/api/internal/config"
	"calling-an-api.example/api/internal/httpapi"
)

// This file connects the settings for DPoP with what verifies proofs and remembers the used ones.

// newReplayStore returns the store of used proofs that processes share, and adds it to options.
func newReplayStore(cfg config.ReplayStore, trusted *x509.CertPool, options *httpapi.Options, log *slog.Logger) *valkeystore.Store {
	metrics := httpapi.NewReplayMetrics()
	url := *cfg.URL
	url.Authorities = trusted
	opts := valkeystore.Options{URL: url, Password: cfg.Password, Wait: cfg.Wait, Observe: metrics.Observe, Log: log}
	if cfg.Open {
		opts.Fallback = dpop.NewMemory(0, nil)
	}
	store := valkeystore.New(opts)
	options.ReplayStore = &httpapi.ReplayStore{State: store, Metrics: metrics, Open: cfg.Open}
	return store
}

// newDPoP returns what verifies the proofs of bound tokens, nil if they are rejected. own is
// the URL of the address that the API listens on. A nil store means that this process remembers
// the proofs.
func newDPoP(cfg config.Config, own string, store *valkeystore.Store) (*dpop.Verifier, error) {
	if cfg.DPoP == "off" {
		return nil, nil //nolint:nilnil // as httpapi.Options wants it
	}
	urls := cfg.PublicURLs
	if len(urls) == 0 {
		urls = []string{cmp.Or(cfg.Resource, own)}
	}
	opts := dpop.Options{URLs: urls, RequireNonce: cfg.DPoPNonce}
	if store != nil {
		opts.Store = store
	}
	v, err := dpop.New(opts)
	if err != nil {
		return nil, fmt.Errorf("--public-url (API_PUBLIC_URLS): %w", err)
	}
	return v, nil
}
