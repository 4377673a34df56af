package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// checkHealth returns nil if the API that listens on addr, the setting, is ready for requests.
// Images without a shell have no other program to ask.
func checkHealth(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req) // not by a proxy of the environment
	if err != nil {
		return fmt.Errorf("the API does not respond: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API is not ready: /readyz responds with %s", resp.Status)
	}
	return nil
}
