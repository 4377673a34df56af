package proxyconf

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	rules := parse(t, `[
		{"context": "/api/v2", "target": "http://a"},
		{"context": ["/api", "^/(?!static)[a-z]+/graphql$", "^/find\\?q="], "target": "http://a"},
		{"context": ["/img/**", "!**/*.svg"], "target": "http://a"},
		{"context": "^/\\w+-\\d{2,}(?<=-42)$", "target": "http://a"},
		{"context": ["/n{1..10}", "/n{01..02}", "/q?", "/g+(a|*)"], "target": "http://a"}
	]`)
	for uri, want := range map[string]int{
		"/api/v2": 0, "/api/v2x?y": 0, "/api": 1, "/api/v1": 1, "/apiary": 1, "/API": -1, "/%61pi": -1,
		"/v/graphql": 1, "/static/graphql": -1, "/v/graphql?x": -1, "/find?q=1": 1, "/find": -1,
		"/img/a.png": 2, "/img/b/a.svg": -1, "/img": 2, "/x-42": 3, "/x-43": -1,
		"/n10": 4, "/n1": 4, "/n0": -1, "/n11": -1, "/n02": 4, "/q1": 4, "/q": -1, "/gab": 4, "/g+(a|*)": 4, "/": -1, "": -1, "*": -1,
	} {
		if got, err := rules.Match(uri); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", uri, got, err, want)
		}
	}
	var none Rules
	if got, err := none.Match("/"); err != nil || got != -1 {
		t.Errorf("without rules: %d, %v", got, err)
	}
}

