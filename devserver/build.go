package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/site"
)

// build writes the page for production and prints its files. Without a real tenant
// there is no auth_config.json: nobody deploys the local one.
func build(cfg config.Config, stderr io.Writer) error {
	files, policy := map[string][]byte{}, ""
	if !cfg.Local() {
		authConfig, err := json.Marshal(cfg.Auth())
		if err != nil {
			return err
		}
		files["auth_config.json"] = authConfig
		if cfg.CSP {
			policy = site.Policy(cfg.Domain)
		}
	} else if _, err := fmt.Fprintln(stderr, "without auth_config.json: AUTH0_DOMAIN names no tenant, and the local one is for development only"); err != nil {
		return err
	}
	sizes, err := bundle.Production(cfg.Frontend, cfg.Build, policy, files)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		size := sizes[name]
		if _, err := fmt.Fprintf(stderr, "%s%s  %.1f kB, gzipped %.1f kB\n", cfg.Build, name, float64(size.Bytes)/1000, float64(size.Gzipped)/1000); err != nil {
			return err
		}
	}
	return nil
}
