package proxyconf

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// TestDialect compares with what http-proxy-middleware answered to real requests
// (bench/peers/dialect.mjs, which writes the file).
func TestDialect(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/dialect.json")
	if err != nil {
		t.Fatal(err)
	}
	var answers struct {
		Contexts []struct {
			Context json.RawMessage
			URI     string
			Matches bool
		}
		Rewrites []struct {
			PathRewrite json.RawMessage
			URI, Asks   string
		}
		Joins []struct {
			Path, URI, Asks string
			Options         map[string]json.RawMessage
		}
		Globs []struct { // random ones, by micromatch alone
			Glob            string
			Matches, Others []string
		}
	}
	if err := json.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers.Contexts) < 340 || len(answers.Rewrites) < 30 || len(answers.Joins) < 15 || len(answers.Globs) < 300 {
		t.Fatalf("the fixture is not whole: %d, %d, %d, %d", len(answers.Contexts), len(answers.Rewrites), len(answers.Joins), len(answers.Globs))
	}
	for _, a := range answers.Contexts {
		name := fmt.Sprintf("%s %s", a.Context, a.URI)
		rules := parse(t, fmt.Sprintf(`[{"context": %s, "target": "http://up"}]`, a.Context))
		if i, err := rules.Match(a.URI); err != nil || (i == 0) != a.Matches {
			t.Errorf("%s: rule %d, %v; want a match: %v", name, i, err, a.Matches)
		}
	}
	for _, a := range answers.Globs {
		c, err := newContext(a.Glob)
		if err != nil {
			t.Errorf("%s: %v", a.Glob, err)
		}
		for _, path := range slices.Concat(a.Matches, a.Others) {
			if got, err := (contexts{c}).match(path, path); err != nil || got != slices.Contains(a.Matches, path) {
				t.Errorf("%s for %s: %v, %v", a.Glob, path, got, err)
			}
		}
	}
	for _, a := range answers.Rewrites {
		rule := parse(t, fmt.Sprintf(`{"/": {"target": "http://up", "pathRewrite": %s}}`, a.PathRewrite))[0]
		if got, err := rule.RequestURI(rule.Target, a.URI); err != nil || got != a.Asks {
			t.Errorf("%s makes %s of %s (%v), want %s", a.PathRewrite, got, a.URI, err, a.Asks)
		}
	}
	for _, a := range answers.Joins {
		a.Options["target"] = json.RawMessage(fmt.Sprintf("%q", "http://up"+a.Path))
		options, err := json.Marshal(a.Options)
		if err != nil {
			t.Fatal(err)
		}
		rule := parse(t, fmt.Sprintf(`{"/": %s}`, options))[0]
		if got, err := rule.RequestURI(rule.Target, a.URI); err != nil || got != a.Asks {
			t.Errorf("%s for %s asks %s (%v), want %s", options, a.URI, got, err, a.Asks)
		}
	}
}

// parse returns the rules of content, which is good.
func parse(tb testing.TB, content string) Rules {
	tb.Helper()
	rules, _, err := Parse("proxy.conf.json", []byte(content))
	if err != nil {
		tb.Fatalf("%s: %v", content, err)
	}
	return rules
}
