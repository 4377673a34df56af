// Package config reads the dev server's settings from its flags and environment
// into one validated value. Nothing else in the dev server reads either.
package config

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// The defaults that the other commands of this module need to know too.
const (
	DefaultAPIAddr  = "localhost:3001"
	DefaultAudience = "http://localhost:3001"
	localClientID   = "local-spa"
)

// Config is everything the dev server can be told from outside.
type Config struct {
	Addr         string   // "host:port" of the page
	AllowedHosts []string // names besides localhost that the page may be asked for by
	HTTPS        bool     // serve the page over TLS
	Cert, Key    string   // PEM files for that; "" has a certificate made
	Open         bool     // show the page in a browser
	Types        bool     // check types beside the bundler
	CSP          bool     // send the page with a strict Content-Security-Policy
	Build        string   // folder to write a production bundle to, in place of serving; "" is none

	Frontend     string // folder with the page's sources, or with a built frontend
	ProxyConfig  string // file with the proxy rules
	TenantAddr   string // "host:port" of the local tenant, on loopback
	TenantConfig string // file with who and what the local tenant knows; "" is the default
	TenantState  string // folder for what the local tenant remembers; "" is none
	Domain       string // origin of the tenant in use, "https://acme.eu.auth0.com"; "" for the local one, wherever it listens
	ClientID     string // of the single-page app at that tenant
	Problems     string // folder whose files are shown over the page; "" is none
	Audience     string // API identifier that the page asks tokens for
}

// Exposed reports whether other machines can reach the page.
func (c Config) Exposed() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	return err == nil && !isLoopback(strings.ToLower(host))
}

// Local reports whether the tenant in use is the one inside the dev server.
func (c Config) Local() bool { return c.Domain == "" }

// Auth is what the page asks for at /auth_config.json.
type Auth struct {
	Domain   string `json:"domain"`
	ClientID string `json:"clientId"`
	Audience string `json:"audience"`
}

// Auth returns what the page is to know of the tenant in use.
func (c Config) Auth() Auth { return Auth{c.Domain, c.ClientID, c.Audience} }

// variables names the environment variable that stands in for a flag.
var variables = map[string]string{
	"addr":          "DEV_ADDR",
	"tenant-addr":   "TENANT_ADDR",
	"tenant-config": "TENANT_CONFIG",
	"tenant-state":  "TENANT_STATE",
	"domain":        "AUTH0_DOMAIN",
	"client-id":     "AUTH0_CLIENT_ID",
	"audience":      "AUTH0_AUDIENCE",
	"problems":      "DEV_PROBLEMS",
	"csp":           "DEV_CSP",
}

// Parse reads args (without the program's name) and the environment; a flag wins
// over its variable. Usage text and flag errors go to output. Parse returns
// flag.ErrHelp for --help, and otherwise an error whose one line names the flag
// or variable at fault and says what to write instead.
func Parse(args []string, lookupEnv func(string) (string, bool), output io.Writer) (Config, error) {
	cfg := Config{}
	fs := flag.NewFlagSet("devserver", flag.ContinueOnError)
	fs.SetOutput(output)
	fs.StringVar(&cfg.Addr, "addr", "localhost:4200", "`host:port` of the page; loopback only")
	host := fs.String("host", "", "`host` or address of the page in place of addr's: 0.0.0.0 lets other machines see it")
	port := fs.String("port", "", "`port` of the page in place of addr's")
	fs.Func("allowed-host", "`name` besides localhost by which the page may be asked for; can be given several times", func(name string) error {
		cfg.AllowedHosts = append(cfg.AllowedHosts, strings.ToLower(name))
		return nil
	})
	fs.BoolVar(&cfg.HTTPS, "https", false, "serve the page over https, with a certificate made for this run")
	fs.StringVar(&cfg.Cert, "cert", "", "PEM `file` with a certificate to serve https with")
	fs.StringVar(&cfg.Key, "key", "", "PEM `file` with its key")
	fs.BoolVar(&cfg.Open, "open", false, "show the page in a browser")
	fs.BoolVar(&cfg.Types, "types", true, "check types beside the bundler, if the frontend has the TypeScript compiler")
	fs.BoolVar(&cfg.CSP, "csp", true, "send a page compiled here with a strict Content-Security-Policy: no inline script or style, no other origin but the tenant's")
	fs.StringVar(&cfg.Build, "build", "", "write a production bundle to this `folder` and end")
	fs.StringVar(&cfg.Frontend, "frontend", "frontend", "`folder` with the page's sources, or with any built frontend to serve as it is")
	fs.StringVar(&cfg.ProxyConfig, "proxy-config", "proxy.conf.json", "`file` with the proxy rules, read again when it changes")
	fs.StringVar(&cfg.TenantAddr, "tenant-addr", "localhost:4400", "`host:port` of the local tenant; loopback only")
	fs.StringVar(&cfg.TenantConfig, "tenant-config", "", "`file` with the local tenant's users, clients and APIs, read again when it changes; without, two test users")
	fs.StringVar(&cfg.TenantState, "tenant-state", ".tenant", "`folder` for what the local tenant remembers of a working day: its key and who is logged in; '' is none")
	fs.StringVar(&cfg.Domain, "domain", "", "`domain` of the tenant to use instead of the local one")
	fs.StringVar(&cfg.ClientID, "client-id", "", "client `ID` of the single-page app; the local tenant has one by default")
	fs.StringVar(&cfg.Audience, "audience", DefaultAudience, "API `identifier` that the page asks tokens for")
	fs.StringVar(&cfg.Problems, "problems", "", "`folder` whose files are shown over the page, as problems of others")
	fs.VisitAll(func(f *flag.Flag) {
		if env := variables[f.Name]; env != "" {
			f.Usage += " (variable " + env + ")"
		}
	})
	fs.Usage = func() {
		_, _ = fmt.Fprint(output, usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return Config{}, err
	}
	if fs.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q: devserver takes flags only, see --help", fs.Arg(0))
	}
	given, err := fill(fs, lookupEnv)
	if err != nil {
		return Config{}, err
	}
	if err := cfg.place(cmp.Or(given["addr"], "--addr"), *host, *port); err != nil {
		return Config{}, err
	}
	return cfg.validate(given)
}

