// Command devserver is the page's half of local development: it compiles and
// serves the frontend, passes requests on as proxy.conf.json says, and runs a
// local tenant unless another is configured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/lmittmann/tint"

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
		debug.SetGCPercent(400) // fewer collections of a small heap, for some 12 MB (docs/performance.md)
	}
	log := slog.New(tint.NewTextHandler(stderr, &tint.Options{TimeFormat: "15:04:05", NoColor: true}))
	return server.Run(ctx, cfg, log)
}
