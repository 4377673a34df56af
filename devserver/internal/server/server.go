// Package server puts the dev server together: the page on one port, the local
// tenant on another, and the files that both are made of under watch.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/listen"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/tenant"
)

// drain is how long requests in flight may go on once the dev server is told to stop.
const drain = 2 * time.Second

// Run serves until ctx ends, and then until the requests in flight are answered.
// The error is one line that says what to change.
func Run(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	page, err := listenOn(ctx, cfg.Addr, "the page", "DEV_ADDR=localhost:4201")
	if err != nil {
		return err
	}
	defer closeAll(page)
	var tenantListeners []net.Listener
	if cfg.Local() {
		if tenantListeners, err = listenOn(ctx, cfg.TenantAddr, "the local tenant", "TENANT_ADDR=localhost:4401"); err != nil {
			return err
		}
		defer closeAll(tenantListeners)
		cfg.Domain = origin(tenantListeners)
	}

	if err := spa.Check(cfg.Frontend); err != nil {
		return err
	}
	bundler, err := bundle.New(cfg.Frontend)
	if err != nil {
		return err
	}
	defer bundler.Close()
	transports := proxy.NewTransports()
	defer transports.Close()
	hub := livereload.New()
	defer hub.Close()
	s := &site{cfg: cfg, origin: origin(page), log: log, bundler: bundler, hub: hub, transports: transports}
	watcher, err := s.watch() // before anything is read, so that no edit is missed
	if err != nil {
		return err
	}
	defer watcher.Close()
	if err := s.loadRules(); err != nil {
		return err
	}
	s.listRules()
	if cfg.Problems != "" {
		s.readProblems()
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		s.build()
		watcher.Run(ctx, s.changed, func(err error) { log.Error("watching files", "err", err) })
		return nil
	})
	if tenantListeners != nil {
		local := tenant.New(tenant.Options{
			Issuer: cfg.Domain + "/", ClientID: cfg.ClientID, AppOrigin: origin(page), Audience: cfg.Audience, Log: log,
		})
		defer local.Close()
		serve(ctx, group, tenantListeners, hostcheck.Loopback(local), log)
		log.Info("local tenant listening on " + cfg.Domain)
	}
	serve(ctx, group, page, hostcheck.Loopback(s.handler()), log)
	log.Info("page listening on " + origin(page))
	group.Go(func() error { <-ctx.Done(); hub.Close(); return nil }) // its streams would hold up the servers' end
	err = group.Wait()
	log.Info("dev server stopped")
	return err
}

// listenOn is listen.TCP with an error that says what the port is for and how to
// choose another.
func listenOn(ctx context.Context, addr, what, example string) ([]net.Listener, error) {
	lns, err := listen.TCP(ctx, addr)
	var busy *listen.BusyError
	if errors.As(err, &busy) {
		return nil, fmt.Errorf("%w (%s): stop the program that has it, or choose another with %s", busy, what, example)
	} else if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", what, err)
	}
	return lns, nil
}

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close() // a server that used it closed it before
	}
}

// origin is what a browser shows for a server on lns.
func origin(lns []net.Listener) string { return config.LocalOrigin(lns[0].Addr().String()) }

// serve runs handler on lns, as part of group, until ctx ends.
func serve(ctx context.Context, group *errgroup.Group, lns []net.Listener, handler http.Handler, log *slog.Logger) {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// No timeout for bodies: uploads, downloads and event streams pass through.
	}
	for _, ln := range lns {
		group.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := srv.Shutdown(graceful); err != nil { // streams that never end by themselves
			return srv.Close()
		}
		return nil
	})
}
