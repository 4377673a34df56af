package gate

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzCredential checks that a credential is accepted only as RFC 6750 §2.1
// spells it, and that nothing of it comes back in a refusal.
func FuzzCredential(f *testing.F) {
	fixed := map[string]bool{} // all that a refusal can say
	for _, header := range []string{"Basic x", "Bearer", "DPoP", "Bearer x"} {
		r := &http.Request{Header: http.Header{"Authorization": {header}}, URL: &url.URL{RawQuery: "access_token"}}
		_, err := credential(r, true)
		fixed[err.Description] = true
	}
	for _, seed := range []string{
		"Bearer abc.def.ghi", "bearer x", "Bearer", "Bearer ", "Bearer  x", "Bearer x y", "Bearer x,y", "Basic x", "", "Bearer\tx", "BEARER x=", "DPoP x", "dpop x", "DPoP  x",
	} {
		f.Add(seed, "")
		f.Add(seed, "access_token=x")
		f.Add(seed, "a=1&access%5ftoken=x&%zz")
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}, URL: &url.URL{RawQuery: query}}
		c, err := credential(r, true)
		token := c.token
		if err != nil {
			if token != "" {
				t.Fatalf("a token and a refusal for %q", header)
			}
			if !fixed[err.Description] {
				t.Fatalf("%q is refused with %q", header, err.Description)
			}
			return
		}
		scheme := "Bearer "
		if c.dpop {
			scheme = "DPoP "
		}
		if len(header) != len(scheme)+len(token) || !strings.EqualFold(header[:len(scheme)], scheme) || token == "" || strings.ContainsAny(token, " ,\t") {
			t.Fatalf("accepted %q as %q", header, token)
		}
		if values, err := url.ParseQuery(query); err == nil && values.Has("access_token") {
			t.Fatalf("accepted beside the query %q", query)
		}
	})
}
