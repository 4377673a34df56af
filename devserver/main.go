// Command devserver is the page's half of local development: it compiles and
// serves the frontend, passes requests on as proxy.conf.json says, and runs a
// local tenant unless another is configured.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/lmittmann/tint"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // libraries announce there what nobody here asked for
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, lookupEnv func(string) (string, bool), stderr io.Writer) error {
	cfg, err := config.Parse(args, lookupEnv, stderr)
	if err != nil {
		return err
	}
	if _, chosen := lookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(200) // fewer collections of a small heap, for some 15 MB (docs/performance.md)
	}
	log := slog.New(tint.NewTextHandler(stderr, &tint.Options{TimeFormat: "15:04:05", NoColor: !colored(lookupEnv)}))
	if cfg.Build != "" {
		return build(cfg, stderr)
	}
	return server.Run(ctx, cfg, log)
}

// build writes the production bundle and says what is in it.
func build(cfg config.Config, stderr io.Writer) error {
	more, policy := map[string][]byte{}, ""
	if !cfg.Local() { // what the page asks for first; nobody deploys the local tenant's
		authConfig, err := json.Marshal(cfg.Auth())
		if err != nil {
			return err
		}
		more["auth_config.json"] = authConfig
		if cfg.CSP {
			policy = server.Policy(cfg.Domain)
		}
	} else if _, err := fmt.Fprintln(stderr, "without auth_config.json, as AUTH0_DOMAIN names no tenant: nobody deploys the local one"); err != nil {
		return err
	}
	sizes, err := bundle.Production(cfg.Frontend, cfg.Build, policy, more)
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

// colored reports whether what is logged may have colours: a person reads it at a
// terminal, or the runner does so for us (no-color.org, bixense.com/clicolors).
func colored(lookupEnv func(string) (string, bool)) bool {
	if off, _ := lookupEnv("NO_COLOR"); off != "" {
		return false
	}
	if on, _ := lookupEnv("CLICOLOR_FORCE"); on != "" && on != "0" {
		return true
	}
	info, err := os.Stderr.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
