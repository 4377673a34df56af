// Command token is `make token`: it prints an access token for the API from the tenant in
// use, and nothing else, so that a shell can use it in a request. With --call it is
// `make call`: it calls the API with such a token, and prints the request and the answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"calling-an-api.example/devserver/internal/authority"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/internal/dotenv"
	"calling-an-api.example/devserver/internal/prover"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	token, err := run(ctx, os.Args[1:], os.Environ(), os.Stderr)
	cancel()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "token:", err)
		os.Exit(1)
	default:
		fmt.Println(token)
	}
}

// tokenRequest is the token that the flags describe. Only the local tenant makes such
// tokens.
type tokenRequest struct {
	User     string `json:"user,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
	Expired  bool   `json:"expired,omitempty"`
	JKT      string `json:"jkt,omitempty"` // of the key that it is bound to; mint sets it
}

// run returns a token of the client credentials grant (RFC 6749 §4.4) with Auth0's
// parameter audience, or the token that the flags describe.
func run(ctx context.Context, args, environ []string, stderr io.Writer) (string, error) {
	var asked tokenRequest
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&asked.User, "user", "", "`email` address of the token's user")
	flags.StringVar(&asked.Scope, "scope", "", "`scopes` that it grants, separated by spaces")
	flags.StringVar(&asked.Audience, "audience", "", "`identifier` of the API that it is for")
	flags.BoolVar(&asked.Expired, "expired", false, "a token that expired an hour ago")
	path := flags.String("call", "", "call this `path` of the API with the token, and print the request and the answer")
	method := flags.String("method", http.MethodGet, "`method` of the call")
	isBound := flags.Bool("dpop", false, "a token that is bound to a key of this command (DPoP)")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	env, _, err := dotenv.Load(".env", environ)
	if err != nil {
		return "", err
	}
	lookup := dotenv.Lookup(env)
	cfg, err := config.Parse(nil, lookup, io.Discard)
	if err != nil {
		return "", err
	}
	var key *prover.Key
	if *isBound {
		if key, err = prover.New(); err != nil {
			return "", err
		}
	}
	if key != nil && *path == "" {
		_, _ = fmt.Fprintln(stderr, "token: it is bound to a key that is not kept, so it cannot be used; make call DPOP=1 makes such a token and calls the API with it")
	}
	token, err := get(ctx, cfg, lookup, asked, key)
	if err != nil || *path == "" {
		return token, err
	}
	var said strings.Builder
	err = caller{&said, config.LocalOrigin(cfg.APIAddr), *method, *path, token, key}.call(ctx)
	return strings.TrimSuffix(said.String(), "\n"), err
}

// get returns the token that asked describes, or one of the machine-to-machine client. If key
// is not nil, it is bound to that.
func get(ctx context.Context, cfg config.Config, lookup func(string) (string, bool), asked tokenRequest, key *prover.Key) (string, error) {
	client, err := newClient(cfg)
	if err != nil {
		return "", err
	}
	if asked != (tokenRequest{}) {
		if !cfg.RunsTenant() {
			return "", errors.New("only the local tenant makes such tokens, and " + cfg.Domain + " is in use")
		}
		return mint(ctx, client, cfg.Origin(cfg.TenantAddr), asked, key)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "audience": {cfg.Audience}}
	domain := cfg.Domain
	if cfg.Local() {
		domain = cfg.Origin(cfg.TenantAddr)
		form.Set("client_id", directory.MachineClientID)
		form.Set("client_secret", directory.MachineClientSecret)
	} else {
		id, _ := lookup("TOKEN_CLIENT_ID")
		secret, _ := lookup("TOKEN_CLIENT_SECRET")
		if id == "" || secret == "" {
			return "", errors.New("TOKEN_CLIENT_ID and TOKEN_CLIENT_SECRET are not set: add to .env those of a" +
				" machine-to-machine application at " + domain + " that may call " + cfg.Audience)
		}
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	endpoint := domain + "/oauth/token"
	token, nonce, err := request(ctx, client, endpoint, "application/x-www-form-urlencoded", form.Encode(), key, "")
	if nonce != "" && err != nil && key != nil { // the tenant requires it (RFC 9449 §8)
		token, _, err = request(ctx, client, endpoint, "application/x-www-form-urlencoded", form.Encode(), key, nonce)
	}
	if cfg.Local() {
		err = explain(err, domain)
	}
	return token, err
}

// newClient returns the client for the tenant, which may be the local one, with a certificate
// by this checkout's authority.
func newClient(cfg config.Config) (*http.Client, error) {
	folder := ""
	if cfg.HTTPS {
		folder = cfg.TenantState
	}
	client, err := authority.Client(folder)
	if err != nil {
		return nil, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the secret must not be sent to another server
	return client, nil
}

// mint requests a token from the local tenant at domain.
func mint(ctx context.Context, client *http.Client, domain string, asked tokenRequest, key *prover.Key) (string, error) {
	if key != nil {
		var err error
		if asked.JKT, err = key.Thumbprint(); err != nil {
			return "", err
		}
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return "", err
	}
	token, _, err := request(ctx, client, domain+"/_tenant/token", "application/json", string(body), nil, "")
	return token, explain(err, domain)
}

// explain returns an error that says what to do if the local tenant at domain is down,
// otherwise err.
func explain(err error, domain string) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("the local tenant is not running at %s: start it with make dev", domain)
	}
	return err
}

// request posts body to endpoint and returns the access token in the answer, and the header
// DPoP-Nonce. If key is not nil, the request has a proof by it, with nonce unless that is "".
func request(ctx context.Context, client *http.Client, endpoint, contentType, body string, key *prover.Key, nonce string) (token, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", contentType)
	if key != nil {
		proof, err := key.Proof(http.MethodPost, endpoint, "", nonce)
		if err != nil {
			return "", "", err
		}
		req.Header.Set("DPoP", proof)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to the end
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", "", err
	}
	token, err = parseAnswer(endpoint, resp, said, key != nil)
	return token, resp.Header.Get("DPoP-Nonce"), err
}

// parseAnswer returns the access token in an answer, which must be bound to a key if isBound.
func parseAnswer(endpoint string, resp *http.Response, said []byte, isBound bool) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	switch err := json.Unmarshal(said, &answer); {
	case err != nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain"):
		return "", fmt.Errorf("%s answered %s: %s", endpoint, resp.Status, strings.TrimSpace(string(said)))
	case err != nil:
		return "", fmt.Errorf("%s answered %s with no JSON", endpoint, resp.Status)
	case answer.AccessToken == "":
		return "", fmt.Errorf("%s answered %s: %s: %s", endpoint, resp.Status, answer.Error, answer.Description)
	case isBound && !strings.EqualFold(answer.TokenType, "DPoP"):
		return "", fmt.Errorf("%s gives no bound token to this client for this API: does the tenant support DPoP for them?", endpoint)
	}
	return answer.AccessToken, nil
}
