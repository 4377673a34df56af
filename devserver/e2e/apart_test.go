package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// project writes a small frontend, starts a dev server on it, and returns that.
func project(t *testing.T, files map[string]string, flags ...string) *system {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, "frontend", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newSystem(t, dir, append([]string{"--types=false"}, flags...)...)
	s.talks = true
	return s
}

const simplePage = `<!doctype html><html lang="en"><head><title>Test</title><link rel="icon" href="data:,"><script type="module" src="/src/main.ts"></script></head><body><h1>Test</h1></body></html>`

// failing is a script that says and throws things, and then shows that it has.
const failing = `const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'

function fail(): never {
  throw new Error('in a function ' + token)
}

console.log('only with all')
console.error('said %s times, access_token=%s', 3, token)
void Promise.reject(new RangeError('nobody handles it'))
setTimeout(fail)
document.body.style.setProperty('color', 'red')
document.body.insertAdjacentHTML('beforeend', '<p style="color: blue">inline</p>')
setTimeout(() => document.title = 'done', 100)
`

// TestConsoleInTheTerminal looks at what the dev server says of a failing page.
func TestConsoleInTheTerminal(t *testing.T) {
	t.Parallel()
	early := strings.Replace(simplePage, "<title>", "<script>throw new Error('before any module')</script><title>", 1)
	const later = "setTimeout(() => console.error('the last message'), 300)\n"
	errors := []string{
		"frontend/src/main.ts:8:9: said 3 times, access_token=<removed>\n", "  console.error('said",
		"frontend/src/main.ts:9:21: Uncaught (in promise) RangeError: nobody handles it",
		"frontend/src/main.ts:4:9: Uncaught Error: in a function eyJ<removed>",
		"the Content-Security-Policy (style-src-attr) blocks something inline; DEV_CSP=false or --csp=false turns the policy off",
		"Uncaught Error: before any module",
	}
	for level, says := range map[string][]string{"errors": errors, "all": append(errors, "frontend/src/main.ts:7:9: only with all"), "off": nil} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			s := project(t, map[string]string{"index.html": early, "src/main.ts": failing + later}, "--console", level)
			b := openUnwatched(t, s)
			for range 2 { // each message appears once
				b.visit(s.page)
				b.await("the end of the script", `document.title === 'done'`)
				if level != "off" {
					s.devserver.Await(t, "the last message")
				}
			}
			text := s.devserver.String()
			for _, want := range says {
				if strings.Count(text, want) != 1 {
					t.Errorf("%q is there %d times", want, strings.Count(text, want))
				}
			}
			if strings.Contains(text, "c2lnbmF0dXJl") {
				t.Error("a token is in the log")
			}
			if strings.Contains(text, "only with all") != (level == "all") || strings.Contains(text, "on the page") != (level != "off") {
				t.Errorf("with %s it says more or less", level)
			}
		})
	}
}

// TestManyVisiblePages opens more pages than a browser has connections.
func TestManyVisiblePages(t *testing.T) {
	t.Parallel()
	s := project(t, map[string]string{"index.html": simplePage, "src/main.ts": "document.title = 'first'"})
	b := open(t, s)
	b.visit(s.page)
	pages := []*tab{b}
	for range 9 {
		pages = append(pages, b.another(s.page))
	}
	for i, p := range pages {
		p.await(fmt.Sprintf("page %d", i), `document.title === 'first'`)
	}
	write(t, s.dir, "frontend/src/main.ts", "document.title = 'second'")
	for i, p := range pages {
		p.await(fmt.Sprintf("page %d after an edit", i), `document.title === 'second'`)
	}
}

// TestStylesSwapWhereverTheyAre edits styles that scripts and other styles import.
func TestStylesSwapWhereverTheyAre(t *testing.T) {
	t.Parallel()
	dir := stranger(t, "styles")
	s := newSystem(t, dir, "--types=false")
	b := open(t, s)
	b.visit(s.page)
	b.await("the page", data("later", "loaded"))
	ask[int](b, `window.remembered = 42`)
	for _, edit := range []struct{ file, old, replacement, selector, property, want string }{
		{"frontend/src/part.css", "4px", "14px", "h1", "padding", "14px"},
		{"frontend/src/third.css", "2px", "12px", "h1", "margin", "12px"},
		{"frontend/src/later.css", "5px", "15px", "h1", "letterSpacing", "15px"},
		{"frontend/src/title.module.css", "6px", "16px", "h1", "textIndent", "16px"},
		{"frontend/node_modules/look/theme.css", "8px", "18px", ".fancy", "borderLeftWidth", "18px"},
	} {
		s.edit(t, edit.file, edit.old, edit.replacement)
		b.await(edit.file, style(edit.selector, edit.property, edit.want))
	}
	if ask[int](b, `window.remembered ?? 0`) != 42 {
		t.Error("the page was loaded again")
	}
}

