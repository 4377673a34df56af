// Package config reads the API's settings from flags and environment variables into
// one validated value. Nothing else in the API reads them, except GOGC.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"
)

// Config is all settings of the API.
type Config struct {
	Addr             string        // "host:port" to listen on
	Issuers          []string      // issuers of accepted tokens, at least one, each a URL; discovery finds their exact spelling
	Audiences        []string      // API identifiers of which a token's aud must contain one, at least one
	Algorithms       []string      // signature algorithms of accepted tokens, at least one
	Leeway           time.Duration // clock difference allowed on exp, nbf and iat
	StrictRFC9068    bool          // accept only tokens of RFC 9068's profile
	TokenCache       int           // verified tokens to remember, 0 for none
	Refresh          time.Duration // time between scheduled fetches of the issuer's keys
	MaxStale         time.Duration // how long keys are kept while the issuer can't be reached
	FetchesPerMinute int           // limit on the fetches that unknown key IDs cause
	DPoP             string        // off, allowed or required
	DPoPNonce        bool          // proofs need a nonce
	PublicURLs       []string      // under which clients reach the API, for proofs; without any, the resource's or the address
	ReplayStore      ReplayStore   // of used proofs
	Authorities      []byte        // of issuers and the replay store, in PEM, in addition to the system's
	Drain            time.Duration // time between the start of the shutdown and the end of listening
	CORSOrigins      []string      // origins whose pages may call the API
	Resource         string        // URL of this API for its callers, "" if it has none
	LogLevel         slog.Level
	LogJSON          bool
	Health           bool // ask the API that listens on Addr for its health, and exit
	Version          bool // print the version and exit; no other field is valid then
}

// variables are the environment variables that set a flag's default.
var variables = map[string]string{ //nolint:gosec // names, no passwords
	"addr":         "API_ADDR",
	"domain":       "AUTH0_DOMAIN",
	"audience":     "AUTH0_AUDIENCE",
	"algorithms":   "API_ALGORITHMS",
	"cors-origin":  "API_CORS_ORIGIN",
	"jwks-refresh": "JWKS_REFRESH",
	"public-url":   "API_PUBLIC_URLS",
	"ca-file":      "API_CA_FILE",
	"dpop":         "API_DPOP",
	"dpop-nonce":   "API_DPOP_NONCE",
	"replay-store": "API_REPLAY_STORE",

	"replay-store-failure":       "API_REPLAY_STORE_FAILURE",
	"replay-store-wait":          "API_REPLAY_STORE_WAIT",
	"replay-store-password-file": "API_REPLAY_STORE_PASSWORD_FILE",
}

