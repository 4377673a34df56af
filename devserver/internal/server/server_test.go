package server_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a dev server on a small frontend until stop is called, which
// returns how it ended. log gives what it logs.
func start(t *testing.T, change func(dir string, cfg *config.Config)) (log *bufio.Scanner, stop func() error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"frontend/index.html": "<head></head>", "frontend/src/index.ts": "console.log('first')", "frontend/styles.css": "",
		"proxy.conf.json": `{"/api": {"target": "http://localhost:1"}}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config.Config{
		Addr: "localhost:0", TenantAddr: "localhost:0", ClientID: "spa", Audience: "https://api.test",
		Frontend: filepath.Join(dir, "frontend"), ProxyConfig: filepath.Join(dir, "proxy.conf.json"),
	}
	if change != nil {
		change(dir, &cfg)
	}
	reader, writer, err := os.Pipe() // holds more than a test logs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := server.Run(ctx, cfg, slog.New(slog.NewTextHandler(writer, nil)))
		_ = writer.Close()
		done <- err
	}()
	log = bufio.NewScanner(reader)
	return log, func() error {
		cancel()
		return <-done
	}
}

// find returns the next match of pattern in log.
func find(t *testing.T, log *bufio.Scanner, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for log.Scan() {
		if m := re.FindStringSubmatch(log.Text()); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("the log never says %s", pattern)
	return ""
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
	log, stop := start(t, nil)
	tenant := find(t, log, `local tenant listening on (\S+?)"`)
	page := find(t, log, `page listening on (\S+?)"`)
	find(t, log, "built")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()

	want := `{"domain":"` + tenant + `","clientId":"spa","audience":"https://api.test"}`
	if got := text(t, get(t, client, page+"/auth_config.json")); strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := text(t, get(t, client, page+"/")); !strings.Contains(got, "/@dev/client.js") {
		t.Errorf("the page has no live reload: %s", got)
	}
	if got := text(t, get(t, client, page+"/index.js")); !strings.Contains(got, "first") {
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

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(dir string, cfg *config.Config)
		want   string
	}{
		"broken rules": {func(dir string, _ *config.Config) {
			if err := os.WriteFile(filepath.Join(dir, "proxy.conf.json"), []byte("{\n  oops"), 0o600); err != nil {
				t.Error(err)
			}
		}, "proxy.conf.json:2:3"},
		"no frontend": {func(_ string, cfg *config.Config) { cfg.Frontend += "-not" }, "--frontend"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stop := start(t, tc.change)
			if err := stop(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
