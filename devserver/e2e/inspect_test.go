package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// recorded is an exchange in /@dev/traces.json.
type recorded struct {
	ID, Flow, Trace, Party, Parent, NoReplay string
	Done                                     bool
	Request, Response                        struct {
		Method, URL string
		Status      int
	}
	Events []struct {
		Text     string
		Rejected bool
	}
	Checks []struct{ Name, Result, Reason string }
	Spans  []struct {
		Service, Name string
		Attributes    map[string]string
	}
}

// traces returns what the dev server has recorded, the newest last.
func (s *system) traces(tb testing.TB) []recorded {
	tb.Helper()
	status, _, body := get(tb, s.page+"/@dev/traces.json")
	var all struct{ Exchanges []recorded }
	if err := json.Unmarshal([]byte(body), &all); err != nil || status != http.StatusOK {
		tb.Fatalf("%d, %v: %s", status, err, body)
	}
	return all.Exchanges
}

// TestInspector logs in, calls the API, and looks at both in the inspector: the parties of the
// call with their times, what the API has checked, the login that its token came from, a call
// that was rejected, and one that is sent again.
func TestInspector(t *testing.T) {
	t.Parallel()
	inAllBrowsers(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "")
		w := open(s)
		logIn(w, s, "/external-api", "charles@example.com", true)
		w.press("Ping API")
		w.see(s.page+"/external-api", message)
		w.press("Call private")
		w.see(s.page+"/external-api", "403")

		w.visit(s.page + "/@dev/")
		shows := func(text string) {
			t.Helper()
			w.await("see "+text, fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
		}
		shows("GET /api/private-scoped")
		screenshots(w, "inspector-list")
		w.click("[name=failed]")
		w.await("only what failed", `[...document.querySelectorAll('#list li')].every((row) => row.innerText.includes('403'))`)
		w.click("[name=failed]")

		w.click(`#list a[href]`) // the newest
		shows("GET /api/private-scoped → 403")
		shows("Scope: failed (scope)")
		shows("Key and signature: passed")
		shows("A Bearer token of auth0|charles for http://localhost:3001")
		shows("charles@example.com logged in to")
		shows("proxy.conf.json:1:2")
		for _, party := range []string{"dev server", "api"} {
			w.await("the party "+party, `[...document.querySelectorAll('.waterfall .party')].some((one) => one.innerText === '`+party+`')`)
		}
		screenshots(w, "inspector")

		w.js(`document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))`)
		shows("GET /api/external → 200")
		shows("Scope: passed")
		before := w.js(`document.querySelector('#list [aria-current]').href`)
		w.press("Send again")
		w.await("it was sent again", fmt.Sprintf(`((one) => one?.href !== %q && one?.innerText.includes('200'))(document.querySelector('#list li:first-child [aria-current]'))`, before))
		all := s.traces(t)
		last := all[len(all)-1]
		if last.Response.Status != http.StatusOK || !strings.HasSuffix(last.Request.URL, "/api/external") {
			t.Errorf("the last request is %+v", last)
		}
		for _, x := range all {
			if strings.HasSuffix(x.Request.URL, "/api/private-scoped") && x.Response.Status == 403 && x.Parent == "" {
				t.Errorf("the page has not sent a traceparent: %+v", x)
			}
		}
	})
}
