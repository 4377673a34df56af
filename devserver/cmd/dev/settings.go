package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/dotenv"
)

// variables are the names that .env may set, with the processes that read them;
// another is most likely misspelt.
var variables = map[string][]string{
	"AUTH0_DOMAIN":        {"api", "devserver"},
	"AUTH0_AUDIENCE":      {"api", "devserver"},
	"AUTH0_CLIENT_ID":     {"devserver"},
	"API_ADDR":            {"api"},
	"DEV_ADDR":            {"devserver"},
	"TENANT_ADDR":         {"devserver"},
	"TENANT_CONFIG":       {"devserver"},
	"TENANT_STATE":        {"devserver"},
	"DEV_CSP":             {"devserver"},
	"JWKS_REFRESH":        {"api"},
	"TOKEN_CLIENT_ID":     nil, // make token reads them when it is run
	"TOKEN_CLIENT_SECRET": nil,
	"NO_COLOR":            {"api", "devserver"},
}

// readers returns which of names read what s says other than then. What nothing
// here is known to read may be for either.
func (s *settings) readers(then *settings, names []string) (readers []string) {
	for _, setting := range slices.Concat(s.env, then.env) {
		name, _, _ := strings.Cut(setting, "=")
		if s.value(name) == then.value(name) {
			continue
		}
		by, known := variables[name]
		if !known {
			by = names
		}
		for _, reader := range by {
			if slices.Contains(names, reader) && !slices.Contains(readers, reader) {
				readers = append(readers, reader)
			}
		}
	}
	return readers
}

// settings are what the processes are told by environment and .env.
type settings struct {
	env     []string // of the processes, "NAME=value"
	cfg     config.Config
	apiAddr string
	unknown []string // warnings about .env
}

// load reads .env below environ.
func load(environ []string) (*settings, error) {
	env, set, err := dotenv.Load(".env", environ)
	if err != nil {
		return nil, err
	}
	s := &settings{env: env, apiAddr: config.DefaultAPIAddr}
	for _, name := range set {
		if _, known := variables[name]; !known {
			s.unknown = append(s.unknown, fmt.Sprintf(".env sets %s, which nothing here reads", name))
		}
	}
	if s.cfg, err = config.Parse(nil, dotenv.Lookup(env), io.Discard); err != nil {
		return nil, err
	}
	if addr := s.value("API_ADDR"); addr != "" {
		s.apiAddr = addr
	}
	if s.cfg.Local() { // the API knows the tenant only by what it is told
		s.env = append(slices.Clip(s.env), "AUTH0_DOMAIN="+config.LocalOrigin(s.cfg.TenantAddr))
	}
	return s, nil
}

// value returns what the processes find under name.
func (s *settings) value(name string) string {
	value, _ := dotenv.Lookup(s.env)(name)
	return value
}

// files are those that the dev server reads as it starts. It follows them itself, but
// one that a fault in them has ended sees no edits.
func (s *settings) files() []string {
	files := []string{s.cfg.ProxyConfig, filepath.Join(s.cfg.Frontend, "index.html")}
	if s.cfg.TenantConfig != "" {
		files = append(files, s.cfg.TenantConfig)
	}
	return files
}
