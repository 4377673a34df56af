package httpapi_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/internal/auth"
	"calling-an-api.example/api/internal/authtest"
	"calling-an-api.example/api/internal/httpapi"
	"calling-an-api.example/api/internal/keyset"
)

// newAPI returns the API's handler with iss as its issuer, once its keys are
// there or were asked for twice in vain.
func newAPI(t testing.TB, iss *authtest.Issuer) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	set := keyset.New(keyset.Options{
		Issuer: iss.URL, Refresh: time.Hour, MaxStale: 24 * time.Hour, FetchesPerMinute: 5, Log: log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { set.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	kf, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: set})
	if err != nil {
		t.Fatal(err)
	}
	v, err := auth.NewVerifier(kf, auth.Options{Issuer: iss.URL, Audience: authtest.Audience, Leeway: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h := (&httpapi.API{Verifier: v, Ready: set.Ready, Log: log}).Handler()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !set.Ready() && iss.Fetches.Load() < 2 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the keys were never fetched")
		}
	}
	return h
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

// code is the error code in an answer's body.
func (a answer) code(t *testing.T) string {
	t.Helper()
	var body struct {
		Error       string
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Description == "" {
		t.Fatalf("the body is no error object: %q", a.body)
	}
	return body.Error
}

func TestTokens(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	h := newAPI(t, iss)
	now := time.Now().Unix()
	mint := func(name string, value any) string { return iss.Mint(jwt.MapClaims{name: value}) }
	header := func(name string, value any) string {
		return iss.MintHeader(map[string]any{name: value}, nil)
	}
	good := iss.Mint(nil)
	part := strings.Split(good, ".")
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, iss.Claims())
		token.Header["kid"] = iss.KID()
		s, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	for name, tc := range map[string]struct {
		token string
		good  bool
	}{
		"good":                          {good, true},
		"audience as a string":          {mint("aud", authtest.Audience), true},
		"typ absent":                    {header("typ", nil), true},
		"typ at+jwt":                    {header("typ", "at+jwt"), true},
		"typ application/AT+JWT":        {header("typ", "application/AT+JWT"), true},
		"x5t is ignored":                {header("x5t", "abc"), true},
		"expired within the leeway":     {mint("exp", now-2), true},
		"issued ahead within leeway":    {mint("iat", now+2), true},
		"not before now":                {mint("nbf", now), true},
		"expired":                       {mint("exp", now-60), false},
		"no exp":                        {mint("exp", nil), false},
		"exp a string":                  {mint("exp", "9999999999"), false},
		"not yet valid":                 {mint("nbf", now+60), false},
		"issued in the future":          {mint("iat", now+60), false},
		"no issuer":                     {mint("iss", nil), false},
		"issuer without its slash":      {mint("iss", strings.TrimSuffix(iss.URL, "/")), false},
		"other issuer":                  {mint("iss", "https://evil.test/"), false},
		"issuer in a list":              {mint("iss", []string{iss.URL}), false},
		"no audience":                   {mint("aud", nil), false},
		"other audience":                {mint("aud", "https://other.test"), false},
		"audience with a slash":         {mint("aud", authtest.Audience+"/"), false},
		"empty audience list":           {mint("aud", []string{}), false},
		"an ID token":                   {mint("aud", "client-id"), false},
		"no subject":                    {mint("sub", nil), false},
		"empty subject":                 {mint("sub", ""), false},
		"subject a number":              {mint("sub", 7), false},
		"no kid":                        {header("kid", nil), false},
		"empty kid":                     {header("kid", ""), false},
		"kid a number":                  {header("kid", 7), false},
		"unknown kid":                   {header("kid", "other"), false},
		"kid in another case":           {header("kid", strings.ToUpper(iss.KID())), false},
		"kid of 300 bytes":              {header("kid", strings.Repeat("k", 300)), false},
		"typ of a logout token":         {header("typ", "logout+jwt"), false},
		"typ of a DPoP proof":           {header("typ", "dpop+jwt"), false},
		"typ a number":                  {header("typ", 1), false},
		"crit":                          {header("crit", []string{"b64"}), false},
		"b64":                           {header("b64", false), false},
		"zip":                           {header("zip", "DEF"), false},
		"embedded key":                  {header("jwk", iss.JWK()), false},
		"jku":                           {header("jku", iss.URL), false},
		"x5u":                           {header("x5u", iss.URL), false},
		"x5c":                           {header("x5c", []string{"abc"}), false},
		"alg none":                      {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), false},
		"alg HS256 with the public key": {sign(jwt.SigningMethodHS256, iss.Key().N.Bytes()), false},
		"alg PS256":                     {sign(jwt.SigningMethodPS256, iss.Key()), false},
		"alg RS512":                     {sign(jwt.SigningMethodRS512, iss.Key()), false},
		"signed by a stranger":          {sign(jwt.SigningMethodRS256, stranger), false},
		"signature cut":                 {good[:len(good)-8], false},
		"no signature":                  {part[0] + "." + part[1] + ".", false},
		"payload of another token":      {part[0] + "." + strings.Split(mint("sub", "x"), ".")[1] + "." + part[2], false},
		"padded":                        {part[0] + "=." + part[1] + "." + part[2], false},
		"four parts":                    {good + ".x", false},
		"opaque":                        {"NotAJWTButAnOpaqueToken", false},
		"larger than 8 KiB":             {mint("pad", strings.Repeat("x", 9000)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, http.MethodGet, "/api/external", bearer(tc.token))
			if tc.good {
				want := `{"msg":"Your access token was successfully validated!"}` + "\n"
				if got.StatusCode != http.StatusOK || got.body != want {
					t.Fatalf("got %d %s", got.StatusCode, got.body)
				}
				return
			}
			if got.StatusCode != http.StatusUnauthorized || got.code(t) != "invalid_token" {
				t.Fatalf("got %d %s", got.StatusCode, got.body)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, `Bearer realm="api", error="invalid_token", error_description="`) {
				t.Errorf("challenge %q", challenge)
			}
			if strings.Contains(got.body+challenge, tc.token) {
				t.Error("the token comes back in the answer")
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	h := newAPI(t, iss)
	good := iss.Mint(nil)
	for name, tc := range map[string]struct {
		path    string
		headers []string
		status  int
		code    string // "" for a good answer
	}{
		"none":                      {"/api/external", nil, 401, "missing_token"},
		"scheme in another case":    {"/api/external", []string{"Authorization: bEARER " + good}, 200, ""},
		"another scheme":            {"/api/external", []string{"Authorization: Basic YTpi"}, 401, "missing_token"},
		"no scheme":                 {"/api/external", []string{"Authorization: " + good}, 401, "missing_token"},
		"no token":                  {"/api/external", []string{"Authorization: Bearer"}, 400, "invalid_request"},
		"two spaces":                {"/api/external", []string{"Authorization: Bearer  " + good}, 400, "invalid_request"},
		"two tokens":                {"/api/external", []string{"Authorization: Bearer " + good + " " + good}, 400, "invalid_request"},
		"two headers":               {"/api/external", []string{bearer(good), bearer(good)}, 400, "invalid_request"},
		"token in the query":        {"/api/external?access_token=" + good, nil, 401, "missing_token"},
		"public, without a token":   {"/api/public", nil, 200, ""},
		"public, with a bad token":  {"/api/public", []string{bearer("x")}, 200, ""},
		"scope missing":             {"/api/private-scoped", []string{bearer(good)}, 403, "insufficient_scope"},
		"scoped, without a token":   {"/api/private-scoped", nil, 401, "missing_token"},
		"scope granted":             {"/api/private-scoped", []string{bearer(iss.Mint(jwt.MapClaims{"scope": "openid read:messages"}))}, 200, ""},
		"permission granted":        {"/api/private-scoped", []string{bearer(iss.Mint(jwt.MapClaims{"permissions": []string{"read:messages"}}))}, 200, ""},
		"scope only starts like it": {"/api/private-scoped", []string{bearer(iss.Mint(jwt.MapClaims{"scope": "read:messages2"}))}, 403, "insufficient_scope"},
		"scope as a list":           {"/api/private-scoped", []string{bearer(iss.Mint(jwt.MapClaims{"scope": []string{"read:messages"}}))}, 403, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, http.MethodGet, tc.path, tc.headers...)
			if got.StatusCode != tc.status || tc.code != "" && got.code(t) != tc.code {
				t.Fatalf("got %d %s", got.StatusCode, got.body)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			switch tc.code {
			case "":
				if challenge != "" {
					t.Errorf("challenge %q on success", challenge)
				}
			case "missing_token": // RFC 6750 §3.1: no error code where no credentials were sent
				if challenge != `Bearer realm="api"` {
					t.Errorf("challenge %q", challenge)
				}
			case "insufficient_scope":
				if !strings.Contains(challenge, `scope="read:messages"`) {
					t.Errorf("challenge %q does not name the scope", challenge)
				}
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h := newAPI(t, authtest.New(t))
	for name, tc := range map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"health":                {"GET", "/healthz", 200, ""},
		"ready":                 {"GET", "/readyz", 200, ""},
		"HEAD":                  {"HEAD", "/api/public", 200, ""},
		"HEAD behind the gate":  {"HEAD", "/api/external", 401, ""},
		"wrong method":          {"POST", "/api/external", 405, "GET, HEAD"},
		"unknown path":          {"GET", "/api/nothing", 404, ""},
		"trailing slash":        {"GET", "/api/external/", 404, ""},
		"upper case":            {"GET", "/API/external", 404, ""},
		"encoded slash":         {"GET", "/api%2Fexternal", 401, ""},
		"doubled slash":         {"GET", "/api//external", 301, ""},
		"dot segments to gated": {"GET", "/api/public/../external", 301, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, tc.method, tc.path)
			if got.StatusCode != tc.status || got.Header.Get("Allow") != tc.allow {
				t.Errorf("got %d, Allow %q", got.StatusCode, got.Header.Get("Allow"))
			}
			if tc.status == 404 || tc.status == 405 {
				got.code(t)
			}
		})
	}
}

func TestWithoutKeys(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	iss.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	h := newAPI(t, iss)
	for path, status := range map[string]int{"/api/external": 503, "/readyz": 503, "/healthz": 200, "/api/public": 200} {
		got := do(h, http.MethodGet, path, bearer(iss.Mint(nil)))
		if got.StatusCode != status {
			t.Errorf("%s: got %d, want %d", path, got.StatusCode, status)
		}
		if status == 503 && got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	if got := do(h, http.MethodGet, "/api/external"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: got %d, want 401", got.StatusCode)
	}
}

func TestRotatedKey(t *testing.T) {
	t.Parallel()
	iss := authtest.New(t)
	h := newAPI(t, iss)
	old := iss.Mint(nil)
	iss.Rotate()
	if got := do(h, http.MethodGet, "/api/external", bearer(iss.Mint(nil))); got.StatusCode != http.StatusOK {
		t.Errorf("token of the new key: got %d", got.StatusCode)
	}
	if got := do(h, http.MethodGet, "/api/external", bearer(old)); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("token of the removed key: got %d", got.StatusCode)
	}
}

func BenchmarkExternal(b *testing.B) {
	iss := authtest.New(b)
	h := newAPI(b, iss)
	good := iss.Mint(nil)
	for _, bm := range []struct {
		name   string
		token  string
		status int
	}{
		{"accepted", good, http.StatusOK},
		{"refused early", "garbage", http.StatusUnauthorized},
		{"refused at the signature", good[:len(good)-8] + "AAAAAAAA", http.StatusUnauthorized},
	} {
		b.Run(bm.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/external", nil)
			r.Header.Set("Authorization", "Bearer "+bm.token)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != bm.status {
					body, _ := io.ReadAll(w.Body)
					b.Fatalf("got %d %s", w.Code, body)
				}
			}
		})
	}
}
