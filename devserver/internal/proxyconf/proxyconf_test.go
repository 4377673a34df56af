package proxyconf

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	rules, err := Parse("proxy.conf.json", []byte(`{
  // the tutorial's rule
  "/api": { "target": "http://localhost:3001/", "secure": false },
  "/short": "https://example.test/base/",
  /* order matters */
  "/all": { "target": "http://127.0.0.1:1", "changeOrigin": true, "ws": false, },
  "/short": "https://example.test/other",
}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rules {
		got = append(got, r.Context+" "+r.Target.String())
	}
	want := "/api http://localhost:3001, /short https://example.test/other, /all http://127.0.0.1:1"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
	}
	if r := rules[0]; r.Secure || r.ChangeOrigin || !r.WS {
		t.Errorf("/api: %+v", r)
	}
	if r := rules[1]; !r.Secure || !r.ChangeOrigin || !r.WS {
		t.Errorf("/short: %+v", r)
	}
	if r := rules[2]; !r.Secure || !r.ChangeOrigin || r.WS {
		t.Errorf("/all: %+v", r)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	rules, err := Parse("f", []byte(`{"/api/v2": "http://two", "/api": "http://one", "/": "http://rest"}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api": "one", "/api/": "one", "/api/external": "one", "/apis": "one",
		"/api/v2/x": "two", "/API": "rest", "/": "rest",
	} {
		if r := rules.Match(path); r == nil || r.Target.Host != want {
			t.Errorf("%s goes to %+v, want %s", path, r, want)
		}
	}
	if r := rules[:2].Match("/other"); r != nil {
		t.Errorf("/other goes to %+v", r)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content      string
		line, column int
		says         string
	}{
		"not JSON":              {"{\n  \"/api\" {}\n}", 2, 10, ""},
		"empty":                 {"", 1, 1, ""},
		"an array":              {"[]", 1, 1, "object"},
		"a number":              {`{"/api": 3001}`, 1, 10, "target"},
		"no target":             {`{"/api": {}}`, 1, 10, "no target"},
		"unknown option":        {"{\"/api\": {\n\t\"target\": \"http://a\",\n\t\"changeorigin\": true}}", 3, 2, "changeOrigin"},
		"secure as a string":    {`{"/api": {"target": "http://a", "secure": "false"}}`, 1, 43, "without quotes"},
		"target not a string":   {`{"/api": {"target": 3001}}`, 1, 21, "in quotes"},
		"target without scheme": {`{"/api": {"target": "localhost:3001"}}`, 1, 21, "localhost:3001"},
		"target with password":  {`{"/api": "http://a:hidden@b"}`, 1, 10, "alone"},
		"target with query":     {`{"/api": "http://a?x=1"}`, 1, 10, "alone"},
		"no leading slash":      {`{"api": "http://a"}`, 1, 2, "begin with"},
		"a glob":                {`{"/api/**": "http://a"}`, 1, 2, "pattern"},
		"a regular expression":  {`{"^/api": "http://a"}`, 1, 2, "pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("proxy.conf.json", []byte(tc.content))
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("got %v", err)
			}
			if fault.Line != tc.line || fault.Column != tc.column || !strings.Contains(fault.Problem, tc.says) {
				t.Errorf("got %v, want %d:%d and %q", fault, tc.line, tc.column, tc.says)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Error("a password is in the message")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"/api": {"target": "http://localhost:3001", "secure": false}}`))
	f.Add([]byte(`{"/a": "https://b/c/", /* x */ "/d": {"target": "http://e", "ws": true,},}`))
	f.Add([]byte(`{"/a": [1, {"b": null}], "": 0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := Parse("f", data)
		var fault *Error
		if err != nil && (!errors.As(err, &fault) || fault.Line < 1 || fault.Column < 1) {
			t.Fatalf("the error has no place: %v", err)
		}
		for _, r := range rules {
			if r.Target == nil || r.Target.Host == "" || !strings.HasPrefix(r.Context, "/") {
				t.Fatalf("accepted %+v", r)
			}
		}
	})
}
