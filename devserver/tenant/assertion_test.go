package tenant_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"calling-an-api.example/devserver/internal/outputtest"
)

// TestClientAssertion authenticates a client by a key (private_key_jwt).
func TestClientAssertion(t *testing.T) {
	t.Parallel()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	key, stranger := newKey(), newKey()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	if err != nil {
		t.Fatal(err)
	}
	f, local := startLocal(t, outputtest.New())
	config := `{"users": [], "clients": [
		{"client_id": "keyed", "name": "Keyed", "public_key": %s, "grant_types": ["client_credentials"], "scopes": []},
		{"client_id": "other", "name": "Other", "public_key": %[1]s, "grant_types": ["client_credentials"], "scopes": []}
	], "apis": [{"audience": "` + audience + `", "name": "A", "scopes": {}, "token_lifetime": 60}]}`
	if err := local.Configure("test", fmt.Appendf(nil, config, text)); err != nil {
		t.Fatal(err)
	}
	sign := func(by *ecdsa.PrivateKey, changes object) string {
		claims := object{"iss": "keyed", "sub": "keyed", "aud": f.url + "/", "exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text()}
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: by}, nil)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		assertion, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return assertion
	}
	form := func(assertion string, more ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}, "audience": {audience},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	for name, good := range map[string]url.Values{
		"the issuer":         form(sign(key, nil)),
		"the token endpoint": form(sign(key, object{"aud": []string{"x", f.url + "/oauth/token"}})),
		"with client_id":     form(sign(key, nil), "client_id", "keyed"),
	} {
		if status, tokens := f.tokens(good); status != http.StatusOK || claims(t, tokens.Access)["azp"] != "keyed" {
			t.Errorf("%s: %d %+v", name, status, tokens)
		}
	}
	used := sign(key, nil)
	f.tokens(form(used))
	for name, bad := range map[string]url.Values{
		"another key":       form(sign(stranger, nil)),
		"used before":       form(used),
		"another audience":  form(sign(key, object{"aud": "https://evil.test/"})),
		"another issuer":    form(sign(key, object{"iss": "other"})),
		"another client ID": form(sign(key, nil), "client_id", "other"),
		"an unknown client": form(sign(key, object{"sub": "x", "iss": "x"})),
		"expired":           form(sign(key, object{"exp": time.Now().Unix() - 1})),
		"not yet":           form(sign(key, object{"nbf": time.Now().Unix() + 30})),
		"without exp":       form(sign(key, object{"exp": nil})),
		"for a year":        form(sign(key, object{"exp": time.Now().AddDate(1, 0, 0).Unix()})),
		"without jti":       form(sign(key, object{"jti": nil})),
		"a long jti":        form(sign(key, object{"jti": strings.Repeat("x", 257)})),
		"sub a number":      form(sign(key, object{"sub": 1})),
		"garbage":           form("garbage"),
		"another type":      form(sign(key, nil), "client_assertion_type", "x"),
		"a secret too":      form(sign(key, nil), "client_id", "keyed", "client_secret", "s"),
		"no assertion":      {"grant_type": {"client_credentials"}, "audience": {audience}, "client_id": {"keyed"}},
	} {
		if status, tokens := f.tokens(bad); status < 400 || tokens.Access != "" {
			t.Errorf("%s: %d", name, status)
		}
	}
}