// TestOtherLoopbackNames opens the page by names under which no login works.
func TestOtherLoopbackNames(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.page, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, s)
	for _, host := range []string{"127.0.0.1", "[::1]", "app.localhost"} {
		b.visit("http://" + host + ":" + port + "/?from=" + host)
		b.see(s.page+"/", "Log in to begin")
		if status, _, _ := get(t, "http://127.0.0.1:"+port+"/profile", "Host: "+host+":"+port); status != http.StatusOK {
			t.Errorf("a program at %s gets %d", host, status)
		}
	}
}

// TestOneProblemOnce makes a mistake that both the bundler and the type checker find.
func TestOneProblemOnce(t *testing.T) {
	t.Parallel()
	b := open(t, workspace(t, "--types=true"))
	b.visit(b.page)
	b.see(b.page+"/", "Log in to begin")
	overlay := `document.querySelector('dev-server-problems')?.shadowRoot.textContent`
	b.edit(t, "frontend/src/dom.ts", "export", "export const wrong: number = 'x'\nexport")
	b.await("the type error", overlay+`?.includes('TS2322')`)
	if text := ask[string](b, overlay); !strings.Contains(text, "The page runs this code") {
		t.Errorf("the overlay says %s", text)
	}
	// The type checker reports syntax errors alone, which shows that it has seen this one.
	b.edit(t, "frontend/src/pages/home.ts", "Log in to begin", "Log in' to begin")
	b.await("the syntax error alone", overlay+`?.includes('home.ts:') && !`+overlay+`.includes('TS2322')`)
	if text := ask[string](b, overlay); strings.Count(text, "home.ts:") != 1 || !strings.Contains(text, "The last successful build keeps running") {
		t.Errorf("the overlay says %s", text)
	}
	if terminal := b.devserver.String(); strings.Count(terminal, "home.ts:") != 1 {
		t.Errorf("the terminal says %s", terminal)
	}
	write(t, b.dir, "proxy.conf.json", "{")
	b.await("a problem of the rules", overlay+`?.includes('The last valid rules stay in effect')`)
	b.screenshots("problems")
}

// TestNoDescriptorsLeft uses up the open files of a dev server.
func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "frontend"), os.DirFS(filepath.Join("frontends", "plain"))); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "proxy.conf.json", "{}")
	_, out := start(t, dir, "/bin/sh", nil, "-c", `ulimit -n 40; exec "$0" "$@"`, filepath.Join(bin, "devserver"), "--addr", "localhost:0", "--tenant-addr", "localhost:0")
	addr := strings.TrimPrefix(out.Await(t, `page listening on `+localhost), "http://")
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	first := dial()
	ask := func(conn net.Conn, path string) (*http.Response, error) {
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return http.ReadResponse(bufio.NewReader(conn), nil)
	}
	if resp, err := ask(first, "/main.js"); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("at first: %v, %v", resp, err)
	}
	for range 40 {
		dial()
	}
	out.Await(t, "too many open files")
	for _, path := range []string{"/", "/main.js"} {
		conn := first
		resp, err := ask(conn, path)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v, %v", path, resp, err)
		}
	}
}

// TestHelp asks the runner what it can do.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h", "help"} {
		out, err := exec.Command(filepath.Join(bin, "dev"), flag).Output()
		if err != nil || !strings.Contains(string(out), "dev build") {
			t.Errorf("%s: %v %s", flag, err, out)
		}
	}
}

// TestSecondSignal ends programs that are still busy with what they were doing.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "proxy.conf.json", "{}")
	for name, args := range map[string][]string{
		"devserver": {"--addr", "localhost:0", "--tenant-addr", "localhost:0", "--types=false", "--frontend", filepath.Join(repo, "frontend")},
		"api":       {"--addr", "localhost:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, out := start(t, dir, filepath.Join(bin, name), nil, args...)
			addr := strings.TrimPrefix(out.Await(t, `(?:page|API) listening on `+localhost), "http://")
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := fmt.Fprint(conn, "POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Le"); err != nil { // a request in flight
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case err := <-ended:
					if exit, ok := errors.AsType[*exec.ExitError](err); ok {
						if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGTERM {
							return
						}
					}
					t.Fatalf("ended with %v, and not by the second signal", err)
				case <-tick.C:
					_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
				}
			}
		})
	}
}
