package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// anotherAPI starts an API with flags and has the dev server pass /api on to it.
func (s *system) anotherAPI(t *testing.T, flags ...string) {
	t.Helper()
	_, api := s.startAPI(t, flags...)
	origin := api.Await(t, `API listening on `+localhost)
	api.Await(t, `keys are loaded`)
	s.retarget(t, origin)
	s.devserver.Await(t, `/api → `+regexp.QuoteMeta(origin))
}

// TestCalls calls each path of the API, with and without the permission.
func TestCalls(t *testing.T) {
	t.Parallel()
	flags := tenantConfig(t)
	b := open(t, newSystem(t, "", flags...))
	here := b.page + "/external-api"
	b.signIn("/external-api", "charles@example.com")
	b.press("Call public")
	b.see(here, "Anyone may read this")
	b.screenshots("call-public")
	b.press("Call private")
	b.see(here, "The token does not grant this")
	b.screenshots("call-scope-missing")
	b.press("Request it")
	b.see(here, "Ping API") // the tenant has nothing to ask: he may not have it
	b.press("Call private")
	b.see(here, "this account lacks the permission")
	content, err := os.ReadFile(flags[2])
	if err != nil {
		t.Fatal(err)
	}
	given := strings.Replace(string(content), `"nickname": "charles",`, `"nickname": "charles", "permissions": ["read:messages"],`, 1)
	if err := os.WriteFile(flags[2], []byte(given), 0o600); err != nil {
		t.Fatal(err)
	}
	b.devserver.Await(t, "the local tenant uses the new")
	b.press("Get a fresh token and try again")
	b.see(here, "You have not agreed yet")
	b.press("Agree at the tenant")
	b.see(b.tenant+"/u/consent", "Read your messages")
	b.press("Accept")
	b.see(here, "Ping API")
	b.press("Call private")
	b.see(here, "grants read:messages.")
	b.screenshots("call-private")
	b.press("Ping API")
	b.see(here, message)

	// Two clicks are one call.
	before := len(b.list(calls))
	ask[any](b, `{ const [ping] = document.querySelectorAll('.calls button'); ping.click(); ping.click() }`)
	b.await("one more call", fmt.Sprintf(`(%s).length === %d && document.querySelector('.calls [aria-busy=true]') === null`, calls, before+1))
}

const calls = `performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/')).map((one) => one.name)`

// TestAskForScope asks for a scope that the tenant grants whoever agrees.
func TestAskForScope(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, "", tenantConfig(t, `"rbac": true`, `"rbac": false`)...))
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")
	b.press("Call private")
	b.see(here, "The token does not grant this")
	b.press("Request it")
	b.see(b.tenant+"/u/consent", "Read your messages")
	b.press("Accept")
	b.see(here, "read:messages")
	b.see(here, "Call private: GET /api/private-scoped → 403") // to be compared with the next
	b.press("Call private")
	b.see(here, "grants read:messages.")
	b.do("reload", chromedp.Reload())
	b.see(here, "Ping API")
	b.press("Call private")
	b.see(here, "grants read:messages.")
}

// TestConsentIsMissing needs a scope that was never agreed to.
func TestConsentIsMissing(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, "", tenantConfig(t, `"rbac": true`, `"rbac": false`)...))
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")
	ask[any](b, `sessionStorage.setItem('scopes', 'auth0|ada\nread:messages')`) // as if the tenant had forgotten
	b.press("Call private")
	b.see(here, "consent_required")
	b.screenshots("call-consent-missing")
	b.press("Ping API") // needs no other scope
	b.see(here, message)
	b.press("Call private")
	b.see(here, "consent_required")
	b.press("Agree at the tenant")
	b.see(b.tenant+"/u/consent", "Read your messages")
	b.press("Accept")
	b.see(here, "Ping API")
	b.press("Call private")
	b.see(here, "grants read:messages.")
}

// TestRefusedTokens has the API refuse what the page sends.
func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")
	b.anotherAPI(t, "--audience", "https://another")
	b.press("Ping API")
	b.see(here, "must have the same AUTH0_AUDIENCE")
	b.screenshots("call-refused")

	b.control(t, "keys/rotate", "")
	b.control(t, "keys/revoke", "")
	b.anotherAPI(t) // which has never seen the old key
	b.press("Ping API")
	b.see(here, "signed with a key that the issuer does not publish")
	b.press("Get a fresh token and try again")
	b.see(here, message)
}

// TestNobodyAnswers calls an API that is down, and what is none, and a dev server
// that is gone.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := open(t, newSystem(t, ""))
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")

	b.retarget(t, "http://localhost:1")
	b.devserver.Await(t, "proxy rules: /api → http://localhost:1, was ")
	b.press("Ping API")
	b.see(here, "No answer from the API")
	b.screenshots("call-api-down")
	b.press("Home")
	b.await("the API is down", `document.querySelector('.status .down')?.innerText.startsWith('API is down')`)
	b.screenshots("home-api-down")
	b.retarget(t, b.api)
	b.devserver.Await(t, `proxy rules: /api → `+regexp.QuoteMeta(b.api)+`, was http://localhost:1[\s\S]*proxy rules: /api → `+regexp.QuoteMeta(b.api)+`, was http://localhost:1`)
	b.await("the API is up again", `document.querySelectorAll('.status .up').length === 3`)
	b.press("External API")

	write(t, b.dir, "proxy.conf.json", "{}")
	b.devserver.Await(t, "removed: /api")
	b.press("Ping API")
	b.see(here, "Another server than the API answered")

	b.press("Home")
	b.await("the API is not reached", `document.querySelector('.status .down')?.innerText.startsWith('API is not reached')`)
	b.stop()
	b.devserver.Await(t, "dev server stopped")
	b.await("all are gone", `document.querySelectorAll('.status .down').length === 3 && document.querySelectorAll('.status li').length === 3`)
	b.screenshots("home-all-gone")
	b.press("External API")
	b.press("Ping API")
	b.see(here, "No connection")
	b.screenshots("call-network-gone")
}

// TestProblemPage opens paths of rules whose targets are down in the browser.
func TestProblemPage(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	write(t, s.dir, "proxy.conf.json", `{
  "/api": { "target": "http://localhost:3001/base?api_key=hidden", "ignorePath": true },
  "/shop": { "target": "http://localhost:1" },
  "/staging": { "target": "https://no-such-host.invalid", "changeOrigin": true }
}`)
	s.devserver.Await(t, "new: /shop")
	b := openUnwatched(t, s) // a browser reports each 502 as an error
	for path, want := range map[string]string{
		"/shop/items": "Is the program running that should listen at localhost:1?",
		"/staging/x":  "the name no-such-host.invalid cannot be resolved",
	} {
		b.visit(s.page + path)
		b.see(s.page+path, want)
		if text := ask[string](b, `document.body.innerText`); strings.Contains(text, "API") {
			t.Errorf("%s: %s", path, text)
		}
	}
	if color := ask[string](b, `getComputedStyle(document.querySelector('h1')).color`); color != "rgb(179, 38, 30)" {
		t.Errorf("the policy does not allow the page's style: the heading is %s", color)
	}
	b.screenshots("problem-page")
}
