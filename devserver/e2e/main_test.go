// Package e2e tests the whole: the real binaries on loopback, and a real browser
// that uses the page with Auth0's SDK as a user would.
package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"calling-an-api.example/devserver/internal/outputtest"
)

var (
	repo    string          // the repository's top folder
	bin     string          // where the binaries are
	home    string          // Chromium's home folder
	browser context.Context // of the one Chromium; nil if there is none
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if os.Getenv("E2E_SECOND_MACHINE") != "" { // see second_machine_test.go
		return m.Run(), nil
	}
	if repo, err = filepath.Abs("../.."); err != nil {
		return 0, err
	}
	if bin, err = os.MkdirTemp("", "e2e-bin-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bin)) }()
	if home, err = os.MkdirTemp("", "e2e-home-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	flag.Parse()
	race := "-race=true"
	if flag.Lookup("test.bench").Value.String() != "" {
		race = "-race=false" // which makes them several times slower
	}
	for _, args := range [][]string{
		{"build", "-buildvcs=false", race, "-o", bin + "/", "./api", "./devserver", "./devserver/cmd/dev", "./devserver/cmd/token"},
		{"build", "-buildvcs=false", "-o", "bin/", "./devserver", "./api"}, // what the runner builds, so that runners side by side find it made
	} {
		build := exec.Command("go", args...)
		build.Dir = repo
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	if err := makeAuthority(); err != nil {
		return 0, err
	}
	stop, err := startBrowser()
	if err != nil {
		if os.Getenv("CI") == "true" {
			return 0, fmt.Errorf("no browser, which CI must have: %w", err)
		}
		fmt.Fprintln(os.Stderr, "e2e: THE BROWSER TESTS DID NOT RUN, as there is no Chromium:", err)
	}
	defer stop()
	code = m.Run()
	return code, stopFirefox()
}

// startBrowser starts Chromium. Each test has its own profile in it.
func startBrowser() (stop func(), err error) {
	profile := filepath.Join(home, "chromium")
	if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
		return func() {}, err
	}
	// Frames of other sites have their cookies, as in Chromium with a window: headless keeps them.
	preferences := []byte(`{"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": false}}`)
	if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), preferences, 0o600); err != nil {
		return func() {}, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // the tests also run as root, and the pages are ours
		chromedp.Flag("disable-quic", true),
		chromedp.Env("HOME="+home), // where it finds the authority
		// chromedp loses sight of a page that comes back from that cache.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,BackForwardCache"),
	)
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	stop = func() { cancel(); cancelAlloc() }
	if err := chromedp.Do(ctx); err != nil {
		return stop, err
	}
	browser = ctx
	return stop, nil
}

// machine is what commands need of this machine's environment to run at all, and
// to build: none of the project's own settings.
func machine() []string {
	return slices.DeleteFunc(os.Environ(), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return !slices.Contains([]string{"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME"}, name) && !strings.HasPrefix(name, "GO")
	})
}

// start runs a command until the test ends, with env as its settings.
func start(tb testing.TB, dir, path string, env []string, args ...string) (*exec.Cmd, *outputtest.Output) {
	tb.Helper()
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(machine(), "TENANT_STATE="), env...) // each test starts without state
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := outputtest.New()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()
		if strings.Contains(out.String(), "DATA RACE") || tb.Failed() {
			tb.Errorf("%s printed:\n%s", filepath.Base(path), out)
		}
	})
	return cmd, out
}

// system is a dev server and an API that work together on ports of their own.
type system struct {
	page, tenant, api string // origins
	dir               string // holds frontend/ and proxy.conf.json
	ca                string // file with the authority of page and tenant; "" without https
	devserver         *outputtest.Output
	stop              func() // ends the dev server
	talks             bool   // the page's framework says things on the console
}

const localhost = `(https?://[\w.\[\]:-]+:\d+)`

// newSystem starts a dev server on the frontend in dir, or on the repository's if
// dir is empty, and an API behind it. Types are not checked, which takes its time,
// unless flags say so.
func newSystem(tb testing.TB, dir string, flags ...string) *system {
	tb.Helper()
	return newSystemWith(tb, dir, nil, flags...)
}

// newSystemWith is newSystem with settings of the dev server.
func newSystemWith(tb testing.TB, dir string, environ []string, flags ...string) *system {
	tb.Helper()
	s := &system{dir: dir}
	frontend := filepath.Join(dir, "frontend")
	if dir == "" {
		s.dir, frontend = tb.TempDir(), filepath.Join(repo, "frontend")
	}
	if flags == nil {
		flags = []string{"--types=false"}
	}
	s.retarget(tb, "http://localhost:1")
	cmd, out := start(tb, s.dir, filepath.Join(bin, "devserver"), environ,
		append([]string{"--addr", "localhost:0", "--tenant-addr", "localhost:0", "--frontend", frontend}, flags...)...)
	s.devserver = out
	s.stop = func() { _ = cmd.Process.Signal(syscall.SIGTERM) }
	s.page = s.devserver.Await(tb, `page listening on `+localhost)
	s.tenant = s.devserver.Await(tb, `tenant listening on `+localhost)
	if strings.HasPrefix(s.tenant, "https:") {
		s.ca = filepath.Join(stateFolder(environ), "ca.pem")
	}
	_, api := s.startAPI(tb)
	s.api = api.Await(tb, `API listening on `+localhost)
	api.Await(tb, `keys are loaded`)
	s.retarget(tb, s.api)
	s.devserver.Await(tb, `/api → `+regexp.QuoteMeta(s.api))
	return s
}

// startAPI starts an API for the system's tenant, on a free port unless flags say another.
func (s *system) startAPI(tb testing.TB, flags ...string) (*exec.Cmd, *outputtest.Output) {
	tb.Helper()
	spans := []string{ // as make dev sets them
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.page + "/@dev/otlp", "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_SERVICE_NAME=api", "OTEL_EXPORTER_OTLP_CERTIFICATE=" + s.ca,
	}
	return start(tb, s.dir, filepath.Join(bin, "api"), spans, append([]string{"--addr", "localhost:0", "--domain", s.tenant, "--ca-file", s.ca}, flags...)...)
}

// retarget writes the proxy rules, as a user does while the dev server runs.
func (s *system) retarget(tb testing.TB, target string) {
	tb.Helper()
	rules := fmt.Sprintf(`{"/api": {"target": %q, "secure": false}}`, target)
	if err := os.WriteFile(filepath.Join(s.dir, "proxy.conf.json"), []byte(rules), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// client accepts the dev server's certificate, which is its own.
var client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// get returns the status, header and body of a GET.
func get(tb testing.TB, url string, header ...string) (int, http.Header, string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(bufio.NewReader(resp.Body))
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}
