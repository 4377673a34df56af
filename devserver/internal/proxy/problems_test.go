package proxy_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
)

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
	if resp.StatusCode != http.StatusBadGateway || fault["rule"] != "/api" || fault["target"] != target || fault["place"] != "proxy.conf.json:1:2" ||
		!strings.Contains(fault["cause"], "refused") || !strings.Contains(fault["next"], "Is the program running that should listen at "+strings.TrimPrefix(target, "http://")) {
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

// certificate returns one signed by itself.
func certificate(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	template.Subject = pkix.Name{CommonName: "test"}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	local := []net.IP{net.IPv4(127, 0, 0, 1)}
	for name, tc := range map[string]struct {
		template x509.Certificate
		says     string
	}{
		"self-signed":   {x509.Certificate{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: local}, "self-signed"},
		"expired":       {x509.Certificate{NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour), IPAddresses: local}, "expired on"},
		"not yet valid": {x509.Certificate{NotBefore: now.Add(time.Hour), NotAfter: now.Add(2 * time.Hour), IPAddresses: local}, "not valid before"},
		"another name":  {x509.Certificate{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), DNSNames: []string{"a.test"}}, "for a.test, not for 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
			srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, tc.template)}, MinVersion: tls.VersionTLS12}
			srv.EnableHTTP2 = true
			srv.StartTLS()
			t.Cleanup(srv.Close)
			resp, body := do(t, http.MethodGet, start(t, rule(srv.URL, ""), io.Discard)+"/api", "")
			if resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, tc.says) || !strings.Contains(body, `\"secure\": false`) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			for _, secure := range []string{`"false"`, `0`, `null`, `"true"`, `true`} {
				if resp, _ := do(t, http.MethodGet, start(t, rule(srv.URL, `, "secure": `+secure), io.Discard)+"/api", ""); resp.StatusCode != http.StatusBadGateway {
					t.Errorf("secure %s: %d", secure, resp.StatusCode)
				}
			}
			resp, body = do(t, http.MethodGet, start(t, rule(srv.URL, `, "secure": false`), io.Discard)+"/api", "")
			if resp.StatusCode != http.StatusOK || body != "HTTP/2.0" {
				t.Errorf("secure false: %d %s", resp.StatusCode, body)
			}
		})
	}
}

// TestProblemsNameTheRule has the API down, by each of its names, and another upstream.
func TestProblemsNameTheRule(t *testing.T) {
	t.Parallel()
	for target, isAPI := range map[string]bool{
		"http://localhost:1": true, "http://127.0.0.1:1/base": true, "http://[::1]:1": true, "http://127.0.0.1:2": false,
	} {
		url := start(t, `{"/shop": {"target": "`+target+`"}}`, io.Discard)
		_, text := do(t, http.MethodGet, url+"/shop/x", "")
		_, page := do(t, http.MethodGet, url+"/shop/x", "", "Accept: text/html")
		for _, body := range []string{text, page} {
			if strings.Contains(body, "API") != isAPI || strings.Contains(body, "make api") != isAPI || !strings.Contains(body, "/shop") {
				t.Errorf("%s: %s", target, body)
			}
		}
	}
}

// TestPageShowsNoMarkup has a rule, a target and a request with markup. The page shows
// it as text, and its policy allows nothing but the page's own style.
func TestPageShowsNoMarkup(t *testing.T) {
	t.Parallel()
	const markup = `<script>alert(1)</script><img src=x onerror=alert(1)>`
	url := start(t, `{"/api`+markup+`": {"target": "http://127.0.0.1:1/`+markup+`"}, "/api": {"target": "http://127.0.0.1:1/`+markup+`?api_key=hidden"}}`, io.Discard)
	for _, path := range []string{"/api" + markup, "/api?" + markup} {
		conn := dial(t, url)
		send(t, conn, "GET "+strings.ReplaceAll(path, " ", "%20")+" HTTP/1.1\r\nHost: x\r\nReferer: "+markup+"\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		style, _, _ := strings.Cut(strings.SplitN(string(body), "<style>", 2)[1], "</style>")
		sum := sha256.Sum256([]byte(style))
		if resp.StatusCode != http.StatusBadGateway || strings.Contains(string(body), "<script") || strings.Contains(string(body), "<img") || strings.Contains(string(body), "hidden") ||
			!strings.Contains(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") ||
			resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %s\n%s", path, resp.StatusCode, policy, body)
		}
	}
}

// TestTargetsAreShownWithoutTheirQuery has a target with a key, and an upstream that is
// down, redirects for ever, or to what is no URL.
func TestTargetsAreShownWithoutTheirQuery(t *testing.T) {
	t.Parallel()
	circle := upstream(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.RequestURI, http.StatusFound) })
	bad := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://[::1/?code=hidden")
		w.WriteHeader(http.StatusFound)
	})
	for _, target := range []string{"http://127.0.0.1:1", circle, bad} {
		log := outputtest.New()
		url := start(t, rule(target+"/x?api_key=hidden", `, "ignorePath": true, "followRedirects": true, "logLevel": "debug"`), log)
		resp, text := do(t, http.MethodGet, url+"/api", "")
		_, page := do(t, http.MethodGet, url+"/api", "", "Accept: text/html")
		log.Await(t, "proxied GET(?s:.*)proxied GET")
		if resp.StatusCode != http.StatusBadGateway || !strings.Contains(text, target+"/x?…") || strings.Contains(text+page+log.String(), "hidden") {
			t.Errorf("%s\n%s\n%s", text, page, log)
		}
	}
}

