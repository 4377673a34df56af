package runner

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/authority"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/dotenv"
	"calling-an-api.example/devserver/internal/source"
)

// variables are the names that .env may set, with the processes that read them. Any
// other name is probably a typo.
var variables = map[string][]string{
	"AUTH0_DOMAIN":    {"api", "devserver"},
	"AUTH0_AUDIENCE":  {"api", "devserver"},
	"API_ALGORITHMS":  {"api"},
	"API_CORS_ORIGIN": {"api"},
	"API_PUBLIC_URLS": {"api"},
	"API_DPOP":        {"api"},
	"API_DPOP_NONCE":  {"api"},

	"API_REPLAY_STORE":               {"api"},
	"API_REPLAY_STORE_PASSWORD":      {"api"},
	"API_REPLAY_STORE_PASSWORD_FILE": {"api"},
	"API_REPLAY_STORE_FAILURE":       {"api"},
	"API_REPLAY_STORE_WAIT":          {"api"},
	"AUTH0_CLIENT_ID":                {"devserver"},
	"AUTH0_DPOP":                     {"devserver"},
	"API_ADDR":                       {"api"},
	"DEV_ADDR":                       {"devserver"},
	"TENANT_ADDR":                    {"devserver"},
	"TENANT_CONFIG":                  {"devserver"},
	"TENANT_STATE":                   {"devserver"},
	"DEV_CSP":                        {"devserver"},
	"DEV_POLL":                       {"devserver"}, // and the runner, when it starts
	"DEV_CONSOLE":                    {"devserver"},
	"DEV_INSPECT":                    {"devserver", "api"}, // whether the API sends its spans there
	"DEV_HOST":                       {"devserver"},
	"DEV_HTTPS":                      {"devserver"}, // the API reads the addresses and the authority that follow from it
	"API_CA_FILE":                    {"api"},
	"JWKS_REFRESH":                   {"api"},
	"TOKEN_CLIENT_ID":                nil, // read by make token
	"TOKEN_CLIENT_SECRET":            nil,
	"NO_COLOR":                       {"api", "devserver"},
}

// pagePrefix is the prefix of the variables that the page reads, by import.meta.env.
const pagePrefix = "VITE_"

// affected returns which of the named processes read a setting that differs from before.
// A variable that is not in variables affects all processes.
func (s *settings) affected(before *settings, names []string) (readers []string) {
	for _, setting := range slices.Concat(s.env, before.env) {
		name, _, _ := strings.Cut(setting, "=")
		if s.value(name) == before.value(name) {
			continue
		}
		by, known := variables[name]
		if isPageVariable := strings.HasPrefix(name, pagePrefix); isPageVariable {
			by = []string{"devserver"}
		} else if !known {
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

// settings are the processes' settings, from the environment and .env. They never change.
type settings struct {
	dir      string   // the repository's top folder
	env      []string // of the processes, "NAME=value"
	cfg      config.Config
	apiAddr  string
	client   *http.Client // trusts the authority of the page's certificate
	ca       string       // file with that authority; "" for none
	warnings []string     // about .env
}

// load reads .env in dir; environ overrides it.
func load(dir string, environ []string) (*settings, error) {
	env, set, err := dotenv.Load(filepath.Join(dir, ".env"), environ)
	if err != nil {
		return nil, err
	}
	s := &settings{dir: dir, env: env, apiAddr: config.DefaultAPIAddr}
	for _, name := range set {
		if _, known := variables[name]; known || strings.HasPrefix(name, pagePrefix) || strings.HasPrefix(name, "OTEL_") {
			continue
		}
		warning := fmt.Sprintf(".env sets %s, which nothing reads", name)
		if meant := source.Closest(name, slices.Sorted(maps.Keys(variables))); meant != "" {
			warning += "; did you mean " + meant + "?"
		}
		s.warnings = append(s.warnings, warning)
	}
	if s.cfg, err = config.Parse(nil, dotenv.Lookup(env), io.Discard); err != nil {
		return nil, err
	}
	if addr := s.value("API_ADDR"); addr != "" {
		s.apiAddr = addr
	}
	if s.cfg.Local() && s.value("AUTH0_CLIENT_ID") != "" && s.value("AUTH0_DOMAIN") == "" {
		s.warnings = append(s.warnings, "AUTH0_CLIENT_ID is set, but AUTH0_DOMAIN is not, so the local tenant is used, with that client ID; for a real tenant, set AUTH0_DOMAIN too")
	}
	if err := s.loadAuthority(); err != nil {
		return nil, err
	}
	s.sendSpans()
	if s.cfg.RunsTenant() { // the API does not know TENANT_ADDR
		s.env = append(slices.Clip(s.env), "AUTH0_DOMAIN="+strings.Join(s.cfg.Issuers, ","))
	}
	if s.value("API_PUBLIC_URLS") == "" { // DPoP proofs name the page's origin when they come through the proxy
		s.env = append(slices.Clip(s.env), "API_PUBLIC_URLS="+config.LocalOrigin(s.apiAddr)+","+s.cfg.Origin(s.cfg.Addr))
	}
	return s, nil
}

// sendSpans makes the API send its spans to the dev server, unless the user's variables say where
// else they go. OpenTelemetry's default delay is 5 s, too long for somebody who waits for them.
func (s *settings) sendSpans() {
	if !s.cfg.Inspect {
		return
	}
	for _, setting := range s.env {
		if strings.HasPrefix(setting, "OTEL_") {
			return
		}
	}
	s.env = append(slices.Clip(s.env), "OTEL_EXPORTER_OTLP_ENDPOINT="+s.cfg.Origin(s.cfg.Addr)+"/@dev/otlp",
		"OTEL_SERVICE_NAME=api", "OTEL_BSP_SCHEDULE_DELAY=200")
	if s.ca != "" {
		s.env = append(s.env, "OTEL_EXPORTER_OTLP_CERTIFICATE="+s.ca)
	}
}

// loadAuthority makes the authority of the page's certificate before a process needs it, and
// tells the API of it.
func (s *settings) loadAuthority() (err error) {
	folder := ""
	if s.cfg.HTTPS {
		if s.cfg.TenantState == "" {
			return errors.New("DEV_HTTPS needs a folder to keep the certificate's authority in: set TENANT_STATE")
		}
		folder = s.cfg.TenantState
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(s.dir, folder)
		}
		var names authority.Names
		names.DNS, names.IPs = s.cfg.CertificateNames()
		authority, err := authority.Load(folder, names)
		if err != nil {
			return err
		}
		s.ca = authority.File()
		if s.value("API_CA_FILE") == "" {
			s.env = append(slices.Clip(s.env), "API_CA_FILE="+s.ca)
		}
	}
	s.client, err = authority.Client(folder)
	return err
}

// value returns the processes' value of a variable, or "".
func (s *settings) value(name string) string {
	value, _ := dotenv.Lookup(s.env)(name)
	return value
}

// files are those that the dev server reads when it starts. It follows them itself, but
// not after it has ended because of a problem in one of them.
func (s *settings) files() []string {
	files := []string{s.cfg.ProxyConfig, filepath.Join(s.cfg.Frontend, "index.html")}
	if s.cfg.TenantConfig != "" {
		files = append(files, s.cfg.TenantConfig)
	}
	return files
}

// tenantConfig is the path of the local tenant's configuration file, "" if there is none.
func (s *settings) tenantConfig() string {
	if s.cfg.TenantConfig == "" || filepath.IsAbs(s.cfg.TenantConfig) {
		return s.cfg.TenantConfig
	}
	return filepath.Join(s.dir, s.cfg.TenantConfig)
}
