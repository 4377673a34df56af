package runner

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

const readyInterval = 25 * time.Millisecond // between two questions

// readyURLs are the URLs that answer 200 once a process is ready.
func (s *settings) readyURLs() map[string]string {
	return map[string]string{
		"api":       config.LocalOrigin(s.apiAddr) + "/readyz",
		"devserver": config.LocalOrigin(s.cfg.Addr) + "/auth_config.json",
	}
}

// awaitReady returns when url answers 200, or ctx's error.
func awaitReady(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		if err := get(ctx, client, url); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // only the status matters
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
