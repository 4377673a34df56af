package httpapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/httpapi"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	good := iss.Mint(nil)
	scoped := func(name string, value any) []string { return []string{bearer(iss.Mint(gatetest.Claims{name: value}))} }
	const external, private = "/api/external", "/api/private-scoped"
	for name, tc := range map[string]struct {
		path    string
		headers []string
		status  int
		code    string // "" for a good answer
	}{
		"none":                       {external, nil, 401, "missing_token"},
		"an empty header":            {external, []string{"Authorization: "}, 401, "missing_token"},
		"scheme in lower case":       {external, []string{"Authorization: bearer " + good}, 200, ""},
		"scheme in mixed case":       {external, []string{"Authorization: bEARER " + good}, 200, ""},
		"another scheme":             {external, []string{"Authorization: Basic YTpi"}, 401, "missing_token"},
		"scheme DPoP":                {external, []string{"Authorization: DPoP " + good}, 401, "missing_token"},
		"scheme Bearerx":             {external, []string{"Authorization: Bearerx " + good}, 401, "missing_token"},
		"scheme in other letters":    {external, []string{"Authorization: Be\u0430rer " + good}, 401, "missing_token"},
		"no scheme":                  {external, []string{"Authorization: " + good}, 401, "missing_token"},
		"a space before the scheme":  {external, []string{"Authorization:  Bearer " + good}, 401, "missing_token"},
		"no token":                   {external, []string{"Authorization: Bearer"}, 400, "invalid_request"},
		"no token after the space":   {external, []string{"Authorization: Bearer "}, 400, "invalid_request"},
		"two spaces":                 {external, []string{"Authorization: Bearer  " + good}, 400, "invalid_request"},
		"a tab":                      {external, []string{"Authorization: Bearer\t" + good}, 401, "missing_token"},
		"a space after the token":    {external, []string{bearer(good) + " "}, 400, "invalid_request"},
		"two tokens":                 {external, []string{bearer(good) + " " + good}, 400, "invalid_request"},
		"two tokens and a comma":     {external, []string{bearer(good) + ", Bearer " + good}, 400, "invalid_request"},
		"a comma":                    {external, []string{bearer(good) + ","}, 400, "invalid_request"},
		"two headers":                {external, []string{bearer(good), bearer(good)}, 400, "invalid_request"},
		"two headers, one empty":     {external, []string{bearer(good), "Authorization: "}, 400, "invalid_request"},
		"a JSON serialization":       {external, []string{`Authorization: Bearer {"payload":"a","protected":"b","signature":"c"}`}, 400, "invalid_request"},
		"a token in quotes":          {external, []string{`Authorization: Bearer "` + good + `"`}, 401, "invalid_token"},
		"in the query alone":         {external + "?access_token=" + good, nil, 401, "missing_token"},
		"in the query too":           {external + "?access_token=" + good, []string{bearer(good)}, 400, "invalid_request"},
		"in the query, escaped":      {external + "?a=1&access%5Ftoken=x", []string{bearer(good)}, 400, "invalid_request"},
		"in the query, empty":        {external + "?access_token", []string{bearer(good)}, 400, "invalid_request"},
		"another query":              {external + "?access_tokens=1&x=access_token&%zz=1", []string{bearer(good)}, 200, ""},
		"in a cookie alone":          {external, []string{"Cookie: access_token=" + good}, 401, "missing_token"},
		"in a header of another API": {external, []string{"X-Access-Token: " + good}, 401, "missing_token"},
		"public, without a token":    {"/api/public", nil, 200, ""},
		"public, with a bad token":   {"/api/public", []string{bearer("x")}, 200, ""},
		"scope missing":              {private, []string{bearer(good)}, 403, "insufficient_scope"},
		"scoped, without a token":    {private, nil, 401, "missing_token"},
		"scoped, with a bad token":   {private, []string{bearer("x")}, 401, "invalid_token"},
		"scope granted":              {private, scoped("scope", "openid read:messages"), 200, ""},
		"scope alone":                {private, scoped("scope", "read:messages"), 200, ""},
		"permission granted":         {private, scoped("permissions", []string{"read:messages"}), 200, ""},
		"scope that begins like it":  {private, scoped("scope", "read:messages2"), 403, "insufficient_scope"},
		"scope that ends like it":    {private, scoped("scope", "xread:messages"), 403, "insufficient_scope"},
		"scope in capitals":          {private, scoped("scope", "READ:MESSAGES"), 403, "insufficient_scope"},
		"scope with commas":          {private, scoped("scope", "openid,read:messages"), 403, "insufficient_scope"},
		"scope as a list":            {private, scoped("scope", []string{"openid", "read:messages"}), 200, ""},
		"scope as a list of texts":   {private, scoped("scope", []string{"openid read:messages"}), 403, "insufficient_scope"},
		"scope as a list, a number":  {private, scoped("scope", []any{"read:messages", 7}), 403, "insufficient_scope"},
		"scp granted":                {private, scoped("scp", "openid read:messages"), 200, ""},
		"scp as a list":              {private, scoped("scp", []string{"openid", "read:messages"}), 200, ""},
		"scp that begins like it":    {private, scoped("scp", []string{"read:messages2"}), 403, "insufficient_scope"},
		"scp as an object":           {private, scoped("scp", map[string]bool{"read:messages": true}), 403, "insufficient_scope"},
		"scope as an object":         {private, scoped("scope", map[string]bool{"read:messages": true}), 403, "insufficient_scope"},
		"scope after many spaces":    {private, scoped("scope", "  openid   read:messages "), 200, ""},
		"scope after a tab":          {private, scoped("scope", "openid\tread:messages"), 403, "insufficient_scope"},
		"scope on a line":            {private, scoped("scope", "openid\nread:messages"), 403, "insufficient_scope"},
		"scope after U+00A0":         {private, scoped("scope", "openid\u00a0read:messages"), 403, "insufficient_scope"},
		"scope after U+2003":         {private, scoped("scope", "openid\u2003read:messages"), 403, "insufficient_scope"},
		"scope with a NUL":           {private, scoped("scope", "read:messages\x00"), 403, "insufficient_scope"},
		"permission with a tab":      {private, scoped("permissions", []string{"read:messages\t"}), 403, "insufficient_scope"},
		"permission beyond ASCII":    {private, scoped("permissions", []string{"read:messages\u200b"}), 403, "insufficient_scope"},
		"permissions as a string":    {private, scoped("permissions", "read:messages"), 403, "insufficient_scope"},
		"permission of two words":    {private, scoped("permissions", []string{"x read:messages"}), 403, "insufficient_scope"},
		"permissions with a number":  {private, scoped("permissions", []any{"read:messages", 7}), 403, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, http.MethodGet, tc.path, tc.headers...)
			if got.StatusCode != tc.status || tc.code != "" && got.problem(t).Error != tc.code {
				t.Fatalf("got %d %s", got.StatusCode, got.body)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			metadata := `, resource_metadata="` + gatetest.Audience + `/.well-known/oauth-protected-resource"`
			switch tc.code {
			case "":
				if challenge != "" {
					t.Errorf("challenge %q on success", challenge)
				}
				return
			case "missing_token": // RFC 6750 §3.1: no error code where no credentials were sent
				if challenge != `Bearer realm="api"`+metadata {
					t.Errorf("challenge %q", challenge)
				}
			case "insufficient_scope":
				if !strings.Contains(challenge, `scope="read:messages"`) {
					t.Errorf("challenge %q does not name the scope", challenge)
				}
			}
			if !strings.HasPrefix(challenge, `Bearer realm="api"`) || !strings.HasSuffix(challenge, metadata) {
				t.Errorf("challenge %q", challenge)
			}
			for _, c := range []byte(challenge) { // RFC 6750 §3 allows less, as \ and " would need care
				if c < 0x20 || c > 0x7e || c == '\\' {
					t.Errorf("challenge %q has the byte %#x", challenge, c)
				}
			}
		})
	}
}

