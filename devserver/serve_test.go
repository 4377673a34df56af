package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/outputtest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // as in main
	// regexp2 measures time in a goroutine of its own, which ends when there is nothing to measure.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

const index = `<head><link rel="stylesheet" href="styles.css"><script type="module" src="/src/index.ts"></script></head>`

// start runs a dev server on a small frontend in dir until stop is called, which
// returns how it ended.
func start(t *testing.T, change func(dir string, cfg *config.Config)) (dir string, log *outputtest.Output, stop func() error) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{
		"frontend/index.html": index, "frontend/src/index.ts": "console.log('first')", "frontend/styles.css": "",
		"frontend/public/logo.svg": "<svg/>", "proxy.conf.json": `{"/api": {"target": "http://localhost:1"}}`,
	} {
		write(t, dir, name, content)
	}
	cfg := config.Config{
		Addr: "localhost:0", TenantAddr: "localhost:0", ClientID: "spa", Audience: "https://api.test",
		Frontend: filepath.Join(dir, "frontend"), ProxyConfig: filepath.Join(dir, "proxy.conf.json"),
	}
	if change != nil {
		change(dir, &cfg)
	}
	log = outputtest.New()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	logger := slog.New(slog.NewTextHandler(log, nil))
	go func() {
		if cfg.TenantOnly {
			done <- serveTenant(ctx, cfg, logger)
			return
		}
		done <- serve(ctx, cfg, nil, func() {}, logger)
	}()
	return dir, log, func() error {
		cancel()
		return <-done
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServesAndStops(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, nil)
	tenant := log.Await(t, `local tenant listening on (\S+?)"`)
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, "built")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()

	want := `{"domain":"` + tenant + `","clientId":"spa","audience":"https://api.test"}`
	if got := text(t, get(t, client, page+"/auth_config.json")); strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := text(t, get(t, client, page+"/")); !strings.Contains(got, "/@dev/client.js") {
		t.Errorf("the page has no live reload: %s", got)
	}
	for _, path := range []string{"/", "/auth_config.json", "/src/index.ts.js", "/logo.svg", "/@dev/client.js"} {
		if got := get(t, client, page+path).Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
			t.Errorf("%s may be loaded by any page: %q", path, got)
		}
	}
	if got := text(t, get(t, client, page+"/src/index.ts.js")); !strings.Contains(got, "first") {
		t.Errorf("the bundle is %s", got)
	}
	if got := get(t, client, page+"/api/x"); got.StatusCode != http.StatusBadGateway {
		t.Errorf("the proxy answers %d", got.StatusCode)
	}
	if got := text(t, get(t, client, tenant+"/.well-known/openid-configuration")); !strings.Contains(got, `"issuer":"`+tenant+`/"`) {
		t.Errorf("the tenant's discovery: %s", got)
	}

	events := get(t, client, page+"/@dev/events") // a page that is open holds nothing up
	begin := time.Now()
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v to stop", took)
	}
	_, _ = io.Copy(io.Discard, events.Body) // it has ended, one way or another
}

// TestOpenPagesFollow edits files and reads what an open page is told.
func TestOpenPagesFollow(t *testing.T) {
	t.Parallel()
	dir, log, stop := start(t, nil)
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, "built")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	next := follow(t, client, page)
	version := next().Version

	write(t, dir, "proxy.conf.json", `{"/api": {"traget": "http://localhost:1"}}`)
	if s := next(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "proxy.conf.json:1:11") {
		t.Errorf("broken rules: %+v", s)
	}
	for _, self := range []string{page, strings.Replace(page, "localhost", "127.0.0.1", 1), strings.Replace(page, "localhost", "[::1]", 1)} {
		write(t, dir, "proxy.conf.json", `{"/": {"target": "`+self+`"}}`)
		if s := next(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "itself") {
			t.Errorf("rules that lead to %s: %+v", self, s)
		}
		write(t, dir, "proxy.conf.json", `{"/api": {"target": "http://localhost:1"}}`)
		if s := next(); len(s.Problems) != 0 || s.Version != version {
			t.Errorf("good rules again: %+v", s)
		}
	}
	write(t, dir, "frontend/public/logo.svg", "<svg></svg>")
	if s := next(); s.Version == version {
		t.Errorf("another logo: %+v", s)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(dir string, cfg *config.Config)
		want   string
	}{
		"broken rules": {func(dir string, _ *config.Config) {
			write(t, dir, "proxy.conf.json", "{\n  oops")
		}, "proxy.conf.json:2:3"},
		"a broken tenant": {func(dir string, cfg *config.Config) {
			cfg.TenantConfig = filepath.Join(dir, "tenant.jsonc")
			write(t, dir, "tenant.jsonc", `{"users": 1}`)
		}, "tenant.jsonc:1:11"},
		"no rules file": {func(_ string, cfg *config.Config) { cfg.ProxyConfig += "-not" }, "--proxy-config"},
		"no frontend":   {func(_ string, cfg *config.Config) { cfg.Frontend += "-not" }, "--frontend"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, stop := start(t, tc.change)
			if err := stop(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
