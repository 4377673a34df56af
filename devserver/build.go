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

// build writes the page for production and prints its files. environ is the environment,
// "NAME=value" each. Without a real tenant
// there is no auth_config.json: nobody deploys the local one.
func build(cfg config.Config, environ []string, stderr io.Writer) error {
	opts := bundle.ProductionOptions{Dir: cfg.Frontend, Out: cfg.Build, Environ: environ, More: map[string][]byte{}}
	if !cfg.Local() {
		authConfig, err := json.Marshal(cfg.Auth())
		if err != nil {
			return err
		}
		opts.More["auth_config.json"] = authConfig
		if cfg.CSP {
			opts.Policy = func(sources bundle.Sources) string { return site.Policy(cfg.Domain, sources) }
		}
	} else if _, err := fmt.Fprintln(stderr, "without auth_config.json: AUTH0_DOMAIN names no tenant, and the local one is for development only"); err != nil {
		return err
	}
	built, buildErr := bundle.Production(opts)
	if len(built.Warnings) > 0 {
		if _, err := fmt.Fprintf(stderr, "warnings\n%v\n", built.Warnings); err != nil {
			return err
		}
	}
	if buildErr != nil {
		return buildErr
	}
	for _, name := range slices.Sorted(maps.Keys(built.Sizes)) {
		size := built.Sizes[name]
		if _, err := fmt.Fprintf(stderr, "%s%s  %.1f kB, gzipped %.1f kB\n", cfg.Build, name, float64(size.Bytes)/1000, float64(size.Gzipped)/1000); err != nil {
			return err
		}
	}
	return nil
}
