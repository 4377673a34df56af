package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// TestStatus asks what works together, by rules that need more than a look at their
// contexts.
func TestStatus(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(dir string, _ *config.Config) {
		write(t, dir, "proxy.conf.json", `{
			"/api/*/never": {"target": "http://localhost:1"},
			"/api/ext**": {"target": "http://localhost:3001/v1/?key=secret", "ignorePath": true, "auth": "me:secret"}
		}`)
	})
	tenant := log.Await(t, `local tenant listening on (\S+?)"`)
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	resp := get(t, client, page+"/@dev/status.json")
	body := text(t, resp)
	var status struct {
		Tenant   struct{ URL string }
		Rules    []struct{ Targets []string }
		External string
	}
	if err := json.Unmarshal([]byte(body), &status); err != nil || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%v, %v: %s", err, resp.Header, body)
	}
	if status.Tenant.URL != tenant || !strings.Contains(body, `"local":true`) || status.External != "http://localhost:3001/v1/" {
		t.Errorf("%s", body)
	}
	if len(status.Rules) != 2 || !reflect.DeepEqual(status.Rules[1].Targets, []string{"http://localhost:3001/v1/"}) || strings.Contains(body, "secret") {
		t.Errorf("the rules: %s", body)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"/@dev/status.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://localhost:1")
	foreign, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = foreign.Body.Close() }()
	if foreign.StatusCode != http.StatusForbidden {
		t.Errorf("another origin's page is answered %d", foreign.StatusCode)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestPolicyIsOfPagesCompiledHere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(dir string, cfg *config.Config)
		sent   bool
	}{
		"compiled here": {func(_ string, cfg *config.Config) { cfg.CSP = true }, true},
		"disabled":      {func(_ string, cfg *config.Config) { cfg.CSP = false }, false},
		"built before": {func(dir string, cfg *config.Config) {
			cfg.CSP = true
			write(t, dir, "dist/index.html", "<p>built")
			cfg.Frontend = dir + "/dist"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, log, stop := start(t, tc.change)
			page := log.Await(t, `page listening on (\S+?)"`)
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			policy := get(t, client, page+"/").Header.Get("Content-Security-Policy")
			if (policy != "") != tc.sent || tc.sent && !strings.HasSuffix(policy, "; frame-ancestors 'self'") {
				t.Errorf("the policy is %q", policy)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
