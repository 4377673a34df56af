package gate_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"calling-an-api.example/api/internal/proofcases"
)

// TestDPoPPeers compares the answers to package proofcases with those of two libraries of
// Auth0, which are recorded in testdata/peers.json by `go run . -differential` in api/bench.
// TestDPoPCases holds this API to its own answers. Each difference has a reason, and each
// reason a difference.
func TestDPoPPeers(t *testing.T) {
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
	all := proofcases.All()
	if len(all) < 90 || len(all) != len(recorded.Answers) {
		t.Errorf("%d cases, and %d recorded: record them again", len(all), len(recorded.Answers))
	}
	same, used := 0, map[string]bool{}
	for _, c := range all {
		answers := recorded.Answers[c.Name]
		if len(answers) != len(recorded.Peers) {
			t.Errorf("%q is not recorded", c.Name)
		}
		differs := false
		for _, status := range answers {
			differs = differs || (c.Status == http.StatusOK) != (status == http.StatusOK)
		}
		if !differs {
			same++
			continue
		}
		key, why := proofcases.Reason(c.Name)
		used[key] = true
		if why == "" {
			t.Errorf("%q: this API answers %d, the others %v, and no reason is given", c.Name, c.Status, answers)
		}
	}
	for _, key := range proofcases.Reasons() {
		if !used[key] {
			t.Errorf("the reason for %q explains nothing", key)
		}
	}
	t.Logf("%d of %d requests get the same answer from %v", same, len(all), recorded.Peers)
}
