package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"calling-an-api.example/devserver/internal/outputtest"
)

// TestRequestOptions has an upstream say what it was asked.
func TestRequestOptions(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		ip, _, _ := net.SplitHostPort(r.RemoteAddr) // it always has a port
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s host=%s from=%s body=%s", r.Method, r.RequestURI, r.Host, ip, body)
		for _, name := range []string{"Authorization", "Cookie", "X-A", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Host"} {
			if values := r.Header.Values(name); len(values) > 0 {
				_, _ = fmt.Fprintf(w, " %s=%s", name, strings.Join(values, "+"))
			}
		}
	})
	host := strings.TrimPrefix(target, "http://")
	other := upstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "other %s", r.RequestURI) })
	for name, tc := range map[string]struct {
		path, options, want string
		header              []string
	}{
		"none":                              {"", ``, "GET /api/x?y host=localhost:4200 from=127.0.0.1 body=", nil},
		"a target's path":                   {"/base/", ``, "GET /base/api/x?y host=", nil},
		"prependPath":                       {"/base", `, "prependPath": false`, "GET /api/x?y host=", nil},
		"ignorePath":                        {"/base?k=v", `, "ignorePath": true`, "GET /base?k=v host=", nil},
		"pathRewrite":                       {"/base", `, "pathRewrite": {"^/api": ""}`, "GET /base/x?y host=", nil},
		"changeOrigin":                      {"", `, "changeOrigin": true`, "GET /api/x?y host=" + host + " ", nil},
		"localAddress":                      {"", `, "localAddress": "127.0.0.2"`, "from=127.0.0.2", nil},
		"auth":                              {"", `, "auth": "me:secret:x"`, " Authorization=Basic bWU6c2VjcmV0Ong=", nil},
		"auth, but the request has its own": {"", `, "auth": "me:secret"`, " Authorization=Bearer a", []string{"Authorization: Bearer a"}},
		"headers":                           {"", `, "headers": {"x-a": ["1", "2"], "Host": "h.test"}`, "host=h.test from=127.0.0.1 body= X-A=1+2", []string{"X-A: 0"}},
		"headers beyond ASCII":              {"", `, "headers": {"x-a": "é"}`, " X-A=é", nil},
		"cookies":                           {"", `, "headers": {"cookie": ["a=1", "b=2"]}`, " Cookie=a=1; b=2", nil},
		"headers and changeOrigin":          {"", `, "headers": {"Host": "h.test"}, "changeOrigin": true`, "host=" + host, nil},
		"xfwd":                              {"", `, "xfwd": true`, " X-Forwarded-For=127.0.0.1 X-Forwarded-Port=4200 X-Forwarded-Proto=http X-Forwarded-Host=localhost:4200", nil},
		"xfwd after another's": {"", `, "xfwd": true`, " X-Forwarded-For=192.0.2.1,127.0.0.1 X-Forwarded-Port=443,4200 X-Forwarded-Proto=https,http X-Forwarded-Host=h.test",
			[]string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Port: 443", "X-Forwarded-Proto: https", "X-Forwarded-Host: h.test"}},
		"xfwd on a handshake": {"", `, "xfwd": true, "ws": true`, " X-Forwarded-Proto=ws X-Forwarded-Host=localhost:4200",
			[]string{"Connection: Upgrade", "Upgrade: websocket"}},
		"router by path": {"", `, "router": {"other.test": "http://no", "/api/x": "` + other + `"}`, "other /api/x?y", nil},
		"router by host": {"", `, "router": {"localhost:4200": "` + other + `/o"}`, "other /o/api/x?y", nil},
		"router, no fit": {"", `, "router": {"localhost": "` + other + `"}`, "GET /api/x?y", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t, rule(target+tc.path, tc.options), io.Discard)
			resp, got := do(t, http.MethodGet, url+"/api/x?y", "", append(tc.header, "Host: localhost:4200")...)
			if resp.StatusCode != http.StatusOK || !strings.Contains(got, tc.want) {
				t.Errorf("got  %d %s\nwant %s", resp.StatusCode, got, tc.want)
			}
		})
	}
}

