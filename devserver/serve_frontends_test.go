package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
)

// state is what a page is told.
type state struct {
	Version  string
	Styles   int
	Problems []string
}

// follow returns what waits for the next thing that an open page is told.
func follow(t *testing.T, client *http.Client, page string) func() state {
	t.Helper()
	events := bufio.NewScanner(get(t, client, page+"/@dev/events").Body)
	return func() (s state) {
		t.Helper()
		for events.Scan() {
			if data, ok := strings.CutPrefix(events.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		t.Fatalf("the stream ended: %v", events.Err())
		return s
	}
}

// TestBuiltFrontend serves what another tool built.
func TestBuiltFrontend(t *testing.T) {
	t.Parallel()
	dir, log, stop := start(t, func(dir string, cfg *config.Config) {
		cfg.Frontend = filepath.Join(dir, "dist", "app")
		for name, content := range map[string]string{
			"index.html": "<head></head>built", "main-ABC.js": "console.log(1)", "assets/a.css": "a{}", "package.json": "{}", ".env": "secret",
			"node_modules/a.js": "module",
		} {
			write(t, dir, "dist/app/"+name, content)
		}
	})
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for path, want := range map[string]int{
		"/": 200, "/main-ABC.js": 200, "/assets/a.css": 200, "/some/route": 200,
		"/package.json": 404, "/.env": 404, "/node_modules/a.js": 404, "/nothing.js": 404,
	} {
		resp := get(t, client, page+path)
		body := text(t, resp)
		if resp.StatusCode != want || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, body, want)
		}
		if path == "/some/route" && (!strings.Contains(body, "built") || !strings.Contains(body, "/@dev/client.js")) {
			t.Errorf("a route gets %s", body)
		}
	}
	next := follow(t, client, page)
	first := next()
	write(t, dir, "dist/app/assets/a.css", "a{color:red}")
	if s := next(); s.Version != first.Version || s.Styles != first.Styles+1 {
		t.Errorf("other styles: %+v after %+v", s, first)
	}
	// A build removes all, and then writes file by file, some as they were.
	if err := os.RemoveAll(filepath.Join(dir, "dist", "app")); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"main-DEF.js": "console.log(2)", "assets/a.css": "a{color:red}", "index.html": "<head></head>again"} {
		write(t, dir, "dist/app/"+name, content)
	}
	s := next()
	for s.Version == first.Version {
		s = next() // that index.html is missing, at most
	}
	if len(s.Problems) != 0 {
		t.Errorf("built, and yet: %+v", s)
	}
	write(t, dir, "dist/app/main-DEF.js", "console.log(2)") // unchanged: pages get no message
	write(t, dir, "proxy.conf.json", "{")                   // but of this
	if after := next(); after.Version != s.Version || len(after.Problems) != 1 {
		t.Errorf("after the same once more: %+v", after)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestStylesAlone(t *testing.T) {
	t.Parallel()
	dir, log, stop := start(t, nil)
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, "built")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	next := follow(t, client, page)
	first := next()
	write(t, dir, "frontend/styles.css", "body { margin: 0 }")
	if s := next(); s.Version != first.Version || s.Styles != first.Styles+1 {
		t.Errorf("other styles: %+v after %+v", s, first)
	}
	write(t, dir, "frontend/src/index.ts", "console.log('second')")
	if s := next(); s.Version == first.Version {
		t.Errorf("another script: %+v", s)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestManySaves saves without a pause. What is served in the end is the last one.
func TestManySaves(t *testing.T) {
	t.Parallel()
	dir, log, stop := start(t, nil)
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	next := follow(t, client, page)
	for i := range 500 {
		write(t, dir, "frontend/src/index.ts", "console.log('save "+strings.Repeat("x", i)+"')")
	}
	write(t, dir, "frontend/src/index.ts", "console.log('the last')")
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(text(t, get(t, client, page+"/src/index.ts.js")), "the last") {
		if time.Now().After(deadline) {
			t.Fatal("the last save is never served")
		}
		next()
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(_ string, cfg *config.Config) { cfg.HTTPS = true })
	page := log.Await(t, `page listening on (https://localhost:\d+)`)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
	}}
	defer client.CloseIdleConnections()
	if resp := get(t, client, page+"/"); resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("%s %s", resp.Status, resp.Proto)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestExposed serves other machines, as which this one stands in by another of its
// addresses.
func TestExposed(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(_ string, cfg *config.Config) { cfg.Addr = "0.0.0.0:0"; cfg.AllowedHosts = []string{"dev.test"} })
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, "have no crypto.subtle")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for host, want := range map[string]int{"192.0.2.1:80": 200, "dev.test": 200, "evil.test": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := text(t, resp); resp.StatusCode != want || want == 403 && !strings.Contains(body, "--allowed-host evil.test") {
			t.Errorf("%s: %d %s", host, resp.StatusCode, body)
		}
		_ = resp.Body.Close()
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestIndexGoesAndComesBack has the page's own file away for a while.
func TestIndexGoesAndComesBack(t *testing.T) {
	t.Parallel()
	dir, log, stop := start(t, nil)
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, "built")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	next := follow(t, client, page)
	first := next()
	if err := os.Remove(filepath.Join(dir, "frontend", "index.html")); err != nil {
		t.Fatal(err)
	}
	if s := next(); s.Version != first.Version || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "index.html") {
		t.Errorf("without index.html: %+v", s)
	}
	if body := text(t, get(t, client, page+"/")); !strings.Contains(body, "/src/index.ts.js") || !strings.Contains(body, "/@dev/client.js") {
		t.Errorf("a page that is opened meanwhile is not the last one: %s", body)
	}
	write(t, dir, "frontend/index.html", index+"again")
	s := next()
	for len(s.Problems) > 0 || s.Version == first.Version {
		s = next()
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestSilentConnectionsHoldNothingUp opens connections in advance, as browsers do.
func TestSilentConnectionsHoldNothingUp(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, nil)
	page := log.Await(t, `page listening on http://(\S+?)"`)
	conn, err := net.Dial("tcp", page)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	get(t, client, "http://"+page+"/") // by then the other one is accepted
	begin := time.Now()
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v to stop", took)
	}
}