// TestConnectIsRejected asks for a tunnel, by a path and by an authority.
func TestConnectIsRejected(t *testing.T) {
	t.Parallel()
	target := rawUpstream(t, func(_ *net.TCPConn, head string, _ *bufio.Reader) { t.Errorf("the upstream got\n%s", head) })
	url := start(t, `{"": {"target": "`+target+`"}}`, io.Discard)
	for _, uri := range []string{"/api", "/", "example.com:443"} {
		conn := dial(t, url)
		send(t, conn, "CONNECT "+uri+" HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" || !strings.Contains(string(body), "method_not_allowed") {
			t.Errorf("%s: %d %v %s, %v", uri, resp.StatusCode, resp.Header, body, err)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	plain := upstream(t, func(http.ResponseWriter, *http.Request) {})
	for name, tc := range map[string]struct {
		conf   string
		status int
		says   string
	}{
		"a name that isn't one":      {rule("http://no-such-host.invalid", ""), 502, "cannot be resolved"},
		"no TLS there":               {rule(strings.Replace(plain, "http", "https", 1), ""), 502, "does not speak TLS"},
		"an address of another":      {rule(plain, `, "localAddress": "192.0.2.1"`), 502, "no address 192.0.2.1"},
		"no route":                   {`{"/api": {"router": {"other.test": "` + plain + `"}}}`, 502, "no entry that matches"},
		"a context that is too slow": {`{"^/api(a+)+$": {"target": "` + plain + `"}}`, 500, "takes too long"},
		"a rewrite that is too slow": {rule(plain, `, "pathRewrite": {"^/api(a+)+$": ""}`), 500, "takes too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := do(t, http.MethodGet, start(t, tc.conf, io.Discard)+"/api"+strings.Repeat("a", 60)+"b", "")
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.says) || !strings.Contains(body, "proxy.conf.json:1:2") {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
}

// TestLoopEnds has two proxies that lead to each other.
func TestLoopEnds(t *testing.T) {
	t.Parallel()
	var there atomic.Pointer[string]
	var hops atomic.Int32
	between := upstream(t, func(w http.ResponseWriter, r *http.Request) { // where the second's URL is known
		hops.Add(1)
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, *there.Load()+"/api", nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = r.Header
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return // the first one went away
		}
		defer func() { _ = resp.Body.Close() }()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
	second := start(t, rule(between, ""), io.Discard)
	first := start(t, rule(second, ""), io.Discard)
	there.Store(&first)
	if resp, body := do(t, http.MethodGet, first+"/api", ""); resp.StatusCode != http.StatusLoopDetected || !strings.Contains(body, "loop_detected") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := hops.Load(); n > 100 {
		t.Errorf("went round %d times", n)
	}
}

func TestMissesAreHintedOnce(t *testing.T) {
	t.Parallel()
	log := outputtest.New()
	url := start(t, `{"/api": "http://127.0.0.1:1"}`, log)
	var requests sync.WaitGroup
	for _, path := range []string{"/API/x?secret=1", "/Api/y", "//api", "/other"} {
		requests.Go(func() {
			if resp, _ := do(t, http.MethodGet, url+path, ""); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		})
	}
	requests.Wait()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "was it meant for /api (proxy.conf.json:1:2)?") ||
		strings.Contains(got, "secret") {
		t.Errorf("logged %q", got)
	}
}

// TestRestartedUpstreamIsWaitedFor stops an upstream that has answered before.
func TestRestartedUpstreamIsWaitedFor(t *testing.T) {
	t.Parallel()
	listen := func(addr string) (url string, stop func()) {
		t.Helper()
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		// It keeps no connection: net/http does not repeat a request with a body that meets the
		// end of a kept one.
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
		srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
		go func() { _ = srv.Serve(ln) }() // ends with Close
		return "http://" + ln.Addr().String(), func() { _ = srv.Close() }
	}
	target, stop := listen("127.0.0.1:0")
	url := start(t, rule(target, ""), io.Discard)
	if resp, _ := do(t, http.MethodGet, url+"/api", ""); resp.StatusCode != http.StatusOK {
		t.Fatalf("before: %d", resp.StatusCode)
	}
	stop()
	var requests sync.WaitGroup
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		requests.Go(func() { // on a connection of the client's own
			if resp, body := do(t, method, url+"/api", "body", "Authorization: NTLM x"); resp.StatusCode != http.StatusOK {
				t.Errorf("%s with a user while it restarts: %d %s", method, resp.StatusCode, body)
			}
		})
		requests.Go(func() {
			if resp, body := do(t, method, url+"/api", "body"); resp.StatusCode != http.StatusOK {
				t.Errorf("%s while it restarts: %d %s", method, resp.StatusCode, body)
			}
		})
	}
	<-time.After(100 * time.Millisecond) // a compiler would take longer
	_, stop = listen(strings.TrimPrefix(target, "http://"))
	requests.Wait()
	stop()
	begin := time.Now()
	for i := range 2 {
		if resp, _ := do(t, http.MethodGet, url+"/api", ""); resp.StatusCode != http.StatusBadGateway {
			t.Errorf("request %d once it is down: %d", i, resp.StatusCode)
		}
	}
	if took := time.Since(begin); took > 1900*time.Millisecond {
		t.Errorf("waited %v for one that does not come back, more than once", took)
	}
}