func TestPrefixesAllocateNothing(t *testing.T) { // not in parallel: others' allocations would count
	rules := parse(t, `{"/auth": "http://a", "/api": "http://b"}`)
	if n := testing.AllocsPerRun(100, func() {
		i, err := rules.Match("/api/external?x=1")
		if err != nil || i != 1 {
			t.Fatal(i, err)
		}
		if uri, err := rules[i].RequestURI(rules[i].Target, "/api/external?x=1"); err != nil || uri != "/api/external?x=1" {
			t.Fatal(uri, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSlowExpressionsAreGivenUp(t *testing.T) {
	t.Parallel()
	rules := parse(t, `{"^/(a+)+$": {"target": "http://a", "pathRewrite": {"^/(b+)+$": ""}}}`)
	begin := time.Now()
	var slow *SlowError
	if i, err := rules.Match("/" + strings.Repeat("a", 60) + "b"); !errors.As(err, &slow) || i != 0 {
		t.Errorf("got %d, %v", i, err)
	}
	if _, err := rules[0].RequestURI(rules[0].Target, "/"+strings.Repeat("b", 60)+"a"); !errors.As(err, &slow) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestRewrittenPathsFitARequestLine(t *testing.T) {
	t.Parallel()
	rule := parse(t, `{"/": {"target": "http://a/base", "pathRewrite": {"^/api": "/a b\"é", "^/([^/]+)/keep": "$1", "^/x": "/y#z", "^/u": "http://up/v"}}}`)[0]
	for uri, want := range map[string]string{
		"/api/x":     `/base/a%20b"%C3%A9/x`,
		"/x/1":       "/base/y#z/1",
		"/u/1":       "/base/http://up/v/1",
		"/rel/keep":  "/base/rel",
		"//a;b%2F?%": "/base//a;b%2F?%",
	} {
		if got, err := rule.RequestURI(rule.Target, uri); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", uri, got, err, want)
		}
	}
}

func TestRouter(t *testing.T) {
	t.Parallel()
	rule := parse(t, `{"/": {"target": "http://rest", "router": {
		"a.test": "http://a", "b.test:80/api": "http://b", "/c": "http://c"}}}`)[0]
	for _, tc := range []struct{ host, uri, want string }{
		{"a.test", "/api", "a"}, {"a.test:80", "/", "rest"}, {"b.test:80", "/api/x", "b"}, {"b.test:80", "/", "rest"},
		{"b.test", "/c/d", "c"}, {"a.test", "/c", "a"}, {"x", "/", "rest"},
	} {
		if got := rule.For(tc.host, tc.uri); got.Host != tc.want {
			t.Errorf("%s%s: %s, want %s", tc.host, tc.uri, got, tc.want)
		}
	}
	if got := parse(t, `{"/": {"router": {"a": "http://a"}}}`)[0].For("b", "/"); got != nil {
		t.Errorf("no target, but %s", got)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	const a = `{"/a": {"target": "http://a", "auth": "u:old", "timeout": 1}, "/b": {"target": "http://b"}}`
	for then, want := range map[string]string{
		`{ "/a": {"timeout": 1, "target": "http://a", "auth": "u:old"}, /**/ "/b": {"target": "http://b"}}`: "",
		`{"/b": {"target": "http://b"}, "/a": {"target": "http://a", "auth": "u:old", "timeout": 1}}`:       "order changed",
		`{"/a": {"target": "http://c", "auth": "u:old", "timeout": 2}, "/b": {"target": "http://b"}}`:       "/a → http://c, was http://a; /a: timeout 2, was 1",
		`{"/a": {"target": "http://a", "auth": "u:new"}, "/b": {"target": "http://b", "ws": true}}`:         "/a: auth •••; /a: no timeout; /b: ws true",
		`{"/a": {"target": "ws://a", "auth": "u:old", "timeout": 1}, "/b": {"target": "http://b"}}`:         "/a: ws true",
		`{"/a": {"target": "http://a?x=2", "auth": "u:old", "timeout": 1}, "/b": {"target": "http://b"}}`:   "/a → http://a?…, was http://a",
		`{"/c": {"target": "http://c"}}`: "new: /c → http://c; removed: /a; removed: /b",
	} {
		if got := parse(t, then).Changes(parse(t, a)); got != want {
			t.Errorf("%s\ngot  %q\nwant %q", then, got, want)
		}
	}
}

func TestChangedQueryIsNotShown(t *testing.T) {
	t.Parallel()
	rules := func(key string) Rules {
		return parse(t, `{"/a": {"target": "http://a?key=`+key+`", "router": {"/b": "http://u:`+key+`@b?key=`+key+`"}, "pathRewrite": {"^/c": "/c?key=`+key+`"}}}`)
	}
	want := `/a → http://a?…, with another query; /a: pathRewrite {"^/c":"/c?…"}; /a: router {"/b":"…@b?…"}`
	if got := rules("hidden2").Changes(rules("hidden1")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if table := rules("hidden").Table(); strings.Contains(table, "hidden") {
		t.Error(table)
	}
}

func TestNearMiss(t *testing.T) {
	t.Parallel()
	rules := parse(t, `[
		{"context": "/api", "target": "http://a"},
		{"context": "/auth/", "target": "http://a"},
		{"context": ["/files/*", "!**/*.svg"], "target": "http://a"},
		{"context": "^/v[0-9]/x|^/yy", "target": "http://a"},
		{"context": "^/rest/\\d+$", "target": "http://a"}
	]`)
	for uri, want := range map[string]string{
		"/API/x": "case-sensitive", "/%61pi/x": "as it is sent", "//api": "as it is sent", "/auth": "slash",
		"/auth?x": "slash", "/Auth/": "case-sensitive", "/files/a/b": "one level", "/files/.a": "dot", "/rest/x": "regular expression",
		"/": "", "/x": "", "/ap": "", "/v1/y": "", "/files/a/b.svg": "", "/authors": "", "/styles.css": "",
	} {
		if i, err := rules.Match(uri); i >= 0 || err != nil {
			t.Errorf("%s matches rule %d, %v", uri, i, err)
		}
		if i, got := rules.NearMiss(uri); !strings.Contains(got, want) || (want == "") != (i < 0) {
			t.Errorf("%s: rule %d, %q; want %q", uri, i, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("/api/**", "/api/x/.y")
	f.Add("/{a,b{1..3}}/[^x]*?", "/b2/yz")
	f.Add("!/a\\*/**/b", "/a*/x//b")
	f.Add("^/(?<a>x)+(?=y)", "/xxy?z")
	f.Fuzz(func(t *testing.T, pattern, uri string) {
		c, err := newContext(pattern)
		if err != nil {
			return
		}
		_ = c.literal()
		matches, err := contexts{c}.match(uri, uri)
		var slow *SlowError
		if err != nil && !errors.As(err, &slow) {
			t.Fatal(err)
		}
		if again, err := (contexts{c}).match(uri, uri); err == nil && again != matches {
			t.Fatalf("%q and %q: first %v, then %v", pattern, uri, matches, again)
		}
	})
}

func FuzzRewrite(f *testing.F) {
	f.Add("^/api/(\\d+)", "/$1$&$$$`$'$<x>", "/api/12?x")
	f.Add("(?<x>a)|b", "$<x>$1$10", "/b")
	f.Add("()*2", "$1", "02\u02ef")
	f.Fuzz(func(t *testing.T, pattern, replacement, uri string) {
		compiled, err := compileRegex(pattern)
		if err != nil {
			return
		}
		rule := parse(t, `{"/": "http://up/base"}`)[0]
		rule.PathRewrite = []Rewrite{{compiled, replacement}}
		got, err := rule.RequestURI(rule.Target, uri)
		if err != nil || !compiled.matches(uri) {
			return
		}
		if !strings.HasPrefix(got, "/base") || strings.ContainsFunc(got, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Fatalf("%q can't be sent", got)
		}
	})
}

// matches is for tests that don't care for time.
func (x *regex) matches(s string) bool {
	matches, err := x.match(s)
	return matches && err == nil
}

func BenchmarkMatch(b *testing.B) {
	for name, conf := range map[string]string{
		"prefix": `{"/auth": "http://a", "/api": "http://b"}`, "glob": `{"/auth/**": "http://a", "/api/**": "http://b"}`,
		"regex": `{"^/auth": "http://a", "^/api/\\w+$": "http://b"}`,
	} {
		b.Run(name, func(b *testing.B) {
			rules := parse(b, conf)
			b.ReportAllocs()
			for b.Loop() {
				if i, _ := rules.Match("/api/external"); i != 1 {
					b.Fatal(i)
				}
			}
		})
	}
}

func BenchmarkRequestURI(b *testing.B) {
	for name, conf := range map[string]string{
		"as it is": `{"/api": "http://a"}`, "joined": `{"/api": "http://a/base"}`,
		"rewritten": `{"/api": {"target": "http://a", "pathRewrite": {"^/api": ""}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			rule := parse(b, conf)[0]
			b.ReportAllocs()
			for b.Loop() {
				if uri, _ := rule.RequestURI(rule.Target, "/api/external?x=1"); !strings.HasSuffix(uri, "/external?x=1") {
					b.Fatal(uri)
				}
			}
		})
	}
}
