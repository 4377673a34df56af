package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/api/gate/gatetest"
)

func statusOf(h http.Handler, token string) int {
	return do(h, http.MethodGet, "/api/external", bearer(token)).StatusCode
}

var issuerLabel = regexp.MustCompile(`issuer="[^"]*",?`)

// metric returns the value of the line of /metrics that begins with name, but for the
// label issuer.
func metric(h http.Handler, name string) string {
	for line := range strings.Lines(do(h, http.MethodGet, "/metrics").body) {
		if value, ok := strings.CutPrefix(issuerLabel.ReplaceAllString(line, ""), name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// badAnswers are invalid responses of an issuer.
var badAnswers = map[string]http.HandlerFunc{
	"500":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	"404":          func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	"429":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	"HTML":         text("<!doctype html><title>Maintenance</title>"),
	"nothing":      text(""),
	"{}":           text("{}"),
	"error object": text(`{"error":"server_error"}`),
	"empty set":    text(`{"keys":[]}`),
	"null set":     text(`{"keys":null}`),
	"keys of EC":   text(`{"keys":[{"kty":"EC","kid":"key-a","crv":"P-256","x":"","y":""}]}`),
	"5 MB":         text(`{"keys":[],"pad":"` + strings.Repeat("x", 5<<20) + `"}`),
	"cut short":    text(`{"keys":[{"kty":"RSA"`),
	"a redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/jwks.json", http.StatusFound)
	},
	"an endless redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	},
	"a broken body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("{"))
		panic(http.ErrAbortHandler)
	},
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func TestIssuerFaultyAtStart(t *testing.T) {
	t.Parallel()
	for name, fault := range badAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := newIssuer(t)
			iss.HandleKeys(fault)
			h := newAPI(t, iss)
			for path, want := range map[string]int{"/api/external": 503, "/readyz": 503, "/healthz": 200, "/api/public": 200} {
				got := do(h, http.MethodGet, path, bearer(iss.Mint(nil)))
				if got.StatusCode != want {
					t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
				}
				if want == 503 && got.Header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", path)
				}
			}
			if got := statusOf(h, iss.Mint(gatetest.Claims{"exp": 1})); got != http.StatusServiceUnavailable {
				t.Errorf("expired: got %d, want 503, as it can't be checked", got)
			}
			if got := statusOf(h, iss.Mint(gatetest.Claims{"iss": "https://other.test/"})); got != http.StatusUnauthorized {
				t.Errorf("another issuer's: got %d, want 401, as no key could make it good", got)
			}
			if got := do(h, http.MethodGet, "/api/external"); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("without a token: got %d, want 401", got.StatusCode)
			}
			if got := statusOf(h, "garbage"); got != http.StatusUnauthorized {
				t.Errorf("garbage: got %d, want 401, as no key could make it good", got)
			}
			iss.HandleKeys(nil)
			await(t, "good once the issuer is", func() bool { return statusOf(h, iss.Mint(nil)) == http.StatusOK })
		})
	}
}

func TestIssuerFaultyLater(t *testing.T) {
	t.Parallel()
	for name, fault := range badAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := newIssuer(t)
			h := newAPI(t, iss)
			iss.HandleKeys(fault)
			before := iss.Fetches.Load()
			if got := statusOf(h, iss.MintHeader(map[string]any{"kid": "unknown"}, nil)); got != http.StatusUnauthorized {
				t.Errorf("unknown key: got %d", got)
			}
			if iss.Fetches.Load() == before {
				t.Fatal("the fault was never met")
			}
			if got := statusOf(h, iss.Mint(gatetest.Claims{"sub": "new"})); got != http.StatusOK {
				t.Errorf("a good token: got %d", got)
			}
			if got := metric(h, `api_jwks_fetches_total{outcome="failed"}`); got == "" || got == "0" {
				t.Errorf("failed fetches: %q", got)
			}
		})
	}
}

func TestHangingIssuerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	known := iss.Mint(nil)
	release, asked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	iss.HandleKeys(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	waiting := make(chan int)
	go func() { waiting <- statusOf(h, iss.MintHeader(map[string]any{"kid": "unknown"}, nil)) }()
	<-asked
	if got := statusOf(h, known); got != http.StatusOK {
		t.Errorf("a good token meanwhile: got %d", got)
	}
	close(release)
	if got := <-waiting; got != http.StatusUnauthorized {
		t.Errorf("the unknown key: got %d", got)
	}
}

