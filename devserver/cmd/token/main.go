// Command token is `make token`: it prints an access token for the API, from the
// tenant in use, and nothing else, so that a shell can put it into a request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/dotenv"
	"calling-an-api.example/devserver/internal/tenant"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	token, err := run(ctx, os.Environ())
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "token:", err)
		os.Exit(1)
	}
	fmt.Println(token)
}

// run gets a token by the client credentials grant (RFC 6749 §4.4), with Auth0's
// parameter audience.
func run(ctx context.Context, environ []string) (string, error) {
	env, _, err := dotenv.Load(".env", environ)
	if err != nil {
		return "", err
	}
	lookup := dotenv.Lookup(env)
	cfg, err := config.Parse(nil, lookup, io.Discard)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "audience": {cfg.Audience}}
	domain := cfg.Domain
	if cfg.Local() {
		domain = config.LocalOrigin(cfg.TenantAddr)
		form.Set("client_id", tenant.MachineClientID)
		form.Set("client_secret", tenant.MachineClientSecret)
	} else {
		id, _ := lookup("TOKEN_CLIENT_ID")
		secret, _ := lookup("TOKEN_CLIENT_SECRET")
		if id == "" || secret == "" {
			return "", errors.New("TOKEN_CLIENT_ID and TOKEN_CLIENT_SECRET are not set: write into .env those of a" +
				" machine-to-machine application at " + domain + " that may call " + cfg.Audience)
		}
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	token, err := request(ctx, domain+"/oauth/token", form)
	if cfg.Local() && errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("the local tenant does not run at %s: start it with make dev", domain)
	}
	return token, err
}

// request posts form to endpoint and returns the access token in the answer.
func request(ctx context.Context, endpoint string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // the secret goes nowhere else
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // everything of use was read
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil {
		return "", fmt.Errorf("%s answered %s with no JSON", endpoint, resp.Status)
	}
	if answer.AccessToken == "" {
		return "", fmt.Errorf("%s answered %s: %s: %s", endpoint, resp.Status, answer.Error, answer.Description)
	}
	return answer.AccessToken, nil
}
