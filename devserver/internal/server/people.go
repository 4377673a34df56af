package server

import (
	"path/filepath"
	"strings"

	"calling-an-api.example/devserver/internal/config"
)

// reconfigureTenant has the local tenant know, after an edit, who and what its file
// says. On an error it knows what it knew.
func (s *site) reconfigureTenant() {
	if s.tenant == nil {
		return
	}
	if err := s.tenant.Reconfigure(); err != nil {
		s.log.Error("the local tenant stays as it was\n" + err.Error())
		s.hub.Report("tenant", err.Error())
		return
	}
	s.hub.Report("tenant", "")
	s.log.Info("the local tenant knows what " + s.cfg.TenantConfig + " says now")
}

// stateFile is where the local tenant keeps what it remembers: each that listens
// elsewhere has a file of its own.
func stateFile(cfg config.Config) string {
	if cfg.TenantState == "" {
		return ""
	}
	_, host, _ := strings.Cut(cfg.Domain, "://")
	return filepath.Join(cfg.TenantState, strings.NewReplacer(":", "-", "[", "", "]", "").Replace(host)+".json")
}
