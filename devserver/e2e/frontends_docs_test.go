package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFrontendDocument compares the tests that docs/frontend.md names with those there
// are: each table row that has a test must name one, and each project must be named.
func TestFrontendDocument(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(repo, "docs", "frontend.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, pattern := range []string{"*_test.go", "../serve*_test.go", "../internal/bundle/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code += string(text)
		}
	}
	named := map[string]bool{}
	inTable, untested := false, 0
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "|") && strings.HasSuffix(line, "| test |") {
			inTable = true
			continue
		}
		if inTable = inTable && strings.HasPrefix(line, "|"); !inTable || strings.HasPrefix(line, "|-") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		last := cells[len(cells)-1]
		projects := regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(last, -1)
		tests := regexp.MustCompile(`\*([^*]+)\*`).FindAllStringSubmatch(last, -1)
		if len(projects)+len(tests) == 0 {
			untested++
		}
		for _, p := range projects {
			named[p[1]] = true
			if strangers[p[1]] == nil {
				t.Errorf("there is no project %s: %s", p[1], line)
			}
		}
		for _, test := range tests {
			if !regexp.MustCompile(`"`+regexp.QuoteMeta(test[1])+`":\s+\{`).MatchString(code) && !strings.Contains(code, "func "+test[1]+"(") {
				t.Errorf("there is no test %q: %s", test[1], line)
			}
		}
	}
	if untested > 3 { // templates of Angular, late styles, several pages: there is nothing to be seen of them
		t.Errorf("%d rows have no test", untested)
	}
	for name := range strangers {
		if !named[name] {
			t.Errorf("docs/frontend.md does not name %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`\*(Test[A-Za-z]+)\*`).FindAllStringSubmatch(string(content), -1) {
		if !strings.Contains(code, "func "+m[1]+"(") {
			t.Errorf("there is no %s", m[1])
		}
	}
}