// usage is what --help says before it lists the flags.
const usage = `devserver compiles and serves the page, passes on what proxy.conf.json says,
and runs the local tenant. Edits of the page, of its styles and of the proxy rules
take effect at once; faults are shown in the terminal and over the page.

Usage:
  devserver [flags]                            serve, until Ctrl+C
  devserver --build frontend/dist              write a production bundle
  devserver --frontend dist                    serve a frontend built by anything
  devserver --host 0.0.0.0 --https             show the page to other machines

A flag wins over the variable that stands for it.

`

// place puts host and port into the page's address, which was given as addr. Only the flag --host makes the
// page reachable from other machines, so that nothing does so by accident.
func (c *Config) place(addr, host, port string) error {
	addrHost, addrPort, err := net.SplitHostPort(c.Addr)
	if err != nil || addrPort == "" {
		return fmt.Errorf("%s=%q: write it as host:port, like localhost:4200", addr, c.Addr)
	}
	if host == "" && !isLoopback(strings.ToLower(addrHost)) {
		return fmt.Errorf("%s=%q: it is reachable from other machines; write it with localhost, or add --host %s if that is meant so",
			addr, c.Addr, cmp.Or(addrHost, "0.0.0.0"))
	}
	if _, err := strconv.ParseUint(cmp.Or(port, "0"), 10, 16); err != nil {
		return fmt.Errorf("--port=%q: it must be a number up to 65535", port)
	}
	c.Addr = net.JoinHostPort(cmp.Or(host, addrHost), cmp.Or(port, addrPort))
	if host != "" && net.ParseIP(host) == nil {
		c.AllowedHosts = append(c.AllowedHosts, strings.ToLower(host))
	}
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key go together: a certificate is of no use without its key")
	}
	c.HTTPS = c.HTTPS || c.Cert != ""
	return nil
}

// fill sets the flags that weren't given from their variables. It returns what
// was given, by flag: the name that the person knows it by.
func fill(fs *flag.FlagSet, lookupEnv func(string) (string, bool)) (given map[string]string, err error) {
	given = map[string]string{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = "--" + f.Name })
	for name, env := range variables {
		value, ok := lookupEnv(env)
		if !ok || given[name] != "" {
			continue
		}
		given[name] = env
		if err := fs.Set(name, value); err != nil {
			return nil, fmt.Errorf("%s=%q: %w", env, value, err)
		}
	}
	return given, nil
}

// validate checks c and brings it to its final form. A value that was given is
// never taken for one that was not: an empty AUTH0_DOMAIN is a fault.
func (c Config) validate(given map[string]string) (Config, error) {
	for _, s := range []struct{ name, value, example string }{
		{"domain", c.Domain, "acme.eu.auth0.com"}, {"client-id", c.ClientID, "AbC123"}, {"audience", c.Audience, "https://api.acme.com"},
	} {
		if given[s.name] == "" {
			continue
		}
		if err := present(given[s.name], s.value, s.example); err != nil {
			return Config{}, err
		}
	}
	if err := loopback(c.TenantAddr); err != nil {
		return Config{}, fmt.Errorf("%s=%q: %w", cmp.Or(given["tenant-addr"], "--tenant-addr"), c.TenantAddr, err)
	}
	if given["domain"] != "" {
		domain, err := normalize(c.Domain)
		if err != nil {
			return Config{}, fmt.Errorf("%s=%q: %w", given["domain"], c.Domain, err)
		}
		if c.Domain = domain; domain == LocalOrigin(c.TenantAddr) {
			c.Domain = ""
		}
	}
	if c.ClientID == "" {
		if !c.Local() {
			return Config{}, errors.New("AUTH0_CLIENT_ID is not set: give it the client ID of your single-page application at " +
				c.Domain)
		}
		c.ClientID = localClientID
	}
	return c, nil
}

// loopback checks the tenant's address. Its passwords are public, so it is not for
// a network.
func loopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return errors.New("write it as host:port, like localhost:4200")
	}
	if !isLoopback(strings.ToLower(host)) {
		return errors.New("it is reachable from other machines; write it with localhost")
	}
	return nil
}
