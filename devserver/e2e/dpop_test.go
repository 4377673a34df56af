package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"calling-an-api.example/devserver/internal/prover"
)

// keyShown is the JavaScript expression for the key that the page's token is bound to.
const keyShown = `[...document.querySelectorAll('dd')].map((one) => one.textContent).find((text) => text.startsWith('this browser')) ?? ''`

// forgetKeys is a JavaScript promise that empties the page's databases, in which the SDK has its
// keys, and resolves to how many tables that were. Other tabs keep them open, so they cannot be
// deleted.
const forgetKeys = `(async () => {
	const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: resolve, onerror: reject }))
	let count = 0
	for (const { name } of await indexedDB.databases()) {
		const opened = indexedDB.open(name)
		await done(opened)
		for (const store of opened.result.objectStoreNames) {
			await done(opened.result.transaction(store, 'readwrite').objectStore(store).clear())
			count++
		}
	}
	return count
})()`

// TestDPoP has the page's tokens bound to a key of the browser, by the official SDK: a login,
// calls, a reload, a second tab, a nonce that is rotated under it, an API that is exchanged,
// and one that requires nonces.
func TestDPoP(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "", "--types=false", "--dpop")
		w := open(s)
		here := s.page + "/external-api"
		publicURL := []string{"--public-url", s.page}
		s.anotherAPI(t, publicURL...)
		ping := func(w window, want string) {
			t.Helper()
			w.press("Ping API")
			w.see(here, want)
		}
		logIn(w, s, "/external-api", "ada@example.com", true)
		w.see(here, "this browser, by its key")
		w.see(here, "None was sent since this page was loaded")
		ping(w, message)
		w.see(here, "✓ the same")
		if b, ok := w.(*tab); ok {
			b.screenshots("dpop")
			b.accessible("a bound token")
		}
		ping(w, message) // with another proof

		w.reload()
		w.see(here, "this browser, by its key")
		ping(w, message)

		other := w.tab(here)
		other.see(here, "this browser, by its key")
		ping(other, message)
		if first, second := w.js(keyShown), other.js(keyShown); first != second {
			t.Errorf("two tabs have two keys: %q and %q", first, second)
		}

		s.control(t, "dpop/nonce", "{}")
		w.reload()
		w.see(here, "this browser, by its key")

		s.anotherAPI(t, append(publicURL, "--dpop", "required", "--dpop-nonce", "on")...) // which knows no proof, and no nonce
		ping(w, message)
		w.see(here, "one of the API")
		ping(other, message)

		s.anotherAPI(t, "--public-url", "https://api.acme.test") // which does not know the page's address
		ping(w, "add it to API_PUBLIC_URLS")
		if b, ok := w.(*tab); ok {
			b.screenshots("dpop-url")
		}
		s.anotherAPI(t, append(publicURL, "--dpop", "off")...)
		ping(w, "scheme is not Bearer")
	})
}

// TestDPoPWithAWrongClock has a browser whose clock is an hour ahead, or behind. That works if
// the API requires nonces; if not, the page says what to do.
func TestDPoPWithAWrongClock(t *testing.T) {
	t.Parallel()
	for name, hours := range map[string]int{"ahead": 1, "behind": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
				t.Helper()
				s := newSystem(t, "", "--types=false", "--dpop")
				w := open(s)
				here := s.page + "/external-api"
				w.onEveryPage(fmt.Sprintf(`const Right = Date, off = %d * 3600e3;
					Date = class extends Right { constructor(...at) { super(...(at.length ? at : [Right.now() + off])) } static now() { return Right.now() + off } }`, hours))
				logIn(w, s, "/external-api", "ada@example.com", true)
				w.see(here, "this browser, by its key")
				s.anotherAPI(t, "--public-url", s.page)
				w.press("Ping API")
				w.see(here, "start the API with --dpop-nonce=on")
				s.anotherAPI(t, "--public-url", s.page, "--dpop-nonce", "on")
				w.press("Ping API")
				w.see(here, message)
			})
		})
	}
}

