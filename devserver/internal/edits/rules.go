package edits

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/source"
)

// loadRules reads the proxy rules and makes the proxy use them. On error nothing
// changes.
func (e *Edits) loadRules() error {
	data, err := source.ReadFile(e.ProxyConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s does not exist; a file without rules is {}, and --proxy-config names another file", e.ProxyConfig)
	} else if err != nil {
		return err
	}
	rules, warnings, err := proxyconf.Parse(e.ProxyConfig, data)
	if err != nil {
		return err
	}
	for i := range rules {
		if slices.ContainsFunc(rules[i].Targets(), e.isSelf) {
			return source.Problems{rules[i].Problem("the target is this dev server itself, so requests would never end")}
		}
	}
	for _, warning := range warnings {
		e.Log.Warn(warning.String())
	}
	for i := range rules {
		if e.DPoP && rules[i].ChangesPath() {
			e.Log.Warn(rules[i].Problem("this rule changes the path, so an API at the target does not expect the URL that DPoP proofs name, " +
				"unless API_PUBLIC_URLS has " + e.PageOrigin + " with what the API gets, like " + e.PageOrigin + "/backend=/api (docs/dpop.md)").String())
		}
	}
	e.SetRules(rules)
	e.rules = rules
	return nil
}

// reloadRules loads the rules after an edit and logs what has changed.
func (e *Edits) reloadRules() {
	before := e.rules
	if err := e.loadRules(); err != nil {
		e.Log.Error("the last valid proxy rules stay in use\n" + err.Error())
		e.Hub.Report("proxy", err.Error(), "The last valid rules stay in effect until this is fixed.")
		return
	}
	e.Hub.Report("proxy", "", "")
	changes := e.rules.Changes(before)
	if changes == "" {
		changes = "unchanged"
	}
	e.Log.Info("proxy rules: " + changes)
}

// logRules logs all rules.
func (e *Edits) logRules() {
	if len(e.rules) == 0 {
		e.Log.Info("no proxy rules in " + e.ProxyConfig)
		return
	}
	e.Log.Info("proxy rules of " + e.ProxyConfig + "\n  " + strings.ReplaceAll(e.rules.Table(), "\n", "\n  "))
}

// isSelf reports whether target is the page's own port, by any of its names.
func (e *Edits) isSelf(target *url.URL) bool {
	own, err := url.Parse(e.PageOrigin)
	if err != nil || target.Port() != own.Port() {
		return false
	}
	ip := net.ParseIP(target.Hostname())
	return localnet.IsLoopback(target.Hostname()) || ip != nil && ip.IsUnspecified()
}
