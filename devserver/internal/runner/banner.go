package runner

import (
	"fmt"
	"strings"

	"calling-an-api.example/devserver/internal/authority"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/internal/dotenv"
)

// tenantSettings are those that decide where and how `make token` and `make call` reach the tenant.
func (r *runner) tenantSettings() []string {
	if r.settings.cfg.HTTPS {
		return []string{"TENANT_ADDR", "DEV_HTTPS", "DEV_HOST", "TENANT_STATE"}
	}
	return []string{"TENANT_ADDR"}
}

// fromHere returns a prefix that gives a command in another terminal this environment's
// values of the settings; without those that are in .env or have their default.
func (r *runner) fromHere(names ...string) string {
	var prefix strings.Builder
	for _, name := range names {
		if value, ok := dotenv.Lookup(r.Environ)(name); ok {
			prefix.WriteString(name + "=" + value + " ")
		}
	}
	return prefix.String()
}

// banner is printed once everything is ready.
func (r *runner) banner() string {
	settings := r.settings
	cfg := settings.cfg
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-7s %s\n", label, fmt.Sprintf(format, args...))
	}
	api := config.LocalOrigin(settings.apiAddr)
	b.WriteString("\n")
	line("Page", "%s", cfg.Origin(cfg.Addr))
	line("API", "%s", api)
	if !cfg.Local() {
		line("Tenant", "%s", cfg.Domain)
	}
	if cfg.RunsTenant() {
		line("Tenant", "%s (local)", cfg.Origin(cfg.TenantAddr))
		users, err := directory.ReadUsers(settings.tenantConfig())
		if err != nil {
			line("Users", "%v", err)
		}
		label := "Users"
		for _, u := range users {
			can := "no permissions"
			if len(u.Permissions) > 0 {
				can = "may " + strings.Join(u.Permissions, ", ")
			}
			line(label, "%s, password %s (%s)", u.Email, u.Password, can)
			label = ""
		}
	}
	switch {
	case cfg.DPoP:
		line("Try", "%smake call PATH=/api/external DPOP=1", r.fromHere(r.tenantSettings()...))
	case cfg.Local() || settings.value("TOKEN_CLIENT_SECRET") != "":
		line("Try", `curl -H "Authorization: Bearer $(%smake -s token)" %s/api/external`, r.fromHere(r.tenantSettings()...), api)
	}
	if settings.ca != "" {
		line("CA", "%s: to trust it,", settings.ca)
		for _, one := range authority.Instructions(settings.ca) {
			line("", "%-7s %s", one.For, one.Command)
		}
	}
	line("Stop", "Ctrl+C (or h and Enter for more keys)")
	b.WriteString("\n")
	return b.String()
}
