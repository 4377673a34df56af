package runner

import (
	"context"
	"net/http"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

const (
	readyInterval = 25 * time.Millisecond // between two requests
	readyTimeout  = 3 * time.Second       // for a process that answers, but is not ready
)

// readyURLs are the URLs that answer 200 once a process is ready.
func (s *settings) readyURLs() map[string]string {
	return map[string]string{
		"api":       config.LocalOrigin(s.apiAddr) + "/readyz",
		"devserver": s.cfg.Origin(s.cfg.Addr) + "/auth_config.json",
	}
}

// awaitReady returns when url answers 200, or has answered anything else for
// readyTimeout: an API whose issuer cannot be reached logs that itself, and is as ready
// as it can be. It returns ctx's error.
func (s *settings) awaitReady(ctx context.Context, url string) error {
	client := *s.client
	client.Timeout = 2 * time.Second
	defer client.CloseIdleConnections()
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	var answered time.Time // the first time
	for {
		status, err := ask(ctx, &client, url)
		if err == nil && answered.IsZero() {
			answered = time.Now()
		}
		if status == http.StatusOK || !answered.IsZero() && time.Since(answered) > readyTimeout {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// ask returns the status of url.
func ask(ctx context.Context, client *http.Client, url string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
