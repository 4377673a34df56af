package hostcheck_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"calling-an-api.example/devserver/internal/hostcheck"
)

var ok = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]int{
		"localhost:4200": 200, "LOCALHOST": 200, "127.0.0.1:4200": 200, "[::1]:4200": 200, "[::1]": 200,
		"": 403, "evil.test": 403, "evil.test:4200": 403, "localhost.evil.test": 403, "127.0.0.1.evil.test:4200": 403,
		"192.0.2.1:4200": 403, "localhost:4200@evil.test": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		hostcheck.Loopback(ok).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
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
