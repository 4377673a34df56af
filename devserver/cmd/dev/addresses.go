package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// compareAddresses says so if the page's calls go to this machine, but not to where
// the API listens: whoever moves the one has to move the other.
func (r *runner) compareAddresses(ctx context.Context) {
	settings := r.settings.Load()
	target, err := r.externalTarget(ctx, config.LocalOrigin(settings.cfg.Addr))
	if err != nil || target.Host == "" {
		return // the dev server says itself what is wrong with its rules
	}
	api, err := url.Parse(config.LocalOrigin(settings.apiAddr))
	if err != nil {
		return // the API says so
	}
	ip := net.ParseIP(target.Hostname())
	here := target.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	said := ""
	if here && target.Port() != api.Port() {
		said = fmt.Sprintf("the API listens on %s, but %s sends /api/external to %s", api.Host, settings.cfg.ProxyConfig, target.Host)
	}
	if last := r.misfit.Swap(&said); said != "" && (last == nil || *last != said) {
		r.printf("%s", said)
	}
}

// externalTarget returns where the dev server at page passes /api/external on to.
func (r *runner) externalTarget(ctx context.Context, page string) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"/@dev/status.json", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	var status struct{ External string }
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return nil, err
	}
	return url.Parse(status.External)
}
