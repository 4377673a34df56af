package server

import (
	"os"
	"path/filepath"
	"strings"

	"calling-an-api.example/devserver/internal/config"
)

// configureTenant has the local tenant know who and what its file says, if it has
// one. On an error it knows what it knew.
func (s *site) configureTenant() error {
	if s.tenant == nil || s.cfg.TenantConfig == "" {
		return nil
	}
	data, err := os.ReadFile(s.cfg.TenantConfig)
	if err != nil {
		return err
	}
	return s.tenant.Configure(s.cfg.TenantConfig, data)
}

// reconfigureTenant does so after an edit.
func (s *site) reconfigureTenant() {
	if err := s.configureTenant(); err != nil {
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
