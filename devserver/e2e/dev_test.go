package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// workspace is a system on a frontend of its own, which the test may edit. The
// SDK is the repository's.
func workspace(tb testing.TB, flags ...string) *system {
	tb.Helper()
	return newSystem(tb, ownFrontend(tb), flags...)
}

// ownFrontend returns a folder with a copy of the page's sources.
func ownFrontend(tb testing.TB) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	frontendFrom(tb, dir, filepath.Join(repo, "frontend"))
	if err := os.CopyFS(filepath.Join(dir, "frontend", "src"), os.DirFS(filepath.Join(repo, "frontend", "src"))); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// frontendFrom makes dir/frontend of what is in from, without its sources.
func frontendFrom(tb testing.TB, dir, from string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "frontend", "src"), 0o750); err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"index.html", "styles.css", "tsconfig.json", "package.json"} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			tb.Fatal(err)
		}
		write(tb, dir, "frontend/"+name, string(content))
	}
	if err := os.Symlink(filepath.Join(from, "node_modules"), filepath.Join(dir, "frontend", "node_modules")); err != nil {
		tb.Fatal(err)
	}
}

func write(tb testing.TB, dir, name, content string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// edit replaces a piece of a file by another.
func (s *system) edit(tb testing.TB, name, old, replacement string) {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		tb.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		tb.Fatalf("%s does not hold %q", name, old)
	}
	write(tb, s.dir, name, strings.Replace(string(content), old, replacement, 1))
}

// TestEditsReachTheOpenPage saves files and looks at an open page, without reloading it.
func TestEditsReachTheOpenPage(t *testing.T) {
	t.Parallel()
	b := open(t, workspace(t))
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")

	b.edit(t, "frontend/src/pages/home.ts", "Log in to begin", "Begin by a login")
	b.see(b.page+"/", "Begin by a login")

	// Styles come without a reload: what the page remembers stays.
	ask[int](b, `window.remembered = 42`)
	b.edit(t, "frontend/styles.css", "h1 {\n  margin", "h1 {\n  letter-spacing: 7px; margin")
	b.await("the new style", `getComputedStyle(document.querySelector('h1') ?? document.body).letterSpacing === '7px'`)
	b.await("one stylesheet", `document.querySelectorAll('link[rel=stylesheet]').length === 1`)
	if ask[int](b, `window.remembered ?? 0`) != 42 {
		t.Error("other styles load the whole page again")
	}

	for i := range 4 { // faster than they load
		b.edit(t, "frontend/styles.css", fmt.Sprintf("letter-spacing: %dpx", 7+i), fmt.Sprintf("letter-spacing: %dpx", 8+i))
		<-time.After(40 * time.Millisecond)
	}
	b.await("the last style, once", `getComputedStyle(document.querySelector('h1')).letterSpacing === '11px' && document.querySelectorAll('link[rel=stylesheet]').length === 1`)

	b.edit(t, "frontend/index.html", "<main", "<p>From index.html</p><main")
	b.see(b.page+"/", "From index.html")

	// A broken edit is shown over the page, which stays what it was.
	b.edit(t, "frontend/src/pages/home.ts", "Begin by a login", "Begin' by")
	b.await("the fault over the page",
		`document.querySelector('dev-server-problems')?.shadowRoot.textContent.includes('frontend/src/pages/home.ts:')`)
	b.see(b.page+"/", "Begin by a login")
	// Once it is dismissed it stays away, also when the page is told again.
	ask[any](b, `document.querySelector('dev-server-problems').shadowRoot.querySelector('button').click()`)
	write(t, b.dir, "proxy.conf.json", "{")
	b.await("another fault", `document.querySelector('dev-server-problems')?.shadowRoot.textContent.includes('proxy.conf.json')`)
	b.retarget(t, b.api)
	b.await("the first fault alone again", `document.querySelector('dev-server-problems')?.shadowRoot.textContent.includes('proxy.conf.json') === false`)
	ask[any](b, `document.querySelector('dev-server-problems').shadowRoot.querySelector('button').click()`)
	ask[any](b, `document.dispatchEvent(new Event('visibilitychange')), new Promise((resolve) => setTimeout(resolve, 300))`)
	b.absent("dev-server-problems")
	b.edit(t, "frontend/src/pages/home.ts", "Begin' by", "Begin again")
	b.see(b.page+"/", "Begin again")
	b.absent("dev-server-problems")
}

