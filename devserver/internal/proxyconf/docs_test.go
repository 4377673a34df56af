package proxyconf

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocuments parses each example of docs/proxy.md, forwards the requests in the
// table after it as the table says, and requires each option to be named.
func TestDocuments(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(/[^`]*)` \\| (?:`([^`]+)`|no rule) \\|$")
	examples, requests := 0, 0
	for _, part := range strings.Split(string(data), "```jsonc\n")[1:] {
		example, after, _ := strings.Cut(part, "```\n")
		rules, warnings, err := Parse("proxy.conf.json", []byte(example))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, %v", example, err, warnings)
			continue
		}
		examples++
		table, _, _ := strings.Cut(strings.TrimSpace(after), "\n\n")
		for _, m := range row.FindAllStringSubmatch(table, -1) {
			requests++
			got := ""
			if i, err := rules.Match(m[1]); err != nil {
				t.Error(err)
			} else if i >= 0 {
				target := rules[i].For("localhost:4200", m[1])
				uri, err := rules[i].RequestURI(target, m[1])
				if err != nil {
					t.Error(err)
				}
				got = target.Scheme + "://" + target.Host + uri
			}
			if got != m[2] {
				t.Errorf("%s\n%s goes to %q, not %q", example, m[1], got, m[2])
			}
		}
	}
	if examples < 6 || requests < 20 {
		t.Errorf("only %d examples and %d requests were found", examples, requests)
	}
	for _, option := range slices.Sorted(maps.Keys(optionReaders)) {
		if !strings.Contains(string(data), "`"+option+"`") {
			t.Errorf("the document does not name %s", option)
		}
		if option != "router" && !strings.Contains(string(data), `"`+option+`":`) {
			t.Errorf("no example has %s", option)
		}
	}
}
