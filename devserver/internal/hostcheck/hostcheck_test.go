package hostcheck_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/hostcheck"
)

var ok = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]int{
		"localhost:4200": 200, "LOCALHOST": 200, "127.0.0.1:4200": 200, "[::1]:4200": 200, "[::1]": 200,
		"": 403, "evil.test": 403, "evil.test:4200": 403, "localhost.evil.test": 403, "127.0.0.1.evil.test:4200": 403,
		"192.0.2.1:4200": 200, "[2001:db8::1]:4200": 200, "app.localhost:4200": 200, "a.b.LOCALHOST": 200,
		"localhost:4200@evil.test": 403, "192.0.2.1@evil.test": 403, "192.0.2.1.evil.test": 403, "notlocalhost": 403, "localhost.": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		hostcheck.Hosts{}.Check(ok).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hosts hostcheck.Hosts
		host  string
		want  int
		says  string
	}{
		"a name":        {hostcheck.Hosts{Names: []string{"dev.test"}}, "DEV.test:4200", 200, ""},
		"another":       {hostcheck.Hosts{Names: []string{"dev.test"}, Flag: "--allowed-host"}, "evil.test:4200", 403, "--allowed-host evil.test"},
		"below it":      {hostcheck.Hosts{Names: []string{"dev.test"}}, "a.dev.test", 403, ""},
		"localhost too": {hostcheck.Hosts{Names: []string{"dev.test"}}, "localhost:4200", 200, ""},
		"its URL":       {hostcheck.Hosts{URL: "http://localhost:4400/"}, "evil.test", 403, "at http://localhost:4400/"},
		"no host":       {hostcheck.Hosts{Flag: "--x"}, "", 403, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tc.host
		w := httptest.NewRecorder()
		tc.hosts.Check(ok).ServeHTTP(w, r)
		if w.Code != tc.want || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, tc.want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]int{
		"": 200, "http://localhost:4200": 200, "http://LOCALHOST:4200": 200,
		"http://localhost:4201": 403, "https://evil.test": 403, "null": 403, "http://localhost:4200.evil.test": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost:4200/", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		hostcheck.SameOrigin(ok).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", origin, w.Code, want)
		}
	}
}
