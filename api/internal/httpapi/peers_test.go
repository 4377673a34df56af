package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/tokencases"
)

// TestPeers gives this API the tokens whose answers by two libraries of Auth0 are recorded in
// testdata/peers.json, by `go run . -differential` in api/bench. Each difference has a reason
// in package tokencases, and each reason a difference.
func TestPeers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/peers.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Peers   []string         // name and version
		Answers map[string][]int // status of each peer, by case
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	iss := newIssuer(t)
	h := newAPI(t, iss)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer := tokencases.Issuer{URL: iss.URL, Audience: gatetest.Audience, KID: iss.KID(), Key: iss.Key(), Stranger: stranger, Now: now()}
	all := tokencases.All()
	if len(all) != len(recorded.Answers) {
		t.Errorf("%d cases, and %d recorded: record them again", len(all), len(recorded.Answers))
	}
	same, used := 0, map[string]bool{}
	for _, c := range all {
		token, err := signer.Token(c)
		if err != nil {
			t.Fatal(err)
		}
		accepts := do(h, http.MethodGet, "/api/external", bearer(token)).StatusCode == http.StatusOK
		differs := false
		for _, status := range recorded.Answers[c.Name] {
			differs = differs || accepts != (status == http.StatusOK)
		}
		if !differs {
			same++
			continue
		}
		key, why := tokencases.Reason(c.Name)
		used[key] = true
		if why == "" {
			t.Errorf("%q: this API accepts it: %t, the others answer %v, and no reason is given", c.Name, accepts, recorded.Answers[c.Name])
		}
	}
	for _, key := range tokencases.Reasons() {
		if !used[key] {
			t.Errorf("the reason for %q explains nothing", key)
		}
	}
	t.Logf("%d of %d tokens get the same answer from %v", same, len(all), recorded.Peers)
}
