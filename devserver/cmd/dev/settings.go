package main

import (
	"fmt"
	"io"
	"slices"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/dotenv"
)

// variables are the names that .env may set; another is most likely misspelt.
var variables = []string{
	"AUTH0_DOMAIN", "AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "API_ADDR", "DEV_ADDR", "TENANT_ADDR", "TENANT_CONFIG", "TENANT_STATE", "JWKS_REFRESH",
	"TOKEN_CLIENT_ID", "TOKEN_CLIENT_SECRET", "NO_COLOR",
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
		if !slices.Contains(variables, name) {
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