func TestBodyTokenIsNoCredential(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	r := httptest.NewRequest(http.MethodGet, "/api/external", strings.NewReader("access_token="+iss.Mint(nil)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	newAPI(t, iss).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	for name, tc := range map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"health":                 {"GET", "/healthz", 200, ""},
		"ready":                  {"GET", "/readyz", 200, ""},
		"metrics":                {"GET", "/metrics", 200, ""},
		"HEAD":                   {"HEAD", "/api/public", 200, ""},
		"HEAD behind the gate":   {"HEAD", "/api/external", 401, ""},
		"POST":                   {"POST", "/api/external", 405, "GET, HEAD"},
		"DELETE":                 {"DELETE", "/api/public", 405, "GET, HEAD"},
		"OPTIONS, CORS off":      {"OPTIONS", "/api/external", 405, "GET, HEAD"},
		"TRACE":                  {"TRACE", "/api/external", 405, "GET, HEAD"},
		"a made-up method":       {"get", "/api/external", 405, "GET, HEAD"},
		"unknown path":           {"GET", "/api/nothing", 404, ""},
		"root":                   {"GET", "/", 404, ""},
		"trailing slash":         {"GET", "/api/external/", 404, ""},
		"upper case":             {"GET", "/API/external", 404, ""},
		"encoded slash":          {"GET", "/api%2Fexternal", 401, ""},
		"encoded letter":         {"GET", "/api/e%78ternal", 401, ""},
		"encoded twice":          {"GET", "/api%252Fexternal", 404, ""},
		"doubled slash":          {"GET", "/api//external", 404, ""},
		"doubled slash in front": {"GET", "//api/external", 404, ""},
		"dot segments to gated":  {"GET", "/api/public/../external", 404, ""},
		"encoded dot segments":   {"GET", "/api/public/%2e%2e/external", 404, ""},
		"backslash":              {"GET", `/api\external`, 404, ""},
		"semicolon":              {"GET", "/api/external;x=1", 404, ""},
		"NUL at the end":         {"GET", "/api/external%00", 404, ""},
		"space at the end":       {"GET", "/api/external%20", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(h, tc.method, tc.path)
			if got.StatusCode != tc.status || got.Header.Get("Allow") != tc.allow {
				t.Errorf("got %d, Allow %q", got.StatusCode, got.Header.Get("Allow"))
			}
			if strings.Contains(got.body, "successfully validated") {
				t.Error("past the gate without a token")
			}
			if tc.status == 404 || tc.status == 405 {
				got.problem(t)
			}
		})
	}
	if get, head := do(h, "GET", "/api/external", bearer(iss.Mint(nil))), do(h, "HEAD", "/api/external", bearer(iss.Mint(nil))); head.StatusCode != http.StatusOK ||
		head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
		t.Errorf("HEAD answers %d %v, GET %v", head.StatusCode, head.Header, get.Header)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	const app = "https://app.test"
	h := newAPI(t, iss, func(s *settings) { s.http.CORSOrigins = []string{app} })
	off := newAPI(t, iss)
	preflight := []string{"Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization"}
	allowed := func(a answer) string { return a.Header.Get("Access-Control-Allow-Origin") }

	got := do(h, "OPTIONS", "/api/external", append(preflight, "Origin: "+app)...)
	if got.StatusCode != http.StatusNoContent || allowed(got) != app || !strings.EqualFold(got.Header.Get("Access-Control-Allow-Headers"), "authorization") {
		t.Errorf("preflight: %d %v", got.StatusCode, got.Header)
	}
	if got := do(h, "OPTIONS", "/api/external", append(preflight, "Origin: https://evil.test")...); allowed(got) != "" {
		t.Errorf("preflight of another origin: %v", got.Header)
	}
	for name, path := range map[string]string{"refused": "/api/external", "not found": "/nothing", "public": "/api/public"} {
		got := do(h, "GET", path, "Origin: "+app)
		if allowed(got) != app || !strings.Contains(strings.ToLower(got.Header.Get("Access-Control-Expose-Headers")), "www-authenticate") {
			t.Errorf("%s: %v", name, got.Header)
		}
		if got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are allowed", name)
		}
		if got := do(off, "GET", path, "Origin: "+app); allowed(got) != "" {
			t.Errorf("%s, CORS off: %v", name, got.Header)
		}
	}
	if got := do(h, "POST", "/api/external", "Origin: "+app); got.StatusCode != http.StatusMethodNotAllowed || allowed(got) != app {
		t.Errorf("wrong method: %d %v", got.StatusCode, got.Header)
	}
}

