package badpath_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"calling-an-api.example/devserver/internal/badpath"
	"calling-an-api.example/devserver/internal/outputtest"
)

// start serves requests by naming them, and returns the address.
func start(tb testing.TB, log io.Writer) string {
	tb.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, r.RequestURI)
	}))
	srv.Listener = badpath.Listen(srv.Listener, slog.New(slog.NewTextHandler(log, nil)))
	srv.Start()
	tb.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// exchange sends pieces one after the other and returns the responses, each with its
// status and its body.
func exchange(tb testing.TB, addr string, pieces ...string) (responses []string) {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	go func() {
		for _, piece := range pieces {
			if _, err := io.WriteString(conn, piece); err != nil {
				return // the server has closed the connection
			}
		}
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	r := bufio.NewReader(conn)
	for {
		if _, err := r.Peek(1); err != nil {
			return responses
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			tb.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			tb.Fatal(err)
		}
		responses = append(responses, resp.Status+" "+string(body))
	}
}

func TestRejections(t *testing.T) {
	t.Parallel()
	const rest = " HTTP/1.1\r\nHost: x\r\n"
	for name, tc := range map[string]struct {
		pieces []string
		want   []string // parts of the responses
		logs   string   // part of the only line, or "" for none
	}{
		"at the end":         {[]string{"GET /api/rate/50%" + rest + "\r\n"}, []string{`{"error":"bad_request","error_description":"The % at column 13 of the path /api/rate/50% escapes`}, `/api/rate/50%`},
		"one digit":          {[]string{"GET /%4" + rest + "\r\n"}, []string{"column 2 of the path /%4 "}, "%25"},
		"no digits":          {[]string{"GET /a%zzb?key=hidden" + rest + "\r\n"}, []string{"column 3 of the path /a%zzb "}, "/a%zzb"},
		"a whole URL":        {[]string{"GET http://u:hidden@x/50%" + rest + "\r\n"}, []string{"%25"}, "50%"},
		"after another":      {[]string{"GET /a%20b" + rest + "\r\nGET /50%" + rest + "\r\n"}, []string{"200 OK /a%20b", "/50% escapes"}, "50%"},
		"after a body":       {[]string{"POST /a" + rest + "Content-Length: 8\r\n\r\n50% off\nGET /50%" + rest + "\r\n"}, []string{"200 OK /a", "/50% escapes"}, "50%"},
		"byte by byte":       {strings.Split("GET /a"+rest+"\r\nGET /50%"+rest+"\r\n", ""), []string{"200 OK /a", "/50% escapes"}, "50%"},
		"a long head":        {[]string{"GET /50%" + rest + "X: " + strings.Repeat("x", 6000) + "\r\n\r\n"}, []string{"/50% escapes"}, "50%"},
		"control characters": {[]string{"GET /50%\x1b[1m<b>" + rest + "\r\n"}, []string{`\u001b[1m\u003cb\u003e`}, `\\x1b[1m<b>`},
		"a good path":        {[]string{"GET /a%2fb%C3?50%&%zz" + rest + "\r\n"}, []string{"200 OK /a%2fb%C3?50%&%zz"}, ""},
		"a body alone":       {[]string{"POST /a" + rest + "Content-Length: 20\r\n\r\nGET /50% HTTP/1.1\r\n."}, []string{"200 OK /a"}, ""},
		"another error":      {[]string{"GET /a b" + rest + "\r\n"}, []string{"400 Bad Request 400 Bad Request"}, ""},
		"a bad header":       {[]string{"GET /a" + rest + "b c: 50%\r\n\r\n"}, []string{"400 Bad Request"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := outputtest.New()
			got := exchange(t, start(t, log), tc.pieces...)
			if len(got) != len(tc.want) {
				t.Fatalf("got %q", got)
			}
			for i := range got {
				if !strings.Contains(got[i], tc.want[i]) {
					t.Errorf("got %s, want %s", got[i], tc.want[i])
				}
			}
			if tc.logs == "" != (log.String() == "") || !strings.Contains(log.String(), tc.logs) || strings.Count(log.String(), "\n") > 1 || strings.Contains(log.String(), "hidden") {
				t.Errorf("logged %s", log)
			}
		})
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	log := outputtest.New()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) }))
	srv.Config.HTTP2 = badpath.HTTP2(slog.New(slog.NewTextHandler(log, nil)))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{"/50%25", "/50%"} {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", path}} {
			if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	for isReset := false; !isReset; {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		_, isReset = frame.(*http2.RSTStreamFrame)
	}
	if strings.Count(log.String(), "%25") != 1 {
		t.Errorf("logged %s", log)
	}
}

// TestBodiesAreNoRequests has a line in a body that looks like a request, and then a
// request that is bad for another reason.
func TestBodiesAreNoRequests(t *testing.T) {
	t.Parallel()
	log := outputtest.New()
	conn, err := net.Dial("tcp", start(t, log))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	const body = "GET /50%hidden HTTP/1.1\r\n\r\n"
	if _, err := fmt.Fprintf(conn, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s, %v", resp.Status, err)
	}
	if _, err := io.WriteString(conn, "GET /a b HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !strings.HasSuffix(string(got), "400 Bad Request") || log.String() != "" {
		t.Errorf("got %s, %v; logged %s", got, err, log)
	}
}

// FuzzConnection compares what a connection of this package serves with what a plain one
// does: there is no difference but in the body of the rejection.
func FuzzConnection(f *testing.F) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, r.RequestURI)
	}))
	f.Cleanup(plain.Close)
	addr := start(f, io.Discard)
	f.Add("/50%", "")
	f.Add("/a%20b?50%", "50% GET /% HTTP/1.1\n")
	f.Add("/a b", "\n")
	f.Fuzz(func(t *testing.T, target, body string) {
		if strings.ContainsAny(target, "\r\n") || target == "" {
			return
		}
		head, _ := json.Marshal(target)
		request := "POST " + target + " HTTP/1.1\r\nHost: x\r\nX: " + string(head) + "\r\nConnection: close\r\n\r\n" + body
		if len(request) > 4000 {
			return // net/http reads 4 KiB at once, and resets the connection if it closes it before it has read the rest
		}
		got, want := exchange(t, addr, request), exchange(t, plain.Listener.Addr().String(), request)
		if len(got) != len(want) || len(got) == 1 && got[0] != want[0] && (want[0] != "400 Bad Request 400 Bad Request" || !strings.Contains(got[0], "escapes nothing")) {
			t.Fatalf("%q: got %q, want %q", request, got, want)
		}
	})
}
