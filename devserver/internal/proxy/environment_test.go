package proxy_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// net/http reads HTTP_PROXY and the like once for each process, so TestEnvironment runs
// this program again with the environment of each case. These variables name the
// target and a setting of its rule.
const (
	childTarget       = "PROXY_TEST_TARGET"
	childChangeOrigin = "PROXY_TEST_CHANGE_ORIGIN" // "true" by default
)

// child forwards one request to the target and prints the response.
func child(target string) {
	options := `, "secure": false, "changeOrigin": ` + cmp.Or(os.Getenv(childChangeOrigin), "true")
	rules, _, err := proxyconf.Parse("proxy.conf.json", []byte(rule(target, options)))
	if err != nil {
		panic(err)
	}
	p := proxy.New(rules, proxy.NewTransports(), proxy.Options{Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/x|%2F?y", nil)
	r.Host = "localhost:4200"
	p.Handler(r).ServeHTTP(w, r)
	fmt.Printf("%d %s", w.Code, w.Body)
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "directly %s %s", r.Host, r.RequestURI)
	})
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "tunnel to %s", r.Host) }))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	company := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodConnect:
			_, _ = fmt.Fprintf(w, "proxied %s for %s", r.RequestURI, r.Host)
		case r.Host != "up.test:443":
			w.WriteHeader(http.StatusForbidden)
		default:
			tunnel(t, w, strings.TrimPrefix(secure.URL, "https://"))
		}
	})
	for name, tc := range map[string]struct{ target, env, want string }{
		"http":                 {"http://up.test/base", "HTTP_PROXY=" + company, "200 proxied http://up.test/base/api/x|%2F?y for up.test"},
		"with the page's Host": {"http://up.test/base", childChangeOrigin + "=false\nHTTP_PROXY=" + company, "200 proxied http://up.test/base/api/x|%2F?y for up.test"},
		"ws":                   {"ws://up.test", "HTTP_PROXY=" + company, "200 proxied http://up.test/api/x|%2F?y for up.test"},
		"https":                {"https://up.test", "HTTPS_PROXY=" + company, "200 tunnel to up.test"},
		"this machine":         {target, childChangeOrigin + "=false\nHTTP_PROXY=" + company, "200 directly localhost:4200 /api/x|%2F?y"},
		"by its name":          {strings.Replace(target, "127.0.0.1", "localhost", 1), childChangeOrigin + "=false\nHTTP_PROXY=" + company, "200 directly localhost:4200"},
		"a name below it":      {strings.Replace(target, "127.0.0.1", "shop.localhost", 1), "HTTP_PROXY=" + company, "directly"},
		"another scheme":       {"http://no-such-host.invalid", "HTTPS_PROXY=" + company, "If only a proxy reaches it, set HTTP_PROXY and start"},
		"NO_PROXY":             {"http://no-such-host.invalid", "NO_PROXY=.invalid\nHTTP_PROXY=" + company, "cannot be resolved"},
		"a proxy that refuses": {"https://other.test", "HTTPS_PROXY=" + company, "(HTTPS_PROXY) does not connect to it: it answered 403 Forbidden"},
		"a proxy that is down": {"http://up.test", "HTTP_PROXY=http://127.0.0.1:1", "the proxy 127.0.0.1:1 (HTTP_PROXY) cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childTarget+"="+tc.target)
			cmd.Env = append(cmd.Env, strings.Split(tc.env, "\n")...)
			out, err := cmd.CombinedOutput()
			if name == "a name below it" && strings.Contains(string(out), "cannot be resolved") {
				return // not every system resolves it, but it was not asked from the proxy
			}
			if err != nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("got %s, %v\nwant %s", out, err, tc.want)
			}
			if _, body, _ := strings.Cut(string(out), " "); strings.HasPrefix(body, "{") && !json.Valid([]byte(body)) {
				t.Errorf("not JSON: %s", body)
			}
		})
	}
}

// tunnel connects w's client with addr, as the answer to a CONNECT.
func tunnel(t *testing.T, w http.ResponseWriter, addr string) {
	t.Helper()
	there, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Error(err)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
}