func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	for name, tc := range map[string]struct{ identifier, path, challenge string }{
		"no path":     {"https://api.test", "/.well-known/oauth-protected-resource", "https://api.test/.well-known/oauth-protected-resource"},
		"with a path": {"https://api.test/v1/", "/.well-known/oauth-protected-resource/v1", "https://api.test/.well-known/oauth-protected-resource/v1"},
		"not a URL":   {"", "/.well-known/oauth-protected-resource", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newAPI(t, iss, func(s *settings) { s.http.Resource.Identifier = tc.identifier })
			got := do(h, "GET", tc.path, "Host: evil.test")
			var doc struct {
				Resource string
				Servers  []string `json:"authorization_servers"`
				Methods  []string `json:"bearer_methods_supported"`
				Scopes   []string `json:"scopes_supported"`
			}
			if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
				t.Fatalf("%v in %d %s", err, got.StatusCode, got.body)
			}
			if doc.Resource != tc.identifier || len(doc.Servers) != 1 || doc.Servers[0] != iss.URL || len(doc.Methods) != 1 || doc.Methods[0] != "header" {
				t.Errorf("got %+v", doc)
			}
			if !slices.Contains(doc.Scopes, "read:messages") {
				t.Errorf("got scopes_supported %q, want it to contain read:messages", doc.Scopes)
			}
			challenge := do(h, "GET", "/api/external").Header.Get("WWW-Authenticate")
			if tc.challenge == "" && strings.Contains(challenge, "resource_metadata") ||
				tc.challenge != "" && !strings.Contains(challenge, `resource_metadata="`+tc.challenge+`"`) {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
}

func TestMetadataURLSaysNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	r := httpapi.Resource{Identifier: "https://api.test"}
	h := newAPI(t, newIssuer(t), func(s *settings) { s.http.Resource = r })
	req := httptest.NewRequest(http.MethodGet, "/api/external", nil)
	req.Host = "evil.test"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if strings.Contains(w.Header().Get("WWW-Authenticate"), "evil") {
		t.Errorf("challenge %q", w.Header().Get("WWW-Authenticate"))
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	enabled := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // otherwise requests get no IDs
	h := newAPI(t, newIssuer(t), func(s *settings) { s.http.Log = enabled })
	id := func(headers ...string) string {
		return do(h, "GET", "/api/public", headers...).Header.Get("X-Request-Id")
	}
	if a, b := id(), id(); a == "" || a == b {
		t.Errorf("two requests are %q and %q", a, b)
	}
	if got := id("X-Request-Id: abc-1.2_3"); got != "abc-1.2_3" {
		t.Errorf("a proxy's ID becomes %q", got)
	}
	for _, bad := range []string{"a b", "a\"b", "ä", strings.Repeat("x", 65), ""} {
		if got := id("X-Request-Id: " + bad); got == bad {
			t.Errorf("%q is taken over", bad)
		}
	}
}
