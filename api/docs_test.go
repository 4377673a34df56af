package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRulesNameTests holds docs/token-validation.md, docs/providers.md and docs/dpop.md to the tests
// that they name.
func TestRulesNameTests(t *testing.T) {
	t.Parallel()
	var doc strings.Builder
	for _, file := range []string{"../docs/token-validation.md", "../docs/providers.md", "../docs/dpop.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc.Write(content)
	}
	var sources strings.Builder
	var files []string
	for _, pattern := range []string{"*_test.go", "gate/*_test.go", "gate/*/*_test.go", "gate/*/*/*_test.go", "gate/internal/*/*_test.go", "internal/*/*_test.go", "internal/proofcases/*.go"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(content)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([^`]+))?`").FindAllStringSubmatch(doc.String(), -1)
	if len(names) < 50 {
		t.Fatalf("only %d tests are named", len(names))
	}
	for _, name := range names {
		if !strings.Contains(sources.String(), "func "+name[1]+"(") {
			t.Errorf("no test is called %s", name[1])
		}
		if name[2] != "" && !strings.Contains(sources.String(), `"`+name[2]+`":`) && !strings.Contains(sources.String(), `"`+name[2]+`", `) {
			t.Errorf("no case is called %q", name[2])
		}
	}
}
