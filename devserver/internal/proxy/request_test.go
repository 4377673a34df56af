package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestHeadArrivesAsSent sends bytes and compares the bytes that arrive.
func TestHeadArrivesAsSent(t *testing.T) { //nolint:tparallel // the subtests share one upstream
	t.Parallel()
	arrived := make(chan string, 1)
	target := rawUpstream(t, func(conn *net.TCPConn, head string, _ *bufio.Reader) {
		arrived <- head
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	url := start(t, rule(target, ""), io.Discard)
	host := strings.TrimPrefix(url, "http://")
	for name, tc := range map[string]struct {
		head string
		want []string // lines that arrive
		not  []string // what does not
	}{
		"escapes":                  {"GET /api/a%2Fb%20%7c;d HTTP/1.1\r\n", []string{"GET /api/a%2Fb%20%7c;d HTTP/1.1"}, nil},
		"slashes and dots":         {"GET /api//a/../b/./c HTTP/1.1\r\n", []string{"GET /api//a/../b/./c HTTP/1.1"}, nil},
		"unusual characters":       {"GET /api/a|b{c}^\"'` HTTP/1.1\r\n", []string{"GET /api/a|b{c}^\"'` HTTP/1.1"}, nil},
		"slashes and escapes":      {"GET /api//%2F;a HTTP/1.1\r\n", []string{"GET /api//%2F;a HTTP/1.1"}, nil},
		"beyond ASCII":             {"GET /api/\xc3\xa9\xff HTTP/1.1\r\n", []string{"GET /api/\xc3\xa9\xff HTTP/1.1"}, nil},
		"a bad query":              {"GET /api?x=1;y=2&z=%zz&&=? HTTP/1.1\r\n", []string{"GET /api?x=1;y=2&z=%zz&&=? HTTP/1.1"}, nil},
		"an empty query":           {"GET /api? HTTP/1.1\r\n", []string{"GET /api? HTTP/1.1"}, nil},
		"the whole URL":            {"GET http://" + host + "/api/x?y HTTP/1.1\r\n", []string{"GET /api/x?y HTTP/1.1"}, nil},
		"a whole URL with a quote": {"GET http://" + host + "/api/\"|\"?y\" HTTP/1.1\r\n", []string{"GET /api/\"|\"?y\" HTTP/1.1"}, nil},
		"a method":                 {"PROPFIND /api HTTP/1.1\r\n", []string{"PROPFIND /api HTTP/1.1"}, nil},
		"headers": {"GET /api HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\nX-Twice: 1\r\nX-Twice: 2\r\nAccept-Encoding: br\r\nCookie: a=1\r\n" +
			"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=x\r\n",
			[]string{"Authorization: Bearer a.b.c", "X-Twice: 1", "X-Twice: 2", "Accept-Encoding: br", "Cookie: a=1", "Host: " + host,
				"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "Forwarded: for=x"},
			[]string{"User-Agent", "Cdn-Loop", "X-Forwarded-Host", "Via"}},
		"hop by hop": {"GET /api HTTP/1.1\r\nConnection: keep-alive, x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: x\r\nTE: gzip\r\n",
			nil, []string{"Keep-Alive", "X-Mine", "Connection", "Proxy-Authorization", "Te:"}},
		"credentials named in Connection": {"GET /api HTTP/1.1\r\nConnection: authorization, COOKIE, dpop\r\nAuthorization: Bearer a\r\nCookie: b\r\nDPoP: c\r\n",
			[]string{"Authorization: Bearer a", "Cookie: b", "Dpop: c"}, []string{"Connection"}},
		"another protocol offered": {"GET /api HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
			[]string{"GET /api HTTP/1.1"}, []string{"Upgrade", "Http2-Settings"}},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share what arrived
			conn := dial(t, url)
			send(t, conn, tc.head+"Host: "+host+"\r\n\r\n")
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.Contains(answer, "204") {
				t.Fatalf("answered %q, %v", answer, err)
			}
			got := <-arrived
			lines := strings.Split(got, "\r\n")
			for _, want := range tc.want {
				found := 0
				for _, line := range lines {
					if line == want {
						found++
					}
				}
				if found != 1 {
					t.Errorf("%q arrived %d times in\n%s", want, found, got)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(got, not) {
					t.Errorf("%s arrived in\n%s", not, got)
				}
			}
		})
	}
}

// TestListedDifferences has what net/http changes in a request. docs/proxy.md lists it. In
// a response, it hides a Connection that names close, and so what else that names.
func TestListedDifferences(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 1)
	target := rawUpstream(t, func(conn *net.TCPConn, head string, _ *bufio.Reader) {
		arrived <- head
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	url := start(t, rule(target, ""), io.Discard)
	for sent, want := range map[string]string{
		"Connection: close, x-a\r\nX-A: 1": "", "Pragma: no-cache": "Cache-Control: no-cache\r\nPragma: no-cache", "User-Agent:": "",
	} {
		conn := dial(t, url)
		send(t, conn, "GET /api HTTP/1.1\r\nHost: x\r\n"+sent+"\r\n\r\n")
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(strings.TrimPrefix(<-arrived, "GET /api HTTP/1.1\r\nHost: x\r\n"), "\r\n"); strings.TrimSuffix(got, "\r\n") != want {
			t.Errorf("%q arrives as %q, want %q", sent, got, want)
		}
	}
}

// TestTwoSlashesAtTheBeginning is of what net/http can't send byte for byte: only
// characters that no URL may have are escaped.
func TestTwoSlashesAtTheBeginning(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
	url := start(t, `{"/": {"target": "`+target+`"}}`, io.Discard)
	for uri, want := range map[string]string{"//x/%2F;a": "//x/%2F;a", "//x/%2F;a^b|c?d|e": "//x/%2F;a%5Eb%7Cc?d|e", "//": "//", "//%zz": "//%zz"} {
		conn := dial(t, url)
		send(t, conn, "GET "+uri+" HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want && uri != "//%zz" {
			t.Errorf("%s arrives as %s, %v", uri, got, err)
		}
	}
}

func TestOldBrowsersGetNoEarlyHints(t *testing.T) {
	t.Parallel()
	target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) {
		_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	conn := dial(t, start(t, rule(target, ""), io.Discard))
	send(t, conn, "GET /api HTTP/1.0\r\nHost: x\r\n\r\n")
	if got, err := io.ReadAll(conn); err != nil || strings.Contains(string(got), "103") || !strings.HasSuffix(string(got), "ok") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBodiesAndTrailersArrive(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Got", string(body)+"|"+r.Trailer.Get("X-Sum")+"|"+strings.Join(r.TransferEncoding, ""))
		w.Header().Set("Trailer", "X-Declared")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Declared", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	})
	conn := dial(t, start(t, rule(target, ""), io.Discard))
	send(t, conn, "POST /api HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "body" || resp.Header.Get("X-Got") != "body|42|chunked" {
		t.Errorf("%q, %v, %v", body, err, resp.Header)
	}
	if resp.Trailer.Get("X-Declared") != "1" || resp.Trailer.Get("X-Late") != "2" {
		t.Errorf("trailers %v", resp.Trailer)
	}
}

// TestAnswerComesBackAsSent compares the bytes that the browser gets.
func TestAnswerComesBackAsSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, answer, want string
	}{
		"headers": {"GET", "HTTP/1.1 418 I'm a teapot\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nno",
			"HTTP/1.1 418 I'm a teapot\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nno"},
		"nothing made up": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"},
		"HEAD":            {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"},
		"named with close": {"GET", "HTTP/1.1 200 OK\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Mine: 1\r\n\r\n"},
		"not modified": {"GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n"},
		"hop by hop": {"GET", "HTTP/1.1 200 OK\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: x\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		"hop by hop, early": {"GET", "HTTP/1.1 103 Early Hints\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: x\r\nProxy-Authenticate: Basic\r\nLink: </a>\r\n\r\n" +
			"HTTP/1.1 102 Processing\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		"early hints": {"GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.WriteString(conn, tc.answer) })
			conn := dial(t, start(t, rule(target, ""), io.Discard))
			send(t, conn, tc.method+" /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
			got := make([]byte, len(tc.want))
			if n, err := io.ReadFull(conn, got); err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v\nwant %q", got[:n], err, tc.want)
			}
		})
	}
}
