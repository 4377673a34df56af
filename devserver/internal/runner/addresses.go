package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/localnet"
)

// compareAddresses warns if the page's calls go to this machine but not to the port of
// the API, because proxy.conf.json and API_ADDR must be changed together.
func (r *runner) compareAddresses(ctx context.Context) {
	settings := r.settings
	target, err := settings.externalTarget(ctx, settings.cfg.Origin(settings.cfg.Addr))
	if err != nil || target.Host == "" {
		return // the dev server reports problems of its rules itself
	}
	api, err := url.Parse(config.LocalOrigin(settings.apiAddr))
	if err != nil {
		return // the API reports it
	}
	warning := ""
	if localnet.IsLoopback(target.Hostname()) && target.Port() != api.Port() {
		warning = fmt.Sprintf("the API listens on %s, but %s sends /api/external to %s", api.Host, settings.cfg.ProxyConfig, target.Host)
	}
	if warning != "" && warning != r.addressWarning {
		r.printf("%s", warning)
	}
	r.addressWarning = warning
}

// externalTarget returns the URL that the dev server at page forwards /api/external to.
func (s *settings) externalTarget(ctx context.Context, page string) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"/@dev/status.json", nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // nothing is lost
	var status struct{ External string }
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return nil, err
	}
	return url.Parse(status.External)
}
