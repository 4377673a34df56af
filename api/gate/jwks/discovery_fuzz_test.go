package jwks

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzParseDiscovery looks for a document that makes the parser panic, or that moves an
// issuer's name or keys to where they must not be.
func FuzzParseDiscovery(f *testing.F) {
	for _, seed := range []string{
		`{"issuer":"https://id.acme.com/t","jwks_uri":"https://id.acme.com/keys"}`, `{"issuer":"https://ID.acme.com:443/t/","jwks_uri":"https://keys.acme.com"}`,
		`{"issuer":"https://id.acme.com/t","jwks_uri":"http://id.acme.com/keys"}`, `{"issuer":"https://id.acme.com/t?x","jwks_uri":"https://a/"}`,
		`{"issuer":"https://id.acme.com.evil/t","jwks_uri":"https://a/"}`, `{"issuer":7}`, `{}`, `[]`, `null`, ``, `<html>`,
		`{"ISSUER":"https://id.acme.com/t","jwks_uri":"https://a/"}`, `{"issuer":"https://id.acme.com/t","jwks_uri":"https://user@a/"}`, `{"issuer":"https://id.acme.com/t?","jwks_uri":"https://a/"}`,
		`{"issuer":"HTTPS://id.acme.com/t","jwks_uri":"https://a/"}`, `{"issuer":"https://id.acme.com:/t","jwks_uri":"https://a/"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const issuer = "https://id.acme.com/t"
		where, err := parseDiscovery(document{url: "u", body: body}, issuer)
		if err != nil {
			return
		}
		name, errName := url.Parse(where.issuer)
		uri, errURI := url.Parse(where.uri)
		if errName != nil || !strings.EqualFold(name.Hostname(), "id.acme.com") || name.Port() != "" && name.Port() != "443" || strings.ContainsAny(where.issuer, "?#") || !strings.HasPrefix(where.issuer, "https://") ||
			strings.TrimSuffix(name.EscapedPath(), "/") != "/t" {
			t.Fatalf("the issuer is %q by %q", where.issuer, body)
		}
		if errURI != nil || uri.Scheme != "https" || uri.Host == "" || uri.User != nil {
			t.Fatalf("the keys are at %q by %q", where.uri, body)
		}
	})
}
