package tenant_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"calling-an-api.example/devserver/tenant"
)

// TestCookieAttributes has the attributes of the cookies. Over https, the session is also for frames in pages of
// other sites, like that of a page on http://localhost.
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string][]string{
		"http://localhost/":       {"local_tenant_session=", "HttpOnly", "SameSite=Lax"},
		"https://localhost:4400/": {"__Host-local_tenant_session_4400=", "HttpOnly", "Secure", "SameSite=None"},
	} {
		local, err := tenant.New(tenant.Options{Issuer: issuer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(local.Close)
		r := httptest.NewRequest(http.MethodPost, issuer+"_tenant/session", strings.NewReader(`{"user": "ada@example.com"}`))
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		local.ServeHTTP(w, r)
		got := w.Header().Get("Set-Cookie")
		if w.Code != http.StatusOK || !strings.HasPrefix(got, want[0]) {
			t.Fatalf("%s: %d %s", issuer, w.Code, w.Body)
		}
		for _, part := range want[1:] {
			if !strings.Contains(got, "; "+part) {
				t.Errorf("%s: %q lacks %s", issuer, got, part)
			}
		}
		var answer struct {
			Cookie struct {
				SameSite string `json:"sameSite"`
				Secure   bool   `json:"secure"`
			} `json:"cookie"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !slices.Contains(want, "SameSite="+answer.Cookie.SameSite) || answer.Cookie.Secure != slices.Contains(want, "Secure") {
			t.Errorf("%s: the answer is %s", issuer, w.Body)
		}
		// The cookie that binds a login to its browser is not for others.
		r = httptest.NewRequest(http.MethodGet, issuer+strings.TrimPrefix(authorizeURL("client_id=local-spa"), "/"), nil)
		w = httptest.NewRecorder()
		local.ServeHTTP(w, r)
		if got := w.Header().Get("Set-Cookie"); !strings.Contains(got, "local_tenant_browser") || !strings.Contains(got, "SameSite=Lax") {
			t.Errorf("%s: got %d %q", issuer, w.Code, got)
		}
	}
}