// TestBuiltFrontendIsSentWell builds a frontend, serves it, and looks at the headers.
func TestBuiltFrontendIsSentWell(t *testing.T) {
	t.Parallel()
	var script string
	_, log, stop := start(t, func(dir string, cfg *config.Config) {
		write(t, dir, "frontend/src/index.ts", "console.log('"+strings.Repeat("long ", 1000)+"')")
		write(t, dir, "frontend/public/index-ABCDEFGH.js", "not of the build")
		dist := filepath.Join(dir, "dist")
		if err := build(config.Config{Frontend: cfg.Frontend, Build: dist}, nil, io.Discard); err != nil {
			t.Error(err)
		}
		page, err := os.ReadFile(filepath.Join(dist, "index.html"))
		if err != nil {
			t.Error(err)
		}
		script = regexp.MustCompile(`/assets/index-[A-Z0-9]{8}\.js`).FindString(string(page))
		cfg.Frontend = dist
	})
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	ask := func(path string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	const forever, always = "public, max-age=31536000, immutable", "no-cache"
	for path, want := range map[string]string{script: forever, "/": always, "/route": always, "/logo.svg": always, "/index-ABCDEFGH.js": always} {
		if resp := ask(path); resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != want || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, resp.Header)
		}
	}
	resp := ask(script, "Accept-Encoding", "br, gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") || len(text(t, resp)) > 1000 {
		t.Errorf("compressed: %v", resp.Header)
	}
	for _, header := range [][]string{{"Accept-Encoding", "gzip"}, nil} {
		tag := ask(script, header...).Header.Get("ETag")
		if again := ask(script, append([]string{"If-None-Match", tag}, header...)...); again.StatusCode != http.StatusNotModified {
			t.Errorf("%v: %d with its own ETag %s", header, again.StatusCode, tag)
		}
	}
	if resp := ask(script, "Range", "bytes=0-3", "Accept-Encoding", "gzip"); resp.StatusCode != http.StatusPartialContent || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("a part: %d %v", resp.StatusCode, resp.Header)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}
