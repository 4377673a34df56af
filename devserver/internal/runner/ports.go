package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"calling-an-api.example/devserver/internal/localnet"
)

// port is a port that a process listens on.
type port struct{ addr, what, variable, example, hint string }

// ports returns the ports of the named processes.
func (s *settings) ports(names []string) (ports []port) {
	if slices.Contains(names, "devserver") {
		ports = append(ports, port{s.cfg.Addr, "the page", "DEV_ADDR", "localhost:4201", ""})
		if s.cfg.RunsTenant() {
			ports = append(ports, port{s.cfg.TenantAddr, "the local tenant", "TENANT_ADDR", "localhost:4401", ""})
		}
	}
	if slices.Contains(names, "api") {
		ports = append(ports, port{s.apiAddr, "the API", "API_ADDR", "localhost:3002", " and the same port in proxy.conf.json"})
	}
	return ports
}

// checkPorts returns an error that names all ports in use. Run calls it before the
// build, so that it is the first thing that the user sees.
func checkPorts(ctx context.Context, ports []port) error {
	var problems []error
	for _, p := range ports {
		lns, err := localnet.Listen(ctx, p.addr)
		for _, ln := range lns {
			err = errors.Join(err, ln.Close())
		}
		if busy, ok := errors.AsType[*localnet.BusyError](err); ok {
			by := "the program that uses it"
			if owner := owner(busy.Port); owner != "" {
				by = owner
			}
			problems = append(problems, fmt.Errorf("%w (%s): stop %s, or choose another with %s=%s in .env%s",
				busy, p.what, by, p.variable, p.example, p.hint))
		} else if err != nil {
			problems = append(problems, fmt.Errorf("listen on %s for %s: %w", p.addr, p.what, err))
		}
	}
	return errors.Join(problems...)
}
