package config

import (
	"errors"
	"flag"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

// env returns a lookup in pairs, "NAME=value".
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Parse(nil, env(), io.Discard, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Addr: "localhost:3001", Issuers: []string{"http://localhost:4400/"}, Audiences: []string{"http://localhost:3001"},
		Algorithms: []string{"RS256"}, DPoP: "allowed",
		Leeway: 5 * time.Second, Refresh: 5 * time.Minute, MaxStale: 24 * time.Hour, FetchesPerMinute: 5,
		ReplayStore: ReplayStore{Wait: 250 * time.Millisecond},
		TokenCache:  10000, Resource: "http://localhost:3001",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestIssuer(t *testing.T) {
	t.Parallel()
	const acme = "https://acme.eu.auth0.com/"
	for name, tc := range map[string]struct{ domain, want string }{
		"bare domain":         {"acme.eu.auth0.com", acme},
		"trailing slash":      {"acme.eu.auth0.com/", acme},
		"with scheme":         {"https://acme.eu.auth0.com", acme},
		"scheme and slash":    {"https://acme.eu.auth0.com/", acme},
		"upper case":          {"HTTPS://Acme.EU.auth0.com", acme},
		"spaces around":       {"  acme.eu.auth0.com ", acme},
		"with default port":   {"https://acme.eu.auth0.com:443", acme},
		"with port":           {"localhost:8443", "https://localhost:8443/"},
		"local tenant":        {"http://localhost:4400", "http://localhost:4400/"},
		"loopback address":    {"http://127.0.0.1:4400/", "http://127.0.0.1:4400/"},
		"loopback address v6": {"http://[::1]:4400", "http://[::1]:4400/"},
		"a path":              {"https://ID.acme.com/Realms/acme", "https://id.acme.com/Realms/acme"},
		"a path and a slash":  {"https://id.acme.com/realms/acme/", "https://id.acme.com/realms/acme/"},
		"a path, no scheme":   {"id.acme.com/realms/acme", "https://id.acme.com/realms/acme"},
		"a list":              {"login.acme.com, acme.eu.auth0.com ,", "https://login.acme.com/ https://acme.eu.auth0.com/"},
		"of different shapes": {"http://localhost:4400,https://id.acme.com/t", "http://localhost:4400/ https://id.acme.com/t"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Parse([]string{"--domain", tc.domain}, env(), io.Discard, "")
			if err != nil || strings.Join(cfg.Issuers, " ") != tc.want {
				t.Errorf("got %q, %v; want %q", cfg.Issuers, err, tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		env  []string
		want []string // all of these are in the message
	}{
		"no domain":               {env: []string{"AUTH0_DOMAIN="}, want: []string{"AUTH0_DOMAIN", "acme.eu.auth0.com"}},
		"no domain by flag":       {args: []string{"--domain", ""}, want: []string{"--domain"}},
		"no audience":             {env: []string{"AUTH0_AUDIENCE= "}, want: []string{"AUTH0_AUDIENCE"}},
		"placeholder domain":      {env: []string{"AUTH0_DOMAIN=YOUR_DOMAIN"}, want: []string{"AUTH0_DOMAIN", "placeholder"}},
		"placeholder in braces":   {env: []string{"AUTH0_DOMAIN={yourDomain}"}, want: []string{"AUTH0_DOMAIN", "placeholder"}},
		"placeholder tenant":      {env: []string{"AUTH0_DOMAIN=https://your-tenant.auth0.com"}, want: []string{"placeholder"}},
		"placeholder audience":    {env: []string{"AUTH0_AUDIENCE=YOUR_API_IDENTIFIER"}, want: []string{"AUTH0_AUDIENCE", "placeholder"}},
		"placeholder in brackets": {args: []string{"--audience", "<audience>"}, want: []string{"--audience", "placeholder"}},
		"only commas":             {env: []string{"AUTH0_DOMAIN= , "}, want: []string{"AUTH0_DOMAIN", "empty"}},
		"placeholder in a list":   {env: []string{"AUTH0_DOMAIN=acme.auth0.com,YOUR_DOMAIN"}, want: []string{"AUTH0_DOMAIN", "placeholder"}},
		"the same domain twice":   {env: []string{"AUTH0_DOMAIN=acme.auth0.com,https://ACME.auth0.com/"}, want: []string{"AUTH0_DOMAIN", "twice"}},
		"one of two without TLS":  {env: []string{"AUTH0_DOMAIN=acme.auth0.com,http://id.acme.com/t"}, want: []string{"AUTH0_DOMAIN", "http://id.acme.com/t", "https"}},
		"domain with a query":     {env: []string{"AUTH0_DOMAIN=https://acme.auth0.com/?x"}, want: []string{"AUTH0_DOMAIN", "query"}},
		"a discovery document":    {env: []string{"AUTH0_DOMAIN=https://id.acme.com/t/.well-known/openid-configuration"}, want: []string{"AUTH0_DOMAIN", "leave out"}},
		"algorithm HS256":         {env: []string{"API_ALGORITHMS=RS256,HS256"}, want: []string{"API_ALGORITHMS", "HS256", "RS256,PS256,ES256,EdDSA"}},
		"algorithm none":          {args: []string{"--algorithms", "none"}, want: []string{"--algorithms", "none"}},
		"no algorithm":            {args: []string{"--algorithms", ","}, want: []string{"--algorithms", "empty"}},
		"DPoP perhaps":            {args: []string{"--dpop", "perhaps"}, want: []string{"--dpop", "required"}},
		"nonces without DPoP":     {env: []string{"API_DPOP=off", "API_DPOP_NONCE=on"}, want: []string{"API_DPOP_NONCE=on", "API_DPOP=off"}},
		"a nonce perhaps":         {args: []string{"--dpop-nonce", "yes"}, want: []string{"--dpop-nonce", "on or off"}},
		"a store of another kind": {args: []string{"--replay-store", "memcached://a"}, want: []string{"--replay-store", "valkey://"}},
		"a store with a password": {env: []string{"API_REPLAY_STORE=valkey://ada:secret@a"}, want: []string{"API_REPLAY_STORE", "API_REPLAY_STORE_PASSWORD"}},
		"a store without DPoP":    {env: []string{"API_REPLAY_STORE=valkey://a", "API_DPOP=off"}, want: []string{"API_REPLAY_STORE", "API_DPOP"}},
		"two passwords":           {args: []string{"--replay-store", "valkey://a", "--replay-store-password-file", "config.go"}, env: []string{"API_REPLAY_STORE_PASSWORD=x"}, want: []string{"API_REPLAY_STORE_PASSWORD", "--replay-store-password-file"}},
		"no password file":        {args: []string{"--replay-store", "valkey://a", "--replay-store-password-file", "missing"}, want: []string{"--replay-store-password-file", "missing"}},
		"an empty password file":  {args: []string{"--replay-store", "valkey://a", "--replay-store-password-file", "/dev/null"}, want: []string{"--replay-store-password-file", "empty"}},
		"a password and no store": {args: []string{"--replay-store-password-file", "config.go"}, want: []string{"--replay-store-password-file", "API_REPLAY_STORE"}},
		"a password, no store":    {env: []string{"API_REPLAY_STORE_PASSWORD=x"}, want: []string{"API_REPLAY_STORE_PASSWORD", "API_REPLAY_STORE"}},
		"open and no store":       {env: []string{"API_REPLAY_STORE_FAILURE=open"}, want: []string{"API_REPLAY_STORE_FAILURE", "--replay-store"}},
		"half open":               {args: []string{"--replay-store", "valkey://a", "--replay-store-failure", "half"}, want: []string{"--replay-store-failure", "closed or open"}},
		"a wait of a minute":      {args: []string{"--replay-store-wait", "1m"}, want: []string{"--replay-store-wait"}},
		"no such CA file":         {env: []string{"API_CA_FILE=missing.pem"}, want: []string{"API_CA_FILE", "missing.pem"}},
		"a CA file without PEM":   {args: []string{"--ca-file", "config.go"}, want: []string{"--ca-file", "certificate in PEM"}},
		"drain of an hour":        {args: []string{"--drain", "1h"}, want: []string{"--drain"}},
		"CORS by variable":        {env: []string{"API_CORS_ORIGIN=*"}, want: []string{"API_CORS_ORIGIN"}},
		"domain with credentials": {env: []string{"AUTH0_DOMAIN=https://a:b@acme.auth0.com"}, want: []string{"AUTH0_DOMAIN"}},
		"plain http elsewhere":    {env: []string{"AUTH0_DOMAIN=http://acme.auth0.com"}, want: []string{"https"}},
		"other scheme":            {env: []string{"AUTH0_DOMAIN=ftp://acme.auth0.com"}, want: []string{"ftp"}},
		"address without port":    {env: []string{"API_ADDR=localhost"}, want: []string{"API_ADDR", "host:port"}},
		"refresh not a duration":  {env: []string{"JWKS_REFRESH=soon"}, want: []string{"JWKS_REFRESH", "soon"}},
		"refresh too short":       {args: []string{"--jwks-refresh", "1ms"}, want: []string{"--jwks-refresh"}},
		"no fetches":              {args: []string{"--jwks-fetches-per-minute", "0"}, want: []string{"--jwks-fetches-per-minute"}},
		"stale below refresh":     {args: []string{"--jwks-max-stale", "1m"}, want: []string{"--jwks-max-stale"}},
		"leeway of an hour":       {args: []string{"--leeway", "1h"}, want: []string{"--leeway"}},
		"negative cache":          {args: []string{"--token-cache", "-1"}, want: []string{"--token-cache"}},
		"CORS for everybody":      {args: []string{"--cors-origin", "*"}, want: []string{"--cors-origin"}},
		"CORS with a path":        {args: []string{"--cors-origin", "https://app.acme.com/x"}, want: []string{"--cors-origin"}},
		"CORS without a scheme":   {args: []string{"--cors-origin", "app.acme.com"}, want: []string{"--cors-origin"}},
		"resource not a URL":      {args: []string{"--resource-url", "api"}, want: []string{"--resource-url"}},
		"resource with quotes":    {args: []string{"--resource-url", "https://a/{x}"}, want: []string{"--resource-url"}},
		"log level":               {args: []string{"--log-level", "loud"}, want: []string{"log-level"}},
		"log format":              {args: []string{"--log-format", "xml"}, want: []string{"--log-format"}},
		"stray argument":          {args: []string{"serve"}, want: []string{"serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tc.args, env(tc.env...), io.Discard, "")
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestFlagWinsOverVariable(t *testing.T) {
	t.Parallel()
	cfg, err := Parse([]string{"--addr", "localhost:1"}, env("API_ADDR=localhost:2", "AUTH0_AUDIENCE=aud"), io.Discard, "")
	if err != nil || cfg.Addr != "localhost:1" || cfg.Audiences[0] != "aud" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

// TestPublicURLs has the variable, which the flag replaces.
func TestPublicURLs(t *testing.T) {
	t.Parallel()
	variable := env("API_PUBLIC_URLS=http://localhost:4200, http://localhost:3001")
	for want, args := range map[string][]string{
		"http://localhost:4200 http://localhost:3001": nil,
		"https://a.test https://b.test/x=/":           {"--public-url", "https://a.test", "--public-url", "https://b.test/x=/"},
	} {
		cfg, err := Parse(args, variable, io.Discard, "")
		if err != nil || strings.Join(cfg.PublicURLs, " ") != want {
			t.Errorf("got %q, %v; want %q", cfg.PublicURLs, err, want)
		}
	}
}

func TestOriginsAndResource(t *testing.T) {
	t.Parallel()
	cfg, err := Parse([]string{"--cors-origin", "https://App.acme.com/, http://localhost:4200", "--audience", "urn:acme,https://api.acme.com"}, env(), io.Discard, "")
	if err != nil || !reflect.DeepEqual(cfg.CORSOrigins, []string{"https://app.acme.com", "http://localhost:4200"}) || cfg.Resource != "" {
		t.Errorf("got %v, %q, %v", cfg.CORSOrigins, cfg.Resource, err)
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, env(), &out, ""); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for _, name := range variables {
		if !strings.Contains(out.String(), name) {
			t.Errorf("--help does not name %s", name)
		}
	}
}