// TestAnswerOptions compares one header of the answer.
func TestAnswerOptions(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		location := strings.ReplaceAll(r.Header.Get("X-Location"), "TARGET", r.Header.Get("X-Target"))
		w.Header().Set("Location", location)
		w.Header().Add("Set-Cookie", "a=1; Domain=old.test; Path=/old; Secure")
		w.Header().Add("Set-Cookie", "b=domain=x; path=/")
		w.WriteHeader(map[string]int{"": 302, "/api/created": 201, "/api/ok": 200, "/api/see-other": 303, "/api/choices": 300}[strings.TrimSuffix(r.URL.Path, "/api")])
	})
	host := strings.TrimPrefix(target, "http://")
	for name, tc := range map[string]struct {
		path, options, location string
		header, want            string
	}{
		"no option":                {"/api", ``, "http://TARGET/x", "Location", "http://" + host + "/x"},
		"hostRewrite":              {"/api", `, "hostRewrite": "h.test:80"`, "http://TARGET/x?y", "Location", "http://h.test:80/x?y"},
		"hostRewrite, created":     {"/api/created", `, "hostRewrite": "h.test"`, "http://TARGET/x", "Location", "http://h.test/x"},
		"hostRewrite, a 303":       {"/api/see-other", `, "hostRewrite": "h.test"`, "http://TARGET/x", "Location", "http://h.test/x"},
		"hostRewrite, a 300":       {"/api/choices", `, "hostRewrite": "h.test"`, "http://TARGET/x", "Location", "http://h.test/x"},
		"autoRewrite, a 303":       {"/api/see-other", `, "autoRewrite": true`, "http://TARGET/x", "Location", "http://localhost:4200/x"},
		"protocolRewrite, a 303":   {"/api/see-other", `, "protocolRewrite": "https"`, "http://TARGET/x", "Location", "https://" + host + "/x"},
		"hostRewrite, no redirect": {"/api/ok", `, "hostRewrite": "h.test"`, "http://TARGET/x", "Location", "http://" + host + "/x"},
		"hostRewrite, elsewhere":   {"/api", `, "hostRewrite": "h.test"`, "http://else.test/x", "Location", "http://else.test/x"},
		"hostRewrite, a path":      {"/api", `, "hostRewrite": "h.test"`, "/x", "Location", "/x"},
		"autoRewrite":              {"/api", `, "autoRewrite": true`, "http://TARGET/x", "Location", "http://localhost:4200/x"},
		"hostRewrite comes first":  {"/api", `, "autoRewrite": true, "hostRewrite": "h.test"`, "http://TARGET/x", "Location", "http://h.test/x"},
		"protocolRewrite":          {"/api", `, "protocolRewrite": "https"`, "http://TARGET/x", "Location", "https://" + host + "/x"},
		"no cookie option":         {"/api", ``, "", "Set-Cookie", "a=1; Domain=old.test; Path=/old; Secure b=domain=x; path=/"},
		"a cookie's domain":        {"/api", `, "cookieDomainRewrite": "new.test"`, "", "Set-Cookie", "a=1; Domain=new.test; Path=/old; Secure b=domain=x; path=/"},
		"no domain":                {"/api", `, "cookieDomainRewrite": ""`, "", "Set-Cookie", "a=1; Path=/old; Secure b=domain=x; path=/"},
		"some domains":             {"/api", `, "cookieDomainRewrite": {"old.test": "new.test"}`, "", "Set-Cookie", "a=1; Domain=new.test; Path=/old; Secure b=domain=x; path=/"},
		"other domains":            {"/api", `, "cookieDomainRewrite": {"x.test": "y.test"}`, "", "Set-Cookie", "a=1; Domain=old.test; Path=/old; Secure b=domain=x; path=/"},
		"a cookie's path":          {"/api", `, "cookiePathRewrite": {"/old": "/new", "*": null}`, "", "Set-Cookie", "a=1; Domain=old.test; Path=/new; Secure b=domain=x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t, rule(target, tc.options), io.Discard)
			resp, _ := do(t, http.MethodGet, url+tc.path, "", "Host: localhost:4200", "X-Location: "+tc.location, "X-Target: "+host)
			if got := strings.Join(resp.Header.Values(tc.header), " "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestFollowRedirects(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); r.URL.Path {
		case "/api/get":
			http.Redirect(w, r, "/end?a=1", http.StatusFound)
		case "/api/keep":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		case "/api/circle":
			http.Redirect(w, r, "/api/circle", http.StatusFound)
		default:
			_, _ = fmt.Fprintf(w, "%s %s %s from %s", r.Method, r.RequestURI, body, r.Referer())
		}
	})
	url := start(t, rule(target, `, "followRedirects": true`), io.Discard)
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/get", "", 200, "GET /end?a=1  from " + target + "/api/get"},
		{"POST", "/api/get", "body", 200, "GET /end?a=1 "},
		{"PUT", "/api/keep", "body", 200, "PUT /end body"},
		{"PUT", "/api/keep", strings.Repeat("x", 11<<20), 307, ""},
		{"POST", "/api/a%2Fb;c", "body", 200, "POST /api/a%2Fb;c body"},
		{"GET", "/api/circle", "", 502, "redirects more than 20 times"},
	} {
		if resp, got := do(t, tc.method, url+tc.path, tc.body); resp.StatusCode != tc.status || !strings.Contains(got, tc.want) {
			t.Errorf("%s %s: %d %s, want %d %s", tc.method, tc.path, resp.StatusCode, got, tc.status, tc.want)
		}
	}
	if resp, _ := do(t, http.MethodGet, start(t, rule(target, ``), io.Discard)+"/api/get", ""); resp.StatusCode != http.StatusFound {
		t.Errorf("without the option: %d", resp.StatusCode)
	}
}

