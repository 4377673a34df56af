package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
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
	got, err := Parse(nil, env(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Addr: "localhost:4200", Frontend: "frontend", ProxyConfig: "proxy.conf.json", APIAddr: "localhost:3001", TenantAddr: "localhost:4400", TenantState: ".tenant",
		Issuers: []string{"http://localhost:4400"}, ClientID: "local-spa", Audience: "http://localhost:3001", Types: true, CSP: true, Console: "errors", Inspect: true,
	}
	if !reflect.DeepEqual(got, want) || !got.Local() {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPIAddr(t *testing.T) {
	t.Parallel()
	got, err := Parse(nil, env("API_ADDR=localhost:8080"), io.Discard)
	if err != nil || got.APIAddr != "localhost:8080" {
		t.Errorf("got %q, %v", got.APIAddr, err)
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	const acme = "https://acme.eu.auth0.com"
	for name, tc := range map[string]struct {
		env  []string
		want string // "" is the local tenant
	}{
		"unset":                     {nil, ""},
		"the local tenant's":        {[]string{"AUTH0_DOMAIN=http://localhost:4400"}, ""},
		"the same with a slash":     {[]string{"AUTH0_DOMAIN=http://localhost:4400/"}, ""},
		"the same by its address":   {[]string{"AUTH0_DOMAIN=http://127.0.0.1:4400"}, ""},
		"another without a port":    {[]string{"AUTH0_DOMAIN=http://localhost"}, "http://localhost"},
		"the local tenant's, moved": {[]string{"AUTH0_DOMAIN=http://localhost:4500", "TENANT_ADDR=localhost:4500"}, ""},
		"another on loopback":       {[]string{"AUTH0_DOMAIN=http://localhost:4500"}, "http://localhost:4500"},
		"bare":                      {[]string{"AUTH0_DOMAIN=acme.eu.auth0.com"}, acme},
		"as an issuer":              {[]string{"AUTH0_DOMAIN=https://acme.eu.auth0.com/"}, acme},
		"upper case and spaces":     {[]string{"AUTH0_DOMAIN= HTTPS://Acme.EU.auth0.com "}, acme},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Parse([]string{"--client-id", "abc"}, env(tc.env...), io.Discard)
			if err != nil || cfg.Domain != tc.want || cfg.Local() != (tc.want == "") {
				t.Errorf("got %q, %v; want %q", cfg.Domain, err, tc.want)
			}
		})
	}
}

// TestSeveralIssuers has lists for the API. The page uses the first of each.
func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		domains string
		domain  string // "" is the local tenant
		issuers string // for the API
		local   bool   // the local tenant runs
	}{
		"two tenants":                 {"login.acme.com, acme.eu.auth0.com", "https://login.acme.com", "login.acme.com,acme.eu.auth0.com", false},
		"another provider":            {"acme.auth0.com,https://id.acme.com/realms/acme", "https://acme.auth0.com", "acme.auth0.com,https://id.acme.com/realms/acme", false},
		"the local tenant, first":     {"http://127.0.0.1:4400,acme.auth0.com", "", "http://localhost:4400,acme.auth0.com", true},
		"the local tenant, last":      {"acme.auth0.com,http://localhost:4400/,", "https://acme.auth0.com", "acme.auth0.com,http://localhost:4400", true},
		"another address on loopback": {"acme.auth0.com,http://localhost:4500", "https://acme.auth0.com", "acme.auth0.com,http://localhost:4500", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Parse([]string{"--client-id", "abc"}, env("AUTH0_DOMAIN="+tc.domains, "AUTH0_AUDIENCE=https://api.acme.com , urn:acme"), io.Discard)
			if err != nil || cfg.Domain != tc.domain || strings.Join(cfg.Issuers, ",") != tc.issuers || cfg.RunsTenant() != tc.local || cfg.Audience != "https://api.acme.com" {
				t.Errorf("got %+v, %v", cfg, err)
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
		"empty domain":            {env: []string{"AUTH0_DOMAIN="}, want: []string{"AUTH0_DOMAIN", "acme.eu.auth0.com"}},
		"placeholder domain":      {args: []string{"--domain", "{yourDomain}"}, want: []string{"--domain", "placeholder"}},
		"domain with a path":      {env: []string{"AUTH0_DOMAIN=acme.auth0.com/oauth"}, want: []string{"AUTH0_DOMAIN", "bare"}},
		"a provider first":        {env: []string{"AUTH0_DOMAIN=https://id.acme.com/realms/acme,acme.auth0.com"}, want: []string{"AUTH0_DOMAIN", "after it"}},
		"the second without TLS":  {env: []string{"AUTH0_DOMAIN=acme.auth0.com,http://id.acme.com/t"}, want: []string{"AUTH0_DOMAIN", "http://id.acme.com/t", "https"}},
		"the second twice":        {env: []string{"AUTH0_DOMAIN=acme.auth0.com,https://id.acme.com/t,id.acme.com/t/"}, want: []string{"AUTH0_DOMAIN", "twice"}},
		"only commas":             {env: []string{"AUTH0_DOMAIN=,"}, want: []string{"AUTH0_DOMAIN", "empty"}},
		"placeholder in a list":   {env: []string{"AUTH0_DOMAIN=acme.auth0.com,YOUR_DOMAIN"}, want: []string{"AUTH0_DOMAIN", "placeholder"}},
		"localhost, no scheme":    {env: []string{"AUTH0_DOMAIN=localhost:4400"}, want: []string{"AUTH0_DOMAIN", "http://localhost:4400"}},
		"plain http elsewhere":    {env: []string{"AUTH0_DOMAIN=http://acme.auth0.com"}, want: []string{"https"}},
		"no client at a tenant":   {env: []string{"AUTH0_DOMAIN=acme.auth0.com"}, want: []string{"AUTH0_CLIENT_ID", "acme.auth0.com"}},
		"placeholder client":      {env: []string{"AUTH0_CLIENT_ID=YOUR_CLIENT_ID"}, want: []string{"AUTH0_CLIENT_ID", "placeholder"}},
		"empty audience":          {env: []string{"AUTH0_AUDIENCE= "}, want: []string{"AUTH0_AUDIENCE"}},
		"address without port":    {env: []string{"DEV_ADDR=localhost"}, want: []string{"DEV_ADDR", "host:port"}},
		"page on every interface": {args: []string{"--addr", ":4200"}, want: []string{"--addr", "localhost"}},
		"page on the network":     {args: []string{"--addr", "192.0.2.1:4200"}, want: []string{"--addr", "localhost"}},
		"tenant on the network":   {env: []string{"TENANT_ADDR=0.0.0.0:4400"}, want: []string{"TENANT_ADDR", "localhost"}},
		"stray argument":          {args: []string{"serve"}, want: []string{"serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tc.args, env(tc.env...), io.Discard)
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

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, env(), &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for _, name := range variables {
		if !strings.Contains(out.String(), name) {
			t.Errorf("--help does not name %s", name)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args    []string
		addr    string
		exposed bool
		fault   string
	}{
		"a port":                 {[]string{"--port", "4300"}, "localhost:4300", false, ""},
		"every interface":        {[]string{"--host", "0.0.0.0"}, "0.0.0.0:4200", true, ""},
		"host and port":          {[]string{"--host", "192.0.2.1", "--port", "1"}, "192.0.2.1:1", true, ""},
		"loopback by its number": {[]string{"--host", "::1"}, "[::1]:4200", false, ""},
		"loopback by a name":     {[]string{"--host", "app.localhost"}, "app.localhost:4200", false, ""},
		"its address":            {[]string{"--addr", "app.localhost:1"}, "app.localhost:1", false, ""},
		"two names":              {[]string{"--allowed-host", "a b"}, "", false, "-allowed-host"},
		"another tenant":         {[]string{"--tenant-only", "--domain", "acme.eu.auth0.com", "--client-id", "x"}, "", false, "--domain names another one"},
		"a page for nobody":      {[]string{"--tenant-only", "--frontend", "x"}, "", false, "--frontend has no effect"},
		"a pattern":              {[]string{"--allowed-host", "*.dev.test"}, "", false, "host name"},
		"not ASCII":              {[]string{"--host", "ümlaut.test"}, "", false, "--host"},
		"port and addr":          {[]string{"--addr", "127.0.0.1:1", "--port", "2"}, "127.0.0.1:2", false, ""},
		"no number":              {[]string{"--port", "http"}, "", false, "--port"},
		"too large":              {[]string{"--port", "65536"}, "", false, "65535"},
		"a certificate, no key":  {[]string{"--cert", "a.pem"}, "", false, "--key"},
		"a certificate, no name": {[]string{"--cert", "a.pem", "--key", "b.pem", "--host", "0.0.0.0"}, "", false, "--allowed-host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := Parse(tc.args, env(), io.Discard)
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("got %v, want %s", err, tc.fault)
				}
				return
			}
			if err != nil || cfg.Addr != tc.addr || cfg.Exposed() != tc.exposed {
				t.Errorf("got %s, %t, %v", cfg.Addr, cfg.Exposed(), err)
			}
		})
	}
}

// TestOtherMachines has the names of page and local tenant if other machines reach them.
func TestOtherMachines(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args           []string
		page, tenant   string // "" for this machine's address
		tenantIsInside bool
		certified      string // names and addresses, in addition to localhost
	}{
		"https":                {[]string{"--https"}, "https://localhost:4200", "https://localhost:4400", true, "[] []"},
		"an address":           {[]string{"--https", "--host", "192.0.2.7"}, "https://192.0.2.7:4200", "https://192.0.2.7:4400", false, "[] [192.0.2.7]"},
		"a name in capitals":   {[]string{"--https", "--host", "Dev.Test", "--port", "443"}, "https://dev.test", "https://dev.test:4400", false, "[dev.test] []"},
		"a certificate's name": {[]string{"--cert", "a.pem", "--key", "b.pem", "--host", "0.0.0.0", "--allowed-host", "dev.test"}, "https://dev.test:4200", "https://dev.test:4400", false, "[dev.test] []"},
		"a name":               {[]string{"--https", "--host", "dev.test"}, "https://dev.test:4200", "https://dev.test:4400", false, "[dev.test] []"},
		"plain http":           {[]string{"--host", "192.0.2.7"}, "http://192.0.2.7:4200", "http://localhost:4400", true, "[] []"},
		"loopback by its name": {[]string{"--https", "--host", "localhost"}, "https://localhost:4200", "https://localhost:4400", true, "[localhost] []"},
	} {
		cfg, err := Parse(tc.args, env(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if page, tenant := cfg.Origin(cfg.Addr), cfg.Origin(cfg.TenantAddr); page != tc.page || tenant != tc.tenant || cfg.Issuers[0] != tc.tenant {
			t.Errorf("%s: the page is at %s, the tenant at %s, the issuers are %q", name, page, tenant, cfg.Issuers)
		}
		if inside := loopback(cfg.TenantAddr) == nil; inside != tc.tenantIsInside {
			t.Errorf("%s: the tenant listens on %s", name, cfg.TenantAddr)
		}
		names, addresses := cfg.CertificateNames()
		if certified := fmt.Sprint(names, addresses); certified != tc.certified {
			t.Errorf("%s: the certificate is for %s, want %s", name, certified, tc.certified)
		}
	}
}

func TestHelpIsAManual(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, env(), &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, want := range []string{"Usage:", "--build frontend/dist", "--host 0.0.0.0", "-allowed-host", "variable DEV_ADDR", "-types"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %s:\n%s", want, out.String())
		}
	}
}
