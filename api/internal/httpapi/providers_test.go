package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
)

// TestProviders has tokens in the shapes of providers, by their documentation, and what
// each of them signs with the same keys that is no access token. docs/providers.md has the
// settings.
func TestProviders(t *testing.T) {
	t.Parallel()
	type token struct {
		header map[string]any
		claims gatetest.Claims
	}
	for name, tc := range map[string]struct {
		path     string // of the issuer
		audience string
		access   token
		read     int // status of a route that requires read:messages
		client   string
		others   map[string]token // must be rejected
	}{
		"Auth0": {
			path: "/", audience: "https://api.acme.com", read: 200, client: "AbC",
			access: token{map[string]any{"typ": "JWT"}, gatetest.Claims{
				"sub": "auth0|5", "aud": []string{"https://api.acme.com", "ISS/userinfo"}, "azp": "AbC",
				"scope": "openid profile", "permissions": []string{"read:messages"},
			}},
			others: map[string]token{
				"ID token": {nil, gatetest.Claims{"sub": "auth0|5", "aud": "AbC", "nonce": "n", "sid": "s"}},
			},
		},
		"Keycloak": {
			path: "/realms/acme", audience: "https://api.acme.com", read: 200, client: "spa",
			access: token{map[string]any{"typ": "JWT"}, gatetest.Claims{
				"jti": "onrtac:1", "sub": "5", "aud": []string{"https://api.acme.com", "account"}, "typ": "Bearer", "azp": "spa", "sid": "s",
				"acr": "1", "allowed-origins": []string{"https://app.acme.com"}, "scope": "openid email read:messages",
				"realm_access": map[string]any{"roles": []string{"admin"}}, "email_verified": true,
			}},
			others: map[string]token{
				"ID token":      {nil, gatetest.Claims{"sub": "5", "aud": "spa", "typ": "ID", "azp": "spa"}},
				"ID token, aud": {nil, gatetest.Claims{"sub": "5", "aud": []string{"spa", "https://api.acme.com"}, "typ": "ID", "azp": "spa"}},
				"logout token": {map[string]any{"typ": "logout+jwt"}, gatetest.Claims{
					"sub": "5", "aud": "https://api.acme.com", "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
				}},
				"offline token": {nil, gatetest.Claims{"sub": "5", "aud": "https://api.acme.com", "typ": "Offline", "azp": "spa"}},
			},
		},
		"Entra ID, v2": {
			path: "/7d1e/v2.0", audience: "2c4f-api", read: 200, client: "9a1b-spa",
			access: token{map[string]any{"typ": "JWT", "x5t": "abc", "nonce": "n"}, gatetest.Claims{
				"aud": "2c4f-api", "sub": "AAAA", "azp": "9a1b-spa", "azpacr": "0", "oid": "o", "tid": "7d1e", "ver": "2.0", "uti": "u",
				"aio": "ATQ", "rh": "0.", "scp": "access_as_user read:messages", "roles": []string{"Reader"}, "nbf": 0,
			}},
			others: map[string]token{
				"ID token of the same registration": {nil, gatetest.Claims{"aud": "2c4f-api", "sub": "AAAA", "nonce": "n", "ver": "2.0", "tid": "7d1e"}},
			},
		},
		"Entra ID, v1": {
			path: "/7d1e/", audience: "api://2c4f", read: 403, client: "9a1b-daemon",
			access: token{map[string]any{"x5t": "abc"}, gatetest.Claims{
				"aud": "api://2c4f", "sub": "AAAA", "appid": "9a1b-daemon", "appidacr": "1", "idp": "https://sts.windows.net/7d1e/", "ver": "1.0",
				"roles": []string{"Reader"},
			}},
		},
		"Okta, custom server": {
			path: "/oauth2/default", audience: "api://default", read: 200, client: "0oa",
			access: token{nil, gatetest.Claims{
				"ver": 1, "jti": "AT.1", "aud": "api://default", "cid": "0oa", "uid": "00u", "scp": []string{"openid", "read:messages"}, "sub": "ada@acme.com",
			}},
			others: map[string]token{
				"ID token": {nil, gatetest.Claims{"ver": 1, "aud": "0oa", "sub": "00u", "at_hash": "h", "nonce": "n"}},
			},
		},
		"Amazon Cognito": {
			path: "/eu-west-1_AbC", audience: "7client", read: 200, client: "7client",
			access: token{nil, gatetest.Claims{
				"sub": "5", "aud": nil, "client_id": "7client", "token_use": "access", "scope": "openid read:messages", "jti": "j", "version": 2,
				"username": "ada", "auth_time": 1,
			}},
			others: map[string]token{
				"ID token":                 {nil, gatetest.Claims{"sub": "5", "aud": "7client", "token_use": "id", "auth_time": 1}},
				"of another client":        {nil, gatetest.Claims{"sub": "5", "aud": nil, "client_id": "8client", "token_use": "access"}},
				"for another API":          {nil, gatetest.Claims{"sub": "5", "aud": "https://other.test", "client_id": "7client", "token_use": "access"}},
				"with an empty aud":        {nil, gatetest.Claims{"sub": "5", "aud": []string{}, "client_id": "7client", "token_use": "access"}},
				"with token_use Bearer":    {nil, gatetest.Claims{"sub": "5", "aud": nil, "client_id": "7client", "token_use": "Bearer"}},
				"with a nonce":             {nil, gatetest.Claims{"sub": "5", "aud": nil, "client_id": "7client", "token_use": "access", "nonce": "n"}},
				"without aud or token_use": {nil, gatetest.Claims{"sub": "5", "aud": nil, "client_id": "7client"}},
			},
		},
		"Google": {
			path: "", audience: "https://api.acme.com", read: 403, client: "1127",
			access: token{nil, gatetest.Claims{ // the identity token of a service account
				"aud": "https://api.acme.com", "azp": "1127", "sub": "1127", "email": "job@acme.iam.gserviceaccount.com", "email_verified": true,
			}},
			others: map[string]token{
				"ID token of a login": {nil, gatetest.Claims{"aud": "https://api.acme.com", "azp": "https://api.acme.com", "sub": "5", "at_hash": "h"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			iss := newIssuer(t)
			iss.URL = strings.TrimSuffix(iss.URL, "/") + tc.path
			h := newAPI(t, iss, func(s *settings) { s.auth.Audiences = []string{tc.audience} })
			mint := func(token token) string {
				claims := gatetest.Claims{"azp": nil, "scope": nil}
				maps.Copy(claims, token.claims)
				return iss.MintHeader(token.header, claims)
			}
			access := mint(tc.access)
			if got := do(h, http.MethodGet, "/api/external", bearer(access)); got.StatusCode != http.StatusOK {
				t.Errorf("the access token: got %d %s", got.StatusCode, got.body)
			}
			if got := do(h, http.MethodGet, "/api/private-scoped", bearer(access)); got.StatusCode != tc.read {
				t.Errorf("the scope: got %d %s, want %d", got.StatusCode, got.body, tc.read)
			}
			for name, token := range tc.others {
				if got := do(h, http.MethodGet, "/api/external", bearer(mint(token))); got.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s: got %d %s", name, got.StatusCode, got.body)
				}
			}
		})
	}
}

// TestSeveralIssuers has two issuers, of which one is down.
func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	up, down := newIssuer(t), newIssuer(t)
	up.URL += "realms/acme"
	down.HandleKeys(badAnswers["500"])
	h := newAPI(t, up, withSecond(t, down))
	if got := statusOf(h, up.Mint(nil)); got != http.StatusOK {
		t.Errorf("the first: got %d", got)
	}
	if got := statusOf(h, down.Mint(nil)); got != http.StatusServiceUnavailable {
		t.Errorf("the second, which is down: got %d", got)
	}
	if got := statusOf(h, up.Mint(gatetest.Claims{"iss": "https://third.test/"})); got != http.StatusUnauthorized {
		t.Errorf("a third: got %d", got)
	}
	if n := up.Fetches.Load(); n != 1 {
		t.Errorf("the first was asked for its keys %d times", n)
	}
	ready := do(h, http.MethodGet, "/readyz")
	var state struct {
		Status  string
		Issuers []struct {
			Issuer string
			Ready  bool
		}
	}
	if err := json.Unmarshal([]byte(ready.body), &state); err != nil || ready.StatusCode != http.StatusOK || len(state.Issuers) != 2 ||
		!state.Issuers[0].Ready || state.Issuers[1].Ready || state.Issuers[1].Issuer != down.URL {
		t.Errorf("/readyz: %d %s", ready.StatusCode, ready.body)
	}
	metadata := do(h, http.MethodGet, "/.well-known/oauth-protected-resource")
	if want := `"authorization_servers":["` + up.URL + `","` + down.URL + `"]`; !strings.Contains(metadata.body, want) {
		t.Errorf("the metadata has not %s: %s", want, metadata.body)
	}
	metrics := do(h, http.MethodGet, "/metrics").body
	for _, want := range []string{
		`api_tokens_total{issuer="` + up.URL + `",outcome="accepted"} 1`,
		`api_tokens_total{issuer="` + down.URL + `",outcome="unavailable"} 1`,
		`api_tokens_total{issuer="",outcome="issuer"} 1`,
		`api_jwks_ready{issuer="` + up.URL + `"} 1`, `api_jwks_ready{issuer="` + down.URL + `"} 0`,
		`api_jwks_fetches_total{issuer="` + up.URL + `",outcome="ok"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics have not %s", want)
		}
	}
	down.HandleKeys(nil)
	await(t, "the second", func() bool { return statusOf(h, down.Mint(nil)) == http.StatusOK })
	// All issuers of this test binary have the same keys, as a custom domain has.
	if got := statusOf(h, down.Mint(gatetest.Claims{"sub": "another"})); got != http.StatusOK {
		t.Errorf("the same keys under two names: got %d", got)
	}
}

// TestReadyAfterTheFirstAnswers has an issuer that never responds at the start.
func TestReadyAfterTheFirstAnswers(t *testing.T) {
	t.Parallel()
	up, slow := newIssuer(t), newIssuer(t)
	release := make(chan struct{})
	slow.HandleDiscovery(func(w http.ResponseWriter, r *http.Request) { <-release; http.NotFound(w, r) })
	h := newAPI(t, up, withSecond(t, slow), func(s *settings) { s.dontWait = true })
	await(t, "the first issuer", func() bool { return statusOf(h, up.Mint(nil)) == http.StatusOK })
	if got := do(h, http.MethodGet, "/readyz"); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("before the second has been asked: %d %s", got.StatusCode, got.body)
	}
	close(release)
	await(t, "both", func() bool { return do(h, http.MethodGet, "/readyz").StatusCode == http.StatusOK })
}

// TestDraining has an API that is about to stop.
func TestDraining(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	draining := false
	h := newAPI(t, iss, func(s *settings) { s.http.Draining = func() bool { return draining } })
	for _, draining = range []bool{false, true} {
		for path, want := range map[string]int{"/readyz": 200, "/healthz": 200, "/api/external": 200, "/nothing": 404} {
			if path == "/readyz" && draining {
				want = 503
			}
			got := do(h, http.MethodGet, path, bearer(iss.Mint(nil)))
			if got.StatusCode != want || (got.Header.Get("Connection") == "close") != draining {
				t.Errorf("draining %t, %s: got %d, Connection %q", draining, path, got.StatusCode, got.Header.Get("Connection"))
			}
		}
	}
}
