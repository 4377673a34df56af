package inspect_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/inspect"
)

// secret is in every place below where a secret is; harmless is where none is.
const (
	secret   = "S3cr3t-5tuff"
	harmless = "plain-words"
)

// TestMasks sends bodies as programs send them.
func TestMasks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string][2]string{
		"JSON as text, as fetch does":  {"text/plain;charset=UTF-8", `{"password":"SECRET"}`},
		"JSON as a form, as curl does": {"application/x-www-form-urlencoded", `{"password":"SECRET"}`},
		"JSON as a form, with an =":    {"application/x-www-form-urlencoded", `{"password":"SECRET","x":"a=b"}`},
		"a form as JSON":               {"application/json", "grant_type=password&password=SECRET"},
		"a form as text":               {"text/plain", "user=HARMLESS\r\npassword=SECRET\r\n"},
		"colons that are no names":     {"application/json", `{"listen":["HARMLESS:80",":8080"],"password":"SECRET"}`},
		"smileys":                      {"application/json", `{"list":["a",":smile:"],"token":"SECRET", "x": "HARMLESS"}`},
		"a URL in JSON":                {"application/json", `{"x":"HARMLESS","url":"http://a/callback?code=SECRET"}`},
		"a database in JSON":           {"application/json", `{"database":"postgres://app:SECRET@localhost/db"}`},
		"JSON in JSON":                 {"application/json", `{"body":"{\"password\":\"SECRET\"}"}`},
		"JSON in JSON in JSON":         {"application/json", `{"a":"{\"b\":\"{\\\"password\\\":\\\"SECRET\\\"}\"}"}`},
		"a URL in a form":              {"application/x-www-form-urlencoded", "x=HARMLESS&returnTo=http%3A%2F%2Fa%2F%3Fcode%3DSECRET"},
		"JSON in a form":               {"application/x-www-form-urlencoded", `payload={"password":"SECRET"}`},
		"a URL in text":                {"text/plain", "HARMLESS redirects to http://a/cb?code=SECRET now"},
		"GraphQL":                      {"application/json", `{"query":"mutation { login(user: \"ada\", password: \"SECRET\") }"}`},
		"fields with brackets":         {"application/x-www-form-urlencoded", "user[name]=HARMLESS&user[password]=SECRET&code[]=SECRET&code%5B%5D=SECRET"},
		"names of their own":           {"application/json", `{"pass":"SECRET","passphrase":"SECRET","privateKey":"SECRET","access_key":"SECRET","mfa_code":"SECRET","authCode":"SECRET","sig":"SECRET","x":"HARMLESS"}`},
		"lists and objects":            {"application/json", `{"tokens":["SECRET"],"session":{"a":{"b":"SECRET"}},"x":"HARMLESS"}`},
		"cut off in a name":            {"application/json", `{"x":"HARMLESS","password":"SECRET`},
		"cut off in an escape":         {"application/json", `{"x":"HARMLESS","password":"SECRET\`},
		"a word for a code":            {"application/json", `{"code":"HARMLESS","state":"HARMLESS"}`},
	} {
		fill := strings.NewReplacer("SECRET", secret, "HARMLESS", harmless)
		r := start(t, inspect.Options{})
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(fill.Replace(tc[1])))
		req.Header.Set("Content-Type", tc[0])
		r.record(req, func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			w.Header().Set("Content-Type", tc[0])
			_, _ = io.WriteString(w, fill.Replace(tc[1]))
		})
		x := r.only()
		for _, body := range []string{x.Request.Body, x.Response.Body} {
			if strings.Contains(body, secret) || strings.Contains(tc[1], "HARMLESS") && !strings.Contains(body, harmless) || body == "" {
				t.Errorf("%s: %s", name, body)
			}
		}
	}
}

// TestOneTimeCodes are masked, although codes of errors are not.
func TestOneTimeCodes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"code":"123456"}`:               `{"code":"…"}`,
		`{"code":123456}`:                 `{"code":"…"}`,
		`{"code":"A1B2C3"}`:               `{"code":"…"}`,
		`{"code":404,"state":null}`:       `{"code":404,"state":null}`,
		`{"code":"not_found"}`:            `{"code":"not_found"}`,
		`{"code":"ERR_BAD_REQUEST"}`:      `{"code":"ERR_BAD_REQUEST"}`,
		`{"key":"color","state":"ready"}`: `{"key":"color","state":"ready"}`,
	} {
		if got := inspect.MaskJSON(body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// TestMasksOfHeads sends URLs and headers with secrets.
func TestMasksOfHeads(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/users/@me":                                  "http://example.com/users/@me",
		"/npm/@scope/pkg?x=1":                         "http://example.com/npm/@scope/pkg?x=1",
		"/users/ada@example.com/orders":               "http://example.com/users/ada@example.com/orders",
		"/a;jsessionid=" + secret + "?b=c":            "http://example.com/a;jsessionid=…?b=c",
		"/?next=%2Fcb%3Fcode%3D" + secret:             "http://example.com/?next=…",
		"/?sig=" + secret + "&key=" + secret:          "http://example.com/?sig=…&key=…",
		"/?code[]=" + secret + "&PHPSESSID=" + secret: "http://example.com/?code[]=…&PHPSESSID=…",
	} {
		r := start(t, inspect.Options{})
		r.record(httptest.NewRequest(http.MethodGet, target, nil), func(http.ResponseWriter, *http.Request) {})
		if got := r.only().Request.URL; got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	for header, value := range map[string]string{
		"Ocp-Apim-Subscription-Key": secret, "X-Functions-Key": secret, "X-Auth-Key": secret, "X-Access-Key": secret, "X-Auth": secret,
		"Sec-Websocket-Protocol": "bearer, " + secret, "Cookie": secret, "X-Forwarded-Uri": "/cb?code=" + secret, "Hx-Current-Url": "http://a/?code=" + secret,
		"X-Api-Key": secret, "X-Csrf-Token": secret, "Authorization": secret, "Proxy-Authorization": "Basic " + secret,
	} {
		r := start(t, inspect.Options{})
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set(header, value)
		r.record(req, func(http.ResponseWriter, *http.Request) {})
		if got := r.only(); len(got.Request.Headers) != 1 || strings.Contains(got.Request.Headers[0][1], secret) {
			t.Errorf("%s: %v", header, got.Request.Headers)
		}
	}
}

func isJSON(text string) bool { return json.Valid([]byte(text)) }

// FuzzMaskJSON requires that JSON stays JSON, and that the value of a secret member is never kept.
func FuzzMaskJSON(f *testing.F) {
	f.Add(`{"a": [1, "b"], "c": {"d": "e"}}`)
	f.Add(`["read",":admin"]`)
	f.Add(`{"roles":["read",":admin"],"b":"y"}`)
	f.Fuzz(func(t *testing.T, text string) {
		inspect.MaskJSON(text)
		if strings.Contains(text, secret) || !isJSON(text) {
			return
		}
		whole := `{"x": ` + text + `, "password": "` + secret + `"}`
		if got := inspect.MaskJSON(whole); !isJSON(got) || strings.Contains(got, secret) {
			t.Errorf("%s becomes %s", whole, got)
		}
	})
}
