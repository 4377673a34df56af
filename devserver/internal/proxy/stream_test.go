package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

func TestEventsPassAtOnce(t *testing.T) {
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
	conn := dial(t, start(t, rule(target, ""), io.Discard))
	send(t, conn, "GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "data: 1" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	close(proceed)
	if !lines.Scan() || lines.Text() != "data: 2" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
}

func TestContinueIsAskedByTheUpstream(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	target := rawUpstream(t, func(conn *net.TCPConn, head string, body *bufio.Reader) {
		if !strings.Contains(head, "Expect: 100-continue") {
			t.Errorf("arrived without Expect:\n%s", head)
		}
		<-read // until the test has seen that nothing asks before the upstream does
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		got := make([]byte, 4)
		_, err := io.ReadFull(body, got)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"+string(got))
		if err != nil {
			t.Error(err)
		}
	})
	conn := dial(t, start(t, rule(target, ""), io.Discard))
	send(t, conn, "PUT /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	close(read)
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	send(t, conn, "body")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" {
		t.Errorf("%d %q, %v", resp.StatusCode, body, err)
	}
}

// TestEarlyAnswer has an upstream refuse a large upload by its head, and hang up.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	const refusal = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
	for name, tc := range map[string]struct {
		head    string
		uploads bool // whatever the answer
	}{
		"with a length":       {"Content-Length: 100000000\r\n", true},
		"chunked":             {"Transfer-Encoding: chunked\r\n", true},
		"slow to send a word": {"Content-Length: 1000\r\n", false},
		"expecting":           {"Content-Length: 100000000\r\nExpect: 100-continue\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.WriteString(conn, refusal) })
			url := start(t, rule(target, ""), io.Discard)
			for range 20 { // it must not be a matter of luck
				conn := dial(t, url)
				send(t, conn, "POST /api HTTP/1.1\r\nHost: localhost\r\n"+tc.head+"\r\n")
				uploaded := make(chan struct{})
				go func() { // as much as is taken
					defer close(uploaded)
					chunk := strings.Repeat("x", 16<<10)
					if strings.Contains(tc.head, "chunked") {
						chunk = "4000\r\n" + chunk + "\r\n"
					}
					for i := 0; i < 6000 && tc.uploads; i++ {
						if _, err := io.WriteString(conn, chunk); err != nil {
							return
						}
					}
				}()
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusRequestEntityTooLarge || string(body) != "too large" || err != nil {
					t.Errorf("%d %q, %v", resp.StatusCode, body, err)
				}
				_ = conn.Close() // what is left of the upload goes nowhere
				<-uploaded
			}
		})
	}
}

// TestBrokenAnswersStayBroken has an upstream break off, and sees to it that the
// browser can tell.
func TestBrokenAnswersStayBroken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		head  string
		reset bool
	}{
		"reset in chunks":   {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true},
		"reset in a length": {"Content-Length: 100\r\n\r\nhello", true},
		"reset without one": {"Connection: close\r\n\r\nhello", true},
		"end in chunks":     {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false},
		"end in a length":   {"Content-Length: 100\r\n\r\nhello", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan struct{})
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+tc.head)
				<-seen // a reset would overtake what is not read yet
				if tc.reset {
					_ = conn.SetLinger(0)
				}
			})
			log := outputtest.New()
			conn := dial(t, start(t, rule(target, ""), log))
			send(t, conn, "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			hello := make([]byte, 5)
			if _, err := io.ReadFull(resp.Body, hello); err != nil || string(hello) != "hello" {
				t.Fatalf("%q, %v", hello, err)
			}
			close(seen)
			if rest, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("the answer ends as if it were whole, after %q", rest)
			}
			log.Await(t, `broke off its answer.* rule=/api`)
		})
	}
}

func TestClientAbortReachesUpstreamAndIsNoFault(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"waiting": "GET /api HTTP/1.1\r\nHost: x\r\n\r\n", "uploading": "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhello",
	} {
		for _, options := range []string{"", `, "followRedirects": true`} {
			t.Run(name+options, func(t *testing.T) {
				t.Parallel()
				arrived, gone := make(chan struct{}), make(chan struct{})
				target := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
					arrived <- struct{}{}
					_, _ = io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
					gone <- struct{}{}
				})
				log := outputtest.New()
				url, wait := startAndWait(t, rule(target, options), log)
				for range 30 { // it must not be a matter of luck
					conn := dial(t, url)
					send(t, conn, request)
					waiting := name == "waiting" || options == "" // else the upload comes first, whole
					if waiting {
						<-arrived
					}
					if err := conn.Close(); err != nil {
						t.Fatal(err)
					}
					if waiting {
						select {
						case <-gone:
						case <-time.After(10 * time.Second):
							t.Fatal("the upstream never learns that the client is gone")
						}
					}
				}
				wait() // what is logged is logged by then
				if log.String() != "" {
					t.Errorf("logged: %s", log)
				}
			})
		}
	}
}

