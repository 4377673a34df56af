// Command devserver is for the development of the page: it compiles and serves the
// frontend, forwards requests as proxy.conf.json says, and runs a local tenant unless
// another one is configured.
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
	"calling-an-api.example/devserver/internal/dotenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // what libraries log is not for our users
	context.AfterFunc(ctx, stop)                   // so that a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

// run does what args say: serve until ctx ends, build, or print the version. environ is
// the environment, "NAME=value" each.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	lookupEnv := dotenv.Lookup(environ)
	cfg, err := config.Parse(args, lookupEnv, stderr)
	switch {
	case err != nil:
		return err
	case cfg.Version:
		_, err := fmt.Fprintln(stdout, "devserver", version())
		return err
	case cfg.Build != "":
		return build(cfg, environ, stderr)
	}
	log := slog.New(tint.NewTextHandler(stderr, &tint.Options{TimeFormat: "15:04:05", NoColor: !colored(lookupEnv)}))
	if cfg.TenantOnly {
		return serveTenant(ctx, cfg, log)
	}
	return serve(ctx, cfg, environ, newMemory(lookupEnv).collect, log)
}

// colored reports whether the log has colors: it goes to a terminal, or the runner says
// that it does (no-color.org, bixense.com/clicolors).
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

// version is the version of this binary, from what the Go command recorded in it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = " " + s.Value
		}
	}
	return info.Main.Version + revision + " " + info.GoVersion
}
