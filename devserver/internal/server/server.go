// Package server puts the dev server together: the page on one port, the local
// tenant on another, and the files that both are made of under watch.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/browse"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/listen"
	"calling-an-api.example/devserver/internal/proxy"
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
	var secure *tls.Config
	pageOrigin := origin(page)
	if cfg.HTTPS {
		cert, err := certificate(cfg)
		if err != nil {
			return fmt.Errorf("the certificate of the page: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		pageOrigin = strings.Replace(pageOrigin, "http:", "https:", 1)
	}

	transports := proxy.NewTransports()
	defer transports.Close()
	s, err := newSite(cfg, pageOrigin, transports, log)
	if err != nil {
		return err
	}
	defer s.close()
	if tenantListeners != nil {
		s.tenant, err = tenant.New(tenant.Options{
			Issuer: cfg.Domain + "/", ClientID: cfg.ClientID, AppOrigin: pageOrigin, Audience: cfg.Audience, Log: log,
			Config: cfg.TenantConfig, State: stateFile(cfg),
		})
		if err != nil {
			return err
		}
		defer s.tenant.Close()
	}

	group, ctx := errgroup.WithContext(ctx)
	s.run(ctx, group)
	if tenantListeners != nil {
		serve(ctx, group, tenantListeners, nil, hostcheck.Loopback(s.tenant), log)
		log.Info("local tenant listening on " + cfg.Domain)
	}
	hosts := hostcheck.Hosts{Names: cfg.AllowedHosts, Addresses: cfg.Exposed(), Flag: "--allowed-host"}
	serve(ctx, group, page, secure, hosts.Check(s.handler()), log)
	log.Info("page listening on " + pageOrigin)
	if cfg.Exposed() {
		announce(page[0], secure != nil, log)
	}
	if cfg.Open {
		if err := browse.Open(ctx, pageOrigin); err != nil {
			log.Warn(err.Error())
		}
	}
	err = group.Wait()
	log.Info("dev server stopped")
	return err
}

// announce says where other machines find the page, and what does not work there.
func announce(ln net.Listener, secure bool, log *slog.Logger) {
	port := ln.Addr().(*net.TCPAddr).Port
	scheme := "http"
	if secure {
		scheme = "https"
	}
	for _, ip := range lanAddresses() {
		log.Info(fmt.Sprintf("page on the network at %s://%s", scheme, net.JoinHostPort(ip.String(), fmt.Sprint(port))))
	}
	if !secure {
		log.Warn("over plain http browsers log nobody in but at localhost (no crypto.subtle); --https serves a certificate")
	}
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

// serve runs handler on lns, over TLS if secure is set, as part of group, until
// ctx ends.
func serve(ctx context.Context, group *errgroup.Group, lns []net.Listener, secure *tls.Config, handler http.Handler, log *slog.Logger) {
	srv := &http.Server{
		Handler:           handler,
		TLSConfig:         secure,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// No timeout for bodies: uploads, downloads and event streams pass through.
	}
	closeSilent(srv)
	listenAndServe := srv.Serve
	if secure != nil {
		listenAndServe = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	for _, ln := range lns {
		group.Go(func() error {
			if err := listenAndServe(ln); !errors.Is(err, http.ErrServerClosed) {
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

// closeSilent has srv, when it is shut down, close the connections on which nothing
// was ever asked, as browsers open them in advance. Shutdown takes those for busy.
func closeSilent(srv *http.Server) {
	var mu sync.Mutex
	silent := map[net.Conn]bool{}
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			silent[conn] = true
		} else {
			delete(silent, conn)
		}
	}
	srv.RegisterOnShutdown(func() {
		mu.Lock()
		defer mu.Unlock()
		for conn := range silent {
			_ = conn.Close() // nobody uses it
		}
	})
}
