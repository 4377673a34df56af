package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/authority"
	"calling-an-api.example/devserver/internal/badpath"
	"calling-an-api.example/devserver/internal/browse"
	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/edits"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/inspect"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/site"
	"calling-an-api.example/devserver/tenant"
)

// drain is how long requests in flight may take after the dev server is told to stop.
const drain = 2 * time.Second

// serve runs the page, and the local tenant if it is in use, until ctx ends and the
// requests in flight are answered. environ is the environment, "NAME=value" each. built
// is called after each build of the page, in a goroutine. Its error is one line that
// says what to change.
func serve(ctx context.Context, cfg config.Config, environ []string, built func(), log *slog.Logger) error {
	page, err := listen(ctx, cfg.Addr, "the page", "DEV_ADDR=localhost:4201")
	if err != nil {
		return err
	}
	defer localnet.Close(page)
	secure, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	origin := func(lns []net.Listener) string { return cfg.Origin(lns[0].Addr().String()) }
	pageOrigin := origin(page)
	var local *tenant.Tenant
	var tenantListeners []net.Listener
	isLocal := cfg.Local()
	if cfg.RunsTenant() {
		if tenantListeners, err = listen(ctx, cfg.TenantAddr, "the local tenant", "TENANT_ADDR=localhost:4401"); err != nil {
			return err
		}
		defer localnet.Close(tenantListeners)
		if local, err = newTenant(cfg, origin(tenantListeners), pageOrigin, log); err != nil {
			return err
		}
		if isLocal {
			cfg.Domain = origin(tenantListeners)
		}
		defer local.Close()
	} else {
		cfg.TenantConfig = "" // nothing reads it
	}

	var bundler *bundle.Bundler
	if bundle.HasSources(cfg.Frontend) {
		if bundler, err = bundle.New(cfg.Frontend, environ); err != nil {
			return err
		}
		defer bundler.Close()
	}
	hub, transports := livereload.New(), proxy.NewTransports()
	defer transports.Close()
	options := site.Options{
		Config: cfg, PageOrigin: pageOrigin, LocalTenant: isLocal, Hub: hub, Bundler: bundler, Transports: transports, Log: log,
	}
	if cfg.Inspect {
		options.Recorder = inspect.New(time.Now)
	}
	if local != nil {
		options.Token, options.BadToken = makeToken(local), makeBadToken(local)
	}
	handler := site.New(options)
	follower, err := edits.New(edits.Options{
		Frontend: cfg.Frontend, Bundler: bundler, Types: cfg.Types, ProxyConfig: cfg.ProxyConfig, TenantConfig: cfg.TenantConfig,
		Problems: cfg.Problems, Poll: cfg.Poll, PageOrigin: pageOrigin, DPoP: cfg.DPoP, Built: built, SetRules: handler.SetRules, ReloadTenant: local.Reload, Hub: hub, Log: log,
	})
	if err != nil {
		return err
	}
	defer follower.Close()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { follower.Run(ctx); return nil })
	group.Go(func() error { // what waits would delay the shutdown
		<-ctx.Done()
		hub.Close()
		options.Recorder.Close()
		return nil
	})
	if local != nil {
		srv := newServer(recordTenant(options.Recorder, local), log)
		srv.TLSConfig = secure.Clone()
		srv.RegisterOnShutdown(local.EndWaiting)
		group.Go(func() error { return localnet.Serve(ctx, srv, tenantListeners, drain) })
		log.Info("local tenant listening on " + origin(tenantListeners))
	}
	hosts := hostcheck.Hosts{Names: cfg.AllowedHosts, Flag: "--allowed-host"}
	srv := newServer(hosts.Check(handler), log)
	transports.Track(srv)
	if srv.TLSConfig = secure; secure == nil {
		for i := range page {
			page[i] = badpath.Listen(page[i], log)
		}
	} else {
		srv.HTTP2 = badpath.HTTP2(log)
	}
	group.Go(func() error { return localnet.Serve(ctx, srv, page, drain) })
	log.Info("page listening on " + pageOrigin)
	if cfg.Exposed() && secure == nil {
		logAddresses(localnet.Port(page[0]), log)
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

// newServer returns a server for handler. It has no timeout for bodies, because
// uploads, downloads and event streams go through it.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// prepareState creates the folder of the tenant's state, if there is none, so that git ignores the keys
// in it. It is called before something is written there.
func prepareState(folder string, log *slog.Logger) {
	err := os.MkdirAll(filepath.Dir(folder), 0o750)
	if err == nil {
		if err = os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
			return // it is the user's, or was prepared before
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, ".gitignore"), []byte("*\n"), 0o600)
	}
	if err != nil {
		log.Warn("the folder of --tenant-state (TENANT_STATE) could not be prepared", "err", err)
	}
}

