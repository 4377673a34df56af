// Command api is an HTTP API that requires a valid access token: a JWT signed by one of
// the configured issuers for this API.
//
// It is one process, or several behind a load balancer. Its only state is the issuers' public
// keys, which it fetches itself, so it can start before or after the issuers, and the DPoP
// proofs that were used, which several processes keep in one store.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/dpop/valkeystore"
	"calling-an-api.example/api/gate/jwks"
	"calling-an-api.example/api/internal/config"
	"calling-an-api.example/api/internal/httpapi"
	"calling-an-api.example/api/internal/listen"
	"calling-an-api.example/api/internal/logqueue"
	"calling-an-api.example/api/internal/tracing"
)

const (
	inFlight     = 4 * time.Second // how long requests may take after the API has stopped listening
	firstAttempt = time.Second     // how long the first requests wait for the replay store
	lastWords    = time.Second     // how long the last lines of the log and the last spans may take
	logBuffer    = 1 << 20         // bytes of the log that wait for its reader
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)   // so that a second signal ends the process at once
	signal.Ignore(syscall.SIGPIPE) // a log whose reader is gone is no reason to stop serving
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.LookupEnv, reload, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		written := make(chan struct{})
		go func() {
			defer close(written)
			fmt.Fprintln(os.Stderr, "api:", err)
		}()
		select {
		case <-written:
		case <-time.After(lastWords): // nobody reads
		}
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests in flight are answered. Each
// element of reload makes it fetch the keys again.
func run(
	ctx context.Context, args []string, lookupEnv func(string) (string, bool), reload <-chan os.Signal, stdout, stderr io.Writer,
) error {
	cfg, err := config.Parse(args, lookupEnv, stderr, httpapi.Usage())
	if err != nil {
		return err
	}
	if cfg.Version {
		_, err := fmt.Fprintln(stdout, "api", version())
		return err
	}
	if cfg.Health {
		return checkHealth(ctx, cfg.Addr)
	}
	var trusted *x509.CertPool // nil means the system's
	if usesTLS(cfg) || tracing.Enabled(lookupEnv) {
		if trusted, err = authorities(cfg.Authorities); err != nil {
			return err
		}
	}
	if _, chosen := lookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(125) // fewer collections of a small heap, for about 1 MB (docs/performance.md)
	}
	lines := logqueue.New(stderr, logBuffer)
	defer lines.Close(lastWords) // after the last line, that of the tracer
	log := newLogger(lines, cfg)

	keys, verifier, err := newVerifier(cfg, trusted, log)
	if err != nil {
		return err
	}
	options := httpapi.Options{
		Verifier: verifier, Log: log, CORSOrigins: cfg.CORSOrigins, DroppedLines: lines.Dropped,
		Resource: httpapi.Resource{Identifier: cfg.Resource},
	}
	for i, set := range keys {
		options.Issuers = append(options.Issuers, httpapi.Issuer{URL: cfg.Issuers[i], Keys: set})
	}
	var draining atomic.Bool
	options.Draining = draining.Load
	if tracing.Enabled(lookupEnv) {
		tracer, stop, err := tracing.Start(ctx, lookupEnv, log)
		if err != nil {
			return err
		}
		defer stop(lastWords)
		options.Tracer = tracer
		log.Info("sending traces")
	}
	lns, err := listen.TCP(ctx, cfg.Addr)
	if busy := (*listen.BusyError)(nil); errors.As(err, &busy) {
		return fmt.Errorf("%w: stop the program that uses it, or choose another with API_ADDR=localhost:3002"+
			" and the same port as target in proxy.conf.json", busy)
	} else if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	var store *valkeystore.Store
	if cfg.ReplayStore.URL != nil {
		store = newReplayStore(cfg.ReplayStore, trusted, &options, log)
	}
	if options.DPoP, err = newDPoP(cfg, url(lns[0]), store); err != nil {
		return err
	}
	options.RequireDPoP = cfg.DPoP == "required"
	srv := &http.Server{
		Handler:        httpapi.Handler(options), //nolint:contextcheck // requests bring their own
		ReadTimeout:    5 * time.Second,          // headers included
		WriteTimeout:   20 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("API listening on "+url(lns[0]), "issuer", list(cfg.Issuers), "audience", list(cfg.Audiences), "algorithms", list(cfg.Algorithms))
	if options.DPoP != nil {
		log.Info("bound tokens need DPoP proofs", "dpop", cfg.DPoP, "nonces", cfg.DPoPNonce, "for", list(options.DPoP.URLs()))
	}
	if cfg.Resource == "" {
		log.Warn("the audience is not a URL, so this API's description (RFC 9728) does not say its URL; set --resource-url")
	}
	err = serve(ctx, srv, lns, keys, store, reload, log, listen.Stop{
		Drain: cfg.Drain, InFlight: inFlight,
		Draining: func() {
			draining.Store(true)
			log.Info("API stops listening soon", "after", cfg.Drain)
		},
	})
	log.Info("API stopped")
	return err
}

// newVerifier returns the keys of the issuers in cfg, in their order, and what verifies
// tokens with them.
func newVerifier(cfg config.Config, trusted *x509.CertPool, log *slog.Logger) ([]*jwks.Set, *gate.Verifier, error) {
	var keys []*jwks.Set
	var client *http.Client // nil means the default
	if trusted != nil {
		transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // nothing replaces it
		transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
		client = &http.Client{Transport: transport}
	}
	policy := gate.Policy{
		Audiences: cfg.Audiences, Algorithms: cfg.Algorithms, Leeway: cfg.Leeway, StrictRFC9068: cfg.StrictRFC9068, CacheSize: cfg.TokenCache,
	}
	for _, issuer := range cfg.Issuers {
		set := jwks.New(jwks.Options{
			Issuer: issuer, Algorithms: cfg.Algorithms, Refresh: cfg.Refresh, MaxStale: cfg.MaxStale,
			FetchesPerMinute: cfg.FetchesPerMinute, Log: log, Client: client,
		})
		keys = append(keys, set)
		policy.Issuers = append(policy.Issuers, gate.Issuer{URL: issuer, Keys: set})
	}
	verifier, err := gate.NewVerifier(policy)
	return keys, verifier, err
}

// serve refreshes the keys, keeps the store connected, and serves srv until ctx ends, and then as
// stop says. Without a store it is nil.
func serve(
	ctx context.Context, srv *http.Server, lns []net.Listener, keys []*jwks.Set, store *valkeystore.Store,
	reload <-chan os.Signal, log *slog.Logger, stop listen.Stop,
) error {
	background, end := context.WithCancel(context.WithoutCancel(ctx)) // the requests in flight may need new keys
	defer end()
	var group errgroup.Group
	for _, set := range keys {
		group.Go(func() error { set.Run(background); return nil })
	}
	if store != nil {
		group.Go(func() error { store.Run(background); return nil })
		select { // meanwhile, requests wait to be accepted
		case <-store.First():
		case <-time.After(firstAttempt):
		case <-ctx.Done():
		}
	}
	group.Go(func() error {
		for {
			select {
			case <-background.Done():
				return nil
			case <-reload:
				log.Info("fetching the issuers' keys again, because of SIGHUP")
				for _, set := range keys {
					set.Refresh()
				}
			}
		}
	})
	group.Go(func() error {
		defer end()
		return listen.Serve(ctx, srv, lns, stop)
	})
	return group.Wait()
}

// list is a setting with several values, as it is written.
func list(values []string) string { return strings.Join(values, ",") }

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
