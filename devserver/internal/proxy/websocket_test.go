package proxy_test

import (
	"bufio"
	"context"
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

// echo says what it hears once, and then closes with a code of its own.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	kind, message, err := conn.Read(r.Context())
	if err == nil {
		_ = conn.Write(r.Context(), kind, append([]byte("echo "), message...))
	}
	_ = conn.Close(4001, "done")
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	plain := upstream(t, echo)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	secure.EnableHTTP2 = true // which WebSockets do not go over
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for name, tc := range map[string]struct {
		target, options string
		works           bool
	}{
		"by default":    {plain, ``, false},
		"switched off":  {plain, `, "ws": false`, false},
		"switched on":   {plain, `, "ws": true`, true},
		"a ws: target":  {strings.Replace(plain, "http", "ws", 1), ``, true},
		"over TLS":      {secure.URL, `, "ws": true, "secure": false`, true},
		"with timeouts": {plain, `, "ws": true, "timeout": 200, "proxyTimeout": 200`, true},
		"with a header": {plain, `, "ws": true, "headers": {"Connection": "keep-alive"}`, true},
		"rewritten":     {plain, `, "ws": true, "pathRewrite": {"^/api": ""}, "xfwd": true, "changeOrigin": true`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, resp, err := websocket.Dial(ctx, start(t, rule(tc.target, tc.options), io.Discard)+"/api/ws",
				&websocket.DialOptions{Subprotocols: []string{"chat"}})
			if !tc.works {
				if err == nil || resp.StatusCode != http.StatusForbidden {
					t.Fatalf("got %v, %v; want a 403", resp, err)
				}
				if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `\"ws\": true`) {
					t.Errorf("it says %s, %v", body, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.Subprotocol(); got != "chat" {
				t.Errorf("subprotocol %q", got)
			}
			if strings.Contains(tc.options, "timeout") {
				<-time.After(500 * time.Millisecond) // longer than the timeouts, which is what is tested
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

func TestWebSocketClosedByTheBrowser(t *testing.T) {
	t.Parallel()
	closed := make(chan websocket.StatusCode, 1)
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _, err = conn.Read(r.Context())
		closed <- websocket.CloseStatus(err)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, start(t, rule(target, `, "ws": true`), io.Discard)+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(4002, "enough"); err != nil {
		t.Error(err)
	}
	select {
	case code := <-closed:
		if code != 4002 {
			t.Errorf("the upstream is told %d", code)
		}
	case <-ctx.Done():
		t.Error("the upstream is told nothing")
	}
}

// TestWebSocketsEndAtClose closes the transports while WebSockets are open: one is idle,
// and one is blocked because the browser does not read.
func TestWebSocketsEndAtClose(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(context.Context, *websocket.Conn, chan<- struct{}) error{
		"idle": func(_ context.Context, _ *websocket.Conn, blocked chan<- struct{}) error { close(blocked); return nil },
		"blocked": func(ctx context.Context, conn *websocket.Conn, blocked chan<- struct{}) error {
			timer := time.AfterFunc(200*time.Millisecond, func() { close(blocked) })
			for { // until a write does not return for 200 ms
				if err := conn.Write(ctx, websocket.MessageBinary, make([]byte, 64<<10)); err != nil {
					return err
				}
				if !timer.Stop() {
					return nil
				}
				timer.Reset(200 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			blocked, upstreamEnded := make(chan struct{}), make(chan struct{})
			target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(upstreamEnded)
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				defer func() { _ = conn.CloseNow() }()
				if send(ctx, conn, blocked) == nil {
					_, _, _ = conn.Read(ctx) // until the connection ends
				}
			})
			rules, _, err := proxyconf.Parse("proxy.conf.json", []byte(rule(target, `, "ws": true`)))
			if err != nil {
				t.Fatal(err)
			}
			transports := proxy.NewTransports()
			p := proxy.New(rules, transports, proxy.Options{Log: slog.New(slog.DiscardHandler)})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Handler(r).ServeHTTP(w, r) }))
			defer srv.Close()
			conn, _, err := websocket.Dial(ctx, srv.URL+"/api", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.CloseNow() }()
			<-blocked
			closed := make(chan struct{})
			go func() { defer close(closed); transports.Close() }()
			for what, end := range map[string]<-chan struct{}{"Close": closed, "the upstream's end": upstreamEnded} {
				select {
				case <-end:
				case <-ctx.Done():
					t.Errorf("%s does not return", what)
				}
			}
		})
	}
}

// TestUpgradesOfOtherOrigins asks for upgrades from pages of other origins, which
// browsers allow (RFC 6455 §10.2).
func TestUpgradesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	url := start(t, rule(upstream(t, echo), `, "ws": true`), io.Discard)
	for name, header := range map[string][]string{
		"a WebSocket":            {"Upgrade: websocket"},
		"another protocol":       {"Upgrade: chat"},
		"a list of them":         {"Upgrade: websocket, chat"},
		"with an opaque origin":  {"Upgrade: websocket", "Origin: null"},
		"with two origins":       {"Upgrade: websocket", "Origin: " + url},
		"with another Upgrade's": {"Upgrade: WebSocket", "Connection: keep-alive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := do(t, http.MethodGet, url+"/api", "", append([]string{"Connection: upgrade", "Origin: https://evil.test"}, header...)...)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("status %d, want 403", resp.StatusCode)
			}
			if !strings.Contains(body, `"error":"foreign_origin"`) {
				t.Errorf("body %s, want the error foreign_origin", body)
			}
		})
	}
}

// TestMuteHandshake has an upstream that never answers one.
func TestMuteHandshake(t *testing.T) {
	t.Parallel()
	target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.Copy(io.Discard, conn) })
	conn := dial(t, start(t, rule(target, `, "ws": true, "proxyTimeout": 200`), io.Discard))
	send(t, conn, "GET /api HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestRefusedHandshakes(t *testing.T) {
	t.Parallel()
	const handshake = "GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	for name, tc := range map[string]struct {
		answer string // the upstream's
		status int
		says   string
	}{
		"by nobody":                 {"down", 502, "refused"},
		"by the upstream":           {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", 401, "no"},
		"by hanging up":             {"", 502, "closed the connection"},
		"by changing to another":    {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n", 502, "chat"},
		"by what is no HTTP at all": {"SSH-2.0-OpenSSH_9.9\r\n", 502, "not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.WriteString(conn, tc.answer) })
			if tc.answer == "down" {
				target = "http://127.0.0.1:1"
			}
			conn := dial(t, start(t, rule(target, `, "ws": true`), io.Discard))
			send(t, conn, handshake)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != tc.status || !strings.Contains(string(body), tc.says) {
				t.Errorf("%d %s, %v", resp.StatusCode, body, err)
			}
		})
	}
}
