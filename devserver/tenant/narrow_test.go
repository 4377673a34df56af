package tenant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
)

// TestShortVerifier has a code verifier that is too short to be none that can be
// guessed, though its challenge fits.
func TestShortVerifier(t *testing.T) {
	t.Parallel()
	f := start(t)
	for length, want := range map[int]int{42: http.StatusForbidden, 43: http.StatusOK, 128: http.StatusOK, 129: http.StatusForbidden} {
		f.browser = newBrowser(t)
		short := strings.Repeat("v", length)
		sum := sha256.Sum256([]byte(short))
		code := f.logIn("ada@example.com", "ada-local", "code_challenge="+base64.RawURLEncoding.EncodeToString(sum[:]))
		if status, a := f.tokens(codeForm(code, "code_verifier="+short)); status != want {
			t.Errorf("%d characters: %d %+v", length, status, a)
		}
	}
}

// TestOnlyWhatTheGrantsAllow asks for more than a client and an API have.
func TestOnlyWhatTheGrantsAllow(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("t.jsonc", []byte(configured(t,
		`"grant_types": ["authorization_code", "refresh_token"],`, `"grant_types": ["authorization_code"],`,
		`"scopes": ["read:messages"],`, `"scopes": ["read:messages", "of:another"],`,
		`// "blocked": true,`, `"claims": {"https://example.com/roles": ["admin"]},`))); err != nil {
		t.Fatal(err)
	}
	code := f.logIn("ada@example.com", "ada-local", "scope=openid offline_access", "organization=org_1")
	if _, a := f.tokens(codeForm(code)); a.Refresh != "" || a.Scope != "openid" || claims(t, a.Access)["org_id"] != "org_1" {
		t.Errorf("without the grant: %+v", a)
	}
	code = f.get(authorizeURL("scope=openid")).location.Query().Get("code")
	if _, a := f.tokens(codeForm(code)); claims(t, a.Access)["org_id"] != nil {
		t.Error("an organization stays with the user")
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"local-machine"}, "client_secret": {"local-machine-secret"}, "audience": {audience}}
	if _, a := f.tokens(form); a.Scope != "read:messages" {
		t.Errorf("a scope that the API has not: %+v", a)
	}
	form.Set("scope", "of:another")
	if got := f.post("/oauth/token", form); got.status != http.StatusForbidden {
		t.Errorf("asked for: %d %s", got.status, got.body)
	}
}

// TestGoneFromTheConfiguration restarts with the state of users who were removed.
func TestGoneFromTheConfiguration(t *testing.T) {
	t.Parallel()
	f, _, file, restart := startKept(t, outputtest.New())
	refresh := f.offline()
	restart(func() {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(data), "auth0|ada2", "auth0|gone")), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if page := f.get("/").body; !strings.Contains(page, "No user is logged in") {
		t.Errorf("the dashboard:\n%s", page)
	}
	if got := f.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "login_required" {
		t.Errorf("a session of a removed user: %q", got)
	}
	if status, a := f.renew(refresh); status != http.StatusForbidden {
		t.Errorf("a refresh token of a removed user: %d %+v", status, a)
	}
}
