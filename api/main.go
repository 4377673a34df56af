// Command api is an HTTP API that requires a valid access token: a JWT signed with
// RS256 by the configured issuer for this API.
//
// It is one process. Its only state is the issuer's public keys, which it fetches
// itself, so it can start before or after the issuer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/jwks"
	"calling-an-api.example/api/internal/config"
	"calling-an-api.example/api/internal/httpapi"
	"calling-an-api.example/api/internal/listen"
)

// drain is how long requests in flight may take after the API is told to stop.
const drain = 4 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests in flight are answered.
func run(ctx context.Context, args []string, lookupEnv func(string) (string, bool), stdout, stderr io.Writer) error {
	cfg, err := config.Parse(args, lookupEnv, stderr, httpapi.Usage())
	if err != nil {
		return err
	}
	if cfg.Version {
		_, err := fmt.Fprintln(stdout, "api", version())
		return err
	}
	if _, chosen := lookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(150) // fewer collections of a small heap, for about 2 MB (docs/performance.md)
	}
	log := newLogger(stderr, cfg)

	keys := jwks.New(jwks.Options{
		Issuer: cfg.Issuer, Refresh: cfg.Refresh, MaxStale: cfg.MaxStale, FetchesPerMinute: cfg.FetchesPerMinute, Log: log,
	})
	verifier, err := gate.NewVerifier(keys, gate.Policy{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Leeway: cfg.Leeway, StrictRFC9068: cfg.StrictRFC9068, CacheSize: cfg.TokenCache,
	})
	if err != nil {
		return err
	}
	lns, err := listen.TCP(ctx, cfg.Addr)
	if busy := (*listen.BusyError)(nil); errors.As(err, &busy) {
		return fmt.Errorf("%w: stop the program that uses it, or choose another with API_ADDR=localhost:3002"+
			" and the same port as target in proxy.conf.json", busy)
	} else if err != nil {
		return fmt.Errorf("listen: %w", err)
	}

	srv := &http.Server{
		Handler: httpapi.Handler(httpapi.Options{ //nolint:contextcheck // requests bring their own
			Verifier: verifier, Keys: keys, Log: log, CORSOrigins: cfg.CORSOrigins,
			Resource: httpapi.Resource{Issuer: cfg.Issuer, Identifier: cfg.Resource},
		}),
		ReadTimeout:    5 * time.Second, // headers included
		WriteTimeout:   20 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { keys.Run(ctx); return nil })
	group.Go(func() error { return listen.Serve(ctx, srv, lns, drain) })
	log.Info("API listening on "+url(lns[0]), "issuer", cfg.Issuer, "audience", cfg.Audience)
	err = group.Wait()
	log.Info("API stopped")
	return err
}

// newLogger returns a logger in the format and with the level of cfg.
func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// url is the URL at which a person reaches ln.
func url(ln net.Listener) string {
	addr := ln.Addr().(*net.TCPAddr) //nolint:forcetypeassert // listen.TCP makes no others
	host := addr.IP.String()
	if addr.IP.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
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