func TestPreserveHeaderKeyCase(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 9000)
	for name, tc := range map[string]struct{ answer, want string }{
		"short": {"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nx-LOWER: 1\r\ncontent-type: text/x\r\ncontent-length: 2\r\ndate: now\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\ncontent-type: text/x\r\ndate: now\r\nx-LOWER: 1\r\n\r\nok"},
		"long": {"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n" + long,
			"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9000\r\n\r\n" + long},
		"trailers": {"HTTP/1.1 200 OK\r\ntrailer: x-foo\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-foo: 1\r\n\r\n",
			"HTTP/1.1 200 OK\r\nConnection: close\r\nTrailer: X-Foo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Foo: 1\r\n\r\n"},
	} {
		target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.WriteString(conn, tc.answer) })
		conn := dial(t, start(t, rule(target, `, "preserveHeaderKeyCase": true`), io.Discard))
		send(t, conn, "GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		got, err := io.ReadAll(conn)
		early, whole, isEarly := strings.Cut(string(got), "\r\n\r\nHTTP")
		if isEarly && strings.Contains(early, " 103 ") {
			got = []byte("HTTP" + whole)
		}
		if sorted(string(got)) != sorted(tc.want) || err != nil {
			t.Errorf("%s: got %q\nwant %q, %v", name, got, tc.want, err)
		}
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["x-LOWER"] = []string{"1"}
	}))
	t.Cleanup(secure.Close)
	conn := dial(t, start(t, rule(secure.URL, `, "secure": false, "preserveHeaderKeyCase": true`), io.Discard))
	send(t, conn, "GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if got, err := io.ReadAll(conn); err != nil || !strings.Contains(string(got), "x-LOWER: 1\r\n") {
		t.Errorf("over TLS: %s, %v", got, err)
	}
}

// TestPreserveHeaderKeyCaseKeepsNoConnection counts the connections of two requests.
func TestPreserveHeaderKeyCaseKeepsNoConnection(t *testing.T) {
	t.Parallel()
	var addresses sync.Map
	target := upstream(t, func(_ http.ResponseWriter, r *http.Request) { addresses.Store(r.RemoteAddr, true) })
	b := newBrowser(t, start(t, rule(target, `, "preserveHeaderKeyCase": true`), io.Discard))
	for range 2 {
		if got := b.ask("GET", "/api", ""); got != "200 " {
			t.Error(got)
		}
	}
	n := 0
	addresses.Range(func(_, _ any) bool { n++; return true })
	if n != 2 {
		t.Errorf("%d connections", n)
	}
}

// sorted returns answer with the lines of its head in order.
func sorted(answer string) string {
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/hangs":
			<-r.Context().Done()
		case "/api/breaks":
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/api/moves": // for longer than the timeout; idle_test.go has the exact times
			ticker := time.NewTicker(75 * time.Millisecond)
			defer ticker.Stop()
			for range 30 {
				<-ticker.C
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
			}
		}
	})
	for options, name := range map[string]string{
		`, "proxyTimeout": 300`: "proxyTimeout", `, "timeout": 300`: "timeout", `, "timeout": 60000, "proxyTimeout": 300`: "proxyTimeout",
		`, "timeout": 300, "proxyTimeout": 60000`: "timeout",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			log := outputtest.New()
			url := start(t, rule(target, options), log)
			resp, body := do(t, http.MethodGet, url+"/api/hangs", "")
			if resp.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, "no data for 300 ms, the rule's "+name+`"`) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			patient := start(t, rule(target, strings.ReplaceAll(options, "300", "2000")), io.Discard) // busy machines pause
			if resp, body := do(t, http.MethodGet, patient+"/api/moves", ""); resp.StatusCode != http.StatusOK || len(body) != 30 {
				t.Errorf("what moves: %d %s", resp.StatusCode, body)
			}
			conn := dial(t, url)
			send(t, conn, "GET /api/breaks HTTP/1.1\r\nHost: localhost\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("what stops ends as if it were whole: %s", got)
			}
			log.Await(t, "broke off its answer.*no data for 300 ms")
		})
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	log := outputtest.New()
	do(t, http.MethodPut, start(t, rule(target+"/base", `, "logLevel": "debug"`), log)+"/api/x?secret=1", "")
	log.Await(t, `level=INFO msg="proxied PUT /api/x" rule=/api to=`+target+`/base/api/x\?… status=418 took=\S+`)
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the query is in the log: %s", log)
	}
	log = outputtest.New()
	socket := upstream(t, echo)
	conn, _, err := websocket.Dial(t.Context(), start(t, rule(socket, `, "logLevel": "debug", "ws": true`), log)+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseNow()
	log.Await(t, "proxied GET /api.* status=101")
	down := "http://127.0.0.1:1" // reserved, so no program listens there
	for level, lines := range map[string]int{"silent": 0, "error": 1, "warn": 1, "info": 1, "debug": 2} {
		log := outputtest.New()
		do(t, http.MethodGet, start(t, rule(down, `, "logLevel": "`+level+`"`), log)+"/api", "")
		if level == "debug" {
			log.Await(t, "proxied GET /api.* status=502")
		}
		if got := strings.Count(log.String(), "\n"); got != lines {
			t.Errorf("%s: %d lines, want %d:\n%s", level, got, lines, log)
		}
	}
}
