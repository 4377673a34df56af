package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"calling-an-api.example/devserver/internal/listen"
)

// port is one that a process will listen on.
type port struct{ addr, what, variable, example, hint string }

// ports are those of the processes called names.
func (s *settings) ports(names []string) (ports []port) {
	if slices.Contains(names, "devserver") {
		ports = append(ports, port{s.cfg.Addr, "the page", "DEV_ADDR", "localhost:4201", ""})
		if s.cfg.Local() {
			ports = append(ports, port{s.cfg.TenantAddr, "the local tenant", "TENANT_ADDR", "localhost:4401", ""})
		}
	}
	if slices.Contains(names, "api") {
		ports = append(ports, port{s.apiAddr, "the API", "API_ADDR", "localhost:3002", " and the same port in proxy.conf.json"})
	}
	return ports
}

// checkPorts says which ports are taken before anything is built or started, so
// that it is all a person sees.
func checkPorts(ports []port) error {
	var faults []error
	for _, p := range ports {
		lns, err := listen.TCP(context.Background(), p.addr)
		for _, ln := range lns {
			err = errors.Join(err, ln.Close())
		}
		var busy *listen.BusyError
		if errors.As(err, &busy) {
			by := "the program that has it"
			if owner := owner(busy.Port); owner != "" {
				by = owner
			}
			faults = append(faults, fmt.Errorf("%w (%s): stop %s, or choose another with %s=%s in .env%s",
				busy, p.what, by, p.variable, p.example, p.hint))
		} else if err != nil {
			faults = append(faults, fmt.Errorf("listen on %s for %s: %w", p.addr, p.what, err))
		}
	}
	return errors.Join(faults...)
}
