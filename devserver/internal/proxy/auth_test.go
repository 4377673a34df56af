package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// windows is an upstream that authenticates connections, as IIS does: the credentials
// "NTLM <name>" in answer to its second challenge make the connection the user's, who
// is then the user of every request on it. It counts its connections.
type windows struct {
	*httptest.Server
	opened, closed chan net.Conn

	mu    sync.Mutex
	users map[string]string // by the connection's address
	dials int
}

func newWindows(tb testing.TB, scheme string) *windows {
	tb.Helper()
	win := &windows{users: map[string]string{}, opened: make(chan net.Conn, 64), closed: make(chan net.Conn, 64)}
	win.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		win.mu.Lock()
		defer win.mu.Unlock()
		credentials, _ := strings.CutPrefix(r.Header.Get("Authorization"), scheme+" ")
		switch {
		case credentials == "hello":
			w.Header().Set("WWW-Authenticate", scheme+" challenge")
			w.WriteHeader(http.StatusUnauthorized)
			return
		case credentials != "":
			win.users[r.RemoteAddr] = credentials
		case win.users[r.RemoteAddr] == "":
			w.Header().Add("WWW-Authenticate", `Basic realm="a"`)
			w.Header().Add("WWW-Authenticate", scheme)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, win.users[r.RemoteAddr])
	}))
	win.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			win.mu.Lock()
			win.dials++
			win.mu.Unlock()
			win.opened <- conn
		case http.StateClosed:
			win.closed <- conn
		}
	}
	win.Start()
	tb.Cleanup(win.Close)
	return win
}

// browser is a client with one connection.
type browser struct {
	tb   testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func newBrowser(tb testing.TB, url string) *browser {
	tb.Helper()
	conn := dial(tb, url)
	return &browser{tb, conn, bufio.NewReader(conn)}
}

// ask sends a request with these header lines and returns the status and the body.
func (b *browser) ask(method, path, body string, header ...string) string {
	b.tb.Helper()
	send(b.tb, b.conn, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s", method, path, len(body), strings.Join(append(header, ""), "\r\n"), body))
	resp, err := http.ReadResponse(b.r, nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, got)
}

// login does what a browser does after a 401.
func (b *browser) login(scheme, user string) {
	b.tb.Helper()
	for _, step := range []struct{ header, want string }{
		{"", "401 "}, {"Authorization: " + scheme + " hello", "401 "}, {"Authorization: " + scheme + " " + user, "200 " + user},
	} {
		header := []string{step.header}
		if step.header == "" {
			header = nil
		}
		if got := b.ask("GET", "/api", "", header...); got != step.want {
			b.tb.Errorf("%s with %q: %s", user, step.header, got)
		}
	}
}

// TestConnectionsWithAUserAreNotShared has clients log in by NTLM and Negotiate at the
// same time. Nobody may be somebody else, and everybody stays who they are.
func TestConnectionsWithAUserAreNotShared(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		for _, options := range []string{"", `, "followRedirects": true`, `, "timeout": 60000`} {
			t.Run(scheme+options, func(t *testing.T) {
				t.Parallel()
				win := newWindows(t, scheme)
				url := start(t, rule(win.URL, options), io.Discard)
				var clients sync.WaitGroup
				for i := range 4 {
					clients.Go(func() {
						b := newBrowser(t, url)
						user := fmt.Sprintf("user%d", i)
						b.login(scheme, user)
						for range 20 {
							if got := b.ask("GET", "/api", ""); got != "200 "+user {
								t.Errorf("%s is %q", user, got)
							}
							if got := b.ask("POST", "/api", "body"); got != "200 "+user {
								t.Errorf("%s posts as %q", user, got)
							}
							stranger := newBrowser(t, url)
							if got := stranger.ask("GET", "/api", ""); got != "401 " {
								t.Errorf("a stranger is %q", got)
							}
							_ = stranger.conn.Close()
						}
					})
				}
				clients.Wait()
			})
		}
	}
}

// TestCredentialsWithoutAChallenge sends credentials at once, as curl does.
func TestCredentialsWithoutAChallenge(t *testing.T) {
	t.Parallel()
	win := newWindows(t, "NTLM")
	url := start(t, rule(win.URL, ""), io.Discard)
	alice, bob := newBrowser(t, url), newBrowser(t, url)
	if got := alice.ask("GET", "/api", "", "Authorization: NTLM alice"); got != "200 alice" {
		t.Errorf("alice is %q", got)
	}
	if got := bob.ask("GET", "/api", ""); got != "401 " {
		t.Errorf("bob is %q", got)
	}
	if got := alice.ask("GET", "/api", ""); got != "200 alice" {
		t.Errorf("then alice is %q", got)
	}
}

// TestAuthenticatedConnectionEndsWithTheClients awaits the end of the upstream's
// connection after that of the client's, and the other way round.
func TestAuthenticatedConnectionEndsWithTheClients(t *testing.T) {
	t.Parallel()
	win := newWindows(t, "NTLM")
	url := start(t, rule(win.URL, ""), io.Discard)
	alice := newBrowser(t, url)
	if got := alice.ask("GET", "/api", "", "Authorization: NTLM alice"); got != "200 alice" {
		t.Fatalf("alice is %q", got)
	}
	conn := <-win.opened
	_ = conn.Close()
	<-win.closed
	if got := alice.ask("GET", "/api", ""); got != "401 " {
		t.Errorf("on a new connection alice is %q", got)
	}
	<-win.opened
	_ = alice.conn.Close()
	<-win.closed
}

// TestAuthenticatedConnectionsStayInUse waits longer than an upload may on a shared
// connection.
func TestAuthenticatedConnectionsStayInUse(t *testing.T) {
	t.Parallel()
	win := newWindows(t, "NTLM")
	alice := newBrowser(t, start(t, rule(win.URL, ""), io.Discard))
	alice.login("NTLM", "alice")
	<-time.After(1200 * time.Millisecond) // what is tested
	if got := alice.ask("POST", "/api", "body"); got != "200 alice" {
		t.Errorf("alice is %q", got)
	}
}

// TestServersWithoutTrack have nothing by which to tell clients apart, so connections
// with credentials are not kept at all.
func TestServersWithoutTrack(t *testing.T) {
	t.Parallel()
	win := newWindows(t, "NTLM")
	rules, _, err := proxyconf.Parse("f", []byte(rule(win.URL, "")))
	if err != nil {
		t.Fatal(err)
	}
	transports := proxy.NewTransports()
	p := proxy.New(rules, transports, proxy.Options{Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Handler(r).ServeHTTP(w, r) }))
	t.Cleanup(func() {
		srv.Close()
		transports.Close()
	})
	alice := newBrowser(t, srv.URL)
	if got := alice.ask("GET", "/api", "", "Authorization: NTLM alice"); got != "200 alice" {
		t.Errorf("alice is %q", got)
	}
	if got := alice.ask("GET", "/api", ""); got != "401 " {
		t.Errorf("then alice is %q", got)
	}
}

