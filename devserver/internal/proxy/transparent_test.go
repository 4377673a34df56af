package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// FuzzTransparency sends a request to a recording upstream, straight and through the
// proxy, and compares what arrives. It may differ in the order and case of header names,
// in hop-by-hop fields, and in what docs/proxy.md lists.
func FuzzTransparency(f *testing.F) {
	heads := make(chan string, 1)
	target := rawUpstream(f, func(conn *net.TCPConn, head string, _ *bufio.Reader) {
		heads <- head
		_, _ = io.WriteString(conn, "HTTP/1.1 299 Recorded\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	url := start(f, `{"": {"target": "`+target+`"}}`, io.Discard)
	// record sends request to the server at url and returns the head that arrived.
	record := func(t *testing.T, url, request string) string {
		t.Helper()
		conn := dial(t, url)
		defer func() { _ = conn.Close() }()
		send(t, conn, request)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		if resp.StatusCode != 299 {
			if resp.StatusCode < 400 || len(heads) > 0 {
				t.Fatalf("%q: %d", request, resp.StatusCode)
			}
			return "" // rejected
		}
		return <-heads
	}
	f.Add("/api/a%2Fb;c|d?x=1;y&%zz", "X-A: 1\r\nx-a: 2\r\nCookie: a=b")
	f.Add("http://other.test/a//b?", "Authorization: Bearer a\r\nConnection: authorization, x-b\r\nX-B: 1")
	f.Add("/a#b", "Accept-Encoding: br\r\nUser-Agent: x")
	f.Add("/\xc3\xa9\"<>^`{}", "X-Forwarded-For: a\r\nForwarded: for=b\r\nVia: c\r\nX: \xff")
	f.Add("/.//../.", "Pragma: no-cache\r\nKeep-Alive: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nTrailer: x\r\nProxy-Connection: x")
	f.Add("/50%25", "DPoP: a.b.c\r\nDPoP: d.e.f\r\nConnection: dpop")
	f.Add("/?x", "Range: bytes=0-\r\nIf-None-Match: \"x\"\r\nPriority: u=1\r\nOrigin: null")
	f.Fuzz(func(t *testing.T, uri, block string) {
		request := "GET " + uri + " HTTP/1.1\r\nHost: x\r\n" + strings.TrimSuffix(block, "\r\n") + "\r\n\r\n"
		if !isComparable(uri, request) {
			return
		}
		forwarded := record(t, url, request)
		if forwarded == "" {
			return
		}
		got, want := essence(forwarded), essence(record(t, target, request))
		if !slices.Equal(got, want) {
			t.Fatalf("%q\narrives as %q\nand not as %q", request, got, want)
		}
	})
}

// isComparable reports whether request is one request without a body or an upgrade, of
// which docs/proxy.md lists no difference.
func isComparable(uri, request string) bool {
	head, rest, _ := strings.Cut(request, "\r\n\r\n")
	path := uri
	if authority, ok := strings.CutPrefix(uri, "http://"); ok {
		host, rest, slash := strings.Cut(authority, "/")
		if path = "/" + rest; !slash || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz.0123456789") != "" || host == "" {
			return false
		}
	}
	if rest != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(uri, " \t\r\n") {
		return false
	}
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || strings.ContainsAny(line, "\r\n") {
			return false // continued lines
		}
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Expect", "Pragma":
			return false
		case "User-Agent":
			if strings.Trim(value, " \t") == "" {
				return false
			}
		case "Connection":
			if strings.Contains(strings.ToLower(value), "upgrade") {
				return false
			}
		}
	}
	return true
}

// essence returns what must arrive of head: the path and query, and the header fields,
// sorted by name, without those that are for the connection.
func essence(head string) []string {
	first, block, _ := strings.Cut(head, "\r\n")
	fields := map[string][]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(block, "\r\n\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		name = textproto.CanonicalMIMEHeaderKey(name)
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	for _, value := range fields["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			switch name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); name {
			case "Authorization", "Cookie", "Dpop":
			default:
				delete(fields, name)
			}
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Upgrade"} {
		delete(fields, name)
	}
	method, rest, _ := strings.Cut(first, " ")
	uri, _, _ := strings.Cut(rest, " HTTP/")
	if after, ok := strings.CutPrefix(uri, "http://"); ok {
		host, path, _ := strings.Cut(after, "/")
		uri = "/" + path
		fields["Host"] = []string{host}
	}
	lines := []string{method + " " + uri}
	for name, values := range fields {
		lines = append(lines, fmt.Sprintf("%s: %q", name, values))
	}
	slices.Sort(lines)
	return lines
}
