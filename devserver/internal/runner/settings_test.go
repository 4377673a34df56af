package runner

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestExampleNamesWhatIsRead compares .env.example with the known variables.
func TestExampleNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{"NO_COLOR": true} // not ours
	for _, m := range regexp.MustCompile(`(?m)^#([A-Z0-9_]+)=`).FindAllStringSubmatch(string(example), -1) {
		if shown[m[1]] = true; strings.HasPrefix(m[1], pagePrefix) {
			continue
		}
		if _, known := variables[m[1]]; !known {
			t.Errorf(".env.example shows %s, which nothing reads", m[1])
		}
	}
	for name := range variables {
		if !shown[name] {
			t.Errorf(".env.example does not show %s", name)
		}
	}
}
