// Package config reads the dev server's settings from flags and environment variables
// into one validated value. Nothing else in the dev server reads them, except GOGC and
// the variables for colors.
package config

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Defaults that the other commands of this module use too.
const (
	DefaultAPIAddr  = "localhost:3001"
	DefaultAudience = "http://localhost:3001"
	localClientID   = "local-spa"
)

// Config is all settings of the dev server.
type Config struct {
	Addr         string        // "host:port" of the page
	AllowedHosts []string      // host names besides localhost that the page answers for
	HTTPS        bool          // serve the page and the local tenant over TLS
	Cert, Key    string        // PEM files for that; "" means a certificate of the checkout's own authority
	Open         bool          // open the page in a browser
	Types        bool          // run the type checker
	CSP          bool          // send the page with a strict Content-Security-Policy
	Poll         time.Duration // interval at which to look for changes of files; 0 if the system notifies of them
	Inspect      bool          // record requests for the inspector at /@dev/
	Console      string        // what of the page's console is logged: "off", "errors" or "all"
	Build        string        // folder to write a production bundle to instead of serving; "" means serve
	Version      bool          // print the version and exit; no other field is valid then
	TenantOnly   bool          // serve the local tenant alone; Addr is where something else serves the page

	Frontend     string   // folder with the page's sources, or with a built frontend
	ProxyConfig  string   // file with the proxy rules
	APIAddr      string   // "host:port" of the project's API (API_ADDR), whose problems the proxy explains
	TenantAddr   string   // "host:port" of the local tenant, on loopback
	TenantConfig string   // file with the local tenant's users, clients and APIs; "" means the default
	TenantState  string   // folder for the local tenant's state; "" means none
	Domain       string   // origin of the tenant that the page uses, "https://acme.eu.auth0.com"; "" means the local one
	AlsoLocal    bool     // the API accepts tokens of the local tenant too, although the page uses another
	Issuers      []string // domains and URLs of all issuers whose tokens the API accepts, Domain first
	ClientID     string   // of the single-page app at that tenant
	Problems     string   // folder whose files are shown over the page; "" means none
	Audience     string   // API identifier that the page requests tokens for
	DPoP         bool     // the page asks for tokens that are bound to a key in the browser (RFC 9449)

	publicHost string // under which other machines reach the page and the local tenant; "" if they reach at most the page
}

// Local reports whether the page uses the tenant inside the dev server.
func (c Config) Local() bool { return c.Domain == "" }

// RunsTenant reports whether the local tenant runs.
func (c Config) RunsTenant() bool { return c.Local() || c.AlsoLocal }

// Auth is the content of /auth_config.json.
type Auth struct {
	Domain   string `json:"domain"`
	ClientID string `json:"clientId"`
	Audience string `json:"audience"`
	DPoP     bool   `json:"dpop,omitempty"`
}

// Auth returns the page's settings for the tenant in use.
func (c Config) Auth() Auth { return Auth{c.Domain, c.ClientID, c.Audience, c.DPoP} }

// variables are the environment variables that set a flag's default.
var variables = map[string]string{
	"addr":          "DEV_ADDR",
	"tenant-addr":   "TENANT_ADDR",
	"tenant-config": "TENANT_CONFIG",
	"tenant-state":  "TENANT_STATE",
	"domain":        "AUTH0_DOMAIN",
	"client-id":     "AUTH0_CLIENT_ID",
	"audience":      "AUTH0_AUDIENCE",
	"dpop":          "AUTH0_DPOP",
	"problems":      "DEV_PROBLEMS",
	"csp":           "DEV_CSP",
	"poll":          "DEV_POLL",
	"console":       "DEV_CONSOLE",
	"inspect":       "DEV_INSPECT",
	"https":         "DEV_HTTPS",
	"host":          "DEV_HOST",
}

