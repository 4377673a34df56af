package main

import (
	"fmt"
	"strings"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/tenant"
)

// banner is what a newcomer needs to know once everything runs. tokens says
// whether make token works.
func banner(cfg config.Config, apiAddr string, tokens bool) string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-7s %s\n", label, fmt.Sprintf(format, args...))
	}
	api := config.LocalOrigin(apiAddr)
	b.WriteString("\n")
	line("Page", "%s", config.LocalOrigin(cfg.Addr))
	line("API", "%s", api)
	if cfg.Local() {
		line("Tenant", "%s (local)", config.LocalOrigin(cfg.TenantAddr))
		label := "Users"
		for _, u := range tenant.TestUsers() {
			can := "no permissions"
			if len(u.Permissions) > 0 {
				can = "may " + strings.Join(u.Permissions, ", ")
			}
			line(label, "%s, password %s (%s)", u.Email, u.Password, can)
			label = ""
		}
	} else {
		line("Tenant", "%s", cfg.Domain)
	}
	if tokens {
		line("Try", `curl -H "Authorization: Bearer $(make -s token)" %s/api/external`, api)
	}
	line("Stop", "Ctrl+C")
	b.WriteString("\n")
	return b.String()
}
