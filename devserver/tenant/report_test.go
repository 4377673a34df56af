package tenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/tenant"
)

// TestErrorsAreEvents makes requests that are rejected, by the tenant or by its library, and finds
// each once among the events, with the code that the client got.
func TestErrorsAreEvents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, form string
		code       string
		text       string // of the event, whose client is that of the form
	}{
		"a grant for passwords":  {"/oauth/token", "grant_type=password&username=a&password=b&client_id=spa", "unsupported_grant_type", "docs/tenant.md"},
		"a grant for devices":    {"/oauth/token", "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=spa", "unsupported_grant_type", "docs/tenant.md"},
		"token exchange":         {"/oauth/token", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&client_id=spa", "unsupported_grant_type", "docs/tenant.md"},
		"no grant":               {"/oauth/token", "client_id=spa", "invalid_request", "grant_type"},
		"a grant of others":      {"/oauth/token", "grant_type=client_credentials&client_id=spa&audience=" + audience, "unauthorized_client", "not allowed"},
		"no client":              {"/oauth/token", "grant_type=authorization_code&code=x", "invalid_request", "client_id"},
		"an unknown client":      {"/oauth/token", "grant_type=authorization_code&code=x&client_id=x", "invalid_client", "unknown"},
		"no code":                {"/oauth/token", "grant_type=authorization_code&client_id=spa", "invalid_request", "code missing"},
		"an unknown code":        {"/oauth/token", "grant_type=authorization_code&client_id=spa&code=x&redirect_uri=" + app, "invalid_grant", "Invalid authorization code"},
		"no refresh token":       {"/oauth/token", "grant_type=refresh_token&client_id=spa", "invalid_request", "refresh_token missing"},
		"a parameter twice":      {"/oauth/token", "grant_type=refresh_token&client_id=spa&client_id=spa", "invalid_request", "more than once"},
		"a malformed form":       {"/oauth/token", "grant_type=%zz", "invalid_request", "/oauth/token was rejected"},
		"no token to revoke":     {"/oauth/revoke", "client_id=spa", "invalid_request", "token missing"},
		"userinfo without token": {"/userinfo", "", "invalid_request", "access token missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			got := f.send(f.request(http.MethodPost, tc.path, strings.NewReader(tc.form), "Content-Type: application/x-www-form-urlencoded", "Origin: "+app))
			if answer := decode[object](t, got.body); got.status < 400 || answer["error"] != tc.code || got.header.Get("Access-Control-Allow-Origin") != app {
				t.Errorf("got %d %s %v", got.status, got.body, got.header)
			}
			events := decode[[]tenant.Event](t, f.get("/_tenant/events").body)
			client := ""
			if strings.Contains(tc.form, "client_id=spa") && !strings.Contains(tc.form, "spa&client_id") {
				client = "spa"
			}
			if len(events) != 1 || !events[0].Rejected || events[0].Error != tc.code || !strings.Contains(events[0].Text, tc.text) || events[0].Client != client {
				t.Errorf("the events are %v", events)
			}
		})
	}
}

// TestMismatch sends URLs that are not allowed: the page shows them, those that are, and what to
// add.
func TestMismatch(t *testing.T) {
	t.Parallel()
	f := start(t)
	const sent = app + `/else"where`
	for name, path := range map[string]string{
		"callbacks":                         authorizeURL("redirect_uri=" + sent),
		"allowed_logout_urls":               "/v2/logout?client_id=spa&returnTo=" + url.QueryEscape(sent),
		"allowed_logout_urls of the client": "/oidc/logout?client_id=spa&post_logout_redirect_uri=" + url.QueryEscape(sent),
	} {
		got := f.get(path)
		list, _, _ := strings.Cut(name, " ")
		for _, want := range []string{"mismatch", `<dd><code>` + app + `/else&#34;where</code>`, "<code>" + app + "</code><br>",
			"add this to <code>" + list + "</code> of the client <code>spa</code>", `<code>&#34;` + app + `/else\&#34;where&#34;</code>`} {
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
				t.Errorf("%s: got %d without %s:\n%s", name, got.status, want, got.body)
			}
		}
	}
	f.ask("session", `{"user": "ada@example.com"}`)
	f.get(authorizeURL("redirect_uri=" + app + "/x"))
	f.get("/v2/logout?client_id=spa&returnTo=" + app + "/x")
	for _, e := range decode[[]tenant.Event](t, f.get("/_tenant/events?user=ada@example.com").body)[:2] {
		if e.Client != "spa" || !e.Rejected {
			t.Errorf("the event is %v", e)
		}
	}
	if got := f.get(authorizeURL("redirect_uri=com.acme.app:/callback")).body; !strings.Contains(got, "&#34;com.acme.app:/callback&#34;") {
		t.Errorf("for an app: %s", got)
	}
	for name, want := range map[string]string{"redirect_uri=": "<dd>nothing</dd>", "redirect_uri=" + app + "/#x": "#x", "redirect_uri=" + app + "/" + strings.Repeat("x", 400): "…</code>"} {
		if got := f.get(authorizeURL(name)).body; !strings.Contains(got, want) || strings.Contains(got, "To allow it") {
			t.Errorf("%.40s: got %s", name, got)
		}
	}
}