// TestWrongTypesAreShown makes a mistake that the bundler does not see.
func TestWrongTypesAreShown(t *testing.T) {
	t.Parallel()
	b := open(t, workspace(t, "--types=true"))
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	b.edit(t, "frontend/src/config.ts", "export ", "export const wrong: number = 'text'\nexport ")
	b.await("the fault over the page", `document.querySelector('dev-server-problems')?.shadowRoot.textContent.includes("TS2322")`)
	b.devserver.Await(t, `type errors\n.*frontend/src/config.ts:\d+:14: `)
	b.edit(t, "frontend/src/config.ts", "export const wrong: number = 'text'\n", "")
	b.await("the mend", `document.querySelector('dev-server-problems') === null`)
}

// TestRestartKeepsLogins restarts the dev server and loads a page for those
// logged in alone.
func TestRestartKeepsLogins(t *testing.T) {
	t.Parallel()
	ports := freePorts(t, 2)
	s := newSystem(t, "")
	s.page, s.tenant = "http://localhost:"+ports[0], "http://localhost:"+ports[1]
	run := func() (stop func()) {
		cmd, out := start(t, s.dir, filepath.Join(bin, "devserver"), []string{"TENANT_STATE=" + filepath.Join(s.dir, "state")},
			"--addr", "localhost:"+ports[0], "--tenant-addr", "localhost:"+ports[1], "--frontend", filepath.Join(repo, "frontend"), "--types=false")
		out.Await(t, "built")
		return func() {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			waitFor(t, cmd, 10*time.Second)
		}
	}
	stop := run()
	b := open(t, s)
	b.signIn("/profile", "ada@example.com")
	ask[int](b, `window.remembered = 42`)
	stop()
	run()
	b.await("the page loads again by itself", `window.remembered === undefined && document.readyState === 'complete'`)
	b.see(b.page+"/profile", "ada@example.com")
	b.visit(b.page + "/profile")
	b.see(b.page+"/profile", "ada@example.com")
}

// TestRestartedDevServer stops the dev server under an open page and starts
// another in its place.
func TestRestartedDevServer(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	addr := freePorts(t, 1)[0]
	run := func() (stop func()) {
		cmd, out := start(t, b.dir, filepath.Join(bin, "devserver"), nil, "--addr", "localhost:"+addr, "--tenant-addr", "localhost:0",
			"--frontend", filepath.Join(repo, "frontend"), "--types=false")
		out.Await(t, "built")
		return func() {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			waitFor(t, cmd, 10*time.Second)
		}
	}
	stop := run()
	b.visit("http://localhost:" + addr)
	b.see("http://localhost:"+addr+"/", "Log in to begin")
	ask[int](b, `window.remembered = 42`)
	stop()
	run()
	b.await("the page loads again by itself", `window.remembered === undefined && document.body?.innerText.includes('Log in to begin')`)
}

// TestProductionBuild writes the bundle that is deployed, and serves it.
// gzipped returns how many bytes the files of dir that pattern fits are as they are sent.
func gzipped(t *testing.T, dir, pattern string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		zip := gzip.NewWriter(&sent)
		if _, err := zip.Write(content); err != nil || zip.Close() != nil {
			t.Fatal(err)
		}
	}
	return sent.Len()
}

func TestProductionBuild(t *testing.T) {
	t.Parallel()
	dist := filepath.Join(t.TempDir(), "dist")
	printed, err := exec.Command(filepath.Join(bin, "devserver"), "--frontend", filepath.Join(repo, "frontend"), "--build", dist).CombinedOutput()
	if err != nil || !strings.Contains(string(printed), "kB") {
		t.Fatalf("%v: %s", err, printed)
	}
	if page, all := gzipped(t, dist, "assets/index-*.js"), gzipped(t, dist, "assets/*.*s"); page == 0 || page > 14<<10 || all > 90<<10 {
		t.Errorf("the page's own script has %d bytes, gzipped, and all scripts and styles %d", page, all)
	}
	s := newSystem(t, "", "--frontend", dist)
	b := open(t, s)
	b.signIn("/external-api", "ada@example.com")
	b.press("Ping API")
	b.see(b.page+"/external-api", "Your access token was successfully validated!")
}

