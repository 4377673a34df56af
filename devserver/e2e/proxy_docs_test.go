package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// proxyTests names, for each sentence and table row of docs/proxy.md, the tests that show
// it. A sentence is named by its start. Those with no test say why.
var proxyTests = []struct{ start, tests string }{
	{"The rules in this file", "TestCorpus TestRetarget"},
	{"The format is that of", "TestDialect TestCorpus"},
	{"A file that works there", "TestCorpus TestLiberal"},
	{"Comments, trailing commas", "TestForms TestCorpus"},
	{"Save the file", "TestRetarget TestRetargetUnderLoad"},
	{"No request is lost", "TestRetargetUnderLoad"},
	{"At the start, the dev server lists", "TestRulesComeBack"},
	{"**What is odd is a warning**", "TestLiberal TestCorpus"},
	{"An unknown option is ignored", "TestLiberal TestCorpus"},
	{"An option that is `null`", "TestLiberal TestCorpus"},
	{"Text in place of", "TestLiberal TestCorpus TestCertificates"},
	{"Note that", "TestCertificates TestLiberal"},
	{"A number may be in quotes", "TestLiberal TestCorpus"},
	{"**What has no meaning is a problem**", "TestProblems"},
	{"An invalid file is ignored", "TestRetarget TestRulesComeBack TestRunnerFollowsEdits"},
	{"If the file is invalid at the start", "TestRefusesToStart"},
	{"Each example below", "TestDocuments"},
	{"Tests check all of them", "TestDocuments TestProxyDocument"},
	{"Rules are tried in the order", "TestMatch TestCorpus"},
	{"The path is matched as it was sent", "TestMatch TestDialect"},
	{"A key is a **context**", "TestForms"},
	{"A context without special characters", "TestDialect TestCorpus"},
	{"A context that starts with neither", "TestLiberal TestCorpus"},
	{"A context with any of", "TestDialect"},
	{"It must match the whole path", "TestDialect"},
	{"| `*` |", "TestDialect"},
	{"| `**` |", "TestDialect"},
	{"| `?` |", "TestDialect"},
	{"| `[a-z]`", "TestDialect"},
	{"| `{a,b}`", "TestDialect"},
	{"| `?(a", "TestDialect"},
	{"| `!(a", "TestDialect"},
	{"| `!` at the start", "TestDialect"},
	{"Wildcards do not match a dot", "TestDialect"},
	{"**`/api/*` is one level**", "TestDialect TestLiberal"},
	{"So it is in http-proxy-middleware", "TestDialect"},
	{"In webpack's dev server", "none: it is about other programs"},
	{"Both are warnings", "TestLiberal TestDialect"},
	{"A context that starts with `^`", "TestMatch"},
	{"As in Vite, it is matched", "TestMatch"},
	{"In the array form", "TestForms TestCorpus"},
	{"A glob with `!` excludes", "TestDialect TestLiberal"},
	{"A rule without a context", "TestLiberal TestCorpus"},
	{"If no rule matches a request", "TestNearMiss TestMissesAreHintedOnce"},
	{"A URL is shorthand", "TestForms TestCorpus"},
	{"The target's path is put", "TestDialect TestRequestOptions"},
	{"In this and the next tables", "TestOptions"},
	{"| `target` |", "TestForms TestLiberal TestWebSocket TestTargetDown"},
	{"| `router` |", "TestRouter TestRequestOptions"},
	{"| `pathRewrite` |", "TestDialect FuzzRewrite"},
	{"| `prependPath` |", "TestDialect TestRequestOptions"},
	{"| `ignorePath` |", "TestRequestOptions TestTargetsAreShownWithoutTheirQuery TestLiberal"},
	{"Without these options nothing changes", "TestHeadArrivesAsSent TestBodiesAndTrailersArrive FuzzTransparency"},
	{"Only hop-by-hop headers", "TestHeadArrivesAsSent TestAnswerComesBackAsSent FuzzTransparency"},
	{"`Authorization`, `Cookie` and `DPoP`", "TestHeadArrivesAsSent FuzzTransparency"},
	{"`CONNECT` is rejected", "TestConnectIsRejected"},
	{"| `changeOrigin` |", "TestRequestOptions TestCorpus"},
	{"| `headers` |", "TestRequestOptions TestCorpus"},
	{"| `auth` |", "TestRequestOptions TestCorpus"},
	{"| `xfwd` |", "TestRequestOptions TestCorpus"},
	{"| `ws` |", "TestWebSocket TestUpgradesOfOtherOrigins TestHandshakesOfOtherOriginsAreRejected"},
	{"| `secure` |", "TestCertificates"},
	{"| `localAddress` |", "TestRequestOptions"},
	{"| `followRedirects` |", "TestFollowRedirects TestProofsFollowNoRedirect"},
	{"| `timeout`, `proxyTimeout` |", "TestTimeouts TestIdle TestWebSocket"},
	{"| `hostRewrite` |", "TestAnswerOptions TestCorpus"},
	{"| `autoRewrite` |", "TestAnswerOptions TestCorpus"},
	{"| `protocolRewrite` |", "TestAnswerOptions TestCorpus"},
	{"| `cookieDomainRewrite`", "TestAnswerOptions TestOptions"},
	{"| `preserveHeaderKeyCase` |", "TestPreserveHeaderKeyCase TestPreserveHeaderKeyCaseKeepsNoConnection"},
	{"| `logLevel` |", "TestLogLevel"},
	{"Options that need a JavaScript function", "TestLiberal TestCorpus"},
	{"So are `forward`", "TestLiberal"},
	{"Connections to a target are kept", "TestIdleConnectionsAreClosed TestConnectionsAreReused TestOtherCredentialsShareConnections"},
	{"**Windows authentication**", "TestConnectionsWithAUserAreNotShared"},
	{"After a 401 that asks for it", "TestConnectionsWithAUserAreNotShared TestCredentialsWithoutAChallenge TestAuthenticatedConnectionEndsWithTheClients"},
	{"So it works through the dev server", "TestConnectionsWithAUserAreNotShared TestServersWithoutTrack"},
	{"It needs HTTP/1.1", "none: it warns of a limit"},
	{"Other credentials belong to requests", "TestOtherCredentialsShareConnections"},
	{"**A request is sent again**", "TestRequestsAreNotSentTwice TestOldConnectionsAreNotUsedForUploads TestReusedConnections"},
	{"Over HTTP/1.1, a request that is not safe to repeat", "TestOldConnectionsAreNotUsedForUploads TestAuthenticatedConnectionsStayInUse"},
	{"If the target closes the connection after all", "TestRequestsAreNotSentTwice"},
	{"A request with a proof is always", "TestProofsUseHTTP1"},
	{"**If a target was reachable before**", "TestRestartedUpstreamIsWaitedFor"},
	{"**Targets outside of this machine**", "TestEnvironment"},
	{"An `http:` target then gets", "TestEnvironment"},
	{"The dev server sends these responses itself", "TestTargetDown TestProblemPage"},
	{`"The API" is the target`, "TestProblemsNameTheRule TestAPIAddr"},
	{"| 502 | `bad_gateway` |", "TestTargetDown TestProblems TestCertificates TestBadHeads"},
	{"| 502 | `no_target` |", "TestProblems"},
	{"| 504 |", "TestTimeouts TestStalledUploads"},
	{"| 403 | `websocket_refused` |", "TestWebSocket"},
	{"| 403 | `foreign_origin` |", "TestUpgradesOfOtherOrigins"},
	{"| 400 |", "TestStalledUploads TestRejections"},
	{"| 405 |", "TestConnectIsRejected"},
	{"| 508 |", "TestLoopEnds"},
	{"| 500 |", "TestProblems"},
	{"If the target closes the connection in the middle", "TestBrokenAnswersStayBroken"},
	{"Double slashes in a path are kept", "TestHeadArrivesAsSent"},
	{"(In a path that starts with two slashes", "TestTwoSlashesAtTheBeginning"},
	{"`{1..10}` is the numbers", "TestMatch"},
	{"A `?` alone makes a glob", "TestMatch"},
	{"A group that repeats a wildcard", "TestMatch"},
	{"A regular expression is aborted", "TestSlowExpressionsAreGivenUp TestProblems"},
	{"A WebSocket handshake with a target that is down", "TestRefusedHandshakes"},
	{"Prefixes and globs can be mixed", "TestCorpus TestLiberal"},
	{"A timeout may be in quotes", "TestCorpus"},
	{"A `#` or a whole URL", "TestRewrittenPathsFitARequestLine"},
	{"Values of `headers` are sent", "TestRequestOptions"},
	{"`xfwd` adds", "TestRequestOptions"},
	{"A `%` that escapes nothing", "TestRejections"},
	{"The response and the terminal name", "TestRejections TestBadPaths"},
	{"Over HTTPS, only HTTP/2 requests", "TestHTTP2"},
	{"Redirects with a 300", "TestAnswerOptions TestCorpus"},
	{"Fields that the `Connection`", "TestAnswerComesBackAsSent"},
	{"`Pragma: no-cache` in a request", "TestListedDifferences"},
	{"A request's trailers are forwarded", "TestBodiesAndTrailersArrive"},
	{"Followed redirects carry", "TestFollowRedirects"},
	{"Windows authentication works", "TestConnectionsWithAUserAreNotShared"},
	{"Connections to targets are kept", "TestConnectionsAreReused"},
	{"Requests that the [inspector]", "TestWithoutInspector TestExchange"},
}

