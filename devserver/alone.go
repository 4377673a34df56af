package main

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/watch"
	"calling-an-api.example/devserver/tenant"
)

// serveTenant is [serve] without the page: the local tenant for applications that something else
// serves. cfg.Addr is where that serves the page, the tenant's $PAGE.
func serveTenant(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	listeners, err := listen(ctx, cfg.TenantAddr, "the local tenant", "TENANT_ADDR=localhost:4401")
	if err != nil {
		return err
	}
	defer localnet.Close(listeners)
	secure, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	origin := cfg.Origin(listeners[0].Addr().String())
	local, err := newTenant(cfg, origin, config.LocalOrigin(cfg.Addr), log)
	if err != nil {
		return err
	}
	defer local.Close()
	group, ctx := errgroup.WithContext(ctx)
	if cfg.TenantConfig != "" {
		watcher, err := watch.New(cfg.Poll)
		if err != nil {
			return err
		}
		defer watcher.Close()
		if err := watcher.File(cfg.TenantConfig); err != nil {
			return err
		}
		changes := make(chan []string)
		group.Go(func() error {
			watcher.Run(ctx, changes, func(err error) { log.Error("watching files", "err", err) })
			return nil
		})
		group.Go(func() error { reload(ctx, local, cfg.TenantConfig, changes, log); return nil })
	}
	srv := newServer(local, log)
	srv.TLSConfig = secure
	srv.RegisterOnShutdown(local.EndWaiting)
	group.Go(func() error { return localnet.Serve(ctx, srv, listeners, drain) })
	log.Info("local tenant listening on "+origin, "page", config.LocalOrigin(cfg.Addr))
	err = group.Wait()
	log.Info("local tenant stopped")
	return err
}

// reload reads file, the configuration of local, after each change, until ctx ends. An invalid one is
// ignored.
func reload(ctx context.Context, local *tenant.Tenant, file string, changes <-chan []string, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
			if err := local.Reload(); err != nil {
				log.Error("the local tenant keeps its last valid configuration\n" + err.Error())
				continue
			}
			log.Info("the local tenant uses the new " + file)
		}
	}
}
