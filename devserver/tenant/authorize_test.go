package tenant_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// message returns the response that a web_message page posts, and to whom.
func message(t *testing.T, page string) (response map[string]string, origin string) {
	t.Helper()
	m := regexp.MustCompile(`response: (\{.*\}) \}, ("[^"]*")\);`).FindStringSubmatch(html.UnescapeString(page))
	if m == nil {
		t.Fatalf("the page posts nothing:\n%s", page)
	}
	return decode[map[string]string](t, m[1]), decode[string](t, m[2])
}

func TestSilentAuthentication(t *testing.T) {
	t.Parallel()
	f := start(t)
	silent := authorizeURL("prompt=none", "response_mode=web_message", "redirect_uri="+app)
	expect := func(when, name, value string) {
		t.Helper()
		got := f.get(silent)
		response, origin := message(t, got.body)
		if got.status != http.StatusOK || origin != app || response["state"] != "st&te" || response[name] == "" || value != "" && response[name] != value {
			t.Errorf("%s: %d, to %s: %v", when, got.status, origin, response)
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors "+app) || got.header.Get("X-Frame-Options") != "" {
			t.Errorf("%s: the app can't frame the answer: %s", when, csp)
		}
	}
	expect("logged out", "error", "login_required")
	state := f.get(authorizeURL()).location.Query().Get("state")
	f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}})
	expect("without consent", "error", "consent_required")
	f.consent(state, "accept")
	expect("logged in", "code", "")
	f.get("/v2/logout?client_id=spa&returnTo=" + app)
	expect("logged out again", "error", "login_required")
}

func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tc := range map[string]struct{ change, code, description string }{
		"no PKCE":            {"code_challenge=", "invalid_request", "PKCE"},
		"plain PKCE":         {"code_challenge_method=plain", "invalid_request", "S256"},
		"no PKCE method":     {"code_challenge_method=", "invalid_request", "S256"},
		"unknown audience":   {"audience=https://other.test", "access_denied", "Service not found: https://other.test"},
		"implicit flow":      {"response_type=token", "unsupported_response_type", "must be code"},
		"no response type":   {"response_type=", "invalid_request", ""},
		"unknown mode":       {"response_mode=carrier_pigeon", "invalid_request", "response_mode"},
		"none and login":     {"prompt=none login", "invalid_request", ""},
		"odd organization":   {"organization=<b>", "invalid_request", "organization"},
		"a request URI":      {"request_uri=https://x.test", "request_uri_not_supported", ""},
		"an invitation":      {"invitation=x", "invalid_request", "not supported"},
		"an ID token alone":  {"response_type=id_token", "unauthorized_client", ""},
		"a request object":   {"request=ey.ey.x", "request_not_supported", ""},
		"silent, logged out": {"prompt=none", "login_required", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.get(authorizeURL(tc.change))
			if got.location == nil || !strings.HasPrefix(got.location.String(), app+"/callback?") {
				t.Fatalf("led to %v: %d %s", got.location, got.status, got.body)
			}
			q := got.location.Query()
			if q.Get("error") != tc.code || !strings.Contains(q.Get("error_description"), tc.description) || q.Get("state") != "st&te" {
				t.Errorf("got %v", q)
			}
		})
	}
}

// TestErrorsReachWaitingWindows asks as a hidden frame or a popup does, and is
// refused. The SDK waits for a message until its time is up.
func TestErrorsReachWaitingWindows(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tc := range map[string]struct {
		change, code string
		told         bool
	}{
		"no PKCE":            {"code_challenge=", "invalid_request", true},
		"unknown audience":   {"audience=https://other.test", "access_denied", true},
		"logged out":         {"prompt=none", "login_required", true},
		"unknown client":     {"client_id=other", "unauthorized_client", true},
		"malformed":          {"max_age=old", "invalid_request", true},
		"redirect URI":       {"redirect_uri=" + app + "/elsewhere", "invalid_request", true},
		"a foreign page":     {"redirect_uri=https://evil.test", "", false},
		"a neighboring page": {"redirect_uri=http://localhost:4201/callback", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.get(authorizeURL("response_mode=web_message", tc.change))
			if !tc.told {
				if got.status != http.StatusBadRequest || strings.Contains(got.body, "postMessage") {
					t.Errorf("%d %s", got.status, got.body)
				}
				return
			}
			response, origin := message(t, got.body)
			if response["error"] != tc.code || response["error_description"] == "" || response["state"] != "st&te" || origin != app {
				t.Errorf("to %s: %v", origin, response)
			}
		})
	}
}

// TestParametersOfAuth0 asks with what Auth0 knows beyond the protocol.
func TestParametersOfAuth0(t *testing.T) {
	t.Parallel()
	f := start(t)
	page := func(changes ...string) string { return f.get(f.get(authorizeURL(changes...)).location.String()).body }
	if body := page("login_hint=charles@example.com"); !strings.Contains(body, `value="charles@example.com" autocomplete`) {
		t.Errorf("login_hint:\n%s", body)
	}
	if body := page("screen_hint=signup"); !strings.Contains(body, "asks you to sign up") || strings.Contains(page(), "asks you to sign up") {
		t.Errorf("screen_hint:\n%s", body)
	}
	code := f.logIn("ada@example.com", "ada-local", "max_age=3600", "connection=github", "acr_values=http://schemas.openid.net/pape/policies/2007/06/multi-factor",
		"ui_locales=xx-nonsense de", "login_hint=somebody", "ext-theme=dark", "display=popup", "id_token_hint=none")
	_, tokens := f.tokens(codeForm(code))
	if id := claims(t, tokens.ID); id["auth_time"] == nil || id["org_id"] != nil || id["org_name"] != nil {
		t.Errorf("%v", id)
	}
	if f.get(authorizeURL("organization=org_x1", "prompt=none")); strings.Contains(mustJSON(t, claims(t, tokens.Access)), "org_") {
		t.Error("one login's organization is in another's token")
	}
	for asked, want := range map[string][2]string{"org_Ab12Cd34Ef56Gh78": {"org_id", "org_Ab12Cd34Ef56Gh78"}, "Acme-Works": {"org_name", "acme-works"}} {
		code := f.get(authorizeURL("organization="+asked, "scope=openid offline_access", "prompt=consent"))
		code = f.consent(code.location.Query().Get("state"), "accept")
		_, first := f.tokens(codeForm(code.location.Query().Get("code")))
		_, renewed := f.renew(first.Refresh)
		for name, token := range map[string]string{"ID": first.ID, "access": first.Access, "renewed ID": renewed.ID} {
			if c := claims(t, token); c[want[0]] != want[1] {
				t.Errorf("%s token for %s: %v", name, asked, c)
			}
		}
	}
}

// TestByPost begins a login and a logout by forms, as OpenID Connect allows; the
// app's page sends them, so they come from another origin.
func TestByPost(t *testing.T) {
	t.Parallel()
	f := start(t)
	cross := []string{"Origin: " + app, "Sec-Fetch-Site: same-site"}
	u, err := url.Parse(authorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	if next := f.post("/authorize", u.Query(), cross...).location; next == nil || next.Path != "/u/login" {
		t.Errorf("a login leads to %v", next)
	}
	f.logIn("ada@example.com", "ada-local")
	out := f.post("/oidc/logout", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {app}, "state": {"x"}}, cross...)
	if out.location == nil || out.location.String() != app+"?state=x" {
		t.Errorf("a logout leads to %v", out.location)
	}
	if got := f.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "login_required" {
		t.Errorf("after it: %q", got)
	}
}