func TestRetarget(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	elsewhere := newSystem(t, "")
	public := func(want int) string {
		t.Helper()
		status, _, body := get(t, s.page+"/api/public")
		if status != want {
			t.Errorf("got %d %s, want %d", status, body, want)
		}
		return body
	}
	public(200)

	s.retarget(t, elsewhere.api)
	s.devserver.Await(t, "proxy rules: /api → "+elsewhere.api)
	public(200)

	write(t, s.dir, "proxy.conf.json", `{"/api": {"traget": "http://localhost:1"}}`)
	s.devserver.Await(t, `proxy\.conf\.json:1:11: .*traget`)
	public(200) // the last good rules stay

	s.retarget(t, "http://localhost:1")
	s.devserver.Await(t, "(?s)traget.*proxy rules: /api → http://localhost:1, was ")
	if body := public(502); !strings.Contains(body, `"rule":"/api"`) || !strings.Contains(body, "http://localhost:1") {
		t.Errorf("the refusal names no rule or target: %s", body)
	}
	if _, header, body := get(t, s.page+"/api/public", "Accept: text/html"); !strings.Contains(header.Get("Content-Type"), "text/html") ||
		!strings.Contains(body, "http://localhost:1") {
		t.Errorf("no page for a browser: %s", body)
	}
}

func TestThroughBothDoors(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	for _, origin := range []string{s.api, s.page} {
		status, header, body := get(t, origin+"/api/external")
		if challenge := header.Get("WWW-Authenticate"); status != 401 || !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s without a token: %d, challenge %q", origin, status, challenge)
		}
		if !strings.Contains(body, `"error"`) {
			t.Errorf("%s without a token: %s", origin, body)
		}
		env := []string{"AUTH0_DOMAIN=" + s.tenant, "TENANT_ADDR=" + strings.TrimPrefix(s.tenant, "http://")}
		token := strings.TrimSpace(output1(t, s.dir, env, "token"))
		if status, _, body := get(t, origin+"/api/external", "Authorization: Bearer "+token); status != 200 || !strings.Contains(body, message) {
			t.Errorf("%s with a token: %d %s", origin, status, body)
		}
	}
}

func TestOnlyThisMachineAndThisPage(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	for name, tc := range map[string]struct{ url, header string }{
		"page by another name":    {s.page + "/", "Host: evil.test"},
		"proxy by another name":   {s.page + "/api/public", "Host: evil.test:4200"},
		"tenant by another name":  {s.tenant + "/", "Host: evil.test"},
		"events for another page": {s.page + "/@dev/events", "Origin: https://evil.test"},
	} {
		if status, _, body := get(t, tc.url, tc.header); status != 403 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// TestIDTokenIsNoAccessToken takes the ID token of a real login to the API.
func TestIDTokenIsNoAccessToken(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Log in")
	// The SDK keeps tokens to itself, so the page is asked to tell what it receives.
	b.pick("ada@example.com")
	b.see(b.tenant+"/u/consent", "Authorize")
	tokens := b.tokens(func() { b.press("Accept") })
	b.see(b.page+"/profile", "Ada Lovelace")
	if status, _, body := get(t, b.api+"/api/external", "Authorization: Bearer "+tokens.ID); status != 401 || !strings.Contains(body, "audience") {
		t.Errorf("the ID token: %d %s", status, body)
	}
	for path, want := range map[string]int{"/api/external": 200, "/api/private-scoped": 200} {
		if status, _, body := get(t, b.api+path, "Authorization: Bearer "+tokens.Access); status != want {
			t.Errorf("Ada's access token at %s: %d %s", path, status, body)
		}
	}
}