func TestRotationUnderConcurrentRequests(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	old := iss.Mint(nil)
	if got := statusOf(h, old); got != http.StatusOK { // and now it is cached
		t.Fatalf("got %d", got)
	}
	before := iss.Fetches.Load()
	iss.Rotate()
	var wg sync.WaitGroup
	var failed atomic.Int32
	for i := range 50 {
		token := iss.Mint(gatetest.Claims{"sub": fmt.Sprint(i)})
		wg.Go(func() {
			if statusOf(h, token) != http.StatusOK {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n != 0 {
		t.Errorf("%d of 50 requests with the new key failed", n)
	}
	if n := iss.Fetches.Load() - before; n != 1 {
		t.Errorf("%d fetches, want 1 for all", n)
	}
	if got := statusOf(h, old); got != http.StatusUnauthorized {
		t.Errorf("the cached token of the removed key: got %d", got)
	}
}

func TestRevokedKeyStopsWithinARefresh(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) { s.keys.Refresh = 50 * time.Millisecond })
	token := iss.Mint(nil)
	if got := statusOf(h, token); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	iss.Rotate() // no request uses the new key, so only the schedule finds it
	await(t, "the cached token stops", func() bool { return statusOf(h, token) == http.StatusUnauthorized })
}

func TestShorterMaxAgeIsHonoured(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	iss.HandleKeys(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=0")
		iss.HandleKeys(nil) // counts twice: once for the question, once for the answer
		iss.ServeHTTP(w, r)
	})
	newAPI(t, iss, func(s *settings) { s.keys.MinRefresh = 10 * time.Millisecond }) // Refresh is an hour
	await(t, "a fetch after those two", func() bool { return iss.Fetches.Load() >= 3 })
}

func TestIssuerHangsAtStart(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	asked, once := make(chan struct{}), sync.Once{}
	iss.HandleKeys(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	})
	h := newAPI(t, iss, func(s *settings) { s.dontWait = true })
	<-asked
	begin := time.Now()
	if got := statusOf(h, iss.Mint(nil)); got != http.StatusServiceUnavailable {
		t.Errorf("got %d", got)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the caller waits %v for the issuer", took)
	}
}

// TestRequestDuringTheStart has a request arrive while the keys are fetched for the first time,
// as it happens when a proxy holds it until the API is back.
func TestRequestDuringTheStart(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	asked, respond, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	release := sync.OnceFunc(func() { close(respond) })
	t.Cleanup(release) // before the issuer is closed
	iss.HandleKeys(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(asked) })
		<-respond
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{iss.JWK()}}) // fails only if the API is gone
	})
	h := newAPI(t, iss, func(s *settings) { s.dontWait = true })
	<-asked
	status := make(chan int, 1)
	go func() { status <- statusOf(h, iss.Mint(nil)) }()
	select {
	case got := <-status:
		t.Fatalf("got %d before the issuer has responded", got)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if got := <-status; got != http.StatusOK {
		t.Errorf("got %d, want 200", got)
	}
}

func TestFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	good := iss.Mint(nil)
	template := iss.MintHeader(map[string]any{"kid": "K"}, nil)
	_, rest, _ := strings.Cut(template, ".")
	var wg sync.WaitGroup
	var told, wrong, refused atomic.Int32
	for worker := range 8 {
		wg.Go(func() {
			for i := range 250 {
				head := encode(fmt.Sprintf(`{"alg":"RS256","kid":"random-%d-%d"}`, worker, i))
				switch resp := do(h, http.MethodGet, "/api/external", bearer(head+"."+rest)); {
				case resp.StatusCode == http.StatusUnauthorized:
					told.Add(1)
				case resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "":
					wrong.Add(1)
				}
				if i%50 == 0 && statusOf(h, good) != http.StatusOK {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := wrong.Load(); n != 0 {
		t.Errorf("%d of 2000 unknown keys got neither 401 nor 503 with Retry-After", n)
	}
	if n := told.Load(); n < 3 || n > 3*8 { // those that wait for one of the fetches
		t.Errorf("%d of 2000 unknown keys got 401", n)
	}
	if n := refused.Load(); n != 0 {
		t.Errorf("the good token was refused %d times", n)
	}
	if n := iss.Fetches.Load(); n != 1+3 { // the first and the burst; the clock stands still
		t.Errorf("got %d fetches, want 4", n)
	}
}

func TestStaleKeysAreUnavailable(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) {
		s.keys.MaxStale = 30 * time.Minute
		s.keys.Now = func() time.Time { return now().Add(time.Duration(offset.Load())) }
	})
	token := iss.Mint(nil)
	if got := statusOf(h, token); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	iss.HandleKeys(badAnswers["500"])
	offset.Store(int64(29 * time.Minute))
	if got := statusOf(h, token); got != http.StatusOK {
		t.Errorf("keys of 29 minutes: got %d", got)
	}
	offset.Store(int64(31 * time.Minute))
	if got := statusOf(h, token); got != http.StatusServiceUnavailable {
		t.Errorf("keys of 31 minutes, token cached: got %d", got)
	}
}

func TestCachedTokenDiesWithItsExpiry(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) {
		s.auth.Now = func() time.Time { return now().Add(time.Duration(offset.Load())) }
	})
	token := iss.Mint(gatetest.Claims{"exp": now().Add(time.Minute).Unix()})
	for range 2 {
		if got := statusOf(h, token); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
	}
	if got := metric(h, `api_tokens_total{outcome="accepted_cached"}`); got != "1" {
		t.Errorf("cache hits: %q, want 1", got)
	}
	offset.Store(int64(70 * time.Second))
	if got := do(h, http.MethodGet, "/api/external", bearer(token)); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.body, whyExpired) {
		t.Errorf("after its end: %d %s", got.StatusCode, got.body)
	}
}

