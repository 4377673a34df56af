package e2e

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
)

// sources is a copy of all that `make dev` builds and serves, which the test may edit.
func sources(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, folder := range []string{"api", "devserver", "frontend"} {
		err := filepath.WalkDir(filepath.Join(repo, folder), func(path string, d fs.DirEntry, err error) error {
			rel, relErr := filepath.Rel(repo, path)
			switch {
			case err != nil || relErr != nil:
				return fmt.Errorf("copy %s: %w, %w", path, err, relErr)
			case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "e2e" || d.Name() == "bench"):
				return filepath.SkipDir
			case d.IsDir():
				return os.MkdirAll(filepath.Join(dir, rel), 0o750)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, rel), content, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.work", "go.work.sum"} {
		content, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(content))
	}
	if err := os.Symlink(filepath.Join(repo, "frontend", "node_modules"), filepath.Join(dir, "frontend", "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRunnerFollowsEdits edits Go files, .env and the lock file under `make dev`.
func TestRunnerFollowsEdits(t *testing.T) {
	t.Parallel()
	dir := sources(t)
	npm := t.TempDir() // one that needs no network
	if err := os.WriteFile(filepath.Join(npm, "npm"), []byte("#!/bin/sh\necho \"$1\" > \"$PWD/npm-was-asked\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := newDevEnv(t)
	write(t, dir, "proxy.conf.json", fmt.Sprintf(`{"/api": {"target": "http://%s"}}`, d.api))
	_, out := start(t, dir, filepath.Join(bin, "dev"), append(d.env, "PATH="+npm+":"+os.Getenv("PATH")))
	out.Await(t, `Ctrl\+C`)
	s := &system{dir: dir, page: "http://" + d.page}
	public := func() string {
		t.Helper()
		status, _, body := get(t, s.page+"/api/public")
		if status != http.StatusOK {
			t.Errorf("got %d %s", status, body)
		}
		return body
	}

	// While the API is replaced, no request through the dev server fails.
	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					public()
				}
			}
		})
	}
	const routes = "api/internal/httpapi/routes.go"
	const greeting = "Anyone may read this: no access token is needed."
	s.edit(t, routes, greeting, "Changed while it ran.")
	out.Await(t, "(?s)api rebuilt in .*API listening on")
	if body := public(); !strings.Contains(body, "Changed while it ran.") {
		t.Errorf("the API answers %s", body)
	}
	close(done)
	clients.Wait()

	// What does not compile is shown in the terminal and over the page.
	problems := s.problems(t)
	problems("[]")
	s.edit(t, routes, "Changed while it ran.", `Changed" while it ran.`)
	out.Await(t, `(?s)api does not compile; the last successful build keeps running\n.*api/internal/httpapi/routes.go:\d+:\d+: `)
	problems(`routes.go:`)
	public()
	s.edit(t, routes, `Changed" while it ran.`, "Changed while it ran.")
	problems("[]")

	// A program that exits right after its start stays down until the next edit.
	s.edit(t, "api/main.go", "func main() {", "func main() {\n\tpanic(\"at once\")")
	out.Await(t, `api ended by itself with code 2; the next edit`)
	problems(`api ended by itself`)
	s.edit(t, "api/main.go", "\n\tpanic(\"at once\")", "")
	problems("[]")
	out.Await(t, "(?s)code 2; the next edit.*API listening on")
	public()

	// The dev server itself.
	s.edit(t, "devserver/internal/config/config.go", `json:"clientId"`, `json:"clientID"`)
	out.Await(t, "(?s)devserver rebuilt in .*page listening on")
	if _, _, body := get(t, s.page+"/auth_config.json"); !strings.Contains(body, "clientID") {
		t.Errorf("the dev server answers %s", body)
	}
	if n := strings.Count(out.String(), "API listening on"); n != 3 {
		t.Errorf("the API was started %d times, want 3", n)
	}

	// Settings.
	write(t, dir, ".env", "not a setting")
	out.Await(t, `\.env:1: .*keep the last valid settings`)
	write(t, dir, ".env", "AUTH0_DOMAIN=acme.test")
	out.Await(t, `AUTH0_CLIENT_ID.*keep the last valid settings`)
	write(t, dir, ".env", "JWKS_REFRESH=6m\n")
	out.Await(t, `(?s)\.env has changed, restarting api\n.*API listening on`)
	write(t, dir, ".env", "JWKS_REFRESH=6m\nAUTH0_AUDIENCE=https://other.test\n")
	out.Await(t, `(?s)\.env has changed, restarting (?:api and devserver|devserver and api).*API listening on`)
	out.Await(t, `(?s)\.env has changed, restarting (?:api and devserver|devserver and api).*page listening on`)
	if _, _, body := get(t, s.page+"/auth_config.json"); !strings.Contains(body, "https://other.test") {
		t.Errorf("the page is told %s", body)
	}

	// Packages.
	s.edit(t, "frontend/package-lock.json", "{", "{ ")
	out.Await(t, "(?s)npm ci.*page listening on")
	if asked, err := os.ReadFile(filepath.Join(dir, "frontend", "npm-was-asked")); err != nil || string(asked) != "ci\n" {
		t.Errorf("npm was asked %q, %v", asked, err)
	}
}

// problems returns what waits until the pages are shown problems that hold text.
func (s *system) problems(t *testing.T) func(text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.page+"/@dev/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{ResponseHeaderTimeout: 10 * time.Second}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	events := bufio.NewScanner(resp.Body)
	return func(text string) {
		t.Helper()
		for events.Scan() {
			if _, problems, ok := strings.Cut(events.Text(), `"problems":`); ok && strings.Contains(problems, text) {
				return
			}
		}
		t.Fatalf("no page is shown %q: %v", text, events.Err())
	}
}