// TestProxyDocument requires that each sentence of docs/proxy.md has a test, that the
// tests exist, and that nothing is named that is no longer there. TestDocuments checks the
// examples and their tables.
func TestProxyDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(repo, "docs", "proxy.md"))
	if err != nil {
		t.Fatal(err)
	}
	used := make([]bool, len(proxyTests))
	for _, sentence := range sentences(string(document)) {
		found := false
		for i, entry := range proxyTests {
			if strings.HasPrefix(sentence, entry.start) {
				found, used[i] = true, true
			}
		}
		if !found {
			t.Errorf("no test is named for: %s", sentence)
		}
	}
	exists := testNames(t, filepath.Join(repo, "devserver"))
	for i, entry := range proxyTests {
		if !used[i] {
			t.Errorf("no sentence starts with %q", entry.start)
		}
		if strings.HasPrefix(entry.tests, "none: ") {
			continue
		}
		for name := range strings.FieldsSeq(entry.tests) {
			if !exists[name] {
				t.Errorf("there is no test %s for %q", name, entry.start)
			}
		}
	}
}

// sentences returns the sentences, list items and table rows of a document, without its
// headings, its examples and the tables of their requests.
func sentences(document string) (all []string) {
	document = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(document, "")
	for block := range strings.SplitSeq(document, "\n\n") {
		block = strings.TrimSpace(block)
		switch {
		case block == "" || strings.HasPrefix(block, "#") || strings.HasPrefix(block, "| request | is forwarded to |"):
		case strings.HasPrefix(block, "|"):
			all = append(all, strings.Split(block, "\n")[2:]...)
		default:
			for item := range strings.SplitSeq("\n"+block, "\n- ") {
				all = append(all, split(strings.Join(strings.Fields(item), " "))...)
			}
		}
	}
	return all
}

// split returns the sentences of text.
func split(text string) (all []string) {
	words := strings.Fields(text)
	start := 0
	for i := range words {
		ends := strings.HasSuffix(strings.TrimRight(words[i], ")"), ".")
		if i+1 < len(words) {
			next := []rune(words[i+1])[0]
			ends = ends && (unicode.IsUpper(next) || strings.ContainsRune("`*\"(", next))
		}
		if ends || i+1 == len(words) {
			all = append(all, strings.Join(words[start:i+1], " "))
			start = i + 1
		}
	}
	return all
}

// testNames returns the names of all tests and fuzz targets below dir.
func testNames(t *testing.T, dir string) map[string]bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := map[string]bool{}
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			if entry != nil && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range declaration.FindAllStringSubmatch(string(code), -1) {
			names[m[1]] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}
