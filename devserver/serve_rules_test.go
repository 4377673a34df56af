package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"calling-an-api.example/devserver/internal/config"
)

// upstream answers its name, and to /api/slow only once proceed is closed.
func upstream(t *testing.T, name string, arrived, proceed chan struct{}) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/slow" {
			close(arrived)
			<-proceed
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestRetargetUnderLoad sends requests without a pause while the rules change.
func TestRetargetUnderLoad(t *testing.T) {
	t.Parallel()
	arrived, proceed := make(chan struct{}), make(chan struct{})
	targets := []string{upstream(t, "a", arrived, proceed), upstream(t, "b", nil, nil)}
	rules := func(i int) string { return `{"/api": {"target": "` + targets[i%2] + `"}}` }
	dir, log, stop := start(t, func(dir string, _ *config.Config) { write(t, dir, "proxy.conf.json", rules(0)) })
	page := log.Await(t, `page listening on (\S+?)"`)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	ask := func(path string) (string, error) {
		resp, err := client.Get(page + path)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK {
			return resp.Status, err
		}
		return string(body), err
	}

	var others sync.WaitGroup
	slow := make(chan string, 1)
	others.Go(func() {
		answer, err := ask("/api/slow")
		if err != nil {
			t.Error(err)
		}
		slow <- answer
	})
	<-arrived // by the rules that will be gone when it is answered
	done := make(chan struct{})
	var asked atomic.Int64
	for range 8 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if answer, err := ask("/api/x"); err != nil || answer != "a" && answer != "b" {
					t.Errorf("lost: %q, %v", answer, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := 1; i <= 20; i++ {
		write(t, dir, "new.json", rules(i))
		if err := os.Rename(filepath.Join(dir, "new.json"), filepath.Join(dir, "proxy.conf.json")); err != nil {
			t.Fatal(err)
		}
		log.Await(t, fmt.Sprintf(`(?s)(proxy rules: /api → .*){%d}`, i))
		if answer, err := ask("/api/x"); err != nil || answer != "ab"[i%2:i%2+1] {
			t.Errorf("after change %d: %q, %v", i, answer, err)
		}
	}
	close(proceed)
	if answer := <-slow; answer != "a" {
		t.Errorf("the request in flight got %q", answer)
	}
	close(done)
	others.Wait()
	if n := asked.Load(); n < 100 {
		t.Errorf("only %d requests", n)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestRulesComeBack deletes the file and creates it again.
func TestRulesComeBack(t *testing.T) {
	t.Parallel()
	target := upstream(t, "up", nil, nil)
	good := `{"/api": {"target": "` + target + `"}}`
	dir, log, stop := start(t, func(dir string, _ *config.Config) { write(t, dir, "proxy.conf.json", good) })
	page := log.Await(t, `page listening on (\S+?)"`)
	log.Await(t, `proxy rules of \S+proxy.conf.json\\n  /api → `+target)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for i, edit := range []func(){
		func() {
			if err := os.Remove(filepath.Join(dir, "proxy.conf.json")); err != nil {
				t.Fatal(err)
			}
			log.Await(t, "valid proxy rules stay in use.*does not exist")
		},
		func() {
			write(t, dir, "proxy.conf.json", good)
			log.Await(t, "proxy rules: unchanged")
		},
		func() {
			write(t, dir, "proxy.conf.json", "")
			log.Await(t, "valid proxy rules stay in use.*is empty")
		},
		func() {
			write(t, dir, "proxy.conf.json", `{"/api": {"target": "`+target+`", "xfwd": true}, "/api/x": "http://localhost:1"}`)
			log.Await(t, "proxy.conf.json:1:.* no request reaches /api/x")
			log.Await(t, "proxy rules: /api: xfwd true; new: /api/x → http://localhost:1")
		},
	} {
		edit()
		if got := text(t, get(t, client, page+"/api")); got != "up" {
			t.Errorf("after edit %d: %s", i, got)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestHandshakesOfOtherOriginsAreRejected opens a WebSocket from a page of another origin.
func TestHandshakesOfOtherOriginsAreRejected(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err == nil {
			_ = conn.Close(websocket.StatusNormalClosure, "")
		}
	}))
	defer srv.Close()
	_, log, stop := start(t, func(dir string, _ *config.Config) {
		write(t, dir, "proxy.conf.json", `{"/api": {"target": "`+srv.URL+`", "ws": true}}`)
	})
	page := log.Await(t, `page listening on (\S+?)"`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for origin, want := range map[string]int{page: 101, "https://evil.test": 403, "": 101} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, resp, err := websocket.Dial(ctx, strings.Replace(page, "http", "ws", 1)+"/api", &websocket.DialOptions{HTTPHeader: header})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("from %q: %v, %v; want %d", origin, resp, err, want)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestBadPaths requests a path with a % that escapes nothing, from the proxy and from
// the app.
func TestBadPaths(t *testing.T) {
	t.Parallel()
	_, log, stop := start(t, func(dir string, _ *config.Config) {
		write(t, dir, "proxy.conf.json", `{"/api": "`+upstream(t, "up", nil, nil)+`"}`)
	})
	page := log.Await(t, `page listening on (\S+?)"`)
	for _, path := range []string{"/api/rate/50%", "/50%"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(page, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400") || !strings.Contains(string(got), "Write %25") {
			t.Errorf("%s: %s, %v", path, got, err)
		}
		_ = conn.Close()
		log.Await(t, path+`.*write %25`)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestRulesAndProofs has rules that change the path, while the page's requests have DPoP
// proofs. Each is warned of, at the start and after an edit, with its place.
func TestRulesAndProofs(t *testing.T) {
	t.Parallel()
	rules := func(options string) string {
		return `{
			"/api": {"target": "http://localhost:1"},
			"/same": {"target": "http://localhost:1/"},
			"/other": {"target": "http://localhost:1/v1", "prependPath": false},
			"/x": {"target": "http://localhost:1"` + options + `}
		}`
	}
	for name, options := range map[string]string{
		"a rewrite": `, "pathRewrite": {"^/x": ""}`, "a target's path": `, "target": "http://localhost:1/v1"`, "ignorePath": `, "ignorePath": true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, log, stop := start(t, func(dir string, cfg *config.Config) {
				cfg.DPoP = true
				write(t, dir, "proxy.conf.json", rules(options))
			})
			log.Await(t, `proxy.conf.json:5:\d+: this rule changes the path`)
			if strings.Count(log.String(), "changes the path") != 1 {
				t.Errorf("other rules are warned of: %s", log)
			}
			write(t, dir, "proxy.conf.json", rules(""))
			log.Await(t, `proxy rules: `)
			write(t, dir, "proxy.conf.json", rules(options))
			log.Await(t, `proxy.conf.json:5:\d+: this rule changes the path(.|\n)*proxy.conf.json:5:\d+: this rule changes the path`)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
