// Command api is a small HTTP API that answers only callers who bring a good
// access token: RS256, signed by the configured issuer, for this API.
//
// It is one process with no state but the issuer's public keys, which it fetches
// itself, and it starts in any order relative to the issuer.
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
	"syscall"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"golang.org/x/sync/errgroup"

	"calling-an-api.example/api/internal/auth"
	"calling-an-api.example/api/internal/config"
	"calling-an-api.example/api/internal/httpapi"
	"calling-an-api.example/api/internal/keyset"
	"calling-an-api.example/api/internal/listen"
)

// drain is how long requests in flight may go on once the API is told to stop.
const drain = 4 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests in flight are answered.
func run(ctx context.Context, args []string, lookupEnv func(string) (string, bool), stderr io.Writer) error {
	cfg, err := config.Parse(args, lookupEnv, stderr)
	if err != nil {
		return err
	}
	if _, chosen := lookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(150) // fewer collections of a small heap, for some 2 MB (docs/performance.md)
	}
	log := newLogger(stderr, cfg)

	var keys *keyset.Set
	metrics := httpapi.NewMetrics(func() (time.Duration, bool) { return keys.Age() })
	keys = keyset.New(keyset.Options{
		Issuer: cfg.Issuer, Refresh: cfg.Refresh, MaxStale: cfg.MaxStale, FetchesPerMinute: cfg.FetchesPerMinute,
		Log: log, Fetched: metrics.Fetched,
	})
	kf, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: keys})
	if err != nil {
		return err
	}
	verifier, err := auth.NewVerifier(kf, auth.Options{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Leeway: cfg.Leeway, StrictRFC9068: cfg.StrictRFC9068,
		CacheSize: cfg.TokenCache, Epoch: keys.Epoch,
	})
	if err != nil {
		return err
	}
	lns, err := listen.TCP(ctx, cfg.Addr)
	if busy := (*listen.BusyError)(nil); errors.As(err, &busy) {
		return fmt.Errorf("%w: stop the program that has it, or choose another with API_ADDR=localhost:3002"+
			" and the same port as target in proxy.conf.json", busy)
	} else if err != nil {
		return fmt.Errorf("listen: %w", err)
	}

	srv := &http.Server{
		Handler: httpapi.Handler(httpapi.Options{
			Verifier: verifier, Ready: keys.Ready, Metrics: metrics, Log: log, CORSOrigins: cfg.CORSOrigins,
			Resource: httpapi.Resource{Issuer: cfg.Issuer, Identifier: cfg.Resource},
		}),
		ReadTimeout:    5 * time.Second, // headers included
		WriteTimeout:   20 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return serve(ctx, srv, lns, keys, log.With("issuer", cfg.Issuer, "audience", cfg.Audience))
}

func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// serve runs srv on lns and the key refresh beside it until ctx ends.
func serve(ctx context.Context, srv *http.Server, lns []net.Listener, keys *keyset.Set, log *slog.Logger) error {
	closeSilent(srv)
	group, ctx := errgroup.WithContext(ctx)
	for _, ln := range lns {
		group.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error { keys.Run(ctx); return nil })
	group.Go(func() error {
		<-ctx.Done()
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := srv.Shutdown(graceful); err != nil {
			return errors.Join(fmt.Errorf("requests still in flight after %v: %w", drain, err), srv.Close())
		}
		return nil
	})
	log.Info("API listening on " + url(lns[0]))
	err := group.Wait()
	log.Info("API stopped")
	return err
}

// url is how a person reaches ln.
func url(ln net.Listener) string {
	addr := ln.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}