// TestStalledUploads begins an upload and waits for what comes of it.
func TestStalledUploads(t *testing.T) {
	t.Parallel()
	const head = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
	for name, tc := range map[string]struct {
		request, options string
		serve            func(conn *net.TCPConn) // the upstream
		status           int
	}{
		"the upstream hangs up": {head, "", func(*net.TCPConn) {}, 502},
		"the upstream resets":   {head, "", func(conn *net.TCPConn) { _ = conn.SetLinger(0) }, 502},
		"the upstream answers": {head, "", func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
			_, _ = io.Copy(io.Discard, conn) // and would continue
		}, 413},
		"nothing moves": {head, `, "timeout": 200`, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) }, 504},
		"nothing moves, and it was asked whether to": {strings.Replace(head, "\r\n\r\nabc", "\r\nExpect: 100-continue\r\n\r\n", 1), `, "timeout": 200`,
			func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) }, 504},
		"it is no upload": {"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "",
			func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { tc.serve(conn) })
			url := start(t, rule(target, tc.options), io.Discard)
			for range 10 { // it must not be a matter of luck
				conn := dial(t, url)
				send(t, conn, tc.request)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != tc.status {
					t.Fatalf("%d %s, %v", resp.StatusCode, body, err)
				}
				if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
					t.Fatalf("the connection stays open: %q, %v", rest, err)
				}
			}
		})
	}
}

// TestHeadComesBeforeTheBody has an upstream send the body only once its head has arrived.
func TestHeadComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "DELETE"} {
		arrived := make(chan struct{})
		target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
			<-arrived
			_, _ = io.WriteString(conn, "body")
		})
		conn := dial(t, start(t, rule(target, ""), io.Discard))
		send(t, conn, method+" /api HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		close(arrived)
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" {
			t.Errorf("%q, %v", body, err)
		}
	}
}

// TestLargeBodiesTakeNoMemory sends and gets 256 MB. Not in parallel: the heap is
// everybody's.
func TestLargeBodiesTakeNoMemory(t *testing.T) {
	const size = 256 << 20
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Got", strconv.FormatInt(n, 10))
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = io.CopyN(w, zeros{}, size)
	})
	url := start(t, rule(target, ""), io.Discard)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || n != size || resp.Header.Get("X-Got") != strconv.Itoa(size) {
		t.Errorf("%d of %d bytes came, %s went, %v", n, size, resp.Header.Get("X-Got"), err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d MB were allocated for it", grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestEarlyAnswerOverHTTP2 continues to use a connection of which one
// upload was refused before it was whole.
func TestEarlyAnswerOverHTTP2(t *testing.T) {
	t.Parallel()
	target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) {
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
	})
	rules, _, err := proxyconf.Parse("proxy.conf.json", []byte(rule(target, "")))
	if err != nil {
		t.Fatal(err)
	}
	transports := proxy.NewTransports()
	p := proxy.New(rules, transports, proxy.Options{Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Handler(r).ServeHTTP(w, r) }))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(func() {
		srv.Close()
		transports.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 5 {
		reused := false
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }})
		body, rest := io.Pipe() // of which the rest never comes
		go func() { _, _ = io.WriteString(rest, "hello") }()
		req, err := http.NewRequestWithContext(traced, http.MethodPost, srv.URL+"/api", body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(resp.Body.Close(), body.Close()); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge || resp.ProtoMajor != 2 || reused != (i > 0) {
			t.Errorf("request %d: %s %s, on a connection used before: %t", i, resp.Proto, resp.Status, reused)
		}
	}
}

// TestEarlyAnswerFromHTTP2 has an upstream answer over HTTP/2 before it has read the body,
// and reset the stream.
func TestEarlyAnswerFromHTTP2(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	url := start(t, rule(secure.URL, `, "secure": false`), io.Discard)
	for i := range 50 {
		b := newBrowser(t, url)
		if got := b.ask("GET", "/api", ""); got != "200 HTTP/2.0" {
			t.Fatal(got)
		}
		send(t, b.conn, "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 1000*i))
		resp, err := http.ReadResponse(b.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || string(body) != "HTTP/2.0" {
			t.Errorf("%d %s, %v", resp.StatusCode, body, err)
		}
		_ = b.conn.Close()
	}
}

// TestHalfClosedRequests ends the sending side of a connection before the upstream has
// responded, which net/http takes for a client that is gone. It must get no response,
// rather than an empty 200.
func TestHalfClosedRequests(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	url := start(t, rule(target, ""), io.Discard)
	for name, request := range map[string]string{
		"no body":        "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"truncated body": "POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello",
	} {
		conn := dial(t, url)
		send(t, conn, request)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
			t.Errorf("%s: got %q, %v; want nothing", name, got, err)
		}
	}
}