// TestOtherCredentialsShareConnections has clients with credentials that belong to a
// request.
func TestOtherCredentialsShareConnections(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var addresses []string
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		addresses = append(addresses, r.RemoteAddr)
		w.Header().Set("WWW-Authenticate", `Digest realm="a", qop="auth", Bearer`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	url := start(t, rule(target, ""), io.Discard)
	for _, credentials := range []string{"Basic YTpi", "Digest username=\"a\"", "Bearer a.b.c", "DPoP a.b.c"} {
		if got := newBrowser(t, url).ask("GET", "/api", "", "Authorization: "+credentials); got != "401 " {
			t.Errorf("got %s", got)
		}
	}
	if len(slices.Compact(addresses)) != 1 {
		t.Errorf("connections: %v", addresses)
	}
}

// TestHandshakesOfAUser logs in by WebSocket handshakes, for which net/http keeps
// connections of their own.
func TestHandshakesOfAUser(t *testing.T) {
	t.Parallel()
	win := newWindows(t, "NTLM")
	url := start(t, rule(win.URL, `, "ws": true`), io.Discard)
	handshake := func(credentials string) []string {
		lines := []string{"Connection: Upgrade", "Upgrade: websocket"}
		if credentials != "" {
			lines = append(lines, "Authorization: NTLM "+credentials)
		}
		return lines
	}
	alice, stranger := newBrowser(t, url), newBrowser(t, url)
	for _, step := range [][2]string{{"", "401 "}, {"hello", "401 "}, {"alice", "200 alice"}, {"", "200 alice"}} {
		if got := alice.ask("GET", "/api", "", handshake(step[0])...); got != step[1] {
			t.Errorf("alice with %q: %s", step[0], got)
		}
	}
	for range 5 {
		if got := stranger.ask("GET", "/api", "", handshake("")...); got != "401 " {
			t.Errorf("a stranger's handshake is of %q", got)
		}
	}
}
