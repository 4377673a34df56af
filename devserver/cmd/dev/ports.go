package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/listen"
)

// checkPorts says which port is taken before anything is built or started, so
// that it is the one line a person sees.
func checkPorts(names []string, cfg config.Config, apiAddr string) error {
	type port struct{ addr, what, variable, example, hint string }
	var ports []port
	if slices.Contains(names, "devserver") {
		ports = append(ports, port{cfg.Addr, "the page", "DEV_ADDR", "localhost:4201", ""})
		if cfg.Local() {
			ports = append(ports, port{cfg.TenantAddr, "the local tenant", "TENANT_ADDR", "localhost:4401", ""})
		}
	}
	if slices.Contains(names, "api") {
		ports = append(ports, port{apiAddr, "the API", "API_ADDR", "localhost:3002", " and the same port in proxy.conf.json"})
	}
	for _, p := range ports {
		lns, err := listen.TCP(context.Background(), p.addr)
		for _, ln := range lns {
			err = errors.Join(err, ln.Close())
		}
		var busy *listen.BusyError
		if errors.As(err, &busy) {
			return fmt.Errorf("%w (%s): stop the program that has it, or choose another with %s=%s in .env%s",
				busy, p.what, p.variable, p.example, p.hint)
		} else if err != nil {
			return fmt.Errorf("listen on %s for %s: %w", p.addr, p.what, err)
		}
	}
	return nil
}
