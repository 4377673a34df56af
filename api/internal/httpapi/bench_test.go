package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
)

// discard is a response that is not read, to measure the handler alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func BenchmarkExternal(b *testing.B) {
	iss := newIssuer(b)
	good := iss.Mint(nil)
	fresh := make([]string, 2000) // more than the cache of newAPI holds, so that each is new when it comes round
	for i := range fresh {
		fresh[i] = iss.Mint(gatetest.Claims{"sub": strconv.Itoa(i)})
	}
	for _, bm := range []struct {
		name   string
		tokens []string
		status int
	}{
		{"accepted/cached", []string{good}, http.StatusOK},
		{"accepted/first time", fresh, http.StatusOK},
		{"refused early", []string{"garbage"}, http.StatusUnauthorized},
		{"refused at the signature", []string{good[:len(good)-8] + "AAAAAAAA"}, http.StatusUnauthorized},
		{"refused, unknown kid", []string{iss.MintHeader(map[string]any{"kid": "other"}, nil)}, http.StatusServiceUnavailable},
	} {
		b.Run(bm.name, func(b *testing.B) {
			h := newAPI(b, iss)
			requests := make([]*http.Request, len(bm.tokens))
			for i, token := range bm.tokens {
				requests[i] = httptest.NewRequest(http.MethodGet, "/api/external", nil)
				requests[i].Header.Set("Authorization", "Bearer "+token)
			}
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				clear(w.header)
				w.status = http.StatusOK
				h.ServeHTTP(w, requests[i%len(requests)])
				if w.status != bm.status && i > 10 { // the budget allows some fetches first
					b.Fatalf("got %d", w.status)
				}
			}
		})
	}
}