// Parse reads args (without the program's name) and the environment; a flag overrides
// its variable. The usage text and flag errors are written to output. Parse returns
// flag.ErrHelp for --help. Any other error is one line that names the invalid flag or
// variable and says what to write instead.
func Parse(args []string, lookupEnv func(string) (string, bool), output io.Writer) (Config, error) {
	cfg := Config{}
	fs := flag.NewFlagSet("devserver", flag.ContinueOnError)
	fs.SetOutput(output)
	fs.StringVar(&cfg.Addr, "addr", "localhost:4200", "`host:port` of the page; loopback only")
	host := fs.String("host", "", "`host` or address of the page instead of that in addr; 0.0.0.0 makes it visible to other machines, and with https the local tenant too")
	port := fs.String("port", "", "`port` of the page instead of that in addr")
	fs.Func("allowed-host", "host `name` besides localhost that the page answers for; can be repeated", func(name string) error {
		if !isHostName(name) {
			return errors.New("write a host name, like dev.example")
		}
		cfg.AllowedHosts = append(cfg.AllowedHosts, strings.ToLower(name))
		return nil
	})
	fs.BoolVar(&cfg.HTTPS, "https", false, "serve the page and the local tenant over https, with a certificate by an authority in the folder of tenant-state")
	fs.StringVar(&cfg.Cert, "cert", "", "PEM `file` with the certificate for https")
	fs.StringVar(&cfg.Key, "key", "", "PEM `file` with its key")
	fs.BoolVar(&cfg.Open, "open", false, "open the page in a browser")
	fs.BoolVar(&cfg.Types, "types", true, "check types, if the TypeScript compiler is installed in the frontend")
	fs.BoolVar(&cfg.CSP, "csp", true, "send the compiled page with a strict Content-Security-Policy: no inline script or style, no other origin than the tenant's")
	fs.DurationVar(&cfg.Poll, "poll", 0, "look for changes of files at this `interval`, like 1s, where the system does not notify of them: bind mounts of Docker, WSL, NFS")
	fs.StringVar(&cfg.Console, "console", "errors", "`what` of the page's console to log: off, errors or all")
	fs.BoolVar(&cfg.Inspect, "inspect", true, "record the last requests, without secrets, and show them at /@dev/")
	fs.StringVar(&cfg.Build, "build", "", "write a production bundle to this `folder` and exit")
	fs.StringVar(&cfg.Frontend, "frontend", "frontend", "`folder` with the page: an index.html and what it refers to, as sources or built")
	fs.StringVar(&cfg.ProxyConfig, "proxy-config", "proxy.conf.json", "`file` with the proxy rules, read again when it changes")
	fs.StringVar(&cfg.TenantAddr, "tenant-addr", "localhost:4400", "`host:port` of the local tenant; loopback only")
	fs.StringVar(&cfg.TenantConfig, "tenant-config", "", "`file` with the local tenant's users, clients and APIs, read again when it changes; by default there are two test users")
	fs.StringVar(&cfg.TenantState, "tenant-state", ".tenant", "`folder` for the local tenant's state (keys, sessions, refresh tokens); '' for none")
	fs.BoolVar(&cfg.TenantOnly, "tenant-only", false, "serve the local tenant alone, for a page that something else serves at http://addr")
	fs.StringVar(&cfg.Domain, "domain", "", "`domain` of the tenant to use instead of the local one; of a list with commas, the page uses the first")
	fs.StringVar(&cfg.ClientID, "client-id", "", "client `ID` of the single-page app; the local tenant has one by default")
	fs.StringVar(&cfg.Audience, "audience", DefaultAudience, "API `identifier` that the page requests tokens for; the first of a list with commas")
	fs.BoolVar(&cfg.DPoP, "dpop", false, "the page's tokens are bound to a key in the browser (DPoP)")
	fs.StringVar(&cfg.Problems, "problems", "", "`folder` whose files are shown over the page as problems")
	fs.BoolVar(&cfg.Version, "version", false, "print the version and exit")
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
	if cfg.Version {
		return cfg, nil
	}
	given, err := fill(fs, lookupEnv)
	if err != nil {
		return Config{}, err
	}
	address, _ := lookupEnv("API_ADDR") // the API checks it
	cfg.APIAddr = cmp.Or(address, DefaultAPIAddr)
	if err := cfg.place(cmp.Or(given["addr"], "--addr"), *host, *port); err != nil {
		return Config{}, err
	}
	return cfg.validate(given)
}

// usage is the text of --help before the flags.
const usage = `devserver compiles and serves the page, forwards requests as proxy.conf.json says,
and runs the local tenant. Edits of the page, its styles and the proxy rules take
effect at once; problems are shown in the terminal and over the page.

Usage:
  devserver [flags]                                serve, until Ctrl+C
  devserver --build frontend/dist                  write a production bundle
  devserver --frontend dist                        serve a frontend built by anything
  devserver --host 0.0.0.0 --https                 serve the page to other machines
  devserver --tenant-only --addr localhost:5173    serve the tenant for a page there

A flag overrides the variable named with it.

`

// fill sets the flags that were not given from their variables. It returns the names of
// the settings that were given, by flag: the flag itself or its variable.
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

// validate checks c and normalizes it. An empty value is an error, not the default: an
// empty AUTH0_DOMAIN is probably a mistake.
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
	if c.Poll != 0 && c.Poll < 10*time.Millisecond {
		return Config{}, fmt.Errorf("%s=%q: the shortest interval is 10ms, and 0 means that the system notifies of changes", cmp.Or(given["poll"], "--poll"), c.Poll)
	}
	if !slices.Contains([]string{"off", "errors", "all"}, c.Console) {
		return Config{}, fmt.Errorf("%s=%q: write off, errors or all", cmp.Or(given["console"], "--console"), c.Console)
	}
	if err := loopback(c.TenantAddr); err != nil {
		return Config{}, fmt.Errorf("%s=%q: %w", cmp.Or(given["tenant-addr"], "--tenant-addr"), c.TenantAddr, err)
	}
	if err := c.expose(); err != nil {
		return Config{}, err
	}
	c.Audience = split(c.Audience)[0] // of which there is one, as it was given or is the default
	if given["domain"] != "" {
		written := c.Domain
		if err := c.setIssuers(written); err != nil {
			return Config{}, fmt.Errorf("%s=%q: %w", given["domain"], written, err)
		}
	} else {
		c.Issuers = []string{c.Origin(c.TenantAddr)}
	}
	if c.TenantOnly {
		if !c.Local() {
			return Config{}, fmt.Errorf("--tenant-only serves the local tenant, and %s names another one: remove one of them", given["domain"])
		}
		for _, name := range []string{"build", "open", "frontend", "proxy-config"} {
			if given[name] != "" {
				return Config{}, fmt.Errorf("%s has no effect with --tenant-only, which serves no page: remove one of them", given[name])
			}
		}
	}
	c.AlsoLocal = !c.Local() && slices.Contains(c.Issuers, c.Origin(c.TenantAddr))
	if c.ClientID == "" {
		if !c.Local() {
			return Config{}, errors.New("AUTH0_CLIENT_ID is not set: give it the client ID of your single-page application at " +
				c.Domain)
		}
		c.ClientID = localClientID
	}
	return c, nil
}
