package gate_test

import (
	"net/http"
	"testing"

	"calling-an-api.example/api/internal/peers"
	"calling-an-api.example/api/internal/proofcases"
)

// TestDPoPPeers compares the answers to package proofcases with those of two libraries of
// Auth0, which are recorded by `go run . -differential` in api/bench. TestDPoPCases holds this
// API to its own answers.
func TestDPoPPeers(t *testing.T) {
	t.Parallel()
	accepts := map[string]bool{}
	for _, c := range proofcases.All() {
		accepts[c.Name] = c.Status == http.StatusOK
	}
	peers.Compare(t, "testdata/peers.json", accepts, proofcases.Reasons)
}
