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
		"a bare word":             {`{"/api": {target: 1}}`, 1, 11, "this is not a JSON value"},
		"two commas":              {`{"/a": "http://a",, "/b": 1}`, 1, 19, "one comma too many"},
		"no value":                {`{"/a": }`, 1, 8, "a value is missing"},
		"a quote is missing":      {"{\"/a\": \"http://hidden\n\"}", 1, 8, `a " is missing at the end`},
		"one backslash":           {`{"/a": {"target": "http://a", "pathRewrite": {"^/\d": ""}}}`, 1, 47, `write \\ for a backslash`},
		"a capital letter":        {`{"/a": {"secure": False}}`, 1, 19, "write false in lower case"},
		"a bare path":             {`{/a: "http://a"}`, 1, 2, "double quotes"},
		"crossed brackets":        {`{"/a": {"target": "http://a"]}`, 1, 29, "a } is missing"},
		"a list not closed":       {`[{"context": ["/a"}]`, 1, 19, "a ] is missing"},
		"a shell's comment":       {"{\"/a\": \"http://a\" # x\n}", 1, 19, "starts with //"},
		"a semicolon at the end":  {`{"/a": "http://a"};`, 1, 19, "remove this semicolon"},
		"typographic quotes":      {`{"/a": “http://a”}`, 1, 8, "straight quotes"},
		"UTF-16":                  {"\xff\xfe{\x00}\x00", 1, 1, "UTF-8"},
		"a comment alone":         {"// nothing\n/* yet */", 1, 1, "empty"},
		"an outer object":         {`{"proxy": {"/api": {"target": "http://a"}}}`, 1, 2, `remove "proxy" around them`},
		"two outer objects":       {`{"server": {"proxy": {"/api": {"target": "http://a"}}}}`, 1, 2, `remove "server" around them`},
		"JavaScript":              {"// the back end\nconst PROXY = {};\nmodule.exports = PROXY;", 1, 1, "is JavaScript"},
		"a module":                {"export default {'/api': {target: 'http://a'}}", 1, 1, "is JavaScript"},
		"a host of two lines":     {option(`"hostRewrite": "a\\nb"`), 1, 48, "host"},
		"an open comment":         {`{} /* `, 1, 4, "comment"},
		"too large":               {strings.Repeat(" ", 65<<10), 1, 64<<10 + 1, "larger"},
		"a number":                {`3001`, 1, 1, "object"},
		"a rule that is a number": {`{"/api": 3001}`, 1, 10, "target"},
		"an element that is none": {`["/api"]`, 1, 2, "context"},
		"no target":               {`{"/api": {}}`, 1, 10, "no target"},
		"swapped letters":         {`{"/api": {"traget": "http://a"}}`, 1, 11, "did you mean target?"},
		"no comma":                {"{\n\t\"/a\": \"http://a\" // , \n\n /* , */\t\"/b\": \"http://b\"\n}", 2, 18, "a comma is missing after this line"},
		"no comma on the line":    {`{"/a": {"target": "http://a" "ws": true}}`, 1, 29, "a comma is missing here"},
		"no comma in the array":   {"[{\"context\": [\"/a\"\n\"/b\"]}]", 1, 19, "a comma is missing after this line"},
		"no comma after a rule":   {"{\"/a\": {\n}\n\"/b\": {}}", 2, 2, "a comma is missing after this line"},
		"a semicolon":             {`{"/a": {"target": "http://a"; "ws": true}}`, 1, 29, "a comma"},
		"one brace too many":      {"{\"/a\": \"http://a\"}}", 1, 19, "must end here"},
		"timeout as text":         {option(`"timeout": "5s"`), 1, 44, "milliseconds"},
		"a negative timeout":      {option(`"proxyTimeout": -1`), 1, 49, "milliseconds"},
		"rewrite as text":         {option(`"pathRewrite": "^/api"`), 1, 48, `{"^/api": ""}`},
		"a broken rewrite":        {option(`"pathRewrite": {"^/(": ""}`), 1, 49, "is invalid"},
		"a header's name":         {option(`"headers": {"a b": "x"}`), 1, 45, "name"},
		"a header of two lines":   {option(`"headers": {"a": "x\r\nb: c"}`), 1, 50, "without control characters"},
		"a rewrite of two lines":  {option(`"pathRewrite": {"^/api": "/a\nb"}`), 1, 58, "control characters"},
		"a cookie of two lines":   {option(`"cookiePathRewrite": "/\r\nx: y"`), 1, 54, "on one line"},
		"a cookie as a list":      {option(`"cookiePathRewrite": {"*": []}`), 1, 60, "null"},
		"a local name":            {option(`"localAddress": "localhost"`), 1, 49, "IP address"},
		"hostRewrite with path":   {option(`"hostRewrite": "a/b"`), 1, 48, "host"},
		"protocolRewrite":         {option(`"protocolRewrite": "ftp"`), 1, 52, "https"},
		"a route to nowhere":      {option(`"router": {"/x": "up"}`), 1, 50, "not a URL"},
		"target not text":         {`{"/api": {"target": 3001}}`, 1, 21, "in quotes"},
		"target with port 99999":  {`{"/api": "http://a:99999"}`, 1, 10, "65535"},
		"target without a host":   {`{"/api": {"target": {"socketPath": "/x"}}}`, 1, 21, "needs a host"},
		"a bare password":         {`{"/a": {"auth": hidden}}`, 1, 17, "not a JSON value"},
		"a target with secrets":   {`{"/api": "http:/u:hidden@a?k=hidden"}`, 1, 10, "not a URL"},
		"an endless range":        {`{"/{1..999999999}": "http://a"}`, 1, 2, "more than"},
		"a broken expression":     {`{"^/(api": "http://a"}`, 1, 2, "is invalid"},
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
		_, _, err := Parse("f", []byte("{\"/a\": {\"traget\": 1},\n\"/b\": 2}"))
		want := "f:1:9: there is no option \"traget\", and the rule for /a has no target; did you mean target?\n" +
			"f:2:7: the context \"/b\" needs an object with a target, or just the target's URL"
		if err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%v", err, want)
		}
	})
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"/a": "http://a", "/b": "http://b"}`:          "",
		`{"/api/v2": "http://a", "/api": "http://b"}`:   "",
		`{"/api/?*": "http://a", "/api/x": "http://b"}`: "",
		`{"": "http://a"}`:                              "", `{"/a/{b": "http://a", "/a/[b": "http://a", "/a/(b)": "http://a"}`: "",
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

// TestLiberal has what other tools accept. Each is one warning, which says where it is and
// what was taken; want is the rule then.
func TestLiberal(t *testing.T) {
	t.Parallel()
	option := func(o string) string { return "{\"/api\": {\"target\": \"http://a\",\n " + o + "}}" }
	const plain = "/api → http://a"
	for name, tc := range map[string]struct{ content, at, says, want string }{
		"secure is \"false\"":       {option(`"secure": "false"`), "2:12", `certificates are verified; to accept any certificate, write false without quotes`, plain + "  secure true"},
		"secure is \"true\"":        {option(`"secure": "true"`), "2:12", "verified", plain + "  secure true"},
		"secure is 0":               {option(`"secure": 0`), "2:12", "0 counts as true", plain + "  secure true"},
		"changeOrigin is \"true\"":  {option(`"changeOrigin": "true"`), "2:18", "without quotes", plain + "  changeOrigin true"},
		"changeOrigin is \"false\"": {option(`"changeOrigin": "false"`), "2:18", "to switch it off, write false", plain + "  changeOrigin true"},
		"changeOrigin is \"\"":      {option(`"changeOrigin": ""`), "2:18", `"" counts as false`, plain + "  changeOrigin false"},
		"ws is 1":                   {option(`"ws": 1`), "2:8", "1 counts as true", plain + "  ws true"},
		"ws is an object":           {option(`"ws": {}`), "2:8", "counts as true", plain + "  ws true"},
		"prependPath is \"false\"":  {option(`"prependPath": "false"`), "2:17", "counts as true", plain + "  prependPath true"},
		"a timeout in quotes":       {option(`"timeout": "30000"`), "2:13", "taken as 30000 ms", plain + "  timeout 30000"},
		"a timeout of a month":      {option(`"proxyTimeout": 2592000000`), "2:18", "limited", plain + "  proxyTimeout 86400000"},
		"null":                      {option(`"secure": null`), "2:12", "null is ignored", plain},
		"a null rewrite":            {option(`"pathRewrite": null`), "2:17", "null is ignored", plain},
		"a null header":             {option(`"headers": {"X-A": null}`), "2:21", `null is taken as the text "null"`, plain + "  headers X-A"},
		"a rewrite to a number":     {option(`"pathRewrite": {"^/api": 1}`), "2:27", `number is taken as text`, plain + `  pathRewrite {"^/api":1}`},
		"a cookie to a number":      {option(`"cookiePathRewrite": {"*": 1}`), "2:29", `number is taken as text`, plain + `  cookiePathRewrite {"*":1}`},
		"an unknown option":         {option(`"target1": "http://b"`), "2:2", "did you mean target?", plain},
		"a slip":                    {option(`"logLevet": "debug"`), "2:2", "did you mean logLevel?", plain},
		"another case":              {option(`"changeorigin": true`), "2:2", "did you mean changeOrigin?", plain},
		"a comment as an option":    {option(`"_comment": "for the shop"`), "2:2", `no option "_comment"`, plain},
		"another one":               {option(`"//": "for the shop"`), "2:2", `no option "//"`, plain},
		"a comment as a rule":       {"{\"//\": \"the shop\",\n\"/api\": {\"target\": \"http://a\"}}", "1:2", "not a rule", plain},
		"a schema":                  {`{"$schema": "./proxy.schema.json", "/api": {"target": "http://a"}}`, "1:2", "not a rule", plain},
		"a null rule":               {`{"/b": null, "/api": {"target": "http://a"}}`, "1:2", "not a rule", plain},
		"a function":                {option(`"onProxyReq": "x"`), "2:2", "for configurations in JavaScript", plain},
		"bypass":                    {option(`"bypass": "x"`), "2:2", "for configurations in JavaScript", plain},
		"context in the object":     {option(`"context": "/x"`), "2:2", "array form", plain},
		"a log level":               {option(`"logLevel": "verbose"`), "2:14", `"info" is used`, plain + `  logLevel "info"`},
		"Content-Length":            {option(`"headers": {"content-length": "1"}`), "2:14", "is ignored", plain + "  headers content-length"},
		"auth without a colon":      {option(`"auth": "hidden"`), "2:10", "no colon", plain + "  auth •••"},
		"hostRewrite as a URL":      {option(`"hostRewrite": "http://localhost:4200/"`), "2:17", `taken as "localhost:4200"`, plain + `  hostRewrite "localhost:4200"`},
		"a route to null":           {option(`"router": {"b": null}`), "2:13", "is ignored", plain + `  router {"b":"…"}`},
		"target as an object": {`{"/api": {"target": {"host": "a", "port": "8080", "protocol": "https:", "path": "x"}}}`, "1:21",
			`taken as "https://a:8080/x"`, "/api → https://a:8080/x"},
		"target without a scheme":    {`{"/api": {"target": "localhost:3001"}}`, "1:21", `taken as "http://localhost:3001"`, "/api → http://localhost:3001"},
		"target with two slashes":    {`{"/api": {"target": "//a/b"}}`, "1:21", `taken as "http://a/b"`, "/api → http://a/b"},
		"target with a password":     {`{"/api": {"target": "http://u:hidden@a"}}`, "1:21", `use "auth"`, plain},
		"target with a fragment":     {`{"/api": {"target": "http://a#x"}}`, "1:21", "fragment", plain},
		"target with a query":        {`{"/api": {"target": "http://a/b?k=hidden"}}`, "1:21", "ignorePath", "/api → http://a/b?…"},
		"a password, no scheme":      {`{"/api": {"target": "//u:hidden@a", "auth": "u:p"}}`, "1:21", `taken as "…@a"`, ""},
		"a password in parts":        {`{"/api": {"target": {"host": "u:hidden@a"}}}`, "1:21", `taken as "…@a"`, ""},
		"a target with spaces":       {`{"/api": {"target": " http://a "}}`, "1:21", `taken as "http://a"`, plain},
		"a target with backslashes":  {`{"/api": {"target": "http:\\\\a"}}`, "1:21", `taken as "http://a"`, plain},
		"a target of ftp":            {`{"/api": {"target": "ftp://a"}}`, "1:21", `"ftp" is taken as http`, plain},
		"an empty option":            {option(`"hostRewrite": ""`), "2:17", "is empty", plain},
		"an empty timeout":           {option(`"timeout": ""`), "2:13", "is empty", plain},
		"a router that is a list":    {option(`"router": []`), "2:12", "is ignored", plain},
		"an empty route":             {option(`"router": {"/b": ""}`), "2:13", "is ignored", plain + `  router {"/b":""}`},
		"headers as text":            {option(`"headers": "X-A: 1"`), "2:13", "is ignored", plain},
		"a header of an object":      {option(`"headers": {"X-A": {}}`), "2:21", "is ignored", plain + "  headers X-A"},
		"a header as a number":       {option(`"headers": {"X-A": 123456}`), "2:21", "this number is taken as text", plain + "  headers X-A"},
		"a header in two spellings":  {option(`"headers": {"X-A": "1", "x-a": "2"}`), "2:26", "there twice", plain + "  headers X-A, x-a"},
		"hostRewrite as a number":    {option(`"hostRewrite": 5`), "2:17", "is ignored", plain},
		"a rewrite to a list":        {option(`"pathRewrite": {"^/api": ["/a"]}`), "2:27", "is ignored", plain + `  pathRewrite {"^/api":["/a"]}`},
		"cookies as a list":          {option(`"cookieDomainRewrite": ["x"]`), "2:25", "is ignored", plain},
		"a method":                   {option(`"method": "POST"`), "2:2", "is not supported", plain},
		"a context that is no text":  {`[{"context": [1, "/api"], "target": "http://a"}]`, "1:15", "is ignored", plain},
		"a null context":             {`[{"context": null, "target": "http://a"}]`, "1:14", "is ignored", "[] → http://a"},
		"one level below a glob":     {`{"/(a|b)/*": {"target": "http://a"}}`, "1:2", `is one level; "/(a|b)/**" is everything below`, "/(a|b)/* → http://a"},
		"a regular expression's .*":  {`{"/api/.*": {"target": "http://a"}}`, "1:2", "a regular expression starts with ^", "/api/.* → http://a"},
		"a relative context":         {`{"./api/**": {"target": "http://a"}}`, "1:2", `did you mean "/api/**"?`, "./api/** → http://a"},
		"a host as the context":      {`{"localhost:4200": {"target": "http://a"}}`, "1:2", "matches nothing, because paths start with /", "localhost:4200 → http://a"},
		"no slash":                   {`{"api": {"target": "http://a"}}`, "1:2", `matches nothing, because paths start with /; did you mean "/api"?`, "api → http://a"},
		"a URL as the context":       {`{"http://localhost:4200/api": {"target": "http://a"}}`, "1:2", `did you mean "/api"?`, "http://localhost:4200/api → http://a"},
		"a glob without a slash":     {`{"api/**": {"target": "http://a"}}`, "1:2", `did you mean "/api/**"?`, "api/** → http://a"},
		"one level":                  {`{"/api/*": {"target": "http://a"}}`, "1:2", `is one level; "/api" or "/api/**" is everything below`, "/api/* → http://a"},
		"one level in an array":      {`[{"context": ["/a", "/api/*"], "target": "http://a"}]`, "1:21", `is one level`, "/a, /api/* → http://a"},
		"a star":                     {`{"*": {"target": "http://a"}}`, "1:2", `"**" matches every path`, "* → http://a"},
		"no context":                 {`[{"target": "http://a"}]`, "1:2", "matches every path", `"" → http://a`},
		"no context in the array":    {`[{"context": [], "target": "http://a"}]`, "1:14", "matches no path", "[] → http://a"},
		"! after a prefix":           {`[{"context": ["/api", "!/api/x/**"], "target": "http://a"}]`, "1:14", "excludes from prefixes too", "/api, !/api/x/** → http://a"},
		"part of a target's object":  {`{"/api": {"target": "http://a", "router": {"/b": {"host": "b", "slashes": true}}}}`, "1:64", `"slashes" is ignored`, ""},
		"a byte order mark in front": {"\ufeff{\"api\": {\"target\": \"http://a\"}}", "1:2", "did you mean", "api → http://a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, warnings, err := Parse("f", []byte(tc.content))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(warnings) > 0 {
				got = warnings[0].String()
			}
			if len(warnings) != 1 && tc.want != "" || !strings.HasPrefix(got, "f:"+tc.at+": ") || !strings.Contains(got, tc.says) || strings.Contains(warnings.Error(), "hidden") {
				t.Errorf("got %v\nwant %s and %q", warnings, tc.at, tc.says)
			}
			if table := rules.Table(); tc.want != "" && table != tc.want {
				t.Errorf("got %s\nwant %s", table, tc.want)
			}
		})
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
			if rules[i].Name == "" || len(rules[i].Targets()) == 0 {
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