// Parse reads args (without the program's name) and the environment; a flag overrides
// its variable. The usage text, with endpoints in it, and flag errors are written to
// output. Parse returns flag.ErrHelp for --help. Any other error is one line that
// names the invalid flag or variable and says what to write instead.
func Parse(args []string, lookupEnv func(string) (string, bool), output io.Writer, endpoints string) (Config, error) {
	var (
		cfg                         Config
		domains, audiences          string
		algorithms, cors, logFormat string
		caFile                      string
		bound                       dpopFlags
		fs                          = flag.NewFlagSet("api", flag.ContinueOnError)
	)
	fs.SetOutput(output)
	fs.StringVar(&cfg.Addr, "addr", "localhost:3001", "`host:port` to listen on")
	fs.StringVar(&domains, "domain", "http://localhost:4400", "`domain` of the tenant, or URL of another provider, that issues the tokens; several are separated by commas")
	fs.StringVar(&audiences, "audience", "http://localhost:3001", "API `identifier` that tokens must be for; several are separated by commas, and one is enough")
	fs.StringVar(&algorithms, "algorithms", "RS256", "accepted signature `algorithms`, separated by commas: "+strings.Join(supported, ", "))
	fs.DurationVar(&cfg.Leeway, "leeway", 5*time.Second, "clock difference allowed on exp and nbf; on iat it is at least a minute")
	fs.BoolVar(&cfg.StrictRFC9068, "strict-rfc9068", false, "also require typ at+jwt, client_id, iat and jti")
	fs.IntVar(&cfg.TokenCache, "token-cache", 10000, "verified `tokens` to remember, 0 for none")
	fs.DurationVar(&cfg.Refresh, "jwks-refresh", 5*time.Minute, "time between fetches of the issuer's keys")
	fs.DurationVar(&cfg.MaxStale, "jwks-max-stale", 24*time.Hour, "how long keys are kept while the issuer can't be reached")
	fs.IntVar(&cfg.FetchesPerMinute, "jwks-fetches-per-minute", 5, "limit on the fetches that unknown key IDs cause")
	bound.register(fs, &cfg)
	fs.StringVar(&caFile, "ca-file", "", "PEM `file` with certificate authorities of issuers and the replay store, in addition to the system's")
	fs.DurationVar(&cfg.Drain, "drain", 0, "time between /readyz turning 503, on SIGTERM, and the end of listening")
	fs.StringVar(&cors, "cors-origin", "", "`origins` whose pages may call the API from browsers, separated by commas")
	fs.StringVar(&cfg.Resource, "resource-url", "", "`URL` of this API for clients; by default the first audience, if that is a URL")
	fs.TextVar(&cfg.LogLevel, "log-level", slog.LevelInfo, "lowest `level` to log: debug, info, warn or error; warn turns the access log off")
	fs.StringVar(&logFormat, "log-format", "text", "`format` of the log: text or json")
	fs.BoolVar(&cfg.Health, "health", false, "ask the API that listens on --addr for /readyz, and exit with 0 if it is ready for requests, otherwise with 1")
	fs.BoolVar(&cfg.Version, "version", false, "print the version and exit")
	fs.VisitAll(func(f *flag.Flag) {
		if env := variables[f.Name]; env != "" {
			f.Usage += " (variable " + env + ")"
		}
	})
	fs.Usage = func() {
		_, _ = fmt.Fprintf(output, manual, endpoints)
		fs.PrintDefaults()
	}

	if err := fs.Parse(args); err != nil {
		return Config{}, err
	}
	if fs.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q: api takes flags only, see --help", fs.Arg(0))
	}
	if cfg.Version {
		return cfg, nil
	}
	// origin is the flag or variable that a setting came from, for messages.
	origin := map[string]string{}
	fs.Visit(func(f *flag.Flag) { origin[f.Name] = "--" + f.Name })
	for name, env := range variables {
		if origin[name] != "" {
			continue
		}
		origin[name] = env
		if value, ok := lookupEnv(env); ok {
			if err := fs.Set(name, value); err != nil {
				return Config{}, fmt.Errorf("%s=%q: %w; write it like %s", env, value, err, fs.Lookup(name).DefValue)
			}
		}
	}

	if err := present(origin["domain"], domains, "acme.eu.auth0.com"); err != nil {
		return Config{}, err
	}
	if err := present(origin["audience"], audiences, "https://api.acme.com"); err != nil {
		return Config{}, err
	}
	var err error
	if cfg.Issuers, err = issuers(split(domains)); err != nil {
		return Config{}, fmt.Errorf("%s=%q: %w", origin["domain"], domains, err)
	}
	cfg.Audiences = split(audiences)
	cfg.Algorithms = split(algorithms)
	for _, name := range cfg.Algorithms {
		if !slices.Contains(supported, name) {
			return Config{}, fmt.Errorf("%s=%q: %q is not supported; write some of %s", origin["algorithms"], algorithms, name, strings.Join(supported, ","))
		}
	}
	if len(cfg.Algorithms) == 0 {
		return Config{}, fmt.Errorf("%s is empty: set it, for example %s=RS256", origin["algorithms"], origin["algorithms"])
	}
	if _, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		return Config{}, fmt.Errorf("%s=%q: write it as host:port, like localhost:3001", origin["addr"], cfg.Addr)
	}
	if cfg.CORSOrigins, err = origins(cors); err != nil {
		return Config{}, fmt.Errorf("%s=%q: %w", origin["cors-origin"], cors, err)
	}
	if cfg.Authorities, err = authorities(caFile); err != nil {
		return Config{}, fmt.Errorf("%s=%q: %w", origin["ca-file"], caFile, err)
	}
	if err := bound.set(&cfg, origin, lookupEnv); err != nil {
		return Config{}, err
	}
	if cfg.Resource, err = resource(cfg.Resource, cfg.Audiences[0]); err != nil {
		return Config{}, fmt.Errorf("--resource-url: %w", err)
	}
	switch logFormat {
	case "text", "json":
		cfg.LogJSON = logFormat == "json"
	default:
		return Config{}, fmt.Errorf("--log-format=%q: write text or json", logFormat)
	}
	return cfg, cfg.checkRanges()
}

// supported are the algorithms that package gate has.
var supported = []string{"RS256", "PS256", "ES256", "EdDSA"}

// split returns the elements of a list with commas, without the empty ones.
func split(list string) []string {
	var all []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			all = append(all, element)
		}
	}
	return all
}

// present rejects an empty list and a placeholder of a template in it.
func present(name, value, example string) error {
	switch {
	case len(split(value)) == 0:
		return fmt.Errorf("%s is empty: set it, for example %s=%s", name, name, example)
	case slices.ContainsFunc(split(value), placeholder.MatchString):
		return fmt.Errorf("%s=%q is a placeholder: replace it, for example %s=%s", name, value, name, example)
	}
	return nil
}

// checkRanges returns an error that names the first setting with a value out of range.
func (c Config) checkRanges() error {
	switch {
	case c.Refresh < time.Second:
		return errors.New("--jwks-refresh (JWKS_REFRESH) must be at least 1s")
	case c.MaxStale < c.Refresh:
		return errors.New("--jwks-max-stale must not be shorter than --jwks-refresh")
	case c.FetchesPerMinute < 1 || c.FetchesPerMinute > 600:
		return errors.New("--jwks-fetches-per-minute must be from 1 to 600")
	case c.Leeway < 0 || c.Leeway > 5*time.Minute:
		return errors.New("--leeway must be from 0s to 5m")
	case c.ReplayStore.Wait < 10*time.Millisecond || c.ReplayStore.Wait > 5*time.Second:
		return errors.New("--replay-store-wait (API_REPLAY_STORE_WAIT) must be from 10ms to 5s")
	case c.Drain < 0 || c.Drain > 5*time.Minute:
		return errors.New("--drain must be from 0s to 5m")
	case c.TokenCache < 0 || c.TokenCache > 4_000_000: // a gigabyte
		return errors.New("--token-cache must be from 0 to 4000000 tokens")
	}
	return nil
}
