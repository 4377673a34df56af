package proxyconf

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/source"
)

func TestForms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"an object": {`{"/api": {"target": "http://localhost:3001/", "secure": false}}`, "/api → http://localhost:3001  secure false"},
		"text for short": {`{"/api": "https://up.test/base/"}`,
			"/api → https://up.test/base/  changeOrigin true"},
		"an array": {`[{"context": ["/api", "/auth"], "target": "http://a"}, {"context": "/x", "target": "http://b"}]`,
			"/api, /auth → http://a\n/x          → http://b"},
		"pathFilter": {`[{"pathFilter": "/api/**", "target": "http://a"}]`, "/api/** → http://a"},
		"comments, commas and a byte order mark": {"\ufeff{ // a\n /* b */ \"/api\": {\"target\": \"http://a\", \"xfwd\": true,},\n}",
			"/api → http://a  xfwd true"},
		"order": {`{"/b": "http://b", "/a": "http://a"}`, "/b → http://b  changeOrigin true\n/a → http://a  changeOrigin true"},
		"the same key twice": {`{"/a": {"target": "http://a"}, "/b": {"target": "http://b"}, "/a": {"target": "http://c"}}`,
			"/a → http://c\n/b → http://b"},
		"the same option twice": {`{"/a": {"target": "http://a", "target": "http://b"}}`, "/a → http://b"},
		"a target in parts": {`{"/a": {"target": {"protocol": "https:", "host": "::1", "port": 8443, "path": "/x"}}}`,
			"/a → https://[::1]:8443/x"},
		"a WebSocket target":     {`{"/a": {"target": "wss://a"}}`, "/a → https://a  ws true"},
		"no target but a router": {`{"/a": {"router": {"a.test": "http://a"}}}`, `/a → (router)  router {"a.test":"http://a"}`},
		"secrets": {`{"/a": {"target": "http://a", "auth": "me:hidden", "headers": {"X-Key": "hidden", "A": "b"}}}`,
			"/a → http://a  auth •••  headers A, X-Key"},
		"no rules": {"{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, tc.content).Table(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// TestOptions reads each option once, and what it does not read has its default.
func TestOptions(t *testing.T) {
	t.Parallel()
	for option, change := range map[string]func(r *Rule){
		`"prependPath": false`: func(r *Rule) { r.PrependPath = false },
		`"ignorePath": true`:   func(r *Rule) { r.IgnorePath = true },
		`"changeOrigin": true`: func(r *Rule) { r.ChangeOrigin = true },
		`"headers": {"x-a": "1", "X-B": ["2", 3, true]}`: func(r *Rule) {
			r.Headers = []Header{{"X-A", []string{"1"}}, {"X-B", []string{"2", "3", "true"}}}
		},
		`"auth": "me:secret:x"`:                        func(r *Rule) { r.Auth = "me:secret:x" },
		`"xfwd": true`:                                 func(r *Rule) { r.XFwd = true },
		`"secure": false`:                              func(r *Rule) { r.Secure = false },
		`"ws": true`:                                   func(r *Rule) { r.WS = true },
		`"localAddress": "127.0.0.2"`:                  func(r *Rule) { r.LocalAddress = "127.0.0.2" },
		`"timeout": 1500`:                              func(r *Rule) { r.Timeout = 1500 * time.Millisecond },
		`"proxyTimeout": 0`:                            func(*Rule) {},
		`"proxyTimeout": 1e3`:                          func(r *Rule) { r.ProxyTimeout = time.Second },
		`"followRedirects": true`:                      func(r *Rule) { r.FollowRedirects = true },
		`"hostRewrite": "a.test:8080"`:                 func(r *Rule) { r.HostRewrite = "a.test:8080" },
		`"autoRewrite": true`:                          func(r *Rule) { r.AutoRewrite = true },
		`"protocolRewrite": "https:"`:                  func(r *Rule) { r.ProtocolRewrite = "https" },
		`"cookieDomainRewrite": "a"`:                   func(r *Rule) { r.CookieDomainRewrite = Cookies{"*": "a"} },
		`"cookieDomainRewrite": false`:                 func(*Rule) {},
		`"cookiePathRewrite": {"/a": "/b", "*": null}`: func(r *Rule) { r.CookiePathRewrite = Cookies{"/a": "/b", "*": ""} },
		`"preserveHeaderKeyCase": true`:                func(r *Rule) { r.PreserveHeaderKeyCase = true },
		`"logLevel": "debug"`:                          func(r *Rule) { r.LogLevel = LogRequests },
		`"logLevel": "warn"`:                           func(*Rule) {},
		`"logLevel": "silent"`:                         func(r *Rule) { r.LogLevel = LogNothing },
	} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			got := parse(t, `{"/api": {"target": "http://up", `+option+`}}`)[0]
			want := Rule{Name: "/api", Target: got.Target, Secure: true, PrependPath: true, position: got.position, contexts: got.contexts, options: got.options}
			change(&want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	option := func(o string) string { return `{"/api": {"target": "http://a", ` + o + `}}` }
	for name, tc := range map[string]struct {
		content      string
		line, column int
		says         string
	}{
		"empty":                   {" \n", 1, 1, "empty"},
		"cut off":                 {`{"/api": {`, 1, 11, "missing"},
		"cut off in quotes":       {`{"/api": "htt`, 1, 14, `" is missing`},
		"no colon":                {"{\n  \"/api\" {}\n}", 2, 10, "colon is missing"},
		"single quotes":           {`{'/api': 1}`, 1, 2, "double quotes"},
		"a bare word":             {`{"/api": {target: 1}}`, 1, 11, "target is not a JSON value"},
		"an open comment":         {`{} /* `, 1, 4, "comment"},
		"too large":               {strings.Repeat(" ", 65<<10), 1, 64<<10 + 1, "larger"},
		"a number":                {`3001`, 1, 1, "object"},
		"a rule that is a number": {`{"/api": 3001}`, 1, 10, "target"},
		"an element that is none": {`["/api"]`, 1, 2, "context"},
		"no context":              {`[{"target": "http://a"}]`, 1, 2, "no context"},
		"a context of a number":   {`[{"context": ["/a", 1], "target": "http://a"}]`, 1, 21, "in quotes"},
		"no context in the array": {`[{"context": [], "target": "http://a"}]`, 1, 14, "no path"},
		"context in the object":   {`{"/api": {"context": "/x", "target": "http://a"}}`, 1, 11, "array form"},
		"no target":               {`{"/api": {}}`, 1, 10, "no target"},
		"a typing slip":           {"{\"/api\": {\n\t\"target\": \"http://a\",\n\t\"changeorigin\": true}}", 3, 2, "did you mean changeOrigin?"},
		"swapped letters":         {`{"/api": {"traget": "http://a"}}`, 1, 11, "did you mean target?"},
		"an unknown option":       {option(`"frobnicate": 1`), 1, 33, "the options are auth, autoRewrite"},
		"a function":              {option(`"onProxyReq": "x"`), 1, 33, "JavaScript"},
		"bypass":                  {option(`"bypass": "x"`), 1, 33, "JavaScript"},
		"secure as text":          {option(`"secure": "false"`), 1, 43, "without quotes"},
		"ws as a number":          {option(`"ws": 1`), 1, 39, "true or false"},
		"timeout as text":         {option(`"timeout": "5s"`), 1, 44, "milliseconds"},
		"a negative timeout":      {option(`"proxyTimeout": -1`), 1, 49, "milliseconds"},
		"rewrite as text":         {option(`"pathRewrite": "^/api"`), 1, 48, `{"^/api": ""}`},
		"rewrite to a number":     {option(`"pathRewrite": {"^/api": 1}`), 1, 58, "replacement"},
		"a broken rewrite":        {option(`"pathRewrite": {"^/(": ""}`), 1, 49, "is invalid"},
		"headers as text":         {option(`"headers": "x"`), 1, 44, "object"},
		"a header's name":         {option(`"headers": {"a b": "x"}`), 1, 45, "name"},
		"a header of two lines":   {option(`"headers": {"a": "x\r\nb: c"}`), 1, 50, "one line"},
		"a header of an object":   {option(`"headers": {"a": {}}`), 1, 50, "text"},
		"Content-Length":          {option(`"headers": {"content-length": "1"}`), 1, 45, "remove it"},
		"auth without a colon":    {option(`"auth": "hidden"`), 1, 41, "user:password"},
		"a local name":            {option(`"localAddress": "localhost"`), 1, 49, "IP address"},
		"a log level":             {option(`"logLevel": "loud"`), 1, 45, "silent"},
		"hostRewrite with path":   {option(`"hostRewrite": "a/b"`), 1, 48, "host"},
		"protocolRewrite":         {option(`"protocolRewrite": "ftp"`), 1, 52, "https"},
		"cookies as a number":     {option(`"cookieDomainRewrite": 1`), 1, 56, "quotes"},
		"a cookie as a number":    {option(`"cookiePathRewrite": {"*": 1}`), 1, 60, "null"},
		"router as text":          {option(`"router": "x"`), 1, 43, "object"},
		"a route to nowhere":      {option(`"router": {"/x": "up"}`), 1, 50, "not a URL"},
		"target not text":         {`{"/api": {"target": 3001}}`, 1, 21, "in quotes"},
		"target without scheme":   {`{"/api": {"target": "localhost:3001"}}`, 1, 21, "not a URL"},
		"target with password":    {`{"/api": "http://a:hidden@b"}`, 1, 10, "auth"},
		"target with query":       {`{"/api": "http://a?x=1"}`, 1, 10, "ignorePath"},
		"target with fragment":    {`{"/api": "http://a#x"}`, 1, 10, "fragment"},
		"target of ftp":           {`{"/api": "ftp://a"}`, 1, 10, "scheme"},
		"target with port 99999":  {`{"/api": "http://a:99999"}`, 1, 10, "65535"},
		"target with a part":      {`{"/api": {"target": {"socketPath": "/x"}}}`, 1, 22, "socketPath"},
		"no leading slash":        {`{"api": "http://a"}`, 1, 2, "start with"},
		"an empty context":        {`{"": "http://a"}`, 1, 2, "every path"},
		"an extended glob":        {`{"/+(a|b)": "http://a"}`, 1, 2, "parentheses"},
		"a group":                 {`{"/api/(a|b)": "http://a"}`, 1, 2, "parentheses"},
		"an open bracket":         {`{"/a/[b*": "http://a"}`, 1, 2, "incomplete"},
		"an open brace":           {`{"/a/{b*": "http://a"}`, 1, 2, "{ without"},
		"too many alternatives":   {`{"/{1..9}{1..9}{1..9}": "http://a"}`, 1, 2, "more than"},
		"an endless range":        {`{"/{1..999999999}": "http://a"}`, 1, 2, "more than"},
		"a broken expression":     {`{"^/(api": "http://a"}`, 1, 2, "is invalid"},
		"! after a prefix":        {`[{"context": ["/api", "!/api/x*"], "target": "http://a"}]`, 1, 14, "globs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Parse("proxy.conf.json", []byte(tc.content))
			var problems source.Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("got %v", err)
			}
			if p := problems[0]; p.Line != tc.line || p.Column != tc.column || !strings.Contains(p.Message, tc.says) {
				t.Errorf("got %v, want %d:%d and %q", p, tc.line, tc.column, tc.says)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Error("a password is in the message")
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		_, _, err := Parse("f", []byte("{\"/a\": {\"traget\": 1},\n\"b\": 2}"))
		want := "f:1:9: there is no option \"traget\"; did you mean target?\n" +
			"f:2:1: the context \"b\" must start with \"/\", as paths do\nf:2:6: the context \"b\" needs an object with a target, or just the target's URL"
		if err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%v", err, want)
		}
	})
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"/a": "http://a", "/b": "http://b"}`:                                                                 "",
		`{"/api/v2": "http://a", "/api": "http://b"}`:                                                          "",
		`{"/api/*": "http://a", "/api/x": "http://b"}`:                                                         "",
		`{"/a": {"target": "http://a", "target": "http://b"}}`:                                                 `1:31: "target" is there twice`,
		"{\"/a\": \"http://a\",\n\"/a\": \"http://b\"}":                                                        `2:1: "/a" is there twice; this one is used, the one on line 1 is ignored`,
		`{"/api": "http://a", "/api/v2": "http://b"}`:                                                          "1:22: no request reaches /api/v2, because /api comes first",
		`{"/api": "http://a", "/api/v2/**": "http://b"}`:                                                       "1:22: no request reaches /api/v2/**",
		`[{"context": ["/a", "/b"], "target": "http://a"}, {"context": ["/b/c", "/a"], "target": "http://a"}]`: "1:51: no request",
		`[{"context": ["/a"], "target": "http://a"}, {"context": ["/b", "/a"], "target": "http://a"}]`:         "",
		`{"/v[!0-9]": "http://a"}`:                                                                             "1:2: [!…] matches a literal !",
	} {
		_, warnings, err := Parse("f", []byte(content))
		got := ""
		for _, w := range warnings {
			got += w.String()
		}
		if err != nil || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, %v; want %q", content, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"/api": {"target": "http://localhost:3001", "secure": false}}`))
	f.Add([]byte(`{"/a": "https://b/c/", /* x */ "/d": {"target": {"host": "e", "port": 1}, "ws": true,},}`))
	f.Add([]byte(`[{"context": ["/a/**", "!/a/{b,c}"], "target": "ws://e", "pathRewrite": {"^/(?<x>a)": "$<x>"}}]`))
	f.Add([]byte(`{"^/a(?=b)": {"router": {"h/p": "http://x"}, "headers": {"a": [1, true]}, "cookiePathRewrite": {"*": null}}}`))
	f.Add([]byte(`{"/a": [1, {"b": null}], "": 0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, warnings, err := Parse("f", data)
		var problems source.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("the error is %v", err)
		}
		for _, problem := range append(problems, warnings...) {
			if problem.Line < 1 || problem.Column < 1 || problem.Message == "" {
				t.Fatalf("a problem without a position or a message: %+v", problem)
			}
		}
		for i := range rules {
			if len(rules[i].contexts) == 0 || len(rules[i].Targets()) == 0 {
				t.Fatalf("accepted %+v", rules[i])
			}
			for _, target := range rules[i].Targets() {
				if target == nil || target.Hostname() == "" || target.Scheme != "http" && target.Scheme != "https" {
					t.Fatalf("accepted the target %v", target)
				}
			}
		}
		if changes := rules.Changes(rules); changes != "" {
			t.Fatalf("nothing changed, but: %s", changes)
		}
	})
}