// TestMendedFileStartsItAgain has the dev server end by a fault in a file that it
// alone watches, and mends that.
func TestMendedFileStartsItAgain(t *testing.T) {
	t.Parallel()
	dir := sources(t)
	d := newDevEnv(t)
	write(t, dir, "proxy.conf.json", `{"/api": {"target": "http://`+d.api+`"}}`)
	_, out := start(t, dir, filepath.Join(bin, "dev"), d.env)
	out.Await(t, `(?s)\n  Page .*Ctrl\+C`)
	write(t, dir, "proxy.conf.json", `{`)
	out.Await(t, "the last valid proxy rules stay in use")
	main := filepath.Join("devserver", "main.go")
	content, err := os.ReadFile(filepath.Join(dir, main))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, main, string(content)+"\nvar _ = append([]string(nil), \"an edit\")\n")
	out.Await(t, "restarts it")
	write(t, dir, "proxy.conf.json", `{"/api": {"target": "http://`+d.api+`", "xfwd": true}}`)
	out.Await(t, `(?s)restarts it.*page listening on`)
	if status, _, body := get(t, "http://"+d.page+"/api/public"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}

	// The same by a file that .env names only now.
	write(t, dir, "mine.jsonc", "{")
	write(t, dir, ".env", "TENANT_CONFIG=mine.jsonc\n")
	out.Await(t, `(?s)restarts it.*restarts it`)
	content, err = os.ReadFile(filepath.Join(repo, "devserver", "tenant", "testdata", "tenant.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "mine.jsonc", string(content))
	out.Await(t, `(?s)restarts it.*restarts it.*page listening on`)
}

// TestMovedAPI moves the API away from where proxy.conf.json looks for it.
func TestMovedAPI(t *testing.T) {
	t.Parallel()
	dir, d := sources(t), newDevEnv(t)
	write(t, dir, "proxy.conf.json", `{"/api": {"target": "http://`+d.api+`"}}`)
	write(t, dir, ".env", "API_ADDR="+d.api+"\n")
	env := slices.DeleteFunc(d.env, func(setting string) bool { return strings.HasPrefix(setting, "API_ADDR=") })
	_, out := start(t, dir, filepath.Join(bin, "dev"), env)
	out.Await(t, `(?s)\n  Page .*Ctrl\+C`)
	moved := "localhost:" + freePorts(t, 1)[0]
	write(t, dir, ".env", "API_ADDR="+moved+"\n")
	out.Await(t, "the API listens on "+moved+", but proxy.conf.json sends /api/external to "+d.api)
	if said := strings.Count(out.String(), "but proxy.conf.json sends"); said != 1 {
		t.Errorf("said %d times", said)
	}
}

// TestBuildForATenant writes the page for production by what .env says.
func TestBuildForATenant(t *testing.T) {
	t.Parallel()
	dir := sources(t)
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(bin, "devserver"), filepath.Join(dir, "bin", "devserver")); err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]string{"": "without auth_config.json", "AUTH0_DOMAIN=acme.eu.auth0.com\nAUTH0_CLIENT_ID=abc\n": "gzipped"} {
		write(t, dir, ".env", env)
		build := exec.Command(filepath.Join(bin, "dev"), "build")
		build.Dir, build.Env = dir, machine()
		out, err := build.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v\n%s", err, out)
		}
		index, err := os.ReadFile(filepath.Join(dir, "frontend", "dist", "index.html"))
		if err != nil || strings.Contains(string(index), "connect-src &#39;self&#39; https://acme.eu.auth0.com") != (env != "") {
			t.Errorf("%q: %v\n%s", env, err, index)
		}
		auth, err := os.ReadFile(filepath.Join(dir, "frontend", "dist", "auth_config.json"))
		if (err == nil) != (env != "") || env != "" && !strings.Contains(string(auth), `"clientId":"abc"`) {
			t.Errorf("%q: %s, %v", env, auth, err)
		}
	}
}

// TestKeys types at the terminal that `make dev` runs in.
func TestKeys(t *testing.T) {
	t.Parallel()
	d := newDevEnv(t)
	cmd := exec.Command("script", "-qec", filepath.Join(bin, "dev"), "/dev/null") // which makes a terminal
	cmd.Dir = repo
	cmd.Env = append(append(machine(), "TENANT_STATE="), d.env...)
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := outputtest.New()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	press := func(key string) {
		t.Helper()
		if _, err := io.WriteString(keys, key+"\n"); err != nil {
			t.Error(err)
		}
	}
	out.Await(t, `Ctrl\+C`)
	if !strings.Contains(out.String(), "\x1b[") {
		t.Error("no colors at a terminal")
	}
	press("h")
	out.Await(t, "q quit")
	press("r")
	out.Await(t, "(?s)restarting.*keys are loaded")
	out.Await(t, "(?s)restarting.*page listening on")
	press("t")
	token := out.Await(t, `\n(ey\S+\.\S+\.[\w-]+)`)
	if status, _, body := get(t, "http://"+d.api+"/api/external", "Authorization: Bearer "+token); status != http.StatusOK {
		t.Errorf("with that token: %d %s", status, body)
	}
	press("q")
	if code, _ := waitFor(t, cmd, 15*time.Second); code != 0 {
		t.Errorf("ended with %d:\n%s", code, out)
	}
	if left := d.listening(); left != nil {
		t.Errorf("still listening: %v", left)
	}
}
