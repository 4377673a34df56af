package gate

import (
	"reflect"
	"strings"
	"testing"
)

// seeds are headers and claims, for the fuzzer to begin with.
var seeds = []string{
	`{"alg":"RS256","typ":"JWT","kid":"a"}`, `{"alg":"none","typ":"at+jwt","kid":"a","cty":"json"}`, `{"alg":"RS256","kid":"a","crit":["exp"]}`,
	`{"iss":"https://i/","sub":"s","aud":["a","b"],"exp":1e3,"nbf":0,"iat":-0,"scp":["x"],"cnf":{"jkt":"y"}}`,
	`{"token_use":"access","client_id":"c","permissions":["x"],"nonce":"n","act":{"sub":"x"},"events":{}}`, `{"exp":"1"}`, `[]`, ``,
}

// FuzzHeaderAndClaims looks for a text that makes one of the readers panic, or
// accept what it must not.
func FuzzHeaderAndClaims(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := parseHeader(data, algorithms{"RS256"}); err == nil && (h.kid == "" || len(h.kid) > maxKID || !strings.Contains(string(data), "256")) {
			t.Fatalf("accepted the header %q", data)
		}
		if c, err := parseClaims(data); err == nil {
			for _, date := range []interface{ Unix() int64 }{c.expires, c.notBefore, c.issuedAt} {
				if !reflect.ValueOf(date).IsNil() && (date.Unix() < 0 || date.Unix() > maxTime) {
					t.Fatalf("accepted the date %d in %q", date.Unix(), data)
				}
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	data := []byte(`{"iss":"https://acme.eu.auth0.com/","sub":"auth0|6123456789abcdef01234567","aud":["https://api.acme.com","https://acme.eu.auth0.com/userinfo"],"iat":1790000000,"exp":1790086400,"azp":"AbCdEfGhIjKlMnOpQrStUvWxYz012345","scope":"openid profile email read:messages","permissions":["read:messages"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseClaims(data); err != nil {
			b.Fatal(err)
		}
	}
}