// TestDPoPAfterLogout has another key after a logout, and after the page's data were cleared,
// in every tab.
func TestDPoPAfterLogout(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, open func(s *system) window) {
		t.Helper()
		s := newSystem(t, "", "--types=false", "--dpop")
		s.anotherAPI(t, "--public-url", s.page)
		w := open(s)
		here := s.page + "/external-api"
		logIn(w, s, "/external-api", "ada@example.com", true)
		w.see(here, "this browser, by its key")
		first := w.js(keyShown)
		w.click("#profileDropDown")
		w.click("#qsLogoutBtn")
		w.see(s.page+"/", "Log in to begin")
		logIn(w, s, "/external-api", "ada@example.com", false)
		w.see(here, "this browser, by its key")
		second := w.js(keyShown)
		if second == first || second == "" {
			t.Errorf("after a logout, the key is %q; before %q", second, first)
		}
		w.press("Ping API")
		w.see(here, message)

		other := w.tab(here)
		other.see(here, "this browser, by its key")
		if cleared := w.js(`localStorage.clear() || sessionStorage.clear() || ` + forgetKeys); cleared != "2" {
			t.Fatalf("cleared %s tables, want that of keys and that of nonces", cleared)
		}
		w.reload() // the tenant's session is still there
		w.see(here, "this browser, by its key")
		if third := w.js(keyShown); third == second || third == "" {
			t.Errorf("after the data were cleared, the key is %q; before %q", third, second)
		}
		w.press("Ping API")
		w.see(here, message)
		other.press("Ping API") // its token is bound to the key that is gone
		other.see(here, "not bound to this browser’s key")
		other.press("Get a fresh token and try again")
		other.see(here, message)
	})
}

// TestDPoPWhileTheAPIRestarts has a request wait for an API that is restarted. It has
// forgotten which proofs were used, so that it asks for another one, which the SDK sends.
func TestDPoPWhileTheAPIRestarts(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", "--types=false", "--dpop")
	b := open(t, s)
	here := b.page + "/external-api"
	b.signIn("/external-api", "ada@example.com")
	api := func(addr string) (*exec.Cmd, string) {
		cmd, out := s.startAPI(t, "--addr", addr, "--public-url", s.page)
		return cmd, out.Await(t, `API listening on `+localhost)
	}
	cmd, origin := api("localhost:0")
	s.retarget(t, origin)
	s.devserver.Await(t, `/api → `+regexp.QuoteMeta(origin))
	b.press("Ping API")
	b.see(here, message)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the signal ended it
	before := len(b.list(calls))
	b.press("Ping API")
	b.see(here, "Waiting for the API…")
	api(strings.TrimPrefix(origin, "http://"))
	b.see(here, message)
	if sent := len(b.list(calls)) - before; sent > 2 {
		t.Errorf("%d requests for one call", sent)
	}
}

// TestDPoPRefreshToken has an app with refresh tokens whose data were cleared but for them.
// They are bound to the old key, so that the user must log in again.
func TestDPoPRefreshToken(t *testing.T) {
	t.Parallel()
	const options = `{ useDpop: true, useRefreshTokens: true, cacheLocation: 'localstorage', authorizationParams: { scope: 'openid profile email offline_access' } }`
	b := sdkPage(t, options)
	b.redirectLogin(options)
	b.expect("eyJ", `auth0.getTokenSilently({ cacheMode: 'off' })`) // by the refresh token
	b.expect("2", forgetKeys)
	b.visit(b.page + "/")
	b.make(options)
	b.expect("invalid_grant", `auth0.getTokenSilently({ cacheMode: 'off' })`)
	ask[any](b, `void auth0.loginWithRedirect()`)
	b.await("the code", `location.search.includes('code=')`) // at once, because the tenant knows the user
	b.make(options)
	b.expect("ada@example.com", `auth0.handleRedirectCallback().then(() => auth0.getUser()).then((u) => u.email)`)
	b.expect("eyJ", `auth0.getTokenSilently({ cacheMode: 'off' })`)
}

