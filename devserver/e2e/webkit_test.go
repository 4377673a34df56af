package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
)

// webkit is a page in WebKit: GTK's MiniBrowser on a virtual screen, driven by W3C WebDriver
// (https://www.w3.org/TR/webdriver2/). Its driver has one session at a time, so each test has its
// own.
type webkit struct {
	testing.TB
	*system
	session string // URL of the session
}

// webkitStart is how long the screen, the driver and the browser may each take to start.
const webkitStart = 60 * time.Second

// openWebKit opens a page in WebKit, with cookies of its own.
func openWebKit(t *testing.T, s *system) *webkit {
	t.Helper()
	driver, driverErr := exec.LookPath("WebKitWebDriver")
	screen, err := exec.LookPath("Xvfb")
	browsers, globErr := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	if err = errors.Join(driverErr, err, globErr); err != nil || len(browsers) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no WebKit, which CI must have: ", err)
		}
		t.Skip("no WebKit: ", err)
	}
	display := startScreen(t, screen)
	port := freePorts(t, 1)[0]
	_, out := start(t, t.TempDir(), driver, []string{
		"DISPLAY=" + display, "LIBGL_ALWAYS_SOFTWARE=1", "NO_AT_BRIDGE=1", "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1", // tests also run as root
		"HOME=" + t.TempDir(),
	}, "--port="+port, "--host=127.0.0.1")
	b := &webkit{TB: t, system: s, session: "http://127.0.0.1:" + port}
	b.awaitDriver(out)
	var made struct{ SessionID string }
	b.must(http.MethodPost, "/session", object{"capabilities": object{"alwaysMatch": object{
		"webkitgtk:browserOptions": object{"binary": browsers[len(browsers)-1], "args": []string{"--automation"}},
	}}}, &made)
	b.session += "/session/" + made.SessionID
	t.Cleanup(func() { _ = b.call(context.Background(), http.MethodDelete, "", nil, nil) }) // the driver is about to end
	b.must(http.MethodPost, "/timeouts", object{"script": patience.Milliseconds(), "pageLoad": webkitStart.Milliseconds()}, nil)
	return b
}

// startScreen starts a virtual screen until the test ends, and returns its name.
func startScreen(t *testing.T, program string) (display string) {
	t.Helper()
	number, ready, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = number.Close() }()
	cmd := exec.Command(program, "-displayfd", "3", "-screen", "0", "1280x1000x24", "-nolisten", "tcp")
	cmd.ExtraFiles, cmd.SysProcAttr = []*os.File{ready}, endsWithParent()
	if err := errors.Join(cmd.Start(), ready.Close(), number.SetReadDeadline(time.Now().Add(webkitStart))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has nothing to save
		_ = cmd.Wait()
	})
	var n int
	if _, err := fmt.Fscanln(number, &n); err != nil {
		t.Fatal("the screen does not start: ", err)
	}
	return fmt.Sprintf(":%d", n)
}

// awaitDriver waits until the driver answers.
func (b *webkit) awaitDriver(out *outputtest.Output) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), webkitStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for b.call(ctx, http.MethodGet, "/status", nil, nil) != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("the driver of WebKit does not answer:\n%s", out)
		}
	}
}

// call sends a command of the session, and decodes its value unless to is nil.
func (b *webkit) call(ctx context.Context, method, path string, params, to any) error {
	var body bytes.Buffer
	if params != nil {
		if err := json.NewEncoder(&body).Encode(params); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, b.session+path, &body)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := struct{ Value json.RawMessage }{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, answer.Value)
	}
	if to == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, to)
}

func (b *webkit) must(method, path string, params, to any) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), webkitStart)
	defer cancel()
	if err := b.call(ctx, method, path, params, to); err != nil {
		b.Fatalf("%v\n%s", err, b.describe())
	}
}

// run returns what the body of a function returns.
func (b *webkit) run(ctx context.Context, body string, to any) error {
	return b.call(ctx, http.MethodPost, "/execute/sync", object{"script": body, "args": []any{}}, to)
}

// describe says what the browser shows, for failures.
func (b *webkit) describe() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var text string
	if err := b.run(ctx, `return "at " + location.href + "\n" + document.body.innerText`, &text); err != nil {
		return err.Error()
	}
	return text
}

func (b *webkit) visit(url string) {
	b.Helper()
	b.must(http.MethodPost, "/url", object{"url": url}, nil)
	b.watch()
}

func (b *webkit) reload() {
	b.Helper()
	b.must(http.MethodPost, "/refresh", object{}, nil)
	b.watch()
}

// watch fails the test for errors of the page from now on, and for those that were kept. The
// driver has no console.
func (b *webkit) watch() {
	b.Helper()
	const script = `if (!window.failures) {
		window.failures = []
		addEventListener('error', (e) => failures.push(e.message))
		addEventListener('unhandledrejection', (e) => failures.push(String(e.reason)))
		addEventListener('securitypolicyviolation', (e) => failures.push(e.violatedDirective + ' ' + e.blockedURI))
	}
	return failures.splice(0)`
	var failures []string
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if b.run(ctx, script, &failures) == nil && len(failures) > 0 { // otherwise the page is going away
		b.Errorf("the page fails: %s", strings.Join(failures, "; "))
	}
}

func (b *webkit) await(what, expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		isTrue := false
		err := b.run(ctx, "return Boolean("+expression+")", &isTrue)
		if err == nil && isTrue {
			b.watch()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("%s: %v\n%s", what, err, b.describe())
		}
	}
}

func (b *webkit) see(url, text string) {
	b.Helper()
	b.await(fmt.Sprintf("see %q at %s", text, url), seen(url, text))
}

func (b *webkit) js(promise string) string {
	b.Helper()
	var text string
	b.must(http.MethodPost, "/execute/async", object{"args": []any{}, "script": fmt.Sprintf(
		"const done = arguments[0]; (async () => String(await (%s)))().catch((e) => `${e.error ?? e.name}: ${e.message}`).then(done)", promise)}, &text)
	return text
}

// clickOn clicks the visible element that the JavaScript expression finds.
func (b *webkit) clickOn(what, element string) {
	b.Helper()
	b.await(what, element+"?.checkVisibility()")
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	found := map[string]string{}
	if err := b.run(ctx, "const one = "+element+"; one.scrollIntoView({block: 'center'}); return one", &found); err != nil {
		b.Fatalf("%s: %v\n%s", what, err, b.describe())
	}
	for _, id := range found { // its one member has a constant name
		b.must(http.MethodPost, "/element/"+id+"/click", object{}, nil)
	}
}

func (b *webkit) click(selector string) {
	b.Helper()
	b.clickOn("click "+selector, fmt.Sprintf("document.querySelector(%q)", selector))
}

func (b *webkit) press(text string) {
	b.Helper()
	b.clickOn("press "+text, fmt.Sprintf("[...document.querySelectorAll('a, button')].find((one) => one.innerText?.trim() === %q)", text))
}

// onEveryPage adds the script to the page's own document, because the driver of WebKit has no way
// to run one before a page's. The test needs a frontend of its own, and comes before the first
// visit.
func (b *webkit) onEveryPage(source string) {
	b.Helper()
	write(b, b.dir, "frontend/early.js", source)
	b.edit(b, "frontend/index.html", "<head>", "<head><script src=\"/early.js\"></script>")
	for status, body := 0, ""; status != http.StatusOK || !strings.Contains(body, "early.js"); {
		status, _, body = get(b, b.page+"/", "Accept: text/html")
	}
}

func (b *webkit) tab(string) window { b.Fatal("one window is enough for WebKit's tests"); return nil }