// newTenant returns the local tenant at ownOrigin. Its state file is named after its
// address, because the issuer depends on it. If the page uses another tenant, it has its
// default client.
func newTenant(cfg config.Config, ownOrigin, pageOrigin string, log *slog.Logger) (*tenant.Tenant, error) {
	client := cfg.ClientID
	if !cfg.Local() {
		client = ""
	}
	state := ""
	if cfg.TenantState != "" { // a file for each address, because the issuer differs
		prepareState(cfg.TenantState, log)
		name := strings.NewReplacer("http://", "", "://", "-", ":", "-", "[", "", "]", "").Replace(ownOrigin)
		state = filepath.Join(cfg.TenantState, name+".json")
	}
	return tenant.New(tenant.Options{
		Issuer: ownOrigin + "/", ClientID: client, AppOrigin: pageOrigin, Audience: cfg.Audience,
		ConfigFile: cfg.TenantConfig, StateFile: state, Log: log,
	})
}

// tlsConfig returns the TLS configuration of the page and the local tenant, nil for plain HTTP.
func tlsConfig(cfg config.Config, log *slog.Logger) (*tls.Config, error) {
	if !cfg.HTTPS {
		return nil, nil //nolint:nilnil // http.Server means the same by nil
	}
	if cfg.Cert != "" {
		cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
	}
	var names authority.Names
	names.DNS, names.IPs = cfg.CertificateNames()
	if cfg.TenantState != "" {
		prepareState(cfg.TenantState, log)
	}
	ca, err := authority.Load(cfg.TenantState, names)
	if err != nil {
		return nil, fmt.Errorf("https: %w", err)
	}
	if ca.File() == "" {
		log.Warn("https with a certificate that nothing trusts, because there is no folder to keep its authority in; set --tenant-state (TENANT_STATE)")
	} else {
		log.Info("https with a certificate by the authority " + ca.File() + "; docs/https.md says how to trust it")
		if ca.IsOther() {
			log.Warn("this authority is a new one, because the former has expired or was not for this host: trust it again where you trusted that")
		}
	}
	return ca.ServerConfig(names)
}

// listen is [localnet.Listen] with an error that says what the port is for and how to
// choose another.
func listen(ctx context.Context, addr, what, example string) ([]net.Listener, error) {
	lns, err := localnet.Listen(ctx, addr)
	if busy, ok := errors.AsType[*localnet.BusyError](err); ok {
		return nil, fmt.Errorf("%w (%s): stop the program that uses it, or choose another with %s", busy, what, example)
	} else if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", what, err)
	}
	return lns, nil
}

// logAddresses logs where other machines find the page over plain HTTP, and what does not work
// there.
func logAddresses(port int, log *slog.Logger) {
	for _, ip := range localnet.Addresses() {
		log.Info("page on the network at http://" + net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	}
	log.Warn("logins work at localhost only, because browsers have no crypto.subtle over plain http; with --https (DEV_HTTPS=true) they work on other machines too")
}
