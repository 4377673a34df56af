package gate_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

// policy accepts the tokens of one issuer.
func policy(issuer string, keys gate.Keys) gate.Policy {
	return gate.Policy{Issuers: []gate.Issuer{{URL: issuer, Keys: keys}}, Audiences: []string{gatetest.Audience}}
}

// newGate returns a Gate for tokens of iss.
func newGate(t *testing.T, iss *gatetest.Issuer) *gate.Gate {
	t.Helper()
	g, err := gate.New(policy(iss.URL, gate.StaticKeys(iss.PublicKeys())))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// send sends a request with token, if it is not "", to h.
func send(h http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	g := newGate(t, iss)
	subject := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := gate.FromContext(r.Context())
		if !ok {
			t.Error("no token in the context")
		}
		_, _ = w.Write([]byte(token.Subject()))
	})
	typed := func(w http.ResponseWriter, _ *http.Request, token gate.Token) {
		_, _ = w.Write([]byte(token.Subject()))
	}
	plain, scoped := iss.Mint(nil), iss.Mint(gatetest.Claims{"scope": "read:messages"})
	for name, tc := range map[string]struct {
		handler http.Handler
		token   string
		status  int
	}{
		"Protect, valid":            {g.Protect(subject), plain, 200},
		"Protect, none":             {g.Protect(subject), "", 401},
		"Protect, garbage":          {g.Protect(subject), "x", 401},
		"Require, granted":          {g.Require(gate.AllOf("read:messages"))(subject), scoped, 200},
		"Require, not granted":      {g.Require(gate.AllOf("read:messages"))(subject), plain, 403},
		"Require, one of two":       {g.Require(gate.AllOf("read:messages", "x"))(subject), scoped, 403},
		"Handle, valid":             {g.Handle(typed), plain, 200},
		"Handle, scope granted":     {g.Handle(typed, gate.AllOf("read:messages")), scoped, 200},
		"Handle, scope not granted": {g.Handle(typed, gate.AllOf("read:messages")), plain, 403},
		"zero Gate":                 {new(gate.Gate).Protect(subject), plain, 503},
		"zero Gate, no token":       {new(gate.Gate).Protect(subject), "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(tc.handler, tc.token)
			if got.Code != tc.status {
				t.Errorf("got status %d, want %d", got.Code, tc.status)
			}
			if tc.status == 200 && got.Body.String() != "auth0|test" {
				t.Errorf("got subject %q, want auth0|test", got.Body)
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	token, err := newGate(t, iss).Verifier.Verify(t.Context(), iss.Mint(gatetest.Claims{
		"sub": "auth0|ada", "azp": "app", "scope": "openid  read:messages", "permissions": []string{"write:messages", "two words"},
		"exp": expires.Unix(), "https://acme.com/roles": []string{"admin"},
	}))
	if err != nil { // an interface, so it must not hold a nil *Problem
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ got, want any }{
		"Subject":               {token.Subject(), "auth0|ada"},
		"Client":                {token.Client(), "app"},
		"Scopes":                {token.Scopes(), []string{"openid", "read:messages"}},
		"Permissions":           {token.Permissions(), []string{"write:messages"}},
		"Expires":               {token.Expires().Equal(expires), true},
		"Cached":                {token.Cached(), false},
		"Has a scope":           {token.Has("read:messages"), true},
		"Has a permission":      {token.Has("write:messages"), true},
		"Has across a boundary": {token.Has("read:messageswrite:messages"), false},
		"Has the subject":       {token.Has("auth0|ada"), false},
		"Has two words":         {token.Has("two"), false},
		"Require all":           {token.Require(gate.AllOf("openid", "write:messages")), nil},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
		}
	}
	var custom struct {
		Roles []string `json:"https://acme.com/roles"`
	}
	if err := token.Claims(&custom); err != nil || !reflect.DeepEqual(custom.Roles, []string{"admin"}) {
		t.Errorf("Claims: got %v and %v, want [admin]", custom.Roles, err)
	}
	if err := (gate.Token{}).Claims(&custom); err == nil {
		t.Error("the zero Token has claims")
	}
	if (gate.Token{}).Require(gate.AllOf("openid")) == nil {
		t.Error("the zero Token grants a scope")
	}
}

// TestClientID prefers the claim of RFC 9068 to Auth0's.
func TestClientID(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	token, err := newGate(t, iss).Verifier.Verify(t.Context(), iss.Mint(gatetest.Claims{"client_id": "a", "azp": "b"}))
	if err != nil || token.Client() != "a" {
		t.Errorf("got client %q and %v, want a", token.Client(), err)
	}
}

func TestNewRejects(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	issuer := gate.Issuer{URL: "https://i/", Keys: gate.StaticKeys{}}
	one, audience := []gate.Issuer{issuer}, []string{"a"}
	for name, policy := range map[string]gate.Policy{
		"no keys":                {Issuers: []gate.Issuer{{URL: "https://i/"}}, Audiences: audience},
		"no URL":                 {Issuers: []gate.Issuer{{Keys: gate.StaticKeys{}}}, Audiences: audience},
		"no issuer":              {Audiences: audience},
		"an issuer twice":        {Issuers: []gate.Issuer{issuer, issuer}, Audiences: audience},
		"an issuer and a slash":  {Issuers: []gate.Issuer{issuer, {URL: "https://i", Keys: gate.StaticKeys{}}}, Audiences: audience},
		"no audience":            {Issuers: one},
		"an empty audience":      {Issuers: one, Audiences: []string{"a", ""}},
		"alg none":               {Issuers: one, Audiences: audience, Algorithms: []string{"none"}},
		"alg HS256":              {Issuers: one, Audiences: audience, Algorithms: []string{"RS256", "HS256"}},
		"alg in lower case":      {Issuers: one, Audiences: audience, Algorithms: []string{"rs256"}},
		"a weak key":             {Issuers: []gate.Issuer{{URL: "https://i/", Keys: gate.StaticKeys{"k": weak.Public()}}}, Audiences: audience},
		"a key for no algorithm": {Issuers: []gate.Issuer{{URL: "https://i/", Keys: gate.StaticKeys(gatetest.Unstarted("").PublicKeys())}}, Audiences: audience, Algorithms: []string{"ES256"}},
		"a secret as a key":      {Issuers: []gate.Issuer{{URL: "https://i/", Keys: gate.StaticKeys{"k": []byte("secret")}}}, Audiences: audience},
	} {
		if g, err := gate.New(policy); err == nil || g != nil {
			t.Errorf("%s: got %v and no error", name, g)
		}
	}
}

// failingKeys fail with an error of their own.
type failingKeys struct{ err error }

func (k failingKeys) Key(context.Context, string, string) (crypto.PublicKey, error) {
	return nil, k.err
}

type retryLaterError struct{}

func (retryLaterError) Error() string             { return "the key server is down" }
func (retryLaterError) RetryAfter() time.Duration { return 1500 * time.Millisecond }

func TestKeysErrors(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	for name, tc := range map[string]struct {
		err        error
		status     int
		retryAfter string
	}{
		"unknown key": {errors.New("no such key"), 401, ""},
		"unavailable": {retryLaterError{}, 503, "2"},
	} {
		g, err := gate.New(policy(iss.URL, failingKeys{tc.err}))
		if err != nil {
			t.Fatal(err)
		}
		got := send(g.Protect(http.NotFoundHandler()), iss.Mint(nil))
		if got.Code != tc.status {
			t.Errorf("%s: got status %d, want %d", name, got.Code, tc.status)
		}
		if header := got.Header().Get("Retry-After"); header != tc.retryAfter {
			t.Errorf("%s: got Retry-After %q, want %q", name, header, tc.retryAfter)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	g := newGate(t, iss)
	g.Realm, g.ResourceMetadata = "a \"b\" \\c\n", "https://api.test/.well-known/oauth-protected-resource"
	got := send(g.Require(gate.AllOf("read:messages"))(http.NotFoundHandler()), iss.Mint(nil))
	want := `Bearer realm="a \"b\" \\c", error="insufficient_scope", error_description="The access token does not grant read:messages", ` +
		`scope="read:messages", resource_metadata="https://api.test/.well-known/oauth-protected-resource"`
	if challenge := got.Header().Get("WWW-Authenticate"); challenge != want {
		t.Errorf("got challenge %s, want %s", challenge, want)
	}
	var body map[string]string
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if body["error"] != gate.CodeInsufficientScope || body["reason"] != gate.ReasonScope || body["error_description"] == "" {
		t.Errorf("got body %v", body)
	}

	var seen *gate.Problem
	g.Rejected = func(w http.ResponseWriter, _ *http.Request, p *gate.Problem) {
		seen = p
		w.WriteHeader(http.StatusTeapot)
	}
	if got := send(g.Protect(http.NotFoundHandler()), "x.y"); got.Code != http.StatusTeapot {
		t.Errorf("got status %d, want that of Rejected", got.Code)
	}
	if seen == nil || seen.Reason != gate.ReasonNotJWT || !strings.Contains(seen.Error(), gate.CodeInvalidToken) {
		t.Errorf("Rejected got %v", seen)
	}
}

// onlyKeys hides the other methods of Keys, as a wrapper for metrics would.
type onlyKeys struct{ gate.Keys }

// TestCacheNeedsKeysThatSayWhenOneIsRemoved asks for a cache with several kinds of keys.
func TestCacheNeedsKeysThatSayWhenOneIsRemoved(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	static := gate.StaticKeys(iss.PublicKeys())
	for name, tc := range map[string]struct {
		keys gate.Keys
		size int
		ok   bool
	}{
		"static keys":               {static, 10, true},
		"keys of an issuer":         {jwks.New(jwks.Options{Issuer: iss.URL}), 10, true},
		"other keys":                {onlyKeys{static}, 10, false},
		"other keys, without cache": {onlyKeys{static}, 0, true},
	} {
		cached := policy(iss.URL, tc.keys)
		cached.CacheSize = tc.size
		_, err := gate.NewVerifier(cached)
		if (err == nil) != tc.ok {
			t.Errorf("%s: got the error %v, want one: %v", name, err, !tc.ok)
		}
	}
}

func TestZeroVerifierAcceptsNothing(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*gate.Gate{"no Verifier": {}, "a zero Verifier": {Verifier: &gate.Verifier{}}} {
		h := g.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s: the handler is called", name) }))
		if got := send(h, gatetest.New(t).Mint(nil)).Code; got != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503", name, got)
		}
	}
}

// TestTokenIsNotPrinted prints a token in the ways that end in logs.
func TestTokenIsNotPrinted(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	raw := iss.Mint(gatetest.Claims{"sub": "hidden"})
	token, err := newGate(t, iss).Verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("a request", "token", token)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a request", "token", token)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&log, format, token)
	}
	for _, secret := range []string{raw[:20], raw[len(raw)-20:], "hidden"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("printed %q: %s", secret, &log)
		}
	}
}
