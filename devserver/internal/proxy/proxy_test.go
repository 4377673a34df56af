package proxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// start serves the rules of conf on loopback and returns the server's URL.
func start(t testing.TB, conf string, log io.Writer) string {
	t.Helper()
	rules, err := proxyconf.Parse("proxy.conf.json", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	transports := proxy.NewTransports()
	t.Cleanup(transports.Close)
	p := proxy.New(rules, transports, slog.New(slog.NewTextHandler(log, nil)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := p.Handler(r.URL.Path)
		if h == nil {
			http.Error(w, "no rule", http.StatusNotFound)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// upstream starts h and returns its URL.
func upstream(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func rule(target, options string) string {
	return `{"/api": {"target": "` + target + `"` + options + `}}`
}

func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestArrivesAsSent(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var gotBody string
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, gotBody = r, string(body)
		w.Header().Set("Content-Encoding", "gzip") // not really: nobody may look inside
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("as it is"))
	})
	url := start(t, rule(target, ""), io.Discard)
	resp, body := do(t, http.MethodPut, url+"/api/a%2Fb//c;d?x=1;y=2&z=%zz", "the body",
		"Authorization: Bearer abc", "Connection: Authorization", "X-Twice: 1", "X-Twice: 2",
		"X-Forwarded-For: 192.0.2.1", "Accept-Encoding: br")

	if got.Method != http.MethodPut || gotBody != "the body" {
		t.Errorf("arrived %s %q", got.Method, gotBody)
	}
	if want := "/api/a%2Fb//c;d?x=1;y=2&z=%zz"; got.RequestURI != want {
		t.Errorf("arrived at %s, want %s", got.RequestURI, want)
	}
	if want := strings.TrimPrefix(url, "http://"); got.Host != want {
		t.Errorf("Host %s, want the browser's, %s", got.Host, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer abc", "X-Twice": "1 2", "X-Forwarded-For": "192.0.2.1", "Accept-Encoding": "br",
	} {
		if value := strings.Join(got.Header.Values(name), " "); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if got.Header.Get("Connection") != "" {
		t.Error("a hop-by-hop header went on")
	}
	if resp.StatusCode != http.StatusTeapot || body != "as it is" || len(resp.Header.Values("Set-Cookie")) != 2 {
		t.Errorf("came back %d %q %v", resp.StatusCode, body, resp.Header)
	}
}

func TestTargetPathAndChangeOrigin(t *testing.T) {
	t.Parallel()
	var uri, host string
	target := upstream(t, func(_ http.ResponseWriter, r *http.Request) { uri, host = r.RequestURI, r.Host })
	url := start(t, rule(target+"/base/", `, "changeOrigin": true`), io.Discard)
	do(t, http.MethodGet, url+"/api/x?y", "")
	if uri != "/base/api/x?y" || host != strings.TrimPrefix(target, "http://") {
		t.Errorf("arrived at %s on %s", uri, host)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("data: 1\n"))
		_ = http.NewResponseController(w).Flush()
		select { // the second event waits until the first has arrived
		case <-proceed:
			_, _ = w.Write([]byte("data: 2\n"))
		case <-r.Context().Done():
		}
	})
	url := start(t, rule(target, ""), io.Discard)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "data: 1" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	close(proceed)
	if !lines.Scan() || lines.Text() != "data: 2" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		kind, message, err := conn.Read(r.Context())
		if err == nil {
			_ = conn.Write(r.Context(), kind, append([]byte("echo "), message...))
		}
		_ = conn.Close(4001, "done")
	})
	for options, works := range map[string]bool{``: true, `, "ws": true`: true, `, "ws": false`: false} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, resp, err := websocket.Dial(ctx, start(t, rule(target, options), io.Discard)+"/api/ws", nil)
			if !works {
				if err == nil || resp.StatusCode != http.StatusForbidden {
					t.Errorf("got %v, %v; want a 403", resp, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, message, err := conn.Read(ctx); err != nil || string(message) != "echo hello" {
				t.Errorf("got %q, %v", message, err)
			}
			if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != 4001 {
				t.Errorf("ended with %v, want the upstream's code 4001", err)
			}
		})
	}
}

func TestTargetDown(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := "http://localhost:" + strings.Split(ln.Addr().String(), ":")[1]
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	url := start(t, rule(target, ""), io.Discard)

	resp, body := do(t, http.MethodGet, url+"/api/x", "", "Accept: application/json")
	var fault map[string]string
	if err := json.Unmarshal([]byte(body), &fault); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if resp.StatusCode != http.StatusBadGateway || fault["rule"] != "/api" || fault["target"] != target ||
		!strings.Contains(fault["cause"], "refused") || !strings.Contains(fault["next"], "make api") {
		t.Errorf("got %d %v", resp.StatusCode, fault)
	}
	resp, body = do(t, http.MethodGet, url+"/api/x", "", "Accept: text/html,*/*")
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "<h1>") || !strings.Contains(body, target) {
		t.Errorf("as a page: %d %s", resp.StatusCode, body)
	}

	// It comes up on [::1] alone, as Node servers do: the next request gets through.
	if ln, err = net.Listen("tcp", "[::1]:"+target[len("http://localhost:"):]); err != nil {
		t.Logf("no IPv6 on this machine, so not tried: %v", err)
		return
	}
	srv := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	if resp, _ := do(t, http.MethodGet, url+"/api/x", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("once it is up: %d", resp.StatusCode)
	}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	if resp, _ := do(t, http.MethodGet, start(t, rule(srv.URL, `, "secure": false`), io.Discard)+"/api", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("secure false: %d", resp.StatusCode)
	}
	resp, body := do(t, http.MethodGet, start(t, rule(srv.URL, ""), io.Discard)+"/api", "")
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "certificate") {
		t.Errorf("secure by default: %d %s", resp.StatusCode, body)
	}
}

func TestClientAbortReachesUpstreamAndIsNoFault(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}), make(chan struct{})
	target := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	})
	var log strings.Builder
	url := start(t, rule(target, ""), &log)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-arrived
	cancel()
	<-done
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the upstream never learns that the client is gone")
	}
	if log.Len() != 0 {
		t.Errorf("logged: %s", log.String())
	}
}

func BenchmarkProxy(b *testing.B) {
	target := upstream(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"msg":"ok"}`)) })
	url := start(b, rule(target, ""), io.Discard)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Get(url + "/api/external")
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}