// TestDPoPThroughRules sends proofs through proxy rules: they are for the URL of the page, so
// the API has to know what a rule does to it. Forged headers change nothing.
func TestDPoPThroughRules(t *testing.T) {
	t.Parallel()
	key, err := prover.New()
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := key.Thumbprint()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		environ   []string // of the dev server
		rules     string   // with %s for the API
		publicURL string   // after the page's origin
		path      string
		header    string
		want      int
	}{
		"unchanged":       {nil, `{"/api": {"target": %q}}`, "", "/api/external", "X-Other: 1", 200},
		"changeOrigin":    {nil, `{"/api": {"target": %q, "changeOrigin": true}}`, "", "/api/external", "X-Other: 1", 200},
		"pathRewrite":     {nil, `{"/backend": {"target": %q, "pathRewrite": {"^/backend": "/api"}}}`, "/backend=/api", "/backend/external", "X-Other: 1", 200},
		"an unknown path": {nil, `{"/backend": {"target": %q, "pathRewrite": {"^/backend": "/api"}}}`, "", "/backend/external", "X-Other: 1", 401},
		"https":           {[]string{"DEV_HTTPS=true", "TENANT_STATE=" + t.TempDir()}, `{"/api": {"target": %q}}`, "", "/api/external", "X-Other: 1", 200},
		"a forged host":   {nil, `{"/api": {"target": %q}}`, "=/other", "/api/external", "X-Forwarded-Host: api.acme.test", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystemWith(t, "", tc.environ, "--types=false")
			_, out := s.startAPI(t, "--public-url", s.page+tc.publicURL)
			api := out.Await(t, `API listening on `+localhost)
			out.Await(t, `keys are loaded`)
			if err := os.WriteFile(filepath.Join(s.dir, "proxy.conf.json"), fmt.Appendf(nil, tc.rules, api), 0o600); err != nil {
				t.Fatal(err)
			}
			s.devserver.Await(t, ` → `+regexp.QuoteMeta(api))
			token := s.control(t, "token", fmt.Sprintf(`{"user": "ada@example.com", "jkt": %q}`, thumbprint))
			call := func(nonce string) (int, http.Header, string) {
				proof, err := key.Proof(http.MethodGet, s.page+tc.path, token, nonce)
				if err != nil {
					t.Fatal(err)
				}
				return get(t, s.page+tc.path, "Authorization: DPoP "+token, "DPoP: "+proof, tc.header)
			}
			status, header, body := call("")
			if nonce := header.Get("DPoP-Nonce"); nonce != "" { // the API has just been started
				status, _, body = call(nonce)
			}
			if status != tc.want {
				t.Errorf("got %d %s, want %d", status, body, tc.want)
			}
		})
	}
}

// TestDPoPClients gets bound tokens and calls the API by two packages of other authors, with
// nonces and without.
func TestDPoPClients(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"nonces": {"--dpop", "required", "--dpop-nonce", "on"}, "no nonces": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, "")
			s.anotherAPI(t, append(flags, "--public-url", s.page)...)
			for algorithm, clients := range map[string]int{"ES256": 2, "PS256": 2, "RS256": 2, "Ed25519": 1} {
				cmd := exec.CommandContext(t.Context(), "node", filepath.Join(repo, "devserver/e2e/clients/node/dpop.mjs"),
					s.tenant+"/", "http://localhost:3001", s.page+"/api/external", algorithm)
				got, err := cmd.CombinedOutput()
				if n := strings.Count(string(got), "200 {\"msg\":\""+message); err != nil || n != clients {
					t.Errorf("%s: %v\n%s", algorithm, err, got)
				}
			}
		})
	}
}
