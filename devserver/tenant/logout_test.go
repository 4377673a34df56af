package tenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOIDCLogout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query    url.Values // ID stands for an ID token, ACCESS for an access token
		status   int
		location string
		loggedIn bool // afterwards
	}{
		"by an ID token":        {url.Values{"id_token_hint": {"ID"}, "post_logout_redirect_uri": {app}, "state": {"x&y"}}, 303, app + "?state=x%26y", false},
		"by its client":         {url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {app + "/"}}, 303, app + "/", false},
		"to nowhere":            {url.Values{"id_token_hint": {"ID"}}, 200, "", false},
		"without a client":      {url.Values{"post_logout_redirect_uri": {app}}, 400, "", true},
		"elsewhere":             {url.Values{"id_token_hint": {"ID"}, "post_logout_redirect_uri": {"https://evil.test"}}, 400, "", true},
		"nearly there":          {url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {app + ".evil.test"}}, 400, "", true},
		"an access token":       {url.Values{"id_token_hint": {"ACCESS"}, "post_logout_redirect_uri": {app}}, 400, "", true},
		"an API's token alone":  {url.Values{"id_token_hint": {"ACCESS"}}, 400, "", true},
		"garbage":               {url.Values{"id_token_hint": {"a.b.c"}, "post_logout_redirect_uri": {app}}, 400, "", true},
		"another's token":       {url.Values{"id_token_hint": {"ID"}, "client_id": {"local-machine"}, "post_logout_redirect_uri": {app}}, 400, "", true},
		"a client with no URLs": {url.Values{"client_id": {"local-machine"}, "post_logout_redirect_uri": {app}}, 400, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			_, tokens := f.tokens(codeForm(f.logIn("ada@example.com", "ada-local")))
			query := tc.query.Encode()
			query = strings.Replace(query, "=ID", "="+tokens.ID, 1)
			query = strings.Replace(query, "=ACCESS", "="+tokens.Access, 1)
			got := f.get("/oidc/logout?" + query)
			location := ""
			if got.location != nil {
				location = got.location.String()
			}
			if got.status != tc.status || location != tc.location {
				t.Errorf("%d to %q, want %d to %q", got.status, location, tc.status, tc.location)
			}
			silent := f.get(authorizeURL("prompt=none")).location.Query()
			if loggedIn := silent.Get("code") != ""; loggedIn != tc.loggedIn {
				t.Errorf("logged in: %t (%s)", loggedIn, silent.Get("error"))
			}
		})
	}
}

func TestResponseModes(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.logIn("ada@example.com", "ada-local")
	for mode, want := range map[string]string{"": "?code=", "query": "?code=", "fragment": "/callback#code="} {
		got := f.get(authorizeURL("response_mode=" + mode))
		if got.location == nil || !strings.Contains(got.location.String(), want) {
			t.Errorf("%q: %d %v", mode, got.status, got.location)
		}
	}
	if got := f.get(authorizeURL("response_mode=fragment", "prompt=none", "max_age=0")).location; got == nil || !strings.Contains(got.Fragment, "error=login_required") {
		t.Errorf("an error in the fragment: %v", got)
	}
	got := f.get(authorizeURL("response_mode=form_post"))
	if got.status != http.StatusOK || !strings.Contains(got.body, `action="`+app+`/callback"`) || !strings.Contains(got.body, `name="code"`) ||
		!strings.Contains(got.body, `name="state" value="st&amp;te"`) || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
		got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("form_post: %d %v %s", got.status, got.header, got.body)
	}
	if got := f.get(authorizeURL("response_mode=carrier_pigeon")).location; got == nil || got.Query().Get("error") != "invalid_request" {
		t.Errorf("an unknown mode: %v", got)
	}
}
