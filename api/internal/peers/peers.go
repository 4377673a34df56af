// Package peers compares the answers of this API with those that other implementations have
// given to the same requests. The command in api/bench records those; tests compare.
package peers

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Answers are what other implementations have answered.
type Answers struct {
	Peers   []string         `json:"peers"`   // name and version
	Answers map[string][]int `json:"answers"` // status of each peer, by case
}

// Write writes a to a file, which Compare reads.
func (a Answers) Write(name string) error {
	data, err := json.MarshalIndent(a, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o644) //nolint:gosec // it is part of the repository
}

// Reasons are why answers of this API differ from those of the others, by the beginning of the
// cases' names.
type Reasons map[string]string

// of returns the reason with the longest beginning of name, and that; "" if there is none.
func (r Reasons) of(name string) (key, why string) {
	for prefix, reason := range r {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(key) {
			key, why = prefix, reason
		}
	}
	return key, why
}

// Compare fails the test unless each difference between accepts, which says what this API does
// by case, and the recorded answers has a reason, and each reason a difference.
func Compare(tb testing.TB, file string, accepts map[string]bool, reasons Reasons) {
	tb.Helper()
	data, err := os.ReadFile(file) //nolint:gosec // a test's own file
	if err != nil {
		tb.Fatal(err)
	}
	var recorded Answers
	if err := json.Unmarshal(data, &recorded); err != nil {
		tb.Fatal(err)
	}
	if len(accepts) != len(recorded.Answers) {
		tb.Errorf("%d cases, and %d recorded: record them again", len(accepts), len(recorded.Answers))
	}
	same, used := 0, map[string]bool{}
	for name, accepted := range accepts {
		answers := recorded.Answers[name]
		if len(answers) != len(recorded.Peers) {
			tb.Errorf("%q is not recorded", name)
		}
		differs := false
		for _, status := range answers {
			differs = differs || accepted != (status == http.StatusOK)
		}
		if !differs {
			same++
			continue
		}
		key, why := reasons.of(name)
		used[key] = true
		if why == "" {
			tb.Errorf("%q: this API accepts it: %t, the others answer %v, and no reason is given", name, accepted, answers)
		}
	}
	for key := range reasons {
		if !used[key] {
			tb.Errorf("the reason for %q explains nothing", key)
		}
	}
	tb.Logf("%d of %d requests are accepted, or rejected, by %v too", same, len(accepts), recorded.Peers)
}
