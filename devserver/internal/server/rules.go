package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// loadRules reads the proxy rules and serves by them from now on. On an error
// the rules stay as they were.
func (s *site) loadRules() error {
	data, err := os.ReadFile(s.cfg.ProxyConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there; {} is one without rules, and --proxy-config names another", s.cfg.ProxyConfig)
	} else if err != nil {
		return err
	}
	rules, warnings, err := proxyconf.Parse(s.cfg.ProxyConfig, data)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		for _, target := range rule.Targets() {
			if s.isSelf(target) {
				return proxyconf.Error{rule.Fault("the rule sends requests to this dev server itself, for ever")}
			}
		}
	}
	s.proxy.Store(proxy.New(rules, s.transports, s.log))
	for _, warning := range warnings {
		s.log.Warn(warning.String())
	}
	s.rules = rules
	return nil
}

// reloadRules does so after an edit, and says what the edit changed.
func (s *site) reloadRules() {
	before := s.rules
	if err := s.loadRules(); err != nil {
		s.log.Error("the proxy rules stay as they were\n" + err.Error())
		s.hub.Report("proxy", err.Error())
		return
	}
	s.hub.Report("proxy", "")
	changes := s.rules.Changes(before)
	if changes == "" {
		changes = "as before"
	}
	s.log.Info("proxy rules: " + changes)
}

// listRules logs the rules.
func (s *site) listRules() {
	if len(s.rules) == 0 {
		s.log.Info("no proxy rules in " + s.cfg.ProxyConfig)
		return
	}
	s.log.Info("proxy rules of " + s.cfg.ProxyConfig + "\n  " + strings.ReplaceAll(s.rules.Table(), "\n", "\n  "))
}

// isSelf reports whether target is the page's own port, by whatever name.
func (s *site) isSelf(target *url.URL) bool {
	own, err := url.Parse(s.origin)
	if err != nil || target.Port() != own.Port() {
		return false
	}
	ip := net.ParseIP(target.Hostname())
	return strings.EqualFold(target.Hostname(), "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}
