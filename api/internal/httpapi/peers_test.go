package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/peers"
	"calling-an-api.example/api/internal/tokencases"
)

// TestPeers gives this API the tokens of package tokencases, and compares its answers with those
// of two libraries of Auth0, which are recorded by `go run . -differential` in api/bench.
func TestPeers(t *testing.T) {
	t.Parallel()
	iss := newIssuer(t)
	h := newAPI(t, iss)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer := tokencases.Issuer{URL: iss.URL, Audience: gatetest.Audience, KID: iss.KID(), Key: iss.Key(), Stranger: stranger, Now: now()}
	accepts := map[string]bool{}
	for _, c := range tokencases.All() {
		token, err := signer.Token(c)
		if err != nil {
			t.Fatal(err)
		}
		accepts[c.Name] = do(h, http.MethodGet, "/api/external", bearer(token)).StatusCode == http.StatusOK
	}
	peers.Compare(t, "testdata/peers.json", accepts, tokencases.Reasons)
}