func TestRefusalsAreNotCached(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) {
		s.auth.Now = func() time.Time { return now().Add(time.Duration(offset.Load())) }
	})
	token := iss.Mint(gatetest.Claims{"nbf": now().Add(time.Minute).Unix()})
	if got := statusOf(h, token); got != http.StatusUnauthorized {
		t.Fatalf("too early: got %d", got)
	}
	offset.Store(int64(2 * time.Minute))
	if got := statusOf(h, token); got != http.StatusOK {
		t.Errorf("in time: got %d", got)
	}
}

// TestCacheKeepsWhatTokensGrant has tokens that differ in all that the cache holds.
func TestCacheKeepsWhatTokensGrant(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	may := iss.Mint(gatetest.Claims{"sub": "a", "scope": "read:messages"})
	mayNot := iss.Mint(gatetest.Claims{"sub": "read:messages", "scope": "openid"})
	late := iss.Mint(gatetest.Claims{"scope": "read:messages", "exp": 221845392000}) // the year 9000
	large := iss.Mint(gatetest.Claims{"scope": strings.Repeat("scope:of:no:meaning ", 200) + "read:messages"})
	for range 3 {
		for token, want := range map[string]int{may: 200, mayNot: 403, late: 200, large: 200} {
			if got := do(h, http.MethodGet, "/api/private-scoped", bearer(token)).StatusCode; got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
	}
	if fresh, cached := metric(h, `api_tokens_total{outcome="accepted"}`), metric(h, `api_tokens_total{outcome="accepted_cached"}`); fresh != "3" || cached != "6" { // the fourth is rejected for its scope
		t.Errorf("verified %s times, remembered %s times, want 3 and 6", fresh, cached)
	}
}

// TestCacheIsBounded sends more tokens than fit, and then the first again.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss, func(s *settings) { s.auth.CacheSize = 1 }) // which is one set, of four
	first := iss.Mint(nil)
	if got := statusOf(h, first); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	for i := range 4 {
		if got := statusOf(h, iss.Mint(gatetest.Claims{"sub": fmt.Sprint(i)})); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
	}
	before := metric(h, `api_tokens_total{outcome="accepted"}`)
	if got := statusOf(h, first); got != http.StatusOK {
		t.Errorf("got %d", got)
	}
	if after := metric(h, `api_tokens_total{outcome="accepted"}`); after == before {
		t.Errorf("the first of %s tokens is still remembered", before)
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		document func(iss *gatetest.Issuer) string // "" answers 404
		where    string                            // path that the keys are asked for at
	}{
		"none": {func(*gatetest.Issuer) string { return "" }, "/.well-known/jwks.json"},
		"elsewhere on the issuer": {func(iss *gatetest.Issuer) string {
			return `{"issuer":"` + iss.URL + `","jwks_uri":"` + iss.URL + `keys"}`
		}, "/keys"},
		"of another issuer": {func(iss *gatetest.Issuer) string {
			return `{"issuer":"https://evil.test/","jwks_uri":"` + iss.URL + `keys"}`
		}, "/.well-known/jwks.json"},
		"on another plain host": {func(iss *gatetest.Issuer) string {
			return `{"issuer":"` + iss.URL + `","jwks_uri":"http://127.0.0.1:1/keys"}`
		}, "/.well-known/jwks.json"},
		"no jwks_uri": {func(iss *gatetest.Issuer) string { return `{"issuer":"` + iss.URL + `"}` }, "/.well-known/jwks.json"},
		"HTML":        {func(*gatetest.Issuer) string { return "<html>" }, "/.well-known/jwks.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := newIssuer(t)
			iss.HandleDiscovery(func(w http.ResponseWriter, r *http.Request) {
				if doc := tc.document(iss); doc != "" {
					_, _ = w.Write([]byte(doc))
					return
				}
				http.NotFound(w, r)
			})
			asked := make(chan string, 1)
			iss.HandleKeys(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.URL.Path
				iss.HandleKeys(nil)
				iss.ServeHTTP(w, r)
			})
			h := newAPI(t, iss)
			if got := <-asked; got != tc.where {
				t.Errorf("asked at %s, want %s", got, tc.where)
			}
			if got := statusOf(h, iss.Mint(nil)); got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		})
	}
}
