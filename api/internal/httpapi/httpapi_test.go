package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
	"calling-an-api.example/api/internal/httpapi"
)

func TestMain(m *testing.M) {
	// The transport's idle connections outlive a test; their goroutines are no leak of ours.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// now is the clock of issuers and APIs in these tests. It stands still, so that no
// token ages while the machine is busy.
func now() time.Time { return started }

var started = time.Now().Truncate(time.Second)

func newIssuer(tb testing.TB) *gatetest.Issuer {
	tb.Helper()
	iss := gatetest.New(tb)
	iss.Now = now
	return iss
}

// settings are what a test may change of an API.
type settings struct {
	keys jwks.Options
	auth gate.Policy     // its issuers are those of http
	http httpapi.Options // without Issuers, it gets the one of keys

	dontWait bool // for the first fetch of keys
}

// newAPI returns the API's handler with iss as its issuer, after the first fetch of
// keys.
func newAPI(tb testing.TB, iss *gatetest.Issuer, changes ...func(*settings)) http.Handler {
	tb.Helper()
	s := settings{
		keys: jwks.Options{Issuer: iss.URL, Refresh: time.Hour, Now: now},
		auth: gate.Policy{Audiences: []string{gatetest.Audience}, Leeway: 5 * time.Second, CacheSize: 1000, Now: now},
		http: httpapi.Options{Log: slog.New(slog.DiscardHandler), Resource: httpapi.Resource{Identifier: gatetest.Audience}},
	}
	for _, change := range changes {
		change(&s)
	}
	set := jwks.New(s.keys)
	run(tb, set)
	s.auth.Issuers = append([]gate.Issuer{{URL: iss.URL, Keys: set}}, s.auth.Issuers...)
	var err error
	if s.http.Verifier, err = gate.NewVerifier(s.auth); err != nil {
		tb.Fatal(err)
	}
	if len(s.http.Issuers) < len(s.auth.Issuers) {
		s.http.Issuers = append([]httpapi.Issuer{{URL: iss.URL, Keys: set}}, s.http.Issuers...)
	}
	if !s.dontWait {
		await(tb, "the first fetch", func() bool { ok, failed := set.Fetches(); return ok+failed > 0 })
	}
	return httpapi.Handler(s.http)
}

// withSecond adds an issuer.
func withSecond(tb testing.TB, iss *gatetest.Issuer) func(*settings) {
	tb.Helper()
	return func(s *settings) {
		set := jwks.New(jwks.Options{Issuer: iss.URL, Refresh: time.Hour, Now: now})
		run(tb, set)
		s.auth.Issuers = append(s.auth.Issuers, gate.Issuer{URL: iss.URL, Keys: set})
		s.http.Issuers = append(s.http.Issuers, httpapi.Issuer{URL: iss.URL, Keys: set})
	}
}

// run runs set until the test ends.
func run(tb testing.TB, set *jwks.Set) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { set.Run(ctx) })
	tb.Cleanup(func() { cancel(); wg.Wait() })
}

// await returns once ok does.
func await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("never: %s", what)
		}
	}
}

// answer is what a handler answered.
type answer struct {
	*http.Response
	body string
}

func do(h http.Handler, method, path string, headers ...string) answer {
	r := httptest.NewRequest(method, path, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// problem is the body of an error answer.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
}

// reasons are those of refusals, by what these say.
var reasons = map[string]string{
	whyAudience: "audience", whyExpired: "expired", whyHeader: "header", whyIssuer: "issuer", whyKey: "unknown_key",
	whyLacks: "claims", whyKind: "claims", whyBound: "binding", whyNotJWT: "not_a_jwt", whyNotYet: "not_yet_valid", whyParts: "malformed", whyClaims: "malformed",
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Error == "" || p.Description == "" {
		t.Fatalf("the body is no error object: %q", a.body)
	}
	return p
}

// verdicts checks tokens by their names. why is part of the refusal's
// description, "" for a token that is good.
func verdicts(t *testing.T, h http.Handler, cases map[string]verdict) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, http.MethodGet, "/api/external", bearer(tc.token))
			if tc.why == "" {
				want := `{"msg":"Your access token was successfully validated!"}` + "\n"
				if got.StatusCode != http.StatusOK || got.body != want {
					t.Fatalf("refused: %d %s", got.StatusCode, got.body)
				}
				return
			}
			p := got.problem(t)
			if got.StatusCode != http.StatusUnauthorized || p.Error != "invalid_token" || !strings.Contains(p.Description, tc.why) {
				t.Fatalf("got %d %s, want a refusal that says %q", got.StatusCode, got.body, tc.why)
			}
			if want, known := reasons[tc.why]; p.Reason == "" || known && p.Reason != want {
				t.Errorf("the reason is %q, want %q", p.Reason, want)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, `Bearer realm="api", error="invalid_token", error_description="`+p.Description+`"`) {
				t.Errorf("challenge %q", challenge)
			}
			if tc.token != "" && strings.Contains(got.body+challenge, tc.token) {
				t.Error("the token comes back in the answer")
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
		})
	}
}

type verdict struct{ token, why string }

// What refusals say.
const (
	whyAudience  = "for another audience"
	whyBound     = "bound to a key"
	whyClaims    = "claims are malformed"
	whyExpired   = "expired"
	whyHeader    = "header is not that of"
	whyIssuer    = "from another issuer"
	whyKey       = "a key that the issuer does not publish"
	whyKind      = "not an access token"
	whyLacks     = "lacks a claim that it must have: "
	whyNotJWT    = "is not a JWT"
	whyNotYet    = "not valid yet"
	whyOrder     = "expires before it was issued"
	whyParts     = "three parts of base64url"
	whyProfile   = "RFC 9068"
	whySignature = "signature is invalid"
	whySubject   = "must have: sub"
)
