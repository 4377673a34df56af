package proxy_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

func TestMain(m *testing.M) {
	if target := os.Getenv(childTarget); target != "" {
		child(target)
		return
	}
	// regexp2 measures time in a goroutine of its own, which ends when there is nothing to measure.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// start serves the rules of conf on loopback and returns the server's URL.
func start(tb testing.TB, conf string, log io.Writer) (url string) {
	tb.Helper()
	url, _ = startAndWait(tb, conf, log)
	return url
}

// options are those of a proxy that logs to log. Its API is at port 1, where nothing
// listens.
func options(log io.Writer) proxy.Options {
	return proxy.Options{API: "localhost:1", Log: slog.New(slog.NewTextHandler(log, nil))}
}

// startAndWait is start; wait waits for the end of all requests, after which there
// are no more.
func startAndWait(tb testing.TB, conf string, log io.Writer) (url string, wait func()) {
	tb.Helper()
	rules, _, err := proxyconf.Parse("proxy.conf.json", []byte(conf))
	if err != nil {
		tb.Fatal(err)
	}
	transports := proxy.NewTransports()
	p := proxy.New(rules, transports, options(log))
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := p.Handler(r)
		if h == nil {
			http.Error(w, "no rule", http.StatusNotFound)
			return
		}
		h.ServeHTTP(w, r)
	}))
	transports.Track(srv.Config)
	srv.Start()
	tb.Cleanup(func() {
		srv.Close()
		transports.Close()
	})
	return srv.URL, srv.Close
}

// upstream starts h and returns its URL.
func upstream(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	srv := httptest.NewServer(h)
	tb.Cleanup(srv.Close)
	return srv.URL
}

// rawUpstream is one that does with each connection as it likes. It is handed the
// head of the first request. It returns its URL.
func rawUpstream(tb testing.TB, serve func(conn *net.TCPConn, head string, body *bufio.Reader)) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // the test has ended
			}
			r := bufio.NewReader(conn)
			var head strings.Builder
			for {
				line, err := r.ReadString('\n')
				head.WriteString(line)
				if err != nil || line == "\r\n" {
					break
				}
			}
			serve(conn.(*net.TCPConn), head.String(), r)
			_ = conn.Close() // serve may have done so
		}
	}()
	tb.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return "http://" + ln.Addr().String()
}

// dial opens a connection to the server at url, which lasts as long as the test.
func dial(tb testing.TB, url string) *net.TCPConn {
	tb.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() }) // the test may have done so
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// send writes text to conn.
func send(tb testing.TB, conn io.Writer, text string) {
	tb.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		tb.Fatal(err)
	}
}

// rule is a file of one rule for /api. The options begin with a comma.
func rule(target, options string) string {
	return `{"/api": {"target": "` + target + `"` + options + `}}`
}

// do asks url and returns the answer and its body. It follows no redirect.
func do(tb testing.TB, method, url, body string, header ...string) (*http.Response, string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Add(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp, string(got)
}

func BenchmarkProxy(b *testing.B) {
	target := upstream(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"msg":"ok"}`)) })
	url := start(b, rule(target, ""), io.Discard)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
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
